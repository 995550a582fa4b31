"""From what is stored to a graph with its history. The decisions are here; `joining` asks Redis for it.

A scan of the hashes races with commits: of what changed meanwhile it holds the state before, after, or one
between. So the log is read after the scan, and every batch in it is undone, the latest first. What a batch
touched is then as it was before the first batch of the log, and the rest is as it always was: the graph at
the start of the log, exactly. Applying the log to it gives the graph as it is now, and fills the history on
the way, so that clients that were connected before resume here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from astrolabe.bus.redis.codec import Decoder, Entry, Undo, edge_id
from astrolabe.bus.redis.errors import Damaged
from astrolabe.bus.redis.store import Position
from astrolabe.graph.batch import Changes
from astrolabe.graph.graph import Graph

#: Nodes or edges that are taken into a graph in one slice of time.
SLICE = 500


class Stored(msgspec.Struct):
    """What was scanned: texts by uid or id."""

    nodes: dict[str, str] = {}
    edges: dict[str, str] = {}
    releases: dict[str, str] = {}

    def undo(self, undo: Undo) -> None:
        _restore(self.nodes, undo.nodes)
        _restore(self.edges, undo.edges)
        _restore(self.releases, undo.releases)


def _restore(stored: dict[str, str], before: dict[str, str | None]) -> None:
    for key, text in before.items():
        if text is None:
            stored.pop(key, None)
        else:
            stored[key] = text


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
    texts = iter(stored.nodes.items())
    while nodes := [decoder.node(text, uid) for uid, text in _some(texts)]:
        graph.load(Changes(nodes_set=nodes))
        yield
    items = iter(stored.edges.items())
    while edges := [decoder.edge(id, value) for id, value in _some(items)]:
        for edge in edges:
            if edge.source not in graph.nodes or edge.target not in graph.nodes:
                raise Damaged(f"edge {edge_id(edge.key)}: an end is missing")
        graph.load(Changes(edges_set=edges))
        yield
    graph.load(Changes(releases=dict(decoder.releases(stored.releases.items()))))


def _some(items: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for _, item in zip(range(SLICE), items, strict=False):
        yield item
