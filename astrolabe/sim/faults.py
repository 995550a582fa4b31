"""Fault injection: what can go wrong between a client and an API server, switched on and off at run time.

A fault is added to `Simulator.faults`. It applies to the next `times` matching requests, and is then used up.
Three more faults do not belong to a request: `ObjectStore.compact`, `Simulator.go_offline` and
`FaultInjector.watch_list`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from astrolabe.sim.api.errors import StatusError, status_error, unauthorized
from astrolabe.sim.api.list_options import WatchList

Lines = AsyncIterator[list[bytes]]

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n"
_REASONS = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    403: ("Forbidden", "access is forbidden"),
    404: ("NotFound", "the server could not find the requested resource"),
    410: ("Expired", "The resourceVersion for the provided watch is too old."),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", "too many requests, please try again later"),
    500: ("InternalError", "Internal error occurred: etcdserver: request timed out"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted"),
}


class AbortConnection(Exception):
    """Abort the connection now, in the middle of the response."""


class WatchEvents(Protocol):
    """The extra lines that a fault may add to a watch."""

    def bookmark(self) -> bytes: ...
    def expired(self) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class InjectedFault:
    """Base class. `kind` and `verb` ("list", "watch") select requests; "" matches any.

    times: how many requests it applies to; None: every one, until it is removed.
    """

    kind: str = ""
    verb: str = ""
    times: int | None = 1

    def matches(self, kind: str, verb: str) -> bool:
        return self.kind in ("", kind) and self.verb in ("", verb)

    def reject(self) -> None:
        """Called before the response: may raise StatusError or AbortConnection instead of it."""

    def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        """Transform the lines of a watch, or the single chunk of a list."""
        return lines


@dataclass(frozen=True, kw_only=True)
class HttpStatus(InjectedFault):
    """An error status with the body of a real server. retry_after: seconds, for 429 and 503."""

    code: int = 500
    retry_after: int | None = None

    def reject(self) -> None:
        if self.code == 401:
            raise unauthorized()
        reason, message = _REASONS.get(self.code, ("", "something went wrong"))
        raise status_error(self.code, reason, message, retry_after=self.retry_after)


@dataclass(frozen=True, kw_only=True)
class HtmlPage(InjectedFault):
    """An HTML page from a proxy, with a success status."""

    code: int = 200

    def reject(self) -> None:
        raise StatusError(self.code, _HTML, content_type="text/html; charset=utf-8")


@dataclass(frozen=True, kw_only=True)
class Disconnect(InjectedFault):
    """The connection closes before the first byte of the response."""

    def reject(self) -> None:
        raise AbortConnection


@dataclass(frozen=True, kw_only=True)
class Cut(InjectedFault):
    """The response ends after some lines. middle: the connection breaks in the middle of the next line."""

    after: int = 0
    middle: bool = False

    async def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        left = self.after
        async for line in _singly(lines if left or self.middle else _nothing()):
            if left == 0:
                yield [line[: len(line) // 2]]
                raise AbortConnection
            yield [line]
            left -= 1
            if left == 0 and not self.middle:
                return


@dataclass(frozen=True, kw_only=True)
class HalfOpen(InjectedFault):
    """Half-open connection: after some lines nothing more arrives, but the connection stays open."""

    after: int = 0

    async def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        left = self.after
        async for line in _singly(lines if left else _nothing()):
            yield [line]
            left -= 1
            if left == 0:
                break
        await asyncio.Event().wait()


@dataclass(frozen=True, kw_only=True)
class EmptyAnswer(InjectedFault):
    """An empty 200 response."""

    def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        return _nothing()


@dataclass(frozen=True, kw_only=True)
class ExpiredInStream(InjectedFault):
    """After some lines, an ERROR event with code 410; then the watch ends."""

    after: int = 0

    async def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        async for batch in Cut(after=self.after).transform(lines, watch_events):
            yield batch
        yield [watch_events.expired()]


@dataclass(frozen=True, kw_only=True)
class Bookmarks(InjectedFault):
    """Redundant bookmarks: `count` equal ones after each line."""

    count: int = 2

    async def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        async for batch in lines:
            yield [*batch, *[watch_events.bookmark()] * self.count]


@dataclass(frozen=True, kw_only=True)
class HugeLine(InjectedFault):
    """The first object has an annotation of `size` bytes."""

    size: int = 3_000_000

    async def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        grown = False
        async for line in _singly(lines):
            yield [line if grown else _grow(line, self.size)]
            grown = True


@dataclass(frozen=True, kw_only=True)
class DeepObject(InjectedFault):
    """The first object has a value nested `depth` deep: deeper than decoders accept in any Python."""

    depth: int = 100_000

    async def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        deepened = False
        async for line in _singly(lines):
            yield [line if deepened else _deepen(line, self.depth)]
            deepened = True


@dataclass(frozen=True, kw_only=True)
class Drip(InjectedFault):
    """The bytes arrive in chunks of `size`, split anywhere, with a pause of `delay` seconds after each."""

    size: int = 7
    delay: float = 0.0

    async def transform(self, lines: Lines, watch_events: WatchEvents) -> Lines:
        async for batch in lines:
            data = b"".join(batch)
            for start in range(0, len(data), self.size):
                yield [data[start : start + self.size]]
                await asyncio.sleep(self.delay)


class FaultInjector:
    """The active faults, in the order in which they apply.

    watch_list: how the server handles sendInitialEvents; can be changed at any time, to act as an older
    server.
    """

    def __init__(self) -> None:
        self.watch_list: WatchList = "served"
        self._active: list[tuple[InjectedFault, int | None]] = []

    @property
    def active(self) -> list[InjectedFault]:
        return [fault for fault, _ in self._active]

    def add(self, fault: InjectedFault) -> None:
        self._active.append((fault, fault.times))

    def remove(self, fault: InjectedFault) -> None:
        """Switch a fault off. Does nothing if it is used up."""
        self._active = [entry for entry in self._active if entry[0] is not fault]

    def clear(self) -> None:
        self._active.clear()

    def consume(self, kind: str, verb: str) -> list[InjectedFault]:
        """The faults that apply to a request. Counts down those with a limit."""
        struck: list[InjectedFault] = []
        active: list[tuple[InjectedFault, int | None]] = []
        for fault, left in self._active:
            if fault.matches(kind, verb):
                struck.append(fault)
                left = left if left is None else left - 1
            if left != 0:
                active.append((fault, left))
        self._active = active
        return struck


def draw_fault(rng: random.Random) -> InjectedFault:
    """A random fault."""
    return rng.choice(_DRAWN)(rng)


def deal_faults(rng: random.Random) -> Iterator[InjectedFault]:
    """Endless faults in rounds: each kind once per round, in random order."""
    while True:
        for draw in rng.sample(_DRAWN, len(_DRAWN)):
            yield draw(rng)


_DRAWN: tuple[Callable[[random.Random], InjectedFault], ...] = (
    lambda rng: HttpStatus(code=429, retry_after=1, times=rng.randint(1, 3)),
    lambda rng: HttpStatus(code=rng.choice((500, 503)), times=rng.randint(1, 5)),
    lambda rng: HttpStatus(code=rng.choice((401, 403, 404))),
    lambda rng: HtmlPage(code=rng.choice((200, 502))),
    lambda rng: Disconnect(times=rng.randint(1, 3)),
    lambda rng: Cut(verb="watch", after=rng.randint(0, 20), middle=rng.random() < 0.5),
    lambda rng: EmptyAnswer(verb="watch", times=rng.randint(1, 5)),
    lambda rng: ExpiredInStream(verb="watch", after=rng.randint(0, 10)),
    lambda rng: Bookmarks(verb="watch", count=rng.randint(1, 3)),
    lambda rng: HugeLine(verb="watch"),
    lambda rng: Drip(verb="watch", size=rng.randint(1_000, 5_000)),
)


async def _singly(lines: Lines) -> AsyncIterator[bytes]:
    async for batch in lines:
        for line in batch:
            yield line


async def _nothing() -> AsyncIterator[list[bytes]]:
    return
    yield []


def _deepen(line: bytes, depth: int) -> bytes:
    value = b'"tree":' + b"[" * depth + b"]" * depth + b","
    for start in (b'"items":[{', b'"object":{'):  # of a list, of a watch
        line = line.replace(start, start + value, 1)
    return line


def _grow(line: bytes, size: int) -> bytes:
    content = msgspec.json.decode(line)
    metadata = content.get("object", content).setdefault("metadata", {})
    metadata.setdefault("annotations", {})["example.com/notes"] = "x" * size
    return msgspec.json.encode(content) + b"\n"
