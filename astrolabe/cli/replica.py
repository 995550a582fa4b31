"""The graph as a client of the stream holds it, and what each message changes of it. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Sign = Literal["+", "~", "-"]
#: As the API gives them: `{"uid":…,"kind":…}`, `{"type":…,"from":…,"to":…,"field":[…]}`.
Node = dict[str, Any]
Edge = dict[str, Any]
EdgeKey = tuple[str, str, str]


class ProtocolError(Exception):
    """The server breaks the contract of the stream: what it sends does not fit what came before."""


@dataclass(frozen=True)
class NodeChange:
    """`+`: new. `~`: different. `-`: gone, and `node` is what was known of it last."""

    sign: Sign
    node: Node


@dataclass(frozen=True)
class EdgeChange:
    """As `NodeChange`; source and target are the ends as far as they are known, else None."""

    sign: Sign
    edge: Edge
    source: Node | None
    target: Node | None


Change = NodeChange | EdgeChange


class Replica:
    """Apply the messages of one subscription in order.

    position: (epoch, seq) that is held; None before the first complete snapshot.
    """

    def __init__(self) -> None:
        self.position: tuple[str, int] | None = None
        self.nodes: dict[str, Node] = {}
        self.edges: dict[EdgeKey, Edge] = {}
        self._parts: tuple[dict[str, Node], dict[EdgeKey, Edge]] = ({}, {})

    def apply(self, message: dict[str, Any]) -> list[Change]:
        """What the message changes. A snapshot that follows a reset changes only what differs.

        Raises ProtocolError.
        """
        match message.get("type"):
            case "snapshot":
                return self._snapshot(message)
            case "delta":
                return self._delta(message)
            case "bookmark":
                self._move(message, since=self._seq())
            case "reset":
                self._parts = ({}, {})
        return []

    def _snapshot(self, message: dict[str, Any]) -> list[Change]:
        if message["part"] == 1:
            self._parts = ({}, {})
        nodes, edges = self._parts
        nodes.update((node["uid"], node) for node in message["nodes"])
        edges.update((_key(edge), edge) for edge in message["edges"])
        if not message["last"]:
            return []
        self._parts = ({}, {})
        changes = [
            *self._set(nodes.values(), edges.values()),
            *self._remove(self.nodes.keys() - nodes.keys(), self.edges.keys() - edges.keys()),
        ]
        self.position = (message["epoch"], message["seq"])
        return changes

    def _delta(self, message: dict[str, Any]) -> list[Change]:
        self._move(message, since=message["from"])
        nodes, edges = message["nodes"], message["edges"]
        return [
            *self._set(nodes["set"], edges["set"]),
            *self._remove(nodes["remove"], [_key(edge) for edge in edges["remove"]]),
        ]

    def _move(self, message: dict[str, Any], *, since: int) -> None:
        if self.position != (message["epoch"], since):
            raise ProtocolError(f"a {message['type']} from seq {since}, while this is {self.position}")
        self.position = (message["epoch"], message["seq"])

    def _seq(self) -> int:
        return self.position[1] if self.position is not None else 0

    def _set(self, nodes: Any, edges: Any) -> Iterator[Change]:
        for node in nodes:
            known = self.nodes.get(node["uid"])
            self.nodes[node["uid"]] = node
            if known != node:
                yield NodeChange("~" if known else "+", node)
        for edge in edges:
            known = self.edges.get(_key(edge))
            self.edges[_key(edge)] = edge
            if known != edge:
                yield self._edge_change("~" if known else "+", edge)

    def _remove(self, uids: Any, keys: Any) -> Iterator[Change]:
        for key in keys:
            edge = self.edges.pop(key, None)
            if edge is not None:
                yield self._edge_change("-", edge)
        for uid in uids:
            node = self.nodes.pop(uid, None)
            if node is not None:
                yield NodeChange("-", node)

    def _edge_change(self, sign: Sign, edge: Edge) -> EdgeChange:
        return EdgeChange(sign, edge, self.nodes.get(edge["from"]), self.nodes.get(edge["to"]))


def _key(edge: Edge) -> EdgeKey:
    return edge["type"], edge["from"], edge["to"]
