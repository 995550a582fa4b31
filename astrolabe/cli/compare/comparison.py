"""Sends every request to both servers, and repeats those whose answers differ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ssl import SSLContext

import aiohttp
import msgspec

from astrolabe.cli.compare.diff import differences
from astrolabe.cli.compare.discrepancy import UNNOTICED, Discrepancy, DiscrepancyKind, Reply
from astrolabe.cli.compare.requests import (
    NAMESPACES,
    RELEASES,
    RESOURCES,
    ApiRequest,
    ParameterValues,
    fixed,
    named,
)
from astrolabe.cli.compare.server import ComparedServer
from astrolabe.client import Token

#: Seconds before each repetition. The first lets a change reach the slower server.
PAUSES = (1.0, 2.0)
#: Most examples per kind of difference.
EXAMPLES = 3
#: Most differences to remember per kind. Beyond it, repeated ones are counted again.
REMEMBERED = 1_000_000


@dataclass(frozen=True)
class Example:
    """One difference, and the first request that showed it."""

    request: str
    difference: Discrepancy


@dataclass
class DiscrepancyGroup:
    """Differences of one kind, at one place in the answers of one path. count: distinct differences."""

    kind: DiscrepancyKind
    path: str
    where: str
    examples: list[Example] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    count: int = 0

    @property
    def is_noticed(self) -> bool:
        """Whether a client of the first server could notice them."""
        return self.kind not in UNNOTICED

    def add(self, request: ApiRequest, difference: Discrepancy) -> None:
        key = hash(difference)
        if key in self.known:
            return
        if len(self.known) < REMEMBERED:
            self.known.add(key)
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(Example(request.shown, difference))


@dataclass
class Comparison:
    """The result. first, second: the servers. asked: requests sent. questions: all possible requests."""

    first: str
    second: str
    asked: int = 0
    questions: int = 0
    groups: dict[tuple[DiscrepancyKind, str, str], DiscrepancyGroup] = field(default_factory=dict)

    @property
    def is_noticed(self) -> bool:
        return any(group.is_noticed for group in self.groups.values())

    def add(self, request: ApiRequest, difference: Discrepancy) -> None:
        key = (difference.kind, request.path.path, difference.where)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = DiscrepancyGroup(*key)
        group.add(request, difference)


async def compare(
    first: str,
    second: str,
    *,
    most: int,
    on_status: Callable[[str], None],
    token: Token | None = None,
    ssl: SSLContext | None = None,
    pauses: Sequence[float] = PAUSES,
) -> Comparison:
    """Compare the servers at these addresses.

    most: how many values to request for each parameter; 0: all. on_status: called with notes for people.
    token, ssl: as in `Client`. Raises CompareError.
    """
    async with aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(total=None)) as session:
        servers = [ComparedServer(session, url, token, ssl) for url in (first, second)]
        states = [await server.meet() for server in servers]
        for server, state in zip(servers, states, strict=True):
            if state not in ("", "live"):
                on_status(f"{server.shown} is {state}: its answers may be incomplete or out of date")
        return await _Comparer(servers, most).run(pauses)


class _Pair(msgspec.Struct, frozen=True):
    namespace: str | None = ""
    release: str | None = ""


class _Comparer:
    def __init__(self, servers: Sequence[ComparedServer], most: int) -> None:
        self._servers = servers
        self._most = most
        self._values = ParameterValues(set(), set(), set())
        self._comparison = Comparison(servers[0].shown, servers[1].shown)
        #: By request: hashes of the noticeable differences that occurred every time.
        self._open: dict[ApiRequest, set[int]] = {}

    async def run(self, pauses: Sequence[float]) -> Comparison:
        comparison = self._comparison
        for request in self._requests():
            await self._compare(request)
        for number, pause in enumerate(pauses, 1):
            if self._open:
                await asyncio.sleep(pause)
            for request in list(self._open):
                await self._confirm(request, is_last=number == len(pauses))
        return comparison

    def _requests(self) -> Iterator[ApiRequest]:
        """All requests. The later ones use values from the answers to the first."""
        comparison = self._comparison
        for request in fixed():
            comparison.questions += 1
            yield request
        comparison.questions += sum(1 for _ in named(self._values, 0))
        yield from named(self._values, self._most)

    async def _compare(self, request: ApiRequest) -> None:
        answers = await self._ask(request)
        for answer in answers:
            self._collect_values(request, answer)
        seen = set()
        for difference in differences(request, *answers):
            if difference.kind in UNNOTICED:
                self._comparison.add(request, difference)
            else:
                seen.add(hash(difference))
        if seen:
            self._open[request] = seen
        self._comparison.asked += 1

    async def _confirm(self, request: ApiRequest, *, is_last: bool) -> None:
        """Repeat a request. A difference that has changed or gone came from a change of the cluster."""
        known = self._open.pop(request)
        seen = set()
        for difference in differences(request, *await self._ask(request)):
            key = hash(difference)
            if key in known:
                seen.add(key)
                if is_last:
                    self._comparison.add(request, difference)
        if seen:
            self._open[request] = seen

    async def _ask(self, request: ApiRequest) -> tuple[Reply, Reply]:
        """Ask both at once, so that both answers show nearly the same moment."""
        asking = [
            asyncio.create_task(server.ask(request), name=f"ask {server.shown}") for server in self._servers
        ]
        try:
            first, second = await asyncio.gather(*asking)
        finally:  # if one fails, do not wait for the other
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        return first, second

    def _collect_values(self, request: ApiRequest, answer: Reply) -> None:
        """Collect values for parameters from the answers to requests without any."""
        if request != ApiRequest(request.path) or not answer.is_good:
            return
        with suppress(msgspec.MsgspecError, RecursionError):
            match request.path:
                case path if path in (NAMESPACES, RELEASES):
                    names = msgspec.json.decode(answer.body, type=list[str])
                    (self._values.namespaces if path is NAMESPACES else self._values.releases).update(names)
                case path if path is RESOURCES:
                    pairs = msgspec.json.decode(answer.body, type=list[_Pair])
                    found = {(pair.namespace or "", pair.release or "") for pair in pairs}
                    self._values.pairs.update(pair for pair in found if all(pair))
