"""How many nodes and edges of which sort there are, kept as the graph changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from astrolabe.graph.state.batch import Undo
from astrolabe.graph.state.graph import Graph
from astrolabe.graph.state.node import Node


class _UnresolvedReferences(msgspec.Struct, gc=False):
    """Of a node's text the references that lead nowhere; each stays as it is."""

    unresolved: list[msgspec.Raw] = []


_DECODER = msgspec.json.Decoder(_UnresolvedReferences)


#: Nodes that are counted in one step, with the edges that start at them.
STEP = 100


class GraphStats:
    """Counts of one graph; a change costs what it changed.

    Must be told of every batch, after the graph has applied it (`update`). What was there before is counted
    in steps (`count`); until that is done the numbers are too small.
    nodes: by kind and status. edges: by type. unresolved: references that lead nowhere, by the kind of the
        node that holds them.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        #: Nodes that were there before, and are not counted yet, nor the edges that start at them.
        self._uncounted: dict[str, None] = dict.fromkeys(graph.nodes)
        self.nodes: Counter[tuple[str, str]] = Counter()
        self.edges: Counter[str] = Counter()
        self.unresolved: Counter[str] = Counter()

    def count(self) -> Iterator[None]:
        """Take in what was there, in steps between which the graph may change."""
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
        """The graph took its next step, which overwrote this."""
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
        if node.unresolved:
            self.unresolved[node.kind] += sign * len(_DECODER.decode(node.text).unresolved)
