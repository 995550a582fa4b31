"""Restores a graph and its history from stored data. The decisions are here; `bootstrap` queries Redis.

A scan of the hashes races with commits: for each changed value, it sees the old one, the new one, or one
between. So the log is read after the scan, and all its batches are undone, the latest first. Every value that
a batch changed is then as it was before the first batch of the log, and all others never changed. The result
is exactly the graph at the start of the log. Applying the log gives the current graph, and fills the history
on the way, so that clients of other replicas can resume here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from astrolabe.bus.redis.changes import in_chunks
from astrolabe.bus.redis.codec import Decoder, LogEntry, UndoRecord
from astrolabe.bus.redis.errors import CorruptData
from astrolabe.bus.redis.store import StoredPosition
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node

#: Nodes, edges or releases to add to a graph in one time slice.
ITEMS_PER_SLICE = 500


class StoredGraph:
    """The scanned data. Each page is decoded while Redis fetches the next one."""

    def __init__(self, decoder: Decoder) -> None:
        self.releases: dict[bytes, bytes] = {}
        self._decoder = decoder
        self._nodes: dict[str, Node] = {}
        self._edges: dict[bytes, Edge] = {}
        self._uids: dict[str, str] = {}

    def add_nodes(self, page: Mapping[bytes, bytes]) -> None:
        """Decode and add a page of nodes. Raises CorruptData."""
        for uid, node in self._decoder.nodes(page):
            self._nodes[uid] = node
            self._uids[uid] = uid

    def add_edges(self, page: Mapping[bytes, bytes]) -> None:
        """Decode and add a page of edges, after all nodes. Raises CorruptData."""
        self._edges.update(zip(page, self._decoder.edges(page, self._uids), strict=True))

    def undo(self, undo: UndoRecord) -> None:
        """Revert one batch. Raises CorruptData."""
        for uid, text in undo.nodes.items():
            if text is None:
                self._nodes.pop(uid, None)
            else:
                self._nodes[uid] = self._decoder.node(text)
        for id, value in undo.edges.items():
            if value is None:
                self._edges.pop(id.encode(), None)
            else:
                self._edges[id.encode()] = self._decoder.edge(id, value)
        for id, value in undo.releases.items():
            if value is None:
                self.releases.pop(id.encode(), None)
            else:
                self.releases[id.encode()] = value.encode()

    def restore_into(self, graph: ServedGraph) -> Iterator[None]:
        """Add everything to an empty graph, one time slice per step. Raises CorruptData."""
        for nodes in in_chunks(self._nodes.items(), ITEMS_PER_SLICE):
            graph.restore(nodes=dict(nodes))
            yield
        out: defaultdict[str, list[Edge]] = defaultdict(list)
        into: defaultdict[str, list[Edge]] = defaultdict(list)
        for edges in in_chunks(self._edges.values(), ITEMS_PER_SLICE):
            for edge in edges:
                out[edge.source].append(edge)
                into[edge.target].append(edge)
            yield
        for some in in_chunks(out.items(), ITEMS_PER_SLICE):
            graph.restore(outgoing=self._known(some))
            yield
        for some in in_chunks(into.items(), ITEMS_PER_SLICE):
            graph.restore(incoming=self._known(some))
            yield
        for found in in_chunks(self.releases.items(), ITEMS_PER_SLICE):
            releases = [(_as_text(id), _as_text(value)) for id, value in found]
            graph.load(Changes(releases=dict(self._decoder.releases(releases))))
            yield

    def _known(self, edges: Iterable[tuple[str, list[Edge]]]) -> dict[str, list[Edge]]:
        """Edges by the node at one end. Raises CorruptData if that node does not exist."""
        known = dict(edges)
        for uid in known:
            if uid not in self._nodes:
                raise CorruptData(f"node {uid!r} is missing but has edges")
        return known


def history(log: Iterable[LogEntry], noted: StoredPosition, now: StoredPosition) -> list[LogEntry] | None:
    """The contiguous batches of the log that cover the time of the scan.

    log: read after the scan. noted, now: the positions before the scan and after the log was read.
    Returns None if the scan is useless, because the log does not contain everything that happened meanwhile.
    """
    if now.epoch != noted.epoch or now.seq < noted.seq:
        return None
    unbroken: list[LogEntry] = []
    for entry in log:
        if entry.epoch != noted.epoch or (unbroken and entry.since != unbroken[-1].seq):
            unbroken = []
        if entry.epoch == noted.epoch:
            unbroken.append(entry)
    if unbroken and unbroken[0].since <= noted.seq <= unbroken[-1].seq:
        return unbroken
    return [] if now.seq == noted.seq else None


def _as_text(stored: bytes) -> str:
    """Decode bytes that may not be valid UTF-8. The reader of the text detects that."""
    return stored.decode(errors="surrogateescape")
