"""The open streams of all protocols: how many there may be, and how they end."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Callable
from typing import NoReturn, Protocol

from sanic.request import Request

from astrolabe.http.access.audit import StreamRecord
from astrolabe.http.access.guard import Guard
from astrolabe.http.errors import Refusal
from astrolabe.http.net.channel import Channel
from astrolabe.http.net.close_codes import CHANGED, RIGHTS_CHANGED
from astrolabe.http.stream.open_stream import OpenStream, StreamRoom
from astrolabe.users import User


class StreamPlace(Protocol):
    """What a user sees for now. left: whether they see something else since."""

    user: User
    left: bool


class _Opened:
    """An open stream. place: None for who sees everything for sure. stream: None if it cannot move."""

    def __init__(
        self, place: StreamPlace | None, stream: OpenStream | None, record: StreamRecord | None
    ) -> None:
        self.place = place
        self.stream = stream
        self.record = record


class Connections:
    """The open streams. limit: how many there may be. guard: checks who opens them.

    displaced: called when there may be streams of users who see something else since they were opened.
    """

    def __init__(self, limit: int, guard: Guard) -> None:
        self.guard = guard
        self.displaced: Callable[[], None] = _nothing
        self._limit = limit
        self._open: dict[Channel, _Opened] = {}

    def __len__(self) -> int:
        """The number of open streams."""
        return len(self._open)

    def admit(self) -> None:
        """Raise Refusal if as many streams are open as may be."""
        if len(self._open) >= self._limit:
            message = f"{self._limit} streams are open, which is all there may be"
            raise Refusal(503, "too-many-connections", message, headers={"Retry-After": "5"})

    def count(self, sort: type[Channel]) -> int:
        """The number of open streams of this class."""
        return sum([isinstance(channel, sort) for channel in self._open])

    def add(self, channel: Channel, request: Request, stream: OpenStream | None = None) -> None:
        """Add an open stream, which ends when the request's token is withdrawn. `until_lost` must follow.

        stream: what can be moved to another source; None: nothing.
        """
        channel.admitted = self.guard.renewal(request)
        place: StreamPlace | None = getattr(request.ctx, "place", None)
        self._open[channel] = _Opened(place, stream, self.guard.audit.opened(request))
        if place is not None and place.left:  # while the request was on its way
            asyncio.get_running_loop().call_soon(self.displaced)

    async def until_lost(self, channel: Channel, leave: Callable[[], None]) -> NoReturn:
        """Wait until the connection is lost, then raise CancelledError: Sanic expects no answer then.

        leave: called when the connection is lost.
        """
        try:
            await channel.lost
        finally:
            channel.abort()
            opened = self._open.pop(channel, None)
            if opened is not None and opened.record is not None:
                opened.record.close()
            leave()
        raise CancelledError

    async def until_refused(self, channel: Channel) -> NoReturn:
        """Wait for the end of a connection that was accepted only to send the reason of its refusal."""
        await self.until_lost(channel, lambda: None)

    def users(self) -> set[User]:
        """Who has open streams, as far as users have rights of their own."""
        return {opened.place.user for opened in self._open.values() if opened.place is not None}

    def displace(self) -> set[User]:
        """Send nothing more to the streams of users who see something else since. Returns those whose
        streams can be moved. Other streams are closed: their clients come back."""
        found: set[User] = set()
        for channel, opened in list(self._open.items()):
            if opened.place is None or not opened.place.left or not channel.open:
                continue
            if opened.stream is None:
                _dismiss(channel)
            else:
                opened.stream.leave()
                found.add(opened.place.user)
        return found

    def move(self, place: StreamPlace, room: StreamRoom) -> None:
        """Let the displaced streams of a user follow what the user sees now."""
        for channel, opened, stream in self._displaced(place.user):
            opened.place = place
            try:
                stream.move(room)
            except Refusal:
                _dismiss(channel)

    def dismiss(self, user: User) -> None:
        """Close the displaced streams of a user, so that their clients come back."""
        for channel, _, _ in self._displaced(user):
            _dismiss(channel)

    def _displaced(self, user: User) -> list[tuple[Channel, _Opened, OpenStream]]:
        return [
            (channel, opened, opened.stream)
            for channel, opened in self._open.items()
            if opened.place is not None
            and opened.place.left
            and opened.place.user == user
            and opened.stream is not None
        ]

    def shut_down(self) -> None:
        """Tell all clients that the server is going away. Those that do not read are cut off."""
        for channel in list(self._open):
            channel.shut_down()


def _dismiss(channel: Channel) -> None:
    channel.close(RIGHTS_CHANGED, "rights-changed", CHANGED)


def _nothing() -> None:
    pass
