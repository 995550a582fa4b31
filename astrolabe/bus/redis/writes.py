"""The writes to the hashes of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec

from astrolabe.bus.redis.changes import CHUNK_ITEMS, in_chunks
from astrolabe.bus.redis.codec import LogEntry, edge_id, edge_value, release_id, revision_value
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node
from astrolabe.timeslice import in_slices


class Writes(msgspec.Struct):
    """For each hash, the values by field. None deletes the field."""

    nodes: dict[str, str | None] = {}
    edges: dict[str, str | None] = {}
    releases: dict[str, str | None] = {}

    def arguments(self) -> list[str | int]:
        """The arguments of a script: six counts, then the set and the deleted fields of each hash."""
        counts: list[str | int] = []
        items: list[str | int] = []
        for fields in (self.nodes, self.edges, self.releases):
            kept = [text for pair in fields.items() if pair[1] is not None for text in pair]
            gone = [field for field, value in fields.items() if value is None]
            counts += (len(kept) // 2, len(gone))
            items += cast("list[str]", kept)
            items += gone
        return counts + items


async def chunks_of(graph: ServedGraph) -> Iterator[Writes]:
    """The whole graph in chunks that Redis writes quickly.

    The graph must not change until this returns. The chunks do not contain later changes.
    """
    edges: list[Edge] = []
    async for uid in in_slices(graph.nodes):
        edges += graph.outgoing(uid)
    return _chunks(list(graph.nodes.values()), edges, list(graph.releases.items()))


def _chunks(
    nodes: list[Node], edges: list[Edge], releases: list[tuple[Release, HelmRevision]]
) -> Iterator[Writes]:
    for revisions in in_chunks(releases, CHUNK_ITEMS):
        yield Writes(releases={release_id(of): revision_value(now) for of, now in revisions})
    for some in in_chunks(nodes, CHUNK_ITEMS // 2):
        yield Writes(nodes={node.uid: node.text for node in some})
    for few in in_chunks(edges, CHUNK_ITEMS):
        yield Writes(edges={edge_id(edge.key): edge_value(edge) for edge in few})


def writes_of(changes: Changes, entry: LogEntry) -> Writes:
    """The writes of a batch with these changes. entry: of the batch, with the encoded texts."""
    set_nodes = {node.uid: text for node, text in zip(changes.nodes_set, entry.nodes, strict=True)}
    return Writes(
        nodes={**set_nodes, **dict.fromkeys(entry.removed_nodes)},
        edges={**dict(entry.edges), **dict.fromkeys(entry.removed_edges)},
        releases=entry.releases,
    )
