"""What a view went through lately, so that one that fell behind gets one merged delta."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge, EdgeKey
from astrolabe.graph.node import Node


class History:
    """The latest deltas of one view.

    start: the seq from which on it is complete. limit: how many changed nodes and edges are kept.
    """

    def __init__(self, start: int, *, limit: int) -> None:
        self.start = start
        self._limit = limit
        self._size = 0
        self._deltas: deque[tuple[int, Changes]] = deque()

    def add(self, seq: int, delta: Changes) -> None:
        """The view's delta of the batch `seq`; the oldest are forgotten beyond the limit."""
        self._deltas.append((seq, delta))
        self._size += _size(delta)
        while self._size > self._limit:
            self.start, forgotten = self._deltas.popleft()
            self._size -= _size(forgotten)

    def since(self, seq: int) -> Changes | None:
        """All that changed after `seq`, merged; None when that is not known any more."""
        if seq < self.start:
            return None
        return merge([delta for at, delta in self._deltas if at > seq])


def merge(deltas: Iterable[Changes]) -> Changes:
    """One delta with the effect of these in order: of each node and edge the latest state."""
    nodes: dict[str, Node | None] = {}
    edges: dict[EdgeKey, Edge | None] = {}
    for delta in deltas:
        nodes.update({node.uid: node for node in delta.nodes_set})
        edges.update({edge.key: edge for edge in delta.edges_set})
        edges.update(dict.fromkeys(delta.edges_removed))
        nodes.update(dict.fromkeys(delta.nodes_removed))
    return Changes(
        nodes_set=[node for node in nodes.values() if node is not None],
        edges_set=[edge for edge in edges.values() if edge is not None],
        edges_removed=[key for key, edge in edges.items() if edge is None],
        nodes_removed=[uid for uid, node in nodes.items() if node is None],
    )


def _size(delta: Changes) -> int:
    return len(delta.nodes_set) + len(delta.edges_set) + len(delta.edges_removed) + len(delta.nodes_removed)
