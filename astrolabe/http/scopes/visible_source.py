"""A graph source that serves what some users may see of another one."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from secrets import token_hex
from typing import Any

import msgspec

from astrolabe.engine.readiness import WatchReadiness
from astrolabe.engine.serving_state import (
    Assessment,
    ClusterCoverage,
    ClusterInfo,
    ClusterState,
    Coverage,
    PartialEntry,
    ServingState,
    StateName,
    StateTracker,
    tell_gaps,
)
from astrolabe.engine.union_state import assess_union
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.graph.visible.visibility import EVENT, Reads, Visibility
from astrolabe.graph.visible.visible_graph import VisibleGraph
from astrolabe.http.source import ClusterSource, GraphSource, ReplicationHealth, WatchStats
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.settings import Limits
from astrolabe.timeslice import Lane, in_slices

#: Seconds by which a replica may lag behind another.
REPLICAS_LAG = 0.5
#: Gaps of kinds that a user does not see everywhere. Single objects that are left out are not told.
_GAPS: Mapping[str, str] = {
    "forbidden": "the account of the server may not read it",
    "not-served": "the API server does not list it",
}


class VisibleSource:
    """Implements `GraphSource` for a visibility. Call `build` before it is served, and `step` for each step
    of the source from then on.

    visibility: may be changed; `become` must follow. limits: of its hub. reads: of the kinds as they are now.
    clock: Unix seconds.
    """

    def __init__(
        self,
        source: GraphSource,
        visibility: Visibility,
        *,
        limits: Limits,
        reads: Callable[[], Reads],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.visibility = visibility
        self._source = source
        self._reads = reads
        self._clock = clock
        self._changing = asyncio.Lock()
        self._expected = 0
        self._settled = asyncio.Event()
        self._settled.set()
        self._following = self._begin()
        #: As of the last `build`, `rebuild` or `become`.
        self._shown = visibility
        #: Empty until `build` is done.
        self.hub = _VisibleHub(ServedGraph(token_hex(6)), limits, clock=clock)
        self.state = StateTracker(
            self._assess, source.state.current.cluster, clock=time.monotonic, time=time.time
        )

    def _begin(self) -> _Following:
        shown = ServedGraph(token_hex(6), int(self._clock() * 1000))
        return _Following(shown, VisibleGraph(self._source.hub.graph, shown, self.visibility, self._reads()))

    async def build(self) -> None:
        """Take in what is visible now. The source must not be read before this returns."""
        async with self._changing:
            await self._take_in(self._following.visible.enter())
            await self._serve()
        self.state.refresh()

    def expect(self) -> None:
        """Let `settled` wait until a call of `rebuild` or `become` that follows is done."""
        self._expected += 1
        self._settled.clear()

    async def settled(self) -> None:
        """Wait until the shown graph fits the visibility and the source's graph."""
        await self._settled.wait()

    def _note_settled(self) -> None:
        self._expected -= 1
        if not self._expected:
            self._settled.set()

    async def rebuild(self) -> None:
        """Take in another graph that the source serves now. What was served before stays until then."""
        try:
            async with self._changing:
                self._following = self._begin()
                await self._take_in(self._following.visible.enter())
                await self._serve()
                self._forget_hidden()
        finally:
            self._note_settled()

    async def become(self) -> None:
        """Show what the visibility shows from now on, as changes of the same history."""
        try:
            async with self._changing:
                parts = self._following.visible.become(self.visibility)
                async for changes in in_slices(parts, Lane.CLUSTER):
                    self._apply(changes, 0)
                self._forget_hidden()
        finally:
            self._note_settled()
        self.state.refresh()

    def _forget_hidden(self) -> None:
        """Users who come later must not learn of what was visible only before."""
        before, self._shown = self._shown, self._following.visible.visibility
        if not self._shown.includes(before):
            self.hub.forget_past()

    def step(self, batch: Batch) -> None:
        """The source's graph has applied a batch."""
        self._apply(self._following.visible.follow(batch.changes), batch.time)

    async def _take_in(self, parts: Iterable[Changes]) -> None:
        async for changes in in_slices(parts, Lane.ANSWER):
            self._following.shown.load(changes)

    async def _serve(self) -> None:
        """Serve what was taken in. It is counted, because readers of counts do not wait."""
        hub = self.hub
        hub.replace(self._following.shown)
        async for _ in in_slices(hub.stats.count(), Lane.ANSWER):
            pass

    def _apply(self, changes: Changes, time: int) -> None:
        if not changes:
            return
        shown = self._following.shown
        if self.hub.graph is not shown:  # nobody follows it yet
            shown.load(changes)
            return
        # By the clock, so that it does not reveal how often anything else changes.
        seq = max(shown.seq + 1, int(self._clock() * 1000))
        self.hub.receive(Batch(shown.epoch, seq, changes, time, gap=seq - shown.seq))

    # GraphSource

    @property
    def catalogue(self) -> Catalogue:
        return self._source.catalogue

    @property
    def readiness(self) -> WatchReadiness:
        return self._source.readiness

    def role(self) -> str:
        return self._source.role()

    def sees(self, kind: str, namespace: str, cluster: str = "") -> bool:
        """Whether objects of a kind in a namespace may be seen. cluster: of a union."""
        return self.visibility.of(cluster).sees(kind, namespace)

    def count(self, kind: str) -> int:
        return sum([count for (of, _), count in self.hub.stats.nodes.items() if of == kind])

    def watches(self) -> Sequence[WatchStats]:
        return ()

    def disconnected(self) -> Mapping[str, str]:
        return self._source.disconnected()

    async def events(self, node: Node) -> Sequence[ObjectEvent] | None:
        if not self.visibility.of(node.cluster).sees(EVENT, node.namespace):
            return None
        return await self._source.events(node)

    def clusters(self) -> Mapping[str, ClusterSource] | None:
        return self._source.clusters()

    def replication(self) -> ReplicationHealth | None:
        """How the process is doing, without what the leader counts."""
        known = self._source.replication()
        if known is None or known.report is None:
            return known
        kinds = {kind: self._kind(kind, state) for kind, state in known.report.kinds.items()}
        return msgspec.structs.replace(known, report=msgspec.structs.replace(known.report, kinds=kinds))

    def _kind(self, kind: str, state: Mapping[str, Any]) -> dict[str, Any]:
        told = {key: state[key] for key in ("state", "why", "cause", "age", "connected") if key in state}
        if not self.visibility.sees_everywhere(kind):
            told.pop("why", None)  # the API server's words may name what may not be seen
            if "age" in told:
                told["age"] = None  # it tells of objects that may not be seen
        return {**told, "objects": self.count(kind)}

    def _assess(self) -> Assessment:
        """The state of the source. Only users who may see all of a kind learn what is left out."""
        base, visibility = self._source.state.current, self.visibility
        coverage = self._coverage()
        if base.clusters is not None:
            return msgspec.structs.replace(self._assess_union(base, base.clusters), coverage=coverage)
        partial = tuple([told for gap in base.partial if (told := _told(gap, visibility)) is not None])
        state, why = _redacted(base.state, base.why, partial)
        progress = msgspec.structs.replace(base.progress, objects=len(self._following.shown.nodes))
        # Unless it changes: the whole may have become partial and live again for what may not be seen.
        mine = getattr(self, "state", None)
        keeps = state != base.state or (mine is not None and mine.current.state == state)
        since = "" if keeps else base.since
        return Assessment(state, why, progress, partial, since=since, coverage=coverage)

    def _assess_union(self, base: ServingState, clusters: Sequence[ClusterState]) -> Assessment:
        """The same of each cluster."""
        mine = getattr(self, "state", None)
        before = {each.name: each for each in mine.current.clusters or ()} if mine is not None else {}
        counts = Counter[str]()
        for (cluster, _), count in self.hub.stats.clusters.items():
            counts[cluster] += count
        members = []
        for each in clusters:
            visibility, known = self.visibility.of(each.name), before.get(each.name)
            gaps = [gap for gap in base.partial if gap.cluster == each.name]
            partial = tuple([told for gap in gaps if (told := _told(gap, visibility)) is not None])
            state, why = _redacted(each.state, each.why, partial)
            since = known.since if known is not None and known.state == state else each.since
            progress = msgspec.structs.replace(each.progress, objects=counts[each.name])
            info = ClusterInfo(each.name, server=each.server)
            members.append(ServingState(state, since, why, info, progress, partial))
        return assess_union(members)

    def _coverage(self) -> Coverage | None:
        """None: everything may be seen."""
        members, visibility = self._source.clusters(), self.visibility
        if members is None:
            return _coverage_of(visibility, self.catalogue.keys)
        parts = [
            (name, _coverage_of(visibility.of(name), member.catalogue.keys), visibility.of(name).why)
            for name, member in members.items()
        ]
        clusters = [
            ClusterCoverage(name, part.hidden, part.limited, part.namespaces, part.complete, why)
            for name, part, why in parts
            if why or part != Coverage()
        ]
        if not clusters:
            return None
        kinds = (*self.catalogue.keys, EVENT)
        least = {kind for each in clusters for kind in (*each.hidden, *each.limited)}
        seen = {
            kind
            for name, member in members.items()
            for kind in (*member.catalogue.keys, EVENT)
            if visibility.of(name).sees_any(kind)
        }
        return Coverage(
            hidden=tuple([kind for kind in kinds if kind in least - seen]),
            limited=tuple([kind for kind in kinds if kind in least & seen]),
            namespaces=tuple(sorted({place for _, part, _ in parts for place in part.namespaces})),
            complete=all(part.complete for _, part, _ in parts),
            clusters=tuple(clusters),
        )


def _redacted(state: StateName, why: str, partial: Sequence[PartialEntry]) -> tuple[StateName, str]:
    """A state and its reason without what may not be told. partial: what may be."""
    if state == "partial":
        return ("partial", tell_gaps(partial)) if partial else ("live", "")
    return state, _in_brief(why)


def _coverage_of(visibility: Visibility, keys: Iterable[str]) -> Coverage:
    """What may be seen of one cluster. keys: of its kinds."""
    within = {kind for _, kind in visibility.within}
    kinds = [kind for kind in (*keys, EVENT) if not visibility.sees_everywhere(kind)]
    return Coverage(
        hidden=tuple([kind for kind in kinds if kind not in within]),
        limited=tuple([kind for kind in kinds if kind in within]),
        namespaces=tuple(sorted({namespace for namespace, _ in visibility.within})),
        complete=visibility.complete,
    )


def _told(gap: PartialEntry, visibility: Visibility) -> PartialEntry | None:
    """What a user learns of a gap: the API server's words may name objects and namespaces."""
    if visibility.sees_everywhere(gap.kind):
        return gap
    why = _GAPS.get(gap.reason)
    return msgspec.structs.replace(gap, why=why) if why is not None else None


def _in_brief(why: str) -> str:
    """The sentence up to where it quotes somebody."""
    return why.partition("; ")[0].partition(": ")[0]


class _Following:
    """A graph, and what decides what is in it."""

    def __init__(self, shown: ServedGraph, visible: VisibleGraph) -> None:
        self.shown = shown
        self.visible = visible


class _VisibleHub(Hub):
    """A hub whose seqs are times, in milliseconds since 1970.

    Each replica numbers the changes itself. So to wait for a seq of another replica is to wait for that time.
    """

    def __init__(self, graph: ServedGraph, limits: Limits, *, clock: Callable[[], float]) -> None:
        super().__init__(graph, limits)
        self._clock = clock

    async def wait_for_seq(self, seq: int, *, timeout: float) -> bool:
        """Wait until what was visible anywhere at that time is visible here."""
        left = seq / 1000 + REPLICAS_LAG - self._clock()
        if self.graph.seq >= seq or left <= 0:
            return True
        await asyncio.sleep(min(left, timeout))
        return left <= timeout
