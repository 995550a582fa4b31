"""A strict client of the stream: it applies what it is told and believes nothing that does not fit."""

from __future__ import annotations

from typing import Any

from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.view import View

EdgeKey = tuple[str, str, str]


class Replica:
    """What one subscription has been told. Raises AssertionError on the first thing that does not fit.

    resets: the reasons it was given. whole: whether it holds a complete snapshot.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.edges: dict[EdgeKey, dict[str, Any]] = {}
        self.epoch = ""
        self.seq = -1
        self.whole = False
        self.resets: list[str] = []
        self._part = 0

    def apply(self, message: dict[str, Any]) -> None:
        """The next message, of whatever type, of this subscription."""
        getattr(self, f"_{message['type']}")(message)
        for _, source, target in self.edges:
            assert {source, target} <= self.nodes.keys()

    def matches(self, graph: Graph, filter: Filter) -> bool:
        """Whether it holds exactly the filtered graph."""
        view = View(graph, filter)
        return self.nodes == {node.uid: node.document() for node in view.nodes()} and self.edges == {
            edge.key: {"type": edge.type, "from": edge.source, "to": edge.target, "field": list(edge.field)}
            for edge in view.edges()
        }

    def _snapshot(self, message: dict[str, Any]) -> None:
        assert not self.whole
        assert message["part"] == self._part + 1
        if self._part:
            assert (message["epoch"], message["seq"]) == (self.epoch, self.seq)
        if message["nodes"]:
            assert not self.edges, "all nodes come before the first edge"
        self.epoch, self.seq, self._part = message["epoch"], message["seq"], message["part"]
        self.whole = message["last"]
        for node in message["nodes"]:
            assert node["uid"] not in self.nodes
            self.nodes[node["uid"]] = node
        for edge in message["edges"]:
            assert _key(edge) not in self.edges
            self.edges[_key(edge)] = edge

    def _delta(self, message: dict[str, Any]) -> None:
        assert self.whole
        assert (message["epoch"], message["from"]) == (self.epoch, self.seq)
        assert message["seq"] > self.seq
        self.seq = message["seq"]
        for node in message["nodes"]["set"]:
            self.nodes[node["uid"]] = node
        for edge in message["edges"]["set"]:
            assert {edge["from"], edge["to"]} <= self.nodes.keys()
            self.edges[_key(edge)] = edge
        for edge in message["edges"]["remove"]:
            self.edges.pop(_key(edge), None)
        for uid in message["nodes"]["remove"]:
            self.nodes.pop(uid, None)

    def _bookmark(self, message: dict[str, Any]) -> None:
        assert self.whole
        assert message["epoch"] == self.epoch
        assert message["seq"] >= self.seq
        self.seq = message["seq"]

    def _reset(self, message: dict[str, Any]) -> None:
        self.resets.append(message["reason"])
        self.nodes, self.edges, self._part, self.whole = {}, {}, 0, False


def _key(edge: dict[str, Any]) -> EdgeKey:
    return (edge["type"], edge["from"], edge["to"])
