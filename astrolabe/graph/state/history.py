"""The recent past of the graph: enough to say what has changed since an earlier position.

One history serves all filters. It keeps what batches overwrote, so that the graph at an earlier seq can
be read (`GraphAt`) without a copy.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from itertools import islice

from astrolabe.graph.state.batch import Undo
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.graph import ReadableGraph, ServedGraph
from astrolabe.graph.state.node import Node

#: About how many bytes an entry takes besides its node's text: objects and dict entries.
_ENTRY_BYTES = 300
#: How many of the latest `GraphAt` are shared: each may be as large as the whole history.
MAX_SHARED = 16


class History:
    """The latest steps of one graph.

    start: the first seq that is covered. first: the first that clients may come back from.
    changes, size: the limits, in changed nodes and edges, and in bytes.
    """

    def __init__(self, graph: ServedGraph, *, changes: int, size: int) -> None:
        self.start = self.first = graph.seq
        self._graph = graph
        self._limits = (changes, size)
        self._steps: deque[Undo] = deque()
        #: The seqs that the steps start from, and the seq at which the last one ended. Some seqs are skipped.
        self._positions: deque[int] = deque([graph.seq])
        self._kept = (0, 0)
        self._shared: dict[int, GraphAt] = {}
        self._held: dict[GraphAt, None] = {}

    @property
    def kept(self) -> tuple[int, int]:
        """How many changed nodes and edges, and about how many bytes, are kept."""
        return self._kept

    def add(self, before: Undo) -> None:
        """Add what the graph's latest batch overwrote. Drops the oldest steps beyond the limits."""
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
        """Whether the graph was at `seq` and the history still covers it."""
        return self._find(seq) is not None

    def resumes(self, seq: int) -> bool:
        """Whether a client may come back that holds the graph as it was at `seq`."""
        return seq >= self.first and self.knows(seq)

    def begin_here(self) -> None:
        """Let no client resume from an earlier seq. Readers of an earlier graph may finish."""
        self.first = self._graph.seq

    def _find(self, seq: int) -> int | None:
        """How many of the steps were before `seq`."""
        if not self.start <= seq <= self._positions[-1]:
            return None
        found = bisect_left(self._positions, seq)
        return found if self._positions[found] == seq else None

    def since(self, seq: int) -> GraphAt | None:
        """The graph as it was at `seq`, or None if the history does not cover it.

        Valid until the graph changes. Callers that ask for the same seq share the work.
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
        """What each step since `seq` overwrote, in order, for callers that work in slices.

        None if the history does not cover `seq`.
        """
        found = self._find(seq)
        return None if found is None else list(islice(self._steps, found, None))

    def hold(self) -> GraphAt:
        """The graph as it is now, to be read while the graph moves on. Call `let_go` in the end.

        It stores whatever the graph changes meanwhile, beyond the limits.
        """
        past = GraphAt(self._graph, Undo())
        self._held[past] = None
        return past

    def let_go(self, past: GraphAt) -> None:
        """Stop keeping it."""
        self._held.pop(past, None)

    def _count(self, before: Undo, sign: int) -> None:
        entries = len(before.nodes) + len(before.edges)
        texts = sum([len(node.text) for node in before.nodes.values() if node is not None])
        changes, size = self._kept
        self._kept = (changes + sign * entries, size + sign * (texts + entries * _ENTRY_BYTES))


class GraphAt:
    """A graph as it was before its latest steps: the present, with the overwritten values put back.

    now: the graph as it is, or as it was after those steps.
    nodes, edges: what the steps changed, as it was before; None if there was nothing.
    """

    def __init__(self, now: ReadableGraph, before: Undo) -> None:
        self._now = now
        self.nodes = before.nodes
        self.edges = before.edges
        #: The changed edges as they were, by source and by target; built on demand.
        self._ends: tuple[dict[str, list[Edge]], dict[str, list[Edge]]] | None = None

    @property
    def size(self) -> int:
        """How many nodes and edges have changed since."""
        return len(self.nodes) + len(self.edges)

    def extend(self, before: Undo) -> None:
        """Add what another step overwrote. Values that are here already are older and stay."""
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
    """Add what the next step overwrote. Values that are here already are older and stay."""
    for uid, node in step.nodes.items():
        before.nodes.setdefault(uid, node)
    for key, edge in step.edges.items():
        before.edges.setdefault(key, edge)
