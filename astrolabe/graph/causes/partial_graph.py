"""The part of the graph that a filter shows. Causes that are looked for in it know nothing else.

A graph of its own kind: the causes read it as they read the served graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.node import Node

#: Nodes or edges taken in per step.
STEP = 500


class PartialGraph:
    """Implements `state.graph.ReadableGraph` for these nodes and the edges between them."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self._outgoing: dict[str, list[Edge]] = {}
        self._incoming: dict[str, list[Edge]] = {}

    def fill(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[None]:
        """Take them in, in steps."""
        for start in range(0, len(nodes), STEP):
            self.nodes.update([(node.uid, node) for node in nodes[start : start + STEP]])
            yield
        for start in range(0, len(edges), STEP):
            for edge in edges[start : start + STEP]:
                self._outgoing.setdefault(edge.source, []).append(edge)
                self._incoming.setdefault(edge.target, []).append(edge)
            yield

    def node(self, uid: str) -> Node | None:
        return self.nodes.get(uid)

    def outgoing(self, uid: str) -> Iterable[Edge]:
        return self._outgoing.get(uid, ())

    def incoming(self, uid: str) -> Iterable[Edge]:
        return self._incoming.get(uid, ())

    def edge(self, key: EdgeKey) -> Edge | None:
        return next((edge for edge in self.outgoing(key[1]) if edge.key == key), None)
