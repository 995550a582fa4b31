"""Changes of the graph on their way to and from Redis: cut into chunks, counted and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from astrolabe.bus.redis.errors import CorruptData
from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge, EdgeKey
from astrolabe.graph.facts import HelmRevision, Release
from astrolabe.graph.graph import Graph
from astrolabe.graph.node import Node

T = TypeVar("T")

#: The list that a change is in, and what it sets or removes.
Named = tuple[str, Node | Edge | EdgeKey | str]

#: A piece has at most this many nodes and edges, and bytes of nodes: Redis writes and publishes it within
#: some milliseconds.
CHUNK_ITEMS = 500
CHUNK_BYTES = 192 * 1024


def in_chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The same items, this many at a time, and in the end what is left."""
    entries = iter(items)
    while some := list(islice(entries, size)):
        yield some


def split(changes: Changes) -> Iterator[Changes]:
    """The changes in pieces of bounded size; each leaves a closed graph behind. At least one piece."""
    if size(changes) <= CHUNK_ITEMS and sum([len(n.text) for n in changes.nodes_set]) <= CHUNK_BYTES:
        yield changes
        return
    yield from _split(changes.releases, _in_order(changes))


def _split(releases: Mapping[Release, HelmRevision | None], each: Iterable[Named]) -> Iterator[Changes]:
    piece, items, room = Changes(releases=dict(releases)), 0, CHUNK_BYTES
    for name, found in each:
        weight = len(found.text) if isinstance(found, Node) else 0
        if items == CHUNK_ITEMS or room < weight:
            yield piece
            piece, items, room = Changes(), 0, CHUNK_BYTES
        getattr(piece, name).append(found)
        items, room = items + 1, room - weight
    yield piece


def _in_order(changes: Changes) -> Iterator[Named]:
    """Each change, in the order in which no edge ever dangles."""
    for name in ("nodes_set", "edges_set", "edges_removed", "nodes_removed"):
        for found in getattr(changes, name):
            yield name, found


def effective_changes(changes: Changes, graph: Graph) -> Changes:
    """What of the changes is different from this graph: merged and repeated ones may hold more."""
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


def check_closed(changes: Changes, graph: Graph) -> None:
    """Raises CorruptData if these changes would leave an edge without a node at either end."""
    gone = set(changes.nodes_removed)
    new = {node.uid for node in changes.nodes_set}
    for edge in changes.edges_set:
        for uid in (edge.source, edge.target):
            if uid in gone or not (uid in new or uid in graph.nodes):
                raise CorruptData(f"edge {edge.key}: node {uid!r} is missing")
    split = set(changes.edges_removed)
    for uid in gone:
        for edge in (*graph.out(uid), *graph.into(uid)):
            if edge.key not in split:
                raise CorruptData(f"node {uid!r} is removed, and edge {edge.key} is not")


def size(changes: Changes) -> int:
    """How many nodes, edges and releases it touches."""
    return (
        len(changes.nodes_set)
        + len(changes.edges_set)
        + len(changes.edges_removed)
        + len(changes.nodes_removed)
        + len(changes.releases)
    )
