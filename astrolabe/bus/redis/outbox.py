"""What a leader could not share yet, merged; and changes cut into pieces that Redis takes quickly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from astrolabe.bus.redis.changes import CHUNK_ITEMS, Named, _split, in_chunks
from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge, EdgeKey
from astrolabe.graph.facts import HelmRevision, Release
from astrolabe.graph.graph import Graph
from astrolabe.graph.node import Node

K = TypeVar("K", str, EdgeKey)
V = TypeVar("V")


class Outbox:
    """The latest state of all that changed, and what it was before the first change.

    What came and went meanwhile leaves no trace, so it is never larger than what was there and what is;
    unless it was pinned, because Redis may have been told of it.

    time: when the changes of the one batch that is in here were taken in, in Unix milliseconds; 0 once there
        are several, of which no one time is true.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[Node | None, Node | None]] = {}
        self._edges: dict[EdgeKey, tuple[Edge | None, Edge | None]] = {}
        self._releases: dict[Release, tuple[HelmRevision | None, HelmRevision | None]] = {}
        self._pinned: set[str | EdgeKey] = set()
        self.time = 0
        self._batches = 0

    def __len__(self) -> int:
        return len(self._nodes) + len(self._edges) + len(self._releases)

    def add(self, changes: Changes, graph: Graph, *, time: int) -> None:
        """Changes that the graph is about to apply. time: when they were taken in, Unix milliseconds."""
        self.time = 0 if self._batches else time
        self._batches += 1
        for node in changes.nodes_set:
            self._nodes[node.uid] = (self._node_before(node.uid, graph), node)
        for edge in changes.edges_set:
            self._edges[edge.key] = (self._edge_before(edge.key, graph), edge)
        for key in changes.edges_removed:
            self._settle(self._edges, key, self._edge_before(key, graph))
        for uid in changes.nodes_removed:
            self._settle(self._nodes, uid, self._node_before(uid, graph))
        for release, revision in changes.releases.items():
            known = self._releases.get(release)
            self._releases[release] = (known[0] if known else graph.releases.get(release), revision)

    def pin(self, changes: Changes) -> None:
        """Redis may know these, of what is in here."""
        self._pinned.update([node.uid for node in changes.nodes_set], changes.nodes_removed)
        self._pinned.update([edge.key for edge in changes.edges_set], changes.edges_removed)

    def _settle(self, known: dict[K, tuple[V | None, V | None]], key: K, before: V | None) -> None:
        """It is gone; what was not there before either is forgotten."""
        if before is None and key not in self._pinned:
            known.pop(key, None)
        else:
            known[key] = (before, None)

    def _node_before(self, uid: str, graph: Graph) -> Node | None:
        known = self._nodes.get(uid)
        return known[0] if known is not None else graph.nodes.get(uid)

    def _edge_before(self, key: EdgeKey, graph: Graph) -> Edge | None:
        known = self._edges.get(key)
        return known[0] if known is not None else graph.edge(key)

    def chunks(self) -> Iterator[Changes]:
        """From what was to what is, as `split` does it. Nothing may be added meanwhile."""
        releases = {release: after for release, (_, after) in self._releases.items()}
        return _split(releases, self._in_order())

    def _in_order(self) -> Iterator[Named]:
        nodes, edges = self._nodes, self._edges
        gone: list[Named] = []
        for uid, (_, node) in nodes.items():
            if node is not None:
                yield "nodes_set", node
            else:
                gone.append(("nodes_removed", uid))
        without: list[Named] = []
        for key, (_, edge) in edges.items():
            if edge is not None:
                yield "edges_set", edge
            else:
                without.append(("edges_removed", key))
        yield from without
        yield from gone

    def contents(self) -> list[object]:
        """All that it is made of, for `pieces.let_go`."""
        nodes, edges = self._nodes, self._edges
        return [*nodes.values(), *edges.values(), *edges, *self._pinned]

    def before(self) -> Iterator[Changes]:
        """What was there of all that changed, in pieces; no graph that could be served."""
        for nodes in in_chunks(self._nodes.values(), CHUNK_ITEMS):
            yield Changes(nodes_set=[before for before, _ in nodes if before is not None])
        for edges in in_chunks(self._edges.values(), CHUNK_ITEMS):
            yield Changes(edges_set=[before for before, _ in edges if before is not None])
        yield Changes(releases={release: before for release, (before, _) in self._releases.items()})
