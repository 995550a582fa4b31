"""A log of requests, for tests to inspect and wait for."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_WRITES = frozenset(("POST", "PUT", "PATCH", "DELETE"))


@dataclass(frozen=True)
class RecordedRequest:
    """One request. `kind`: "" for paths without one. `verb`: list, watch, get or "".

    write: whether it tried to change something (an access review does not).
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    accept: str = ""
    user_agent: str = ""
    kind: str = ""
    verb: str = ""
    namespace: str = ""
    write: bool = False


class RequestLog:
    """The latest requests, and counters of all.

    statuses: HTTP status → responses. open_watches: kind → running watches.
    """

    def __init__(self, size: int = 10_000) -> None:
        self.requests: deque[RecordedRequest] = deque(maxlen=size)
        self.total = 0
        self.writes = 0
        self.statuses: Counter[int] = Counter()
        self.open_watches: Counter[str] = Counter()
        self._waiting: list[tuple[Callable[[RequestLog], bool], asyncio.Future[None]]] = []

    def record(self, request: RecordedRequest) -> None:
        """Record a request when it arrives."""
        self.requests.append(request)
        self.total += 1
        self.writes += request.write
        self._tell()

    def answered(self, status: int) -> None:
        """Count a response when it starts."""
        self.statuses[status] += 1
        self._tell()

    def watching(self, kind: str, change: int) -> None:
        """A watch of a kind began (+1) or ended (-1)."""
        self.open_watches[kind] += change
        self._tell()

    async def until(self, condition: Callable[[RequestLog], bool]) -> None:
        """Wait until a condition on this log holds. It is checked after each change."""
        if condition(self):
            return
        waiter = (condition, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            await waiter[1]
        finally:
            self._waiting.remove(waiter)

    def of(self, kind: str, verb: str = "") -> list[RecordedRequest]:
        """The recorded requests for a kind, all or those with a verb."""
        return [request for request in self.requests if request.kind == kind and verb in ("", request.verb)]

    def _tell(self) -> None:
        for condition, future in self._waiting:
            if not future.done() and condition(self):
                future.set_result(None)


def is_write(method: str) -> bool:
    return method in _WRITES
