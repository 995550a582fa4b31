"""A part of the graph, taken at one place in history, and read later at leisure."""

from __future__ import annotations

import msgspec

from astrolabe.graph.edge import Edge
from astrolabe.graph.graph import Graph
from astrolabe.graph.links import ENDPOINTS, OWNS
from astrolabe.graph.node import Node
from astrolabe.graph.view import View
from astrolabe.kinds.service import ENDPOINT_SLICE


class Part(msgspec.Struct, frozen=True):
    """The nodes of a view and the edges between them.

    outside: nodes beside them to which one of them belongs, directly or not, by uid.
    owning: the edges by which it does.
    """

    nodes: list[Node]
    edges: list[Edge]
    outside: dict[str, Node] = {}
    owning: list[Edge] = []


def belongs(edge: Edge, target: Node) -> bool:
    """Whether the target is part of the edge's source: of its owner, an EndpointSlice of its Service."""
    return edge.type == OWNS or (edge.type == ENDPOINTS and target.kind == ENDPOINT_SLICE.name)


def take(graph: Graph, view: View) -> Part:
    """What is in the view now."""
    nodes = list(view.nodes())
    part = Part(nodes=nodes, edges=list(view.edges()), outside={}, owning=[])
    if not view.filter:
        return part
    rising = [node.uid for node in nodes]
    while rising:
        rising = [owner for uid in rising for owner in _owners(graph, view, part, uid)]
    return part


def _owners(graph: Graph, view: View, part: Part, uid: str) -> list[str]:
    """Notes the owners outside the view; returns those that were not noted before."""
    found = []
    node = graph.nodes[uid]
    for edge in graph.into(uid):
        if belongs(edge, node) and edge.source not in view:
            part.owning.append(edge)
            if edge.source not in part.outside:
                part.outside[edge.source] = graph.nodes[edge.source]
                found.append(edge.source)
    return found
