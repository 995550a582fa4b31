"""The streams that are open, of whatever protocol: how many there may be, and how they end."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from typing import NoReturn

from sanic.request import Request

from astrolabe.http.access.guard import Guard
from astrolabe.http.errors import Refusal
from astrolabe.http.net.transport import Channel


class Connections:
    """limit: streams that may be open at a time. guard: who looks at whom they belong to."""

    def __init__(self, limit: int, guard: Guard) -> None:
        self.guard = guard
        self._limit = limit
        self._open: set[Channel] = set()

    def __len__(self) -> int:
        """The number of open streams."""
        return len(self._open)

    def admit(self) -> None:
        """Whether there may be one more. Raises Refusal."""
        if len(self._open) >= self._limit:
            message = f"{self._limit} streams are open, which is all there may be"
            raise Refusal(503, "too-many-connections", message, headers={"Retry-After": "5"})

    def count(self, sort: type[Channel]) -> int:
        """The number of open streams of this sort."""
        return sum([isinstance(channel, sort) for channel in self._open])

    def add(self, channel: Channel, request: Request) -> None:
        """It is open now, as long as who sent the request may come in; `until_lost` must follow."""
        channel.admitted = self.guard.renewal(request)
        self._open.add(channel)

    async def until_lost(self, channel: Channel, leave: Callable[[], None]) -> NoReturn:
        """Sanic cancels the handler of a connection that is lost, and does not look for an answer then.

        leave: called when it is.
        """
        try:
            await channel.lost
        finally:
            channel.abort()
            self._open.discard(channel)
            leave()
        raise CancelledError

    async def until_refused(self, channel: Channel) -> NoReturn:
        """Wait for the end of one that was accepted only to say why it is not."""
        await self.until_lost(channel, lambda: None)

    def shut_down(self) -> None:
        """Say that the server is going away; whoever does not read is cut off."""
        for channel in list(self._open):
            channel.shut_down()
