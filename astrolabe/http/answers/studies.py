"""Questions about one node: why it is as it is, what would happen without it, and how two are connected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.evictions import Eviction
from astrolabe.graph.causes.grouping import id_of
from astrolabe.graph.causes.impact import ACTIONS, OF_NODES, Impact, ImpactStudy, Level
from astrolabe.graph.causes.paths import USUAL_TYPES, Way, find_ways
from astrolabe.graph.causes.problems import describe, is_entry, tell_release
from astrolabe.graph.causes.why import roots_in, why
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.state.identity import Release
from astrolabe.graph.state.node import Node
from astrolabe.http.errors import Refusal, bad_parameter
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.problem_list import unseen_kinds
from astrolabe.timeslice import Lane, in_slices

Json = dict[str, Any]

#: Nodes that are named per list.
MOST_NAMED = 1000
_LEVELS = {Level.STOPS: "stops", Level.DEGRADES: "degrades", Level.LOSES_COPY: "losesCopy"}


class Studies:
    """Answers from the graph as it is now, as JSON objects."""

    def __init__(self, source: GraphSource) -> None:
        self._source = source
        self._hub = source.hub

    async def why(self, uid: str) -> Json:
        """The chains of causes of a node. Raises Refusal (404)."""
        problems = await self._hub.problems.problems()
        node, causes = self.find(uid), self._hub.problems.causes
        known = {problem.group for problem in problems}
        groups = {causes.group_at(root) for root in roots_in(causes, node.uid)}
        ids = sorted([self._id(group) for group in groups if group is not None and group in known])
        return {**why(causes, uid), "problems": ids, "coverage": self._coverage()}

    async def impact(self, uid: str, action: str = "fail") -> Json:
        """What would happen without a node. Raises Refusal: 400, 404, or 409 for an action of Nodes only."""
        if action not in ACTIONS:
            raise bad_parameter(f"action is one of {', '.join(ACTIONS)}, not {action!r}")
        await self._hub.problems.problems()
        node = self.find(uid)
        if action in OF_NODES and node.kind != "Node":
            text = f"action {action} is of Nodes, and this is a {node.kind}: ask for fail, delete or restart"
            raise Refusal(409, "wrong-kind", text)
        graph = self._hub.graph
        study = ImpactStudy(graph, node, action, nodes=list(graph.nodes.values()))
        async for _ in in_slices(study.run(), Lane.ANSWER):
            pass
        return self._report(node, action, study.result())

    async def path(self, start: str, end: str, types: Sequence[str] = ()) -> Json:
        """The shortest paths between two nodes along edges of these types. Raises Refusal: 400, 404."""
        unknown = [each for each in types if each not in EDGE_TYPES]
        if unknown:
            raise bad_parameter(f"type {unknown[0]!r} is no type of edge; they are: {', '.join(EDGE_TYPES)}")
        await self._hub.problems.problems()
        self.find(start), self.find(end)
        ways: list[Way] = []

        def work() -> Iterator[None]:
            nonlocal ways
            ways = yield from find_ways(self._hub.graph, start, end, types or USUAL_TYPES)

        async for _ in in_slices(work(), Lane.ANSWER):
            pass
        told = [_tell_way(self._hub.problems.causes, start, way) for way in ways]
        return {"length": len(ways[0]) if ways else 0, "ways": told}

    def find(self, uid: str) -> Node:
        """The node. Raises Refusal (404)."""
        node = self._hub.graph.node(uid)
        if node is None:
            raise Refusal(404, "not-found", f"no resource with uid {uid!r} is in the graph")
        return node

    def _coverage(self) -> list[str]:
        return unseen_kinds(self._source.state.refresh())

    def _id(self, group: tuple[str, ...]) -> str:
        return id_of(self._source.state.refresh().cluster.name, group)

    def _report(self, node: Node, action: str, impact: Impact) -> Json:
        graph, causes = self._hub.graph, self._hub.problems.causes
        hit = [uid for uids in impact.levels.values() for uid in uids if uid in graph.nodes]
        nodes = [graph.nodes[uid] for uid in (node.uid, *hit) if uid in graph.nodes]
        released = [each for each in nodes if each.release]
        releases = {Release(each.release_namespace, each.release, each.cluster) for each in released}
        return {
            "action": action,
            "target": describe(causes, node.uid),
            "levels": {_LEVELS[level]: _named(causes, uids) for level, uids in impact.levels.items()},
            "counts": {_LEVELS[level]: _counted(graph.nodes, uids) for level, uids in impact.levels.items()},
            "later": _named(causes, impact.later),
            "blocks": [{**describe(causes, each.uid), "why": each.why} for each in impact.blocks],
            "evictions": [_tell_eviction(causes, each) for each in impact.evictions],
            "entries": _named(causes, [uid for uid in hit if is_entry(causes, uid)]),
            "releases": list(map(tell_release, sorted(releases))),
            "namespaces": sorted({each.namespace for each in nodes} - {""}),
            "coverage": self._coverage(),
        }


def _named(causes: Causes, uids: Iterable[str]) -> list[Json]:
    told = [describe(causes, uid) for uid in uids]
    told.sort(key=lambda each: (each["kind"], each["namespace"], each["name"]))
    return told[:MOST_NAMED]


def _counted(nodes: dict[str, Node], uids: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(nodes[uid].kind for uid in uids if uid in nodes).items()))


def _tell_eviction(causes: Causes, eviction: Eviction) -> Json:
    told: Json = {"pod": describe(causes, eviction.pod), "outcome": eviction.outcome}
    if eviction.why:
        told["why"] = eviction.why
    if eviction.by:
        told["by"] = describe(causes, eviction.by)
    if eviction.needs:
        told["needs"] = list(eviction.needs)
    return told


def _tell_way(causes: Causes, start: str, way: Way) -> list[Json]:
    steps, here = [], start
    for edge in way:
        forward = edge.source == here
        step = {**describe(causes, here), "type": edge.type, "field": list(edge.field), "forward": forward}
        steps.append(step)
        here = edge.target if forward else edge.source
    return [*steps, describe(causes, here)]
