"""How many answers and TCP connections there may be at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from astrolabe.http.errors import Refusal

#: Paths that are answered whatever else goes on, in a few hundred bytes: who asks restarts what is silent.
PROBES = frozenset({"/health", "/livez", "/readyz", "/metrics"})
#: How requests begin that are dealt with before all others: they take little, and who asks restarts what does
#: not answer in time.
FIRST = tuple(
    f"{method} {path}{end}".encode()
    for method in ("GET", "HEAD")
    for path in ("/health", "/livez", "/readyz")
    for end in (" ", "?")
)
#: How the paths of streams begin, which have a limit of their own.
STREAMS = ("/api/v1/ws", "/api/v1/events")


def begins_probe(data: bytes | bytearray) -> bool:
    """Whether this is how a request begins that is dealt with before all others."""
    return data.startswith(FIRST)


class Answers:
    """Answers that are being made or sent. limit: how many there may be."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._under_way: set[Any] = set()

    def __len__(self) -> int:
        return len(self._under_way)

    @contextmanager
    def admitted(self, connection: object, path: str) -> Iterator[None]:
        """It is answered within the context, until it leaves. Raises Refusal."""
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
        """It is a stream from now on, or ended."""
        self._under_way.discard(connection)


class Sockets:
    """TCP connections that are open. limit: how many there may be.

    Above it the one goes that has waited longest for a request, or with half of one: a flood of them shuts
    nobody out. Without such a one the new connection is cut.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[Any] = set()
        self._resting: dict[Any, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, connection: Any) -> None:
        """A connection was made."""
        self._open.add(connection)
        self._resting[connection] = None
        if len(self._open) > self._limit:
            longest = next(iter(self._resting))
            self.leave(longest)
            longest.abort()

    def begin(self, connection: Any) -> None:
        """It is being answered from now on."""
        self._resting.pop(connection, None)

    def rest(self, connection: Any) -> None:
        """It was answered."""
        if connection in self._open:
            self._resting[connection] = None

    def leave(self, connection: Any) -> None:
        """It is gone, or going."""
        self._open.discard(connection)
        self._resting.pop(connection, None)
