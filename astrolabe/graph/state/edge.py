"""Edges, and the compact containers in which a node keeps its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from astrolabe.graph.state.json_text import json_text

#: What an edge is: (type, uid of its source, uid of its target).
EdgeKey = tuple[str, str, str]


class Edge(msgspec.Struct, frozen=True, gc=False):
    """`source` → `target` (uids); `field` lists the paths of the manifest that made it.

    forward: how many paths of `field` are in the source's manifest. The others are in the target's (a
        PersistentVolume's `spec.claimRef`). Not on the wire.
    """

    type: str
    source: str
    target: str
    field: tuple[str, ...]
    forward: int = 0

    @property
    def key(self) -> EdgeKey:
        return (self.type, self.source, self.target)

    @property
    def text(self) -> str:
        """The edge on the wire: `{"type","from","to","field"}`."""
        field = _field_text(self.field)
        return f'{{"type":"{self.type}","from":"{self.source}","to":"{self.target}","field":{field}}}'


@lru_cache(maxsize=1024)  # nine in ten edges of a large cluster are made by a few hundred lists of fields
def _field_text(field: tuple[str, ...]) -> str:
    return json_text(field)


def removal_text(key: EdgeKey) -> str:
    """A removed edge on the wire: its identity."""
    return f'{{"type":"{key[0]}","from":"{key[1]}","to":"{key[2]}"}}'


#: The edges of one node in one direction. Nearly always there are few, and they are a tuple. Otherwise they
#: are a dict, so that adding or removing an edge of a hub (a Node, an IngressClass) takes constant time. Its
#: keys are the uids of the other ends, which exist anyway. If two edges of different types have the same
#: ends, the second is stored under its identity.
Edges = tuple[Edge, ...] | dict[str | EdgeKey, Edge]

_FEW = 8
NO_EDGES: Edges = ()


def packed(edges: list[Edge], *, incoming: bool = False) -> Edges:
    """The container of these distinct edges.

    into, here and below: they end at one node; else they start at one.
    """
    return tuple(edges) if len(edges) <= _FEW else _hub(edges, incoming)


def find_edge(outgoing: Edges, key: EdgeKey) -> Edge | None:
    """The edge with this identity, or None. out: all edges that start where it does."""
    kind, source, target = key
    if isinstance(outgoing, dict):
        edge = outgoing.get(target)
        return edge if edge is not None and edge.type == kind else outgoing.get(key)
    for edge in outgoing:
        if edge.target == target and edge.source == source and edge.type == kind:
            return edge
    return None


def with_new_edge(edges: Edges, edge: Edge, *, incoming: bool = False) -> Edges:
    """The container with this edge; it has none of the same identity yet. A dict is changed in place."""
    if not isinstance(edges, dict):
        if len(edges) < _FEW:
            return (*edges, edge)
        edges = _hub(edges, incoming)
    _put(edges, edge, incoming)
    return edges


def without_edge(edges: Edges, key: EdgeKey, *, incoming: bool = False) -> Edges:
    """The container without the edge of this identity; a dict is changed in place."""
    if not isinstance(edges, dict):
        return tuple([edge for edge in edges if edge.key != key])
    other = key[1] if incoming else key[2]
    found = edges.get(other)
    edges.pop(other if found is not None and found.type == key[0] else key, None)
    return edges if len(edges) > _FEW // 2 else tuple(edges.values())


def _hub(edges: Iterable[Edge], incoming: bool) -> dict[str | EdgeKey, Edge]:
    hub: dict[str | EdgeKey, Edge] = {}
    for edge in edges:
        _put(hub, edge, incoming)
    return hub


def _put(hub: dict[str | EdgeKey, Edge], edge: Edge, incoming: bool) -> None:
    other = edge.source if incoming else edge.target
    hub[edge.key if other in hub else other] = edge


def leads(edges: Iterable[Edge], target: str, types: frozenset[str]) -> bool:
    """Whether one of these edges, of one of these types, ends at the target."""
    return any(edge.target == target and edge.type in types for edge in edges)


def connects(outgoing: Edges, source: str, target: str, types: frozenset[str]) -> bool:
    """The same; in constant time. outgoing: all edges that start at the source."""
    if not isinstance(outgoing, dict):
        return leads(outgoing, target, types)
    edge = outgoing.get(target)
    if edge is not None and edge.type in types:
        return True
    return any((type, source, target) in outgoing for type in types)


def each_edge(edges: Edges) -> Iterable[Edge]:
    """The edges of a container, in no particular order; do not change it meanwhile."""
    return edges.values() if isinstance(edges, dict) else edges
