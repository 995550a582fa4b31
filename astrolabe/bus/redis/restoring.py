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
from itertools import islice
from typing import TypeVar

from astrolabe.bus.redis.codec import Decoder, Entry, Undo
from astrolabe.bus.redis.store import Position
from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge
from astrolabe.graph.graph import Graph
from astrolabe.graph.node import Node

K = TypeVar("K")
V = TypeVar("V")

#: Nodes or edges that are taken into a graph in one slice of time.
SLICE = 500


class Stored:
    """What was scanned. Nodes are read as they come, for Redis meanwhile looks for more; edges once all
    nodes are there."""

    def __init__(self, decoder: Decoder) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[bytes, bytes] = {}
        self.releases: dict[bytes, bytes] = {}
        self._decoder = decoder

    def take_nodes(self, piece: Mapping[bytes, bytes]) -> None:
        """Raises Damaged."""
        self.nodes.update(self._decoder.nodes(piece))

    def undo(self, undo: Undo) -> None:
        """Raises Damaged."""
        for uid, text in undo.nodes.items():
            if text is None:
                self.nodes.pop(uid, None)
            else:
                self.nodes[uid] = self._decoder.node(text)
        _restore(self.edges, undo.edges)
        _restore(self.releases, undo.releases)


def _restore(stored: dict[bytes, bytes], before: dict[str, str | None]) -> None:
    for key, text in before.items():
        if text is None:
            stored.pop(key.encode(), None)
        else:
            stored[key.encode()] = text.encode()


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


def build(graph: Graph, stored: Stored, decoder: Decoder) -> Iterator[None]:
    """Take all that is stored into the empty graph, one slice at each step. Raises Damaged."""
    graph.restore(nodes=stored.nodes)
    out: defaultdict[str, list[Edge]] = defaultdict(list)
    into: defaultdict[str, list[Edge]] = defaultdict(list)
    for edges in _slices(stored.edges):
        for edge in decoder.edges(dict(edges), stored.nodes):
            out[edge.source].append(edge)
            into[edge.target].append(edge)
        yield
    for start in _slices(out):
        graph.restore(out=dict(start))
        yield
    for end in _slices(into):
        graph.restore(into=dict(end))
        yield
    releases = [(id.decode(), value.decode()) for id, value in stored.releases.items()]
    graph.load(Changes(releases=dict(decoder.releases(releases))))


def _slices(items: Mapping[K, V]) -> Iterator[list[tuple[K, V]]]:
    entries = iter(items.items())
    while some := list(islice(entries, SLICE)):
        yield some
