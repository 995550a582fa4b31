"""A filter's part of the graph as counts of groups, kept up to date node by node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from astrolabe.graph.state.edge_types import OWNS, RUNS_ON
from astrolabe.graph.state.graph import ReadableGraph
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.identity import NAMESPACE
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import SEVERITIES

#: The kind of the machines that Pods run on.
_MACHINE = "Node"

#: What a group is named by, one text for each dimension; "" for what has none.
GroupName = tuple[str, ...]


def _namespace_of(node: Node, _: ReadableGraph) -> str:
    return node.name if node.kind == NAMESPACE else node.namespace


def _release_of(node: Node, _: ReadableGraph) -> str:
    return f"{node.release_namespace}/{node.release}" if node.release else ""


def _machine_of(node: Node, graph: ReadableGraph) -> str:
    if node.kind == _MACHINE:
        return node.uid
    return min([edge.target for edge in graph.outgoing(node.uid) if edge.type == RUNS_ON], default="")


def _owner_of(node: Node, graph: ReadableGraph) -> str:
    """The uid of the owner at the top; of several owners, the first by uid. A node that owns something and
    has no owner is the top of its group."""
    uid, seen = node.uid, {node.uid}
    while above := [edge.source for edge in graph.incoming(uid) if edge.type == OWNS]:
        uid = min(above)
        if uid in seen:
            return min(seen)
        seen.add(uid)
    if uid != node.uid or any(edge.type == OWNS for edge in graph.outgoing(uid)):
        return uid
    return ""


#: What resources can be grouped by.
DIMENSIONS: Mapping[str, Callable[[Node, ReadableGraph], str]] = MappingProxyType(
    {
        "cluster": lambda node, _: node.cluster,
        "namespace": _namespace_of,
        "release": _release_of,
        "kind": lambda node, _: node.kind,
        "node": _machine_of,
        "owner": _owner_of,
    }
)
#: Those that are read from edges.
_BESIDE = frozenset(("node", "owner"))
#: Most dimensions of one summary.
MOST_DIMENSIONS = 2


class Group:
    """The counts of one group. problems: those whose cause is in it."""

    __slots__ = ("counts", "problems", "total")

    def __init__(self) -> None:
        self.total = self.problems = 0
        self.counts = dict.fromkeys(SEVERITIES, 0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]

    def _values(self) -> tuple[object, ...]:
        return self.total, self.problems, self.counts


class Summary:
    """The groups of some nodes of a graph.

    Call `take` for each node that changed, entered, left, or is among those that `regrouped` names. A node
    costs its own edges and those of its owners.
    """

    def __init__(self, graph: ReadableGraph, by: tuple[str, ...]) -> None:
        self.by = by
        self.groups: dict[GroupName, Group] = {}
        #: Whether an edge may move a node to another group.
        self.follows_edges = not _BESIDE.isdisjoint(by)
        self._graph = graph
        self._dimensions = [DIMENSIONS[name] for name in by]
        #: By uid: the name of its group and its status. Nodes with equal values share one tuple.
        self._places: dict[str, tuple[GroupName, str]] = {}
        self._shared: dict[tuple[GroupName, str], tuple[GroupName, str]] = {}
        self._problems: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, uid: object) -> bool:
        return uid in self._places

    def take(self, uid: str, *, kept: bool) -> tuple[GroupName, ...]:
        """Count the node as it is now, or no more. Returns the groups that this changed."""
        node = self._graph.node(uid) if kept else None
        before = self._places.get(uid)
        after: tuple[GroupName, str] | None = None
        if node is not None:
            after = tuple([of(node, self._graph) for of in self._dimensions]), node.status
        if before == after:
            return ()
        problems = self._problems.get(uid, 0)
        changed: list[GroupName] = []
        if before is not None:
            self._count(before, -1, problems)
            del self._places[uid]
            changed.append(before[0])
        if after is not None:
            self._count(after, 1, problems)
            self._places[uid] = self._shared.setdefault(after, after)
            if after[0] not in changed:
                changed.append(after[0])
        return tuple(changed)

    def set_problems(self, problems: Mapping[str, int]) -> set[GroupName]:
        """How many problems each node is the cause of. Returns the groups that this changed."""
        before, self._problems = self._problems, dict(problems)
        changed = set()
        for uid in before.keys() | problems.keys():
            difference = problems.get(uid, 0) - before.get(uid, 0)
            if difference and uid in self._places:
                name = self._places[uid][0]
                self.groups[name].problems += difference
                changed.add(name)
        return changed

    def document(self, name: GroupName) -> dict[str, Any] | None:
        """A group as a JSON object; None if it is empty."""
        group = self.groups.get(name)
        if group is None:
            return None
        document: dict[str, Any] = {"id": id_of(name)}
        for dimension, value in zip(self.by, name, strict=True):
            self._tell(document, dimension, value)
        document |= {"total": group.total, "problems": group.problems}
        return document | {status.lower(): count for status, count in group.counts.items()}

    def _tell(self, document: dict[str, Any], dimension: str, value: str) -> None:
        if dimension == "release":
            document["releaseNamespace"], _, document["release"] = value.rpartition("/")
        elif dimension in _BESIDE:
            found = self._graph.node(value) if value else None
            document[dimension] = found.name if found is not None else ""
            document[f"{dimension}Uid"] = value
            if dimension == "owner":
                document["ownerKind"] = found.kind if found is not None else ""
                document["ownerNamespace"] = found.namespace if found is not None else ""
        else:
            document[dimension] = value

    def _count(self, place: tuple[GroupName, str], sign: int, problems: int) -> None:
        name, status = place
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = Group()
        group.total += sign
        group.problems += sign * problems
        group.counts[status] += sign
        if not group.counts[status]:
            self._shared.pop(place, None)
        if not group.total:
            del self.groups[name]


def id_of(name: GroupName) -> str:
    """The id of a group, which no other group of the summary has."""
    return "|".join(name)


def regrouped(past: GraphAt, graph: ReadableGraph) -> set[str]:
    """The nodes that a step may have moved to another group because edges changed.

    past: the graph before the step.
    """
    found: set[str] = set()
    owned: list[str] = []
    for type, source, target in past.edges:
        if type == RUNS_ON:
            found.add(source)
        elif type == OWNS:
            found.add(source)
            owned.append(target)
    seen = set(owned)
    while owned:
        uid = owned.pop()
        below = [edge.target for edge in graph.outgoing(uid) if edge.type == OWNS and edge.target not in seen]
        seen.update(below)
        owned += below
    return found | seen


def summarize(
    graph: ReadableGraph, by: tuple[str, ...], uids: Iterable[str], problems: Mapping[str, int] | None = None
) -> Summary:
    """Count all these at once, however long it takes."""
    summary = Summary(graph, by)
    for uid in uids:
        summary.take(uid, kept=True)
    summary.set_problems(problems or {})
    return summary
