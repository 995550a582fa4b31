"""Limits: how many requests may be answered, and how many TCP connections may be open at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from astrolabe.http.errors import Refusal

#: Paths without a limit. Their answers are short, and a prober restarts a process that does not answer.
PROBES = frozenset({"/health", "/livez", "/readyz", "/metrics"})
#: The start of requests that go before all others: they take little, and a prober restarts a process that
#: does not answer in time.
FIRST = tuple(
    f"{method} {path}{end}".encode()
    for method in ("GET", "HEAD")
    for path in ("/health", "/livez", "/readyz")
    for end in (" ", "?")
)
#: The start of the paths of streams, which have their own limit.
STREAMS = ("/api/v1/ws", "/api/v1/events")


def begins_probe(data: bytes | bytearray) -> bool:
    """Whether a request that starts so goes before all others."""
    return data.startswith(FIRST)


class RequestLimit:
    """Requests that are being answered. limit: how many there may be."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._under_way: set[Any] = set()

    def __len__(self) -> int:
        return len(self._under_way)

    @contextmanager
    def admitted(self, connection: object, path: str) -> Iterator[None]:
        """Answer a request within this context. Raises Refusal above the limit."""
        if path in PROBES or path.startswith(STREAMS):
            yield
            return
        if len(self._under_way) >= self._limit:
            message = (
                f"{self._limit} requests are being answered, which is all there may be (--max-requests): "
                "come back, and read your answers"
            )
            raise Refusal(503, "too-many-requests", message, headers={"Retry-After": "5"})
        self._under_way.add(connection)
        try:
            yield
        finally:
            self.leave(connection)

    def leave(self, connection: object) -> None:
        """The connection has become a stream, or was answered."""
        self._under_way.discard(connection)


class SocketLimit:
    """Open TCP connections. limit: how many there may be.

    Above it, the connection is cut that has waited longest without a complete request. So a flood of idle
    connections locks nobody out. If there is none, the new connection is cut.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[Any] = set()
        self._resting: dict[Any, None] = {}
        self._emptied: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    async def until_empty(self) -> None:
        """Wait until no connection is open. Only one may wait."""
        if self._open:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def enter(self, connection: Any) -> None:
        """A connection was made."""
        self._open.add(connection)
        self._resting[connection] = None
        if len(self._open) > self._limit:
            longest = next(iter(self._resting))
            self.leave(longest)
            longest.abort()

    def begin(self, connection: Any) -> None:
        """A request of the connection is being answered."""
        self._resting.pop(connection, None)

    def rest(self, connection: Any) -> None:
        """The request was answered."""
        if connection in self._open:
            self._resting[connection] = None

    def leave(self, connection: Any) -> None:
        """The connection is closed or closing."""
        self._open.discard(connection)
        self._resting.pop(connection, None)
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)
