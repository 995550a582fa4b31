"""What becomes of the hashes of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import cast

import msgspec

from astrolabe.bus.redis.codec import Entry, edge_id, edge_value, release_id, revision_value
from astrolabe.bus.redis.outbox import PIECE_ITEMS
from astrolabe.graph.batch import Changes
from astrolabe.graph.graph import Graph


class Writes(msgspec.Struct):
    """By hash and field: its value, or None, which removes it."""

    nodes: dict[str, str | None] = {}
    edges: dict[str, str | None] = {}
    releases: dict[str, str | None] = {}

    def arguments(self) -> list[str | int]:
        """As `scripts` take them: six counts, then what is set and what is removed of each hash."""
        counts: list[str | int] = []
        items: list[str | int] = []
        for fields in (self.nodes, self.edges, self.releases):
            kept = [text for pair in fields.items() if pair[1] is not None for text in pair]
            gone = [field for field, value in fields.items() if value is None]
            counts += (len(kept) // 2, len(gone))
            items += cast("list[str]", kept)
            items += gone
        return counts + items


def pieces_of(graph: Graph) -> Iterator[Writes]:
    """All of the graph, as it is now, in pieces that Redis takes quickly."""
    nodes, edges = iter(list(graph.nodes.values())), iter(list(graph.edges()))
    releases: dict[str, str | None] = {
        release_id(release): revision_value(now) for release, now in graph.releases.items()
    }

    def pieces() -> Iterator[Writes]:
        yield Writes(releases=releases)
        while some := list(islice(nodes, PIECE_ITEMS // 2)):
            yield Writes(nodes={node.uid: node.text for node in some})
        while few := list(islice(edges, PIECE_ITEMS)):
            yield Writes(edges={edge_id(edge.key): edge_value(edge) for edge in few})

    return pieces()


def writes_of(changes: Changes, entry: Entry) -> Writes:
    """What a batch with these changes writes. entry: of the batch, in which their texts are."""
    set_nodes = {node.uid: text for node, text in zip(changes.nodes_set, entry.nodes, strict=True)}
    return Writes(
        nodes={**set_nodes, **dict.fromkeys(entry.gone)},
        edges={**dict(entry.edges), **dict.fromkeys(entry.cut)},
        releases=entry.releases,
    )
