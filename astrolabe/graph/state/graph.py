"""The graph as it is served: nodes and edges, built by applying batches and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol, TypeVar

from astrolabe.graph.state.batch import Batch, Before, Changes
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
    """A batch does not continue the graph's history; the graph was left as it was."""


class Unapplied(Exception):
    """Something raised in the midst of a batch. What the graph says is what it said before; as it cannot be
    trusted to take any other batch, it is to be made anew (`Renewal`)."""


class State(Protocol):
    """A graph that can be read: `graph.Graph`, `history.Past`."""

    def node(self, uid: str) -> Node | None: ...
    def out(self, uid: str) -> Iterable[Edge]: ...
    def into(self, uid: str) -> Iterable[Edge]: ...


class Known(State, Protocol):
    """A graph that can be read, with its edges by what they are."""

    def edge(self, key: EdgeKey) -> Edge | None: ...


class Graph:
    """Nodes by uid, edges by node, and the place in history that they are at.

    Closed after every batch: no edge without both its ends.
    """

    def __init__(self, epoch: str, seq: int = 0) -> None:
        self.epoch = epoch
        self.seq = seq
        self.nodes: dict[str, Node] = {}
        self.releases: dict[Release, HelmRevision] = {}
        self.edge_count = 0
        self._out: dict[str, Edges] = {}
        self._into: dict[str, Edges] = {}

    def apply(self, batch: Batch) -> Before:
        """Take the next step; returns what it overwrote.

        Raises GapError when the batch is not the next one of this epoch, Unapplied.
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

    def load(self, changes: Changes) -> None:
        """Take in what was there before anyone looked; not a step in history. Raises Unapplied."""
        self._apply(changes)

    def restore(
        self,
        *,
        nodes: Mapping[str, Node] = MappingProxyType({}),
        out: Mapping[str, list[Edge]] = MappingProxyType({}),
        into: Mapping[str, list[Edge]] = MappingProxyType({}),
    ) -> None:
        """Take in a part of a graph that was stored, many times as fast as by batches.

        out, into: by uid, all edges that start or end there; in the end each edge must have been in both.
        """
        self.nodes.update(nodes)
        for uid, edges in out.items():
            self._out[uid] = packed(edges)
            self.edge_count += len(edges)
        for uid, edges in into.items():
            self._into[uid] = packed(edges, into=True)

    def out(self, uid: str) -> Iterable[Edge]:
        """Edges that start at this node."""
        return each_edge(self._out.get(uid, NO_EDGES))

    def into(self, uid: str) -> Iterable[Edge]:
        """Edges that end at this node."""
        return each_edge(self._into.get(uid, NO_EDGES))

    def edge(self, key: EdgeKey) -> Edge | None:
        return find_edge(self._out.get(key[1], NO_EDGES), key)

    def edges(self) -> Iterator[Edge]:
        """All edges, grouped by their source."""
        for edges in self._out.values():
            yield from each_edge(edges)

    def contents(self) -> list[object]:
        """All that it is made of, for who lets go of it bit by bit: at once takes long when it is large."""
        return [*self.nodes.values(), *self._out.values(), *self._into.values()]

    def _apply(self, changes: Changes) -> Before:
        before, edge_count = Before(), self.edge_count
        releases: dict[Release, HelmRevision | None] = {}
        try:
            releases = {release: self.releases.get(release) for release in changes.releases}
            self._take(changes, before)
        except Exception as error:
            self._put_back(before, releases)
            self.edge_count = edge_count
            raise Unapplied from error
        return before

    def _take(self, changes: Changes, before: Before) -> None:
        """before: gets all that is overwritten, each before it is."""
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
        out = self._out.get(edge.source, NO_EDGES)
        into = self._into.get(edge.target, NO_EDGES)
        before = find_edge(out, key)
        overwritten.setdefault(key, before)
        if before is None:
            self.edge_count += 1
        else:
            out, into = without_edge(out, key), without_edge(into, key, into=True)
        self._out[edge.source] = with_new_edge(out, edge)
        self._into[edge.target] = with_new_edge(into, edge, into=True)

    def _remove_edge(self, key: EdgeKey, overwritten: dict[EdgeKey, Edge | None]) -> None:
        out = self._out.get(key[1], NO_EDGES)
        before = find_edge(out, key)
        overwritten.setdefault(key, before)
        if before is not None:
            self.edge_count -= 1
            _store(self._out, key[1], without_edge(out, key))
            _store(self._into, key[2], without_edge(self._into[key[2]], key, into=True))

    def _put_back(self, before: Before, releases: Mapping[Release, HelmRevision | None]) -> None:
        """Undo what was taken, whatever the indices say of it."""
        for uid, node in before.nodes.items():
            _store(self.nodes, uid, node)
        for key, edge in before.edges.items():
            for by_node, uid, into in ((self._out, key[1], False), (self._into, key[2], True)):
                edges = without_edge(by_node.get(uid, NO_EDGES), key, into=into)
                _store(by_node, uid, edges if edge is None else with_new_edge(edges, edge, into=into))
        for release, revision in releases.items():
            _store(self.releases, release, revision)


def _store(values: dict[K, V], key: K, value: V | None) -> None:
    """Nothing, or an empty container, is not kept."""
    if value:
        values[key] = value
    else:
        values.pop(key, None)
