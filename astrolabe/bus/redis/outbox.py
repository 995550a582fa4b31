"""What a leader has not stored in Redis yet, and how much of the log to keep."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeVar

from astrolabe.bus.redis.changes import CHUNK_ITEMS, Named, in_chunks, size, split_ordered
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node
from astrolabe.settings import Limits

K = TypeVar("K", str, EdgeKey)
V = TypeVar("V")


class Outbox:
    """The latest state of everything that changed, and its state before the first change.

    What was created and deleted meanwhile leaves no trace, so the outbox never exceeds the size of the old
    and the new graph. Pinned changes stay, because Redis may have stored them.

    time: when the changes of a single batch arrived, in Unix milliseconds; 0 if there are several batches.
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

    def add(self, changes: Changes, graph: ServedGraph, *, time: int) -> None:
        """Add changes that the graph is about to apply. time: when they arrived, in Unix milliseconds."""
        self.time = 0 if self._batches else time
        self._batches += 1
        for node in changes.nodes_set:
            self._nodes[node.uid] = (self._node_before(node.uid, graph), node)
        for edge in changes.edges_set:
            self._edges[edge.key] = (self._edge_before(edge.key, graph), edge)
        for key in changes.edges_removed:
            self._add_removal(self._edges, key, self._edge_before(key, graph))
        for uid in changes.nodes_removed:
            self._add_removal(self._nodes, uid, self._node_before(uid, graph))
        for release, revision in changes.releases.items():
            known = self._releases.get(release)
            self._releases[release] = (known[0] if known else graph.releases.get(release), revision)

    def pin(self, changes: Changes) -> None:
        """Keep these changes, because Redis may have stored them."""
        self._pinned.update([node.uid for node in changes.nodes_set], changes.nodes_removed)
        self._pinned.update([edge.key for edge in changes.edges_set], changes.edges_removed)

    def _add_removal(self, known: dict[K, tuple[V | None, V | None]], key: K, before: V | None) -> None:
        """Note a removal. Forget it if the object did not exist before, either."""
        if before is None and key not in self._pinned:
            known.pop(key, None)
        else:
            known[key] = (before, None)

    def _node_before(self, uid: str, graph: ServedGraph) -> Node | None:
        known = self._nodes.get(uid)
        return known[0] if known is not None else graph.nodes.get(uid)

    def _edge_before(self, key: EdgeKey, graph: ServedGraph) -> Edge | None:
        known = self._edges.get(key)
        return known[0] if known is not None else graph.edge(key)

    def chunks(self) -> Iterator[Changes]:
        """All changes in chunks, as `split` makes them. Nothing may be added meanwhile."""
        releases = {release: after for release, (_, after) in self._releases.items()}
        return split_ordered(releases, self._in_order())

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
        """All objects that it holds, for `timeslice.free_in_steps`."""
        nodes, edges = self._nodes, self._edges
        return [*nodes.values(), *edges.values(), *edges, *self._pinned]

    def before(self) -> Iterator[Changes]:
        """The previous state of everything that changed, in chunks. It is not a closed graph."""
        for nodes in in_chunks(self._nodes.values(), CHUNK_ITEMS):
            yield Changes(nodes_set=[before for before, _ in nodes if before is not None])
        for edges in in_chunks(self._edges.values(), CHUNK_ITEMS):
            yield Changes(edges_set=[before for before, _ in edges if before is not None])
        yield Changes(releases={release: before for release, (before, _) in self._releases.items()})


#: Bytes of a change besides its node's text, roughly: ids, undo record, and the entry itself.
_CHANGE_BYTES = 300


class LogRetention:
    """The sizes of the batches in the log, as far as this process has seen them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = (limits.history_changes, limits.history_bytes)
        self._batches: deque[tuple[int, int, int]] = deque()
        self._totals = (0, 0)

    def add(self, batch: Batch) -> None:
        """Note that a batch was logged."""
        changes = size(batch.changes)
        texts = sum([len(node.text) for node in batch.changes.nodes_set])
        self._batches.append((batch.seq, changes, texts + changes * _CHANGE_BYTES))
        self._count(self._batches[-1], 1)

    def trim(self) -> int | None:
        """The seq of the first batch to keep; None to keep all."""
        if not self._is_too_much():
            return None
        while self._is_too_much() and len(self._batches) > 1:
            self._count(self._batches.popleft(), -1)
        return self._batches[0][0]

    def clear(self) -> None:
        """Note that the log was deleted."""
        self._batches.clear()
        self._totals = (0, 0)

    def _is_too_much(self) -> bool:
        return self._totals[0] > self._limits[0] or self._totals[1] > self._limits[1]

    def _count(self, batch: tuple[int, int, int], sign: int) -> None:
        self._totals = (self._totals[0] + sign * batch[1], self._totals[1] + sign * batch[2])
