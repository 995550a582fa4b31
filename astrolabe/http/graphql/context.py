"""What the resolvers of one query share: the graph at one place in history, time slices and a budget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from graphql import GraphQLError, GraphQLResolveInfo

from astrolabe.graph.state.history import GraphAt, History
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import Filter, FilterError, FilterRules, parse_message
from astrolabe.http.answers.studies import Studies
from astrolabe.http.errors import Refusal
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.problem_list import ProblemLister
from astrolabe.http.stream.shared_subscription import SharedSubscription
from astrolabe.timeslice import Lane, TimeSlice, turns

T = TypeVar("T")

#: Lists up to this length are completed at once, if there is time.
FEW = 32
#: Characters of nodes' texts that are read in the time that a visit takes.
TEXT_PER_VISIT = 20_000


class Resource:
    """A node as the source of its fields. Its document is parsed when a field of it is asked for."""

    __slots__ = ("_document", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self._document: dict[str, Any] | None = None

    @property
    def document(self) -> dict[str, Any]:
        if self._document is None:
            self._document = self.node.document()
        return self._document


def refused(refusal: Refusal | FilterError) -> GraphQLError:
    """An error of a field, with the code that REST has for it."""
    code = refusal.error if isinstance(refusal, Refusal) else "bad-filter"
    extensions: dict[str, Any] = {"code": code}
    if refusal.at is not None:
        extensions["at"] = refusal.at
    return GraphQLError(str(refusal), extensions=extensions)


class Work:
    """What one query may use of the loop. most: items of lists and nodes that it may visit.

    exhausted: whether the budget was not enough. The result is incomplete then and must not be sent.
    """

    def __init__(self, most: int) -> None:
        self.left = most
        self.exhausted = False
        self._slice = TimeSlice(Lane.ANSWER)
        self._turn: asyncio.Future[None] | None = None
        #: Held by the branch that works in steps. The others wait in line, not for the same turn.
        self._steps = asyncio.Lock()

    @property
    def over(self) -> bool:
        """Whether it is time to pause."""
        return self._slice.over

    def spend(self, visits: int = 1) -> bool:
        """Spend this many visits. Returns whether the budget allows them."""
        self.left -= visits
        if self.left < 0:
            self.exhausted = True
        return not self.exhausted

    async def pause(self) -> None:
        """Wait for a turn if the slice is over. All branches of a query wait for the same one."""
        while self._slice.over:
            if self._turn is not None:
                await asyncio.shield(self._turn)
                continue
            turn = self._turn = asyncio.get_running_loop().create_future()
            try:
                await turns().wait(Lane.ANSWER)
                self._slice.restart()
            finally:
                self._turn = None
                if not turn.done():
                    turn.set_result(None)

    async def each(self, items: Iterable[T]) -> AsyncIterator[T]:
        """The items, with pauses. They end early when the query is exhausted."""
        for item in items:
            if self._slice.over:
                await self.pause()
            if not self.spend():
                return
            yield item

    def run(self, steps: Iterator[Any], result: Callable[[], T]) -> T | Any:
        """The result of work in steps: at once if there is time for all of it, else something to await."""
        if self._slice.over:  # a query may have hundreds of fields, and each would take a step
            return self._finish(steps, result)
        for _ in steps:
            if self.exhausted:
                break
            if self._slice.over:
                return self._finish(steps, result)
        return result()

    async def _finish(self, steps: Iterator[Any], result: Callable[[], T]) -> T:
        async with self._steps:
            await self.pause()
            for _ in steps:
                if self.exhausted:
                    break
                if self._slice.over:
                    await self.pause()
            return result()


class QueryContext:
    """One query. Everything that it reads of the graph is of one place in history.

    Root fields first say which filters they need (`want`), then await `begin`.
    tables: reads a document of REST by its name. clusters: reads those of the clusters.
    """

    def __init__(
        self, source: GraphSource, rules: FilterRules, work: Work, tables: Any, clusters: Any
    ) -> None:
        self.source = source
        self.work = work
        self.tables = tables
        self.clusters = clusters
        #: Of a subscription: see `updates.Subscribing`.
        self.subscribing: Any = None
        self.lister = ProblemLister(source.hub, source.state)
        self.studies = Studies(source)
        self.epoch, self.seq = "", 0
        self._rules = rules
        self._graph: GraphAt | None = None
        self._history: History | None = None
        self._wanted: dict[Filter, SharedSubscription | None] = {}
        self._members: dict[Filter, Collection[Any]] = {}
        self._begins = asyncio.Lock()
        self._closed = False

    @property
    def graph(self) -> GraphAt:
        """The graph as it was when the query began. `begin` comes before."""
        assert self._graph is not None
        return self._graph

    def filter(self, given: dict[str, Any] | None) -> Filter:
        """The filter of an argument. Raises GraphQLError."""
        try:
            return parse_message({k: v for k, v in (given or {}).items() if v is not None}, self._rules)
        except FilterError as error:
            raise refused(error) from None

    def want(self, given: dict[str, Any] | None) -> Filter:
        """A filter whose nodes are needed. Raises GraphQLError."""
        filter = self.filter(given)
        if filter not in self._wanted:
            try:
                shared = self.source.hub.share(filter) if filter else None
            except Refusal as refusal:
                raise refused(refusal) from None
            if shared is not None:
                shared.users += 1
            self._wanted[filter] = shared
        return filter

    async def begin(self) -> None:
        """Wait for what is wanted, then hold the graph. The first caller does it for all."""
        async with self._begins:
            if self._graph is None:
                await self._begin()

    async def _begin(self) -> None:
        hub = self.source.hub
        while waits := [each for each in self._wanted.values() if each is not None and not each.ready]:
            await waits[0].wait_for_change()
        if self._closed:  # another field has failed, and this one runs on without a reader
            raise GraphQLError("the query has ended")
        # Nothing is awaited from here on, so all this is of one place in history.
        for filter, shared in self._wanted.items():
            self._members[filter] = set(hub.graph.nodes) if shared is None else shared.view.uids()
        self.hold()

    def hold(self) -> None:
        """Hold the graph as it is now."""
        hub = self.source.hub
        self._history = hub.history
        self._graph = self._history.hold()
        self.epoch, self.seq = hub.graph.epoch, hub.graph.seq

    def members(self, filter: Filter) -> Collection[str]:
        """The uids of the nodes that a wanted filter keeps."""
        return self._members[filter]

    def resource(self, uid: str) -> Resource | None:
        """The node with this uid."""
        node = self.graph.node(uid)
        return None if node is None else Resource(node)

    def close(self) -> None:
        """Let go of everything that it holds."""
        self._closed = True
        if self._history is not None and self._graph is not None:
            self._history.let_go(self._graph)
        for shared in self._wanted.values():
            if shared is not None:
                shared.users -= 1
                self.source.hub.release(shared)
        self._wanted.clear()


#: What a resolver gets besides its source.
Info = GraphQLResolveInfo[QueryContext]
