"""From what is stored to a graph with its history. The decisions are here; `joining` asks Redis for it.

A scan of the hashes races with commits: of what changed meanwhile it holds the state before, after, or one
between. So the log is read after the scan, and every batch in it is undone, the latest first. What a batch
touched is then as it was before the first batch of the log, and the rest is as it always was: the graph at
the start of the log, exactly. Applying the log to it gives the graph as it is now, and fills the history on
the way, so that clients that were connected before resume here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from astrolabe.bus.redis.changes import in_chunks
from astrolabe.bus.redis.codec import Decoder, LogEntry, UndoRecord
from astrolabe.bus.redis.errors import CorruptData
from astrolabe.bus.redis.store import StoredPosition
from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge
from astrolabe.graph.graph import Graph
from astrolabe.graph.node import Node

#: Nodes, edges or releases that are taken into a graph in one slice of time.
ITEMS_PER_SLICE = 500


class StoredGraph:
    """What was scanned. It is read as it comes: Redis meanwhile looks for more."""

    def __init__(self, decoder: Decoder) -> None:
        self.releases: dict[bytes, bytes] = {}
        self._decoder = decoder
        self._nodes: dict[str, Node] = {}
        self._edges: dict[bytes, Edge] = {}
        self._uids: dict[str, str] = {}

    def add_nodes(self, page: Mapping[bytes, bytes]) -> None:
        """Raises CorruptData."""
        for uid, node in self._decoder.nodes(page):
            self._nodes[uid] = node
            self._uids[uid] = uid

    def add_edges(self, page: Mapping[bytes, bytes]) -> None:
        """To come after the nodes. Raises CorruptData."""
        self._edges.update(zip(page, self._decoder.edges(page, self._uids), strict=True))

    def undo(self, undo: UndoRecord) -> None:
        """Raises CorruptData."""
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

    def restore_into(self, graph: Graph) -> Iterator[None]:
        """Take all of it into an empty graph, one slice at each step. Raises CorruptData."""
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
            graph.restore(out=self._known(some))
            yield
        for some in in_chunks(into.items(), ITEMS_PER_SLICE):
            graph.restore(into=self._known(some))
            yield
        for found in in_chunks(self.releases.items(), ITEMS_PER_SLICE):
            releases = [(_as_text(id), _as_text(value)) for id, value in found]
            graph.load(Changes(releases=dict(self._decoder.releases(releases))))
            yield

    def _known(self, edges: Iterable[tuple[str, list[Edge]]]) -> dict[str, list[Edge]]:
        """Edges by the node at one end. Raises CorruptData when there is no such node."""
        known = dict(edges)
        for uid in known:
            if uid not in self._nodes:
                raise CorruptData(f"node {uid!r} has edges and is missing")
        return known


def history(log: Iterable[LogEntry], noted: StoredPosition, now: StoredPosition) -> list[LogEntry] | None:
    """The batches that lead up to what was scanned and beyond, without a gap.

    log: read after the scan. noted, now: the position before the scan, and after the log was read.
    None: the scan is worth nothing, for part of what happened meanwhile is not in the log.
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
    """What is no text is found out by who reads it."""
    return stored.decode(errors="surrogateescape")
