"""A filter's part of the graph, followed batch by batch: who enters, who leaves, which edges come along.

Membership may depend on neighbours: a cluster-scoped node belongs to a namespace by its edges, and a
release takes along what its nodes use. Both are kept incrementally.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge, EdgeKey, leads
from astrolabe.graph.facts import NAMESPACE
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.links import (
    BINDS,
    ENDPOINTS,
    MOUNTS,
    USES_CLASS,
    USES_CONFIGMAP,
    USES_SECRET,
    USES_SERVICE_ACCOUNT,
)
from astrolabe.graph.node import Node
from astrolabe.graph.reach import Reach

#: The edges along which a release takes along nodes that have no release of their own.
ATTACHMENT_TYPES = frozenset(
    (MOUNTS, BINDS, ENDPOINTS, USES_CONFIGMAP, USES_SECRET, USES_SERVICE_ACCOUNT, USES_CLASS)
)


class _Attachments:
    """Implements `reach.Terrain` over uids: from the nodes of the releases along attachment edges."""

    def __init__(self, graph: Graph, filter: Filter) -> None:
        self._graph = graph
        self._filter = filter

    def is_root(self, item: str) -> bool:
        node = self._graph.nodes.get(item)
        if node is None or not node.release or node.release not in self._filter.release:
            return False
        return not self._filter.namespace or node.release_namespace in self._filter.namespace

    def admits(self, item: str) -> bool:
        node = self._graph.nodes.get(item)
        return node is not None and not node.release

    def successors(self, item: str) -> Iterable[str]:
        return [edge.target for edge in self._graph.out(item) if edge.type in ATTACHMENT_TYPES]

    def predecessors(self, item: str) -> Iterable[str]:
        return [edge.source for edge in self._graph.into(item) if edge.type in ATTACHMENT_TYPES]


class View:
    """The nodes that a filter keeps, and the edges between them.

    Must be told of every batch, after the graph has applied it (`update`).
    """

    def __init__(self, graph: Graph, filter: Filter) -> None:
        self.filter = filter
        self._graph = graph
        self._reach: Reach[str] | None = None
        if filter.release:
            self._reach = Reach(_Attachments(graph, filter))
            self._reach.update(graph.nodes)
        self._members = {uid for uid in self._candidates() if self._keeps(uid)} if filter else set()

    def __contains__(self, uid: str) -> bool:
        return uid in self._members if self.filter else uid in self._graph.nodes

    def __len__(self) -> int:
        return len(self._members) if self.filter else len(self._graph.nodes)

    def nodes(self) -> Iterator[Node]:
        nodes = self._graph.nodes
        return iter([nodes[uid] for uid in self._members]) if self.filter else iter(nodes.values())

    def edges(self) -> Iterator[Edge]:
        """The edges of which both ends are kept."""
        if not self.filter:
            yield from self._graph.edges()
            return
        members = self._members
        for uid in members:
            for edge in self._graph.out(uid):
                if edge.target in members:
                    yield edge

    def update(self, changes: Changes) -> Changes:
        """The batch as this view sees it; empty when it concerns none of its nodes."""
        if not self.filter:
            return changes
        affected = self._affected(changes)
        entered = {uid for uid in affected if uid not in self._members and self._keeps(uid)}
        left = {uid for uid in affected if uid in self._members and not self._keeps(uid)}
        stayed = [node for node in changes.nodes_set if node.uid in self._members and node.uid not in left]
        edges_removed = self._edges_removed(changes, left)
        self._members -= left
        self._members |= entered
        return Changes(
            nodes_set=[*[self._graph.nodes[uid] for uid in entered], *stayed],
            edges_set=list(self._edges_set(changes, entered).values()),
            edges_removed=edges_removed,
            nodes_removed=list(left),
        )

    def _candidates(self) -> Iterable[str]:
        return self._reach if self._reach is not None else self._graph.nodes

    def _keeps(self, uid: str) -> bool:
        node = self._graph.nodes.get(uid)
        if node is None or not self.filter.passes(node):
            return False
        if self._reach is not None and uid not in self._reach:
            return False
        return not self.filter.namespace or self._in_namespace(node)

    def _in_namespace(self, node: Node) -> bool:
        namespaces = self.filter.namespace
        if node.namespace:
            return node.namespace in namespaces
        if node.kind == NAMESPACE:
            return node.name in namespaces
        nodes = self._graph.nodes
        for edge in self._graph.into(node.uid):
            if nodes[edge.source].namespace in namespaces:
                return True
        return any(nodes[edge.target].namespace in namespaces for edge in self._graph.out(node.uid))

    def _affected(self, changes: Changes) -> set[str]:
        """Nodes whose membership this batch may have changed."""
        affected = {node.uid for node in changes.nodes_set}
        affected.update(changes.nodes_removed)
        if self.filter.namespace:
            for edge in changes.edges_set:
                affected.update((edge.source, edge.target))
            for _, source, target in changes.edges_removed:
                affected.update((source, target))
        if self._reach is not None:
            affected |= self._follow(self._reach, changes, affected)
        return affected

    def _follow(self, reach: Reach[str], changes: Changes, touched: set[str]) -> set[str]:
        targets = [edge.target for edge in changes.edges_set if edge.type in ATTACHMENT_TYPES]
        cut = [
            (source, target)
            for kind, source, target in changes.edges_removed
            if kind in ATTACHMENT_TYPES and not leads(self._graph.out(source), target, ATTACHMENT_TYPES)
        ]
        return reach.update([*touched, *targets], cut=cut)

    def _edges_set(self, changes: Changes, entered: set[str]) -> dict[EdgeKey, Edge]:
        """What the client does not hold as it is: changed edges, and all of those who entered."""
        members = self._members
        found = {e.key: e for e in changes.edges_set if e.source in members and e.target in members}
        return found | self._within(entered)

    def _edges_removed(self, changes: Changes, left: set[str]) -> list[EdgeKey]:
        """What the client held: edges between former members that are gone, or of which an end left."""
        members = self._members
        gone = {key for key in changes.edges_removed if key[1] in members and key[2] in members}
        return list(gone | self._within(left).keys())

    def _within(self, uids: set[str]) -> dict[EdgeKey, Edge]:
        """The edges of these nodes of which both ends are members."""
        members = self._members
        edges = [edge for uid in uids for edge in (*self._graph.out(uid), *self._graph.into(uid))]
        return {edge.key: edge for edge in edges if edge.source in members and edge.target in members}
