"""Helpers for changes on their way to and from Redis: split, count and check them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from astrolabe.bus.redis.errors import CorruptData
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node

T = TypeVar("T")

#: The field of `Changes` that a change is in, and what it sets or removes.
Named = tuple[str, Node | Edge | EdgeKey | str]

#: Nodes and edges of a chunk, and bytes of its nodes. Redis writes and publishes a chunk in a few
#: milliseconds.
CHUNK_ITEMS = 500
CHUNK_BYTES = 192 * 1024


def in_chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of this size. The last list may be shorter."""
    entries = iter(items)
    while some := list(islice(entries, size)):
        yield some


def split(changes: Changes) -> Iterator[Changes]:
    """Split changes into chunks of bounded size, at least one. Each leaves a closed graph."""
    if size(changes) <= CHUNK_ITEMS and sum([len(n.text) for n in changes.nodes_set]) <= CHUNK_BYTES:
        yield changes
        return
    yield from split_ordered(changes.releases, _in_order(changes))


def split_ordered(
    releases: Mapping[Release, HelmRevision | None], each: Iterable[Named]
) -> Iterator[Changes]:
    chunk, items, room = Changes(releases=dict(releases)), 0, CHUNK_BYTES
    for name, found in each:
        weight = len(found.text) if isinstance(found, Node) else 0
        if items == CHUNK_ITEMS or room < weight:
            yield chunk
            chunk, items, room = Changes(), 0, CHUNK_BYTES
        getattr(chunk, name).append(found)
        items, room = items + 1, room - weight
    yield chunk


def _in_order(changes: Changes) -> Iterator[Named]:
    """Yield each change, in an order in which no edge ever dangles."""
    for name in ("nodes_set", "edges_set", "edges_removed", "nodes_removed"):
        for found in getattr(changes, name):
            yield name, found


def effective_changes(changes: Changes, graph: ServedGraph) -> Changes:
    """The changes without those that the graph already has, as merged and repeated ones may contain."""
    nodes = graph.nodes
    return Changes(
        nodes_set=[node for node in changes.nodes_set if nodes.get(node.uid) != node],
        edges_set=[edge for edge in changes.edges_set if graph.edge(edge.key) != edge],
        edges_removed=[key for key in changes.edges_removed if graph.edge(key) is not None],
        nodes_removed=[uid for uid in changes.nodes_removed if uid in nodes],
        releases={
            release: now for release, now in changes.releases.items() if graph.releases.get(release) != now
        },
    )


def check_closed(changes: Changes, graph: ServedGraph) -> None:
    """Raises CorruptData if these changes would leave an edge without a node at either end."""
    removed_nodes = set(changes.nodes_removed)
    new = {node.uid for node in changes.nodes_set}
    for edge in changes.edges_set:
        for uid in (edge.source, edge.target):
            if uid in removed_nodes or not (uid in new or uid in graph.nodes):
                raise CorruptData(f"edge {edge.key}: node {uid!r} is missing")
    removed_edges = set(changes.edges_removed)
    for uid in removed_nodes:
        for edge in (*graph.outgoing(uid), *graph.incoming(uid)):
            if edge.key not in removed_edges:
                raise CorruptData(f"node {uid!r} is removed, but edge {edge.key} is not")


def size(changes: Changes) -> int:
    """The number of changed nodes, edges and releases."""
    return (
        len(changes.nodes_set)
        + len(changes.edges_set)
        + len(changes.edges_removed)
        + len(changes.nodes_removed)
        + len(changes.releases)
    )
