"""Counts of nodes and edges, kept up to date as the graph changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from astrolabe.graph.state.batch import Undo
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node


class _UnresolvedReferences(msgspec.Struct, gc=False):
    """The unresolved references in a node's text; each stays undecoded."""

    unresolved: list[msgspec.Raw] = []


_DECODER = msgspec.json.Decoder(_UnresolvedReferences)


#: Nodes counted per step, together with their outgoing edges.
STEP = 100


class GraphStats:
    """Counts of one graph. An update takes time proportional to what changed.

    Call `update` for every batch, after the graph has applied it. `count` takes in what was there before, in
    steps; until it is done, the numbers are too small.
    nodes: by kind and status. clusters: nodes by cluster and status, if they have one. edges: by type.
    unresolved: unresolved references, by the kind of the node that holds them.
    """

    def __init__(self, graph: ServedGraph) -> None:
        self._graph = graph
        #: Nodes that were there before and are not counted yet, and neither are their outgoing edges.
        self._uncounted: dict[str, None] = dict.fromkeys(graph.nodes)
        self.nodes: Counter[tuple[str, str]] = Counter()
        self.clusters: Counter[tuple[str, str]] = Counter()
        self.edges: Counter[str] = Counter()
        self.unresolved: Counter[str] = Counter()

    def count(self) -> Iterator[None]:
        """Count what was there before, in steps. The graph may change between two steps."""
        uncounted, graph = self._uncounted, self._graph
        while uncounted:
            for _ in range(min(STEP, len(uncounted))):
                uid, _ = uncounted.popitem()
                node = graph.nodes.get(uid)
                if node is not None:
                    self._count(node, 1)
                    self.edges.update([edge.type for edge in graph.outgoing(uid)])
            yield

    def update(self, before: Undo) -> None:
        """Follow a batch that the graph has applied. before: what it overwrote."""
        nodes, uncounted = self._graph.nodes, self._uncounted
        for uid, old in before.nodes.items():
            if uid in uncounted:
                continue
            if old is not None:
                self._count(old, -1)
            if (new := nodes.get(uid)) is not None:
                self._count(new, 1)
        for key, edge in before.edges.items():
            if key[1] in uncounted:
                continue
            if edge is not None:
                self.edges[edge.type] -= 1
            if self._graph.edge(key) is not None:
                self.edges[key[0]] += 1

    def _count(self, node: Node, sign: int) -> None:
        self.nodes[node.kind, node.status] += sign
        if node.cluster:
            self.clusters[node.cluster, node.status] += sign
        if node.unresolved:
            self.unresolved[node.kind] += sign * len(_DECODER.decode(node.text).unresolved)
