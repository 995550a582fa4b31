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

from astrolabe.bus.redis.codec import Decoder, Entry, Undo
from astrolabe.bus.redis.errors import Damaged
from astrolabe.bus.redis.pieces import in_pieces
from astrolabe.bus.redis.store import Position
from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge
from astrolabe.graph.graph import Graph
from astrolabe.graph.node import Node

#: Nodes, edges or releases that are taken into a graph in one slice of time.
SLICE = 500


class Stored:
    """What was scanned. It is read as it comes: Redis meanwhile looks for more."""

    def __init__(self, decoder: Decoder) -> None:
        self.releases: dict[bytes, bytes] = {}
        self._decoder = decoder
        self._nodes: dict[str, Node] = {}
        self._edges: dict[bytes, Edge] = {}
        self._uids: dict[str, str] = {}

    def take_nodes(self, piece: Mapping[bytes, bytes]) -> None:
        """Raises Damaged."""
        for uid, node in self._decoder.nodes(piece):
            self._nodes[uid] = node
            self._uids[uid] = uid

    def take_edges(self, piece: Mapping[bytes, bytes]) -> None:
        """To come after the nodes. Raises Damaged."""
        self._edges.update(zip(piece, self._decoder.edges(piece, self._uids), strict=True))

    def undo(self, undo: Undo) -> None:
        """Raises Damaged."""
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

    def fill(self, graph: Graph) -> Iterator[None]:
        """Take all of it into an empty graph, one slice at each step. Raises Damaged."""
        for nodes in in_pieces(self._nodes.items(), SLICE):
            graph.restore(nodes=dict(nodes))
            yield
        out: defaultdict[str, list[Edge]] = defaultdict(list)
        into: defaultdict[str, list[Edge]] = defaultdict(list)
        for edges in in_pieces(self._edges.values(), SLICE):
            for edge in edges:
                out[edge.source].append(edge)
                into[edge.target].append(edge)
            yield
        for some in in_pieces(out.items(), SLICE):
            graph.restore(out=self._known(some))
            yield
        for some in in_pieces(into.items(), SLICE):
            graph.restore(into=self._known(some))
            yield
        for found in in_pieces(self.releases.items(), SLICE):
            releases = [(_as_text(id), _as_text(value)) for id, value in found]
            graph.load(Changes(releases=dict(self._decoder.releases(releases))))
            yield

    def _known(self, edges: Iterable[tuple[str, list[Edge]]]) -> dict[str, list[Edge]]:
        """Edges by the node at one end. Raises Damaged when there is no such node."""
        known = dict(edges)
        for uid in known:
            if uid not in self._nodes:
                raise Damaged(f"node {uid!r} has edges and is missing")
        return known


def history(log: Iterable[Entry], noted: Position, now: Position) -> list[Entry] | None:
    """The batches that lead up to what was scanned and beyond, without a gap.

    log: read after the scan. noted, now: the position before the scan, and after the log was read.
    None: the scan is worth nothing, for part of what happened meanwhile is not in the log.
    """
    if now.epoch != noted.epoch or now.seq < noted.seq:
        return None
    unbroken: list[Entry] = []
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
