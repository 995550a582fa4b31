"""The open streams of all protocols: how many there may be, and how they end."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from typing import NoReturn, Protocol

from sanic.request import Request

from astrolabe.http.access.audit import StreamRecord
from astrolabe.http.access.guard import Guard
from astrolabe.http.errors import Refusal
from astrolabe.http.net.channel import Channel
from astrolabe.http.net.close_codes import CHANGED, RIGHTS_CHANGED
from astrolabe.users import User


class StreamPlace(Protocol):
    """What a user sees for now. left: whether they see something else since."""

    user: User
    left: bool


class Connections:
    """The open streams. limit: how many there may be. guard: checks who opens them."""

    def __init__(self, limit: int, guard: Guard) -> None:
        self.guard = guard
        self._limit = limit
        self._open: dict[Channel, StreamPlace | None] = {}
        self._records: dict[Channel, StreamRecord | None] = {}

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

    def add(self, channel: Channel, request: Request) -> None:
        """Add an open stream, which ends when the request's token is withdrawn. `until_lost` must follow."""
        channel.admitted = self.guard.renewal(request)
        self._records[channel] = self.guard.audit.opened(request)
        place: StreamPlace | None = getattr(request.ctx, "place", None)
        self._open[channel] = place
        if place is not None and place.left:  # while the request was on its way
            _dismiss(channel)

    async def until_lost(self, channel: Channel, leave: Callable[[], None]) -> NoReturn:
        """Wait until the connection is lost, then raise CancelledError: Sanic expects no answer then.

        leave: called when the connection is lost.
        """
        try:
            await channel.lost
        finally:
            channel.abort()
            self._open.pop(channel, None)
            if (record := self._records.pop(channel, None)) is not None:
                record.close()
            leave()
        raise CancelledError

    async def until_refused(self, channel: Channel) -> NoReturn:
        """Wait for the end of a connection that was accepted only to send the reason of its refusal."""
        await self.until_lost(channel, lambda: None)

    def users(self) -> set[User]:
        """Who has open streams, as far as users have rights of their own."""
        return {place.user for place in self._open.values() if place is not None}

    def dismiss(self) -> None:
        """Close the streams of users who see something else since, so that they come back."""
        for channel, place in list(self._open.items()):
            if place is not None and place.left:
                _dismiss(channel)

    def shut_down(self) -> None:
        """Tell all clients that the server is going away. Those that do not read are cut off."""
        for channel in list(self._open):
            channel.shut_down()


def _dismiss(channel: Channel) -> None:
    channel.close(RIGHTS_CHANGED, "rights-changed", CHANGED)
