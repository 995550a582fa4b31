"""A part of the graph, taken at one place in history, and read later at leisure."""

from __future__ import annotations

import msgspec

from astrolabe.graph.edge import Edge
from astrolabe.graph.graph import Graph
from astrolabe.graph.links import OWNS
from astrolabe.graph.node import Node
from astrolabe.graph.view import View


class Part(msgspec.Struct, frozen=True):
    """The nodes of a view and the edges between them.

    outside: nodes beside them that own one of them, directly or not, by uid.
    owning: the edges by which those do.
    """

    nodes: list[Node]
    edges: list[Edge]
    outside: dict[str, Node] = {}
    owning: list[Edge] = []


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
    for edge in graph.into(uid):
        if edge.type == OWNS and edge.source not in view:
            part.owning.append(edge)
            if edge.source not in part.outside:
                part.outside[edge.source] = graph.nodes[edge.source]
                found.append(edge.source)
    return found
