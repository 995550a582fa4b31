"""The graph as it is served: nodes and edges, built by applying batches and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol, TypeVar

from astrolabe.graph.state.batch import Batch, Changes, Undo
from astrolabe.graph.state.edge import (
    NO_EDGES,
    Edge,
    EdgeKey,
    Edges,
    each_edge,
    find_edge,
    packed,
    with_new_edge,
    without_edge,
)
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node

K = TypeVar("K")
V = TypeVar("V")


class GapError(Exception):
    """A batch does not continue the graph's history. The graph is unchanged."""


class ApplyError(Exception):
    """An exception interrupted a batch. The graph shows what it showed before, but it must be rebuilt
    (`Renewal`) before it takes another batch."""


class ReadableGraph(Protocol):
    """A graph as it is or was: implemented by `ServedGraph` and `history.GraphAt`."""

    def node(self, uid: str) -> Node | None: ...
    def outgoing(self, uid: str) -> Iterable[Edge]: ...
    def incoming(self, uid: str) -> Iterable[Edge]: ...
    def edge(self, key: EdgeKey) -> Edge | None: ...


class ServedGraph:
    """Nodes by uid, edges by node, and their position in history.

    After every batch, both ends of each edge exist.
    """

    def __init__(self, epoch: str, seq: int = 0) -> None:
        self.epoch = epoch
        self.seq = seq
        self.nodes: dict[str, Node] = {}
        self.releases: dict[Release, HelmRevision] = {}
        self.edge_count = 0
        self._outgoing: dict[str, Edges] = {}
        self._incoming: dict[str, Edges] = {}

    def apply(self, batch: Batch) -> Undo:
        """Apply the next batch. Returns what it overwrote.

        Raises GapError if the batch is not the next one of this epoch, and ApplyError.
        """
        if batch.epoch != self.epoch or batch.since != self.seq:
            raise GapError(
                f"at {self.epoch}:{self.seq}, the next batch must not be {batch.epoch}:{batch.seq}"
            )
        before = self._apply(batch.changes)
        self.seq = batch.seq
        return before

    def node(self, uid: str) -> Node | None:
        return self.nodes.get(uid)

    def each_node(self) -> Iterator[Node]:
        """All nodes; the graph must not change meanwhile."""
        return iter(self.nodes.values())

    def load(self, changes: Changes) -> None:
        """Load an initial state; this is not a step in history. Raises ApplyError."""
        self._apply(changes)

    def restore(
        self,
        *,
        nodes: Mapping[str, Node] = MappingProxyType({}),
        outgoing: Mapping[str, list[Edge]] = MappingProxyType({}),
        incoming: Mapping[str, list[Edge]] = MappingProxyType({}),
    ) -> None:
        """Load a part of a stored graph, many times as fast as with batches.

        out, into: by uid, all edges that start or end there. In the end, each edge must have been in both.
        """
        self.nodes.update(nodes)
        for uid, edges in outgoing.items():
            self._outgoing[uid] = packed(edges)
            self.edge_count += len(edges)
        for uid, edges in incoming.items():
            self._incoming[uid] = packed(edges, incoming=True)

    def outgoing(self, uid: str) -> Iterable[Edge]:
        """Edges that start at this node."""
        return each_edge(self._outgoing.get(uid, NO_EDGES))

    def incoming(self, uid: str) -> Iterable[Edge]:
        """Edges that end at this node."""
        return each_edge(self._incoming.get(uid, NO_EDGES))

    def edge(self, key: EdgeKey) -> Edge | None:
        return find_edge(self._outgoing.get(key[1], NO_EDGES), key)

    def edges(self) -> Iterator[Edge]:
        """All edges, grouped by their source."""
        for edges in self._outgoing.values():
            yield from each_edge(edges)

    def contents(self) -> list[object]:
        """All its parts, for a caller that frees them in steps, because freeing a large graph takes long."""
        return [*self.nodes.values(), *self._outgoing.values(), *self._incoming.values()]

    def _apply(self, changes: Changes) -> Undo:
        before, edge_count = Undo(), self.edge_count
        releases: dict[Release, HelmRevision | None] = {}
        try:
            if changes.releases:
                releases = {release: self.releases.get(release) for release in changes.releases}
            self._take(changes, before)
        except Exception as error:
            self._put_back(before, releases)
            self.edge_count = edge_count
            raise ApplyError from error
        return before

    def _take(self, changes: Changes, before: Undo) -> None:
        """before: receives each value before it is overwritten."""
        nodes = self.nodes
        for node in changes.nodes_set:
            before.nodes.setdefault(node.uid, nodes.get(node.uid))
            nodes[node.uid] = node
        for edge in changes.edges_set:
            self._set_edge(edge.key, edge, before.edges)
        for key in changes.edges_removed:
            self._remove_edge(key, before.edges)
        for uid in changes.nodes_removed:
            before.nodes.setdefault(uid, nodes.pop(uid, None))
        for release, revision in changes.releases.items():
            _store(self.releases, release, revision)

    def _set_edge(self, key: EdgeKey, edge: Edge, overwritten: dict[EdgeKey, Edge | None]) -> None:
        outgoing = self._outgoing.get(edge.source, NO_EDGES)
        incoming = self._incoming.get(edge.target, NO_EDGES)
        before = find_edge(outgoing, key)
        overwritten.setdefault(key, before)
        if before is None:
            self.edge_count += 1
        else:
            outgoing, incoming = without_edge(outgoing, key), without_edge(incoming, key, incoming=True)
        self._outgoing[edge.source] = with_new_edge(outgoing, edge)
        self._incoming[edge.target] = with_new_edge(incoming, edge, incoming=True)

    def _remove_edge(self, key: EdgeKey, overwritten: dict[EdgeKey, Edge | None]) -> None:
        outgoing = self._outgoing.get(key[1], NO_EDGES)
        before = find_edge(outgoing, key)
        overwritten.setdefault(key, before)
        if before is not None:
            self.edge_count -= 1
            _store(self._outgoing, key[1], without_edge(outgoing, key))
            _store(self._incoming, key[2], without_edge(self._incoming[key[2]], key, incoming=True))

    def _put_back(self, before: Undo, releases: Mapping[Release, HelmRevision | None]) -> None:
        """Undo what was applied, whatever the indices contain."""
        for uid, node in before.nodes.items():
            _store(self.nodes, uid, node)
        for key, edge in before.edges.items():
            for by_node, uid, incoming in ((self._outgoing, key[1], False), (self._incoming, key[2], True)):
                edges = without_edge(by_node.get(uid, NO_EDGES), key, incoming=incoming)
                _store(by_node, uid, edges if edge is None else with_new_edge(edges, edge, incoming=incoming))
        for release, revision in releases.items():
            _store(self.releases, release, revision)


def _store(values: dict[K, V], key: K, value: V | None) -> None:
    """Nothing, or an empty container, is not kept."""
    if value:
        values[key] = value
    else:
        values.pop(key, None)
