"""What the graph was lately: enough to tell anyone who was there what has changed since, and no more.

One history serves all filters. It keeps what batches overwrote, so that the graph of an earlier seq can
be read (`GraphAt`) without a copy of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from itertools import islice

from astrolabe.graph.state.batch import Undo
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.graph import Graph, ReadableGraph
from astrolabe.graph.state.node import Node

#: Bytes of an entry beside its node's text, about: what the objects and their places in a dict take.
_ENTRY_BYTES = 300
#: Pasts that are shared, the latest made ones: each may be as large as all that is kept.
MAX_SHARED = 16


class History:
    """The latest steps of one graph.

    start: the seq from which on everything is known.
    changes, size: how many changed nodes and edges, and how many bytes, are kept at most.
    """

    def __init__(self, graph: Graph, *, changes: int, size: int) -> None:
        self.start = graph.seq
        self._graph = graph
        self._limits = (changes, size)
        self._steps: deque[Undo] = deque()
        #: The seqs that the steps start from, and where the last one ended: not all seqs are places here.
        self._positions: deque[int] = deque([graph.seq])
        self._kept = (0, 0)
        self._shared: dict[int, GraphAt] = {}
        self._held: dict[GraphAt, None] = {}

    @property
    def kept(self) -> tuple[int, int]:
        """How many changed nodes and edges, and about how many bytes, are kept."""
        return self._kept

    def add(self, before: Undo) -> None:
        """The graph took its next step, which overwrote this; the oldest is forgotten beyond the limits."""
        self._shared.clear()
        for past in self._held:
            past.extend(before)
        self._steps.append(before)
        self._positions.append(self._graph.seq)
        self._count(before, 1)
        while self._kept[0] > self._limits[0] or self._kept[1] > self._limits[1]:
            self._count(self._steps.popleft(), -1)
            self._positions.popleft()
            self.start = self._positions[0]

    def knows(self, seq: int) -> bool:
        """Whether the graph was at `seq`, and it is known how it was."""
        return self._find(seq) is not None

    def _find(self, seq: int) -> int | None:
        """How many of the steps were before `seq`."""
        if not self.start <= seq <= self._positions[-1]:
            return None
        found = bisect_left(self._positions, seq)
        return found if self._positions[found] == seq else None

    def since(self, seq: int) -> GraphAt | None:
        """The graph as it was at `seq`, or None when that is not known any more (or not yet).

        Valid until the graph changes. Whoever asks for the same seq shares the work.
        """
        found = self._find(seq)
        if found is None:
            return None
        past = self._shared.get(seq)
        if past is None:
            merged = Undo()
            for step in islice(self._steps, found, None):
                merge(merged, step)
            past = self._shared[seq] = GraphAt(self._graph, merged)
            if len(self._shared) > MAX_SHARED:
                del self._shared[next(iter(self._shared))]
        return past

    def steps_since(self, seq: int) -> list[Undo] | None:
        """What each step since `seq` overwrote, in order, for those to whom `since` takes too long at once;
        None as it has it."""
        found = self._find(seq)
        return None if found is None else list(islice(self._steps, found, None))

    def hold(self) -> GraphAt:
        """The graph as it is now, which can be read while it goes on; `let_go` of it in the end.

        Costs what the graph changes meanwhile, whatever the limits.
        """
        past = GraphAt(self._graph, Undo())
        self._held[past] = None
        return past

    def let_go(self, past: GraphAt) -> None:
        """It is not read any more."""
        self._held.pop(past, None)

    def _count(self, before: Undo, sign: int) -> None:
        entries = len(before.nodes) + len(before.edges)
        texts = sum([len(node.text) for node in before.nodes.values() if node is not None])
        changes, size = self._kept
        self._kept = (changes + sign * entries, size + sign * (texts + entries * _ENTRY_BYTES))


class GraphAt:
    """A graph as it was before its latest steps: the present, with what they overwrote put back.

    now: the graph as it is, or as it was when those steps had been taken.
    nodes, edges: what the steps touched, as it was; None where there was nothing.
    """

    def __init__(self, now: ReadableGraph, before: Undo) -> None:
        self._now = now
        self.nodes = before.nodes
        self.edges = before.edges
        #: The edges that were touched, as they were, by source and by target; made when asked for.
        self._ends: tuple[dict[str, list[Edge]], dict[str, list[Edge]]] | None = None

    @property
    def size(self) -> int:
        """How many nodes and edges have changed since."""
        return len(self.nodes) + len(self.edges)

    def extend(self, before: Undo) -> None:
        """The graph took another step, which overwrote this: what was known already was older."""
        for uid, node in before.nodes.items():
            self.nodes.setdefault(uid, node)
        if before.edges:
            for key, edge in before.edges.items():
                self.edges.setdefault(key, edge)
            self._ends = None

    def node(self, uid: str) -> Node | None:
        return self.nodes[uid] if uid in self.nodes else self._now.node(uid)

    def outgoing(self, uid: str) -> list[Edge]:
        """Edges that started at this node."""
        return self._edges(0, uid, self._now.outgoing(uid))

    def incoming(self, uid: str) -> list[Edge]:
        """Edges that ended at this node."""
        return self._edges(1, uid, self._now.incoming(uid))

    def edge(self, key: EdgeKey) -> Edge | None:
        return self.edges[key] if key in self.edges else self._now.edge(key)

    def _edges(self, end: int, uid: str, now: Iterable[Edge]) -> list[Edge]:
        if not self.edges:
            return list(now)
        if self._ends is None:
            self._ends = _by_end(self.edges.values())
        return [*self._ends[end].get(uid, ()), *[edge for edge in now if edge.key not in self.edges]]


def _by_end(edges: Iterable[Edge | None]) -> tuple[dict[str, list[Edge]], dict[str, list[Edge]]]:
    outgoing: dict[str, list[Edge]] = {}
    incoming: dict[str, list[Edge]] = {}
    for edge in edges:
        if edge is not None:
            outgoing.setdefault(edge.source, []).append(edge)
            incoming.setdefault(edge.target, []).append(edge)
    return outgoing, incoming


def merge(before: Undo, step: Undo) -> None:
    """Add what the next step overwrote: what is known already was older, and tells how it was."""
    for uid, node in step.nodes.items():
        before.nodes.setdefault(uid, node)
    for key, edge in step.edges.items():
        before.edges.setdefault(key, edge)
