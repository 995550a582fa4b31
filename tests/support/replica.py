"""A client's graph, compared with the server's."""

from __future__ import annotations

from typing import Any

import msgspec

from astrolabe.client.graph import Change, Graph
from astrolabe.client.message import DeltaMessage, Edge, EdgeKey, Node, ServerMessage
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.view import View


class Replica:
    """What one subscription has been told.

    Raises ProtocolError on the first thing that does not fit, and AssertionError on an entry of a delta that
    changes nothing. resets: the reasons it was given.
    """

    def __init__(self) -> None:
        self.graph = Graph()
        self.resets: list[str] = []

    @property
    def nodes(self) -> dict[str, Node]:
        return dict(self.graph.nodes)

    @property
    def edges(self) -> dict[EdgeKey, Edge]:
        return dict(self.graph.edges)

    @property
    def epoch(self) -> str:
        return self.graph.position.epoch if self.graph.position is not None else ""

    @property
    def seq(self) -> int:
        return self.graph.position.seq if self.graph.position is not None else -1

    @property
    def whole(self) -> bool:
        """Whether it holds a complete snapshot, and no other is under way."""
        return self.graph.complete

    def apply(self, document: dict[str, Any]) -> list[Change]:
        """The next message, of whatever type, of this subscription; what it changed."""
        message: ServerMessage = msgspec.convert(document, ServerMessage)
        changes = self.graph.apply(message)
        if document["type"] == "reset":
            self.resets.append(document["reason"])
        if isinstance(message, DeltaMessage):
            assert len(changes) == _entries(message) > 0, "a part of this delta changes nothing"
        return changes

    def matches(self, graph: ServedGraph, filter: Filter) -> bool:
        """Whether it holds exactly the filtered graph."""
        return matches(self.graph, graph, filter)


def matches(held: Graph, graph: ServedGraph, filter: Filter) -> bool:
    """Whether a client holds exactly what the filter makes of the server's graph."""
    view = View.at_once(graph, filter)
    return held.nodes == {node.uid: node.document() for node in view.nodes()} and held.edges == {
        edge.key: {"type": edge.type, "from": edge.source, "to": edge.target, "field": list(edge.field)}
        for edge in view.edges()
    }


def _entries(delta: DeltaMessage) -> int:
    nodes, edges = delta.nodes, delta.edges
    return len(nodes.set) + len(nodes.remove) + len(edges.set) + len(edges.remove)
