"""Nodes, and edges of which both ends are there."""

from __future__ import annotations

from astrolabe.client.errors import ProtocolError
from astrolabe.client.message import Edge, EdgeKey, Node


class AdjacencyGraph:
    """Each operation costs at most the degree of what it is about.

    nodes: by uid. edges: by (type, source, target).
    """

    __slots__ = ("_into", "_out", "edges", "nodes")

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[EdgeKey, Edge] = {}
        #: Only of nodes that have some.
        self._out: dict[str, dict[EdgeKey, Edge]] = {}
        self._into: dict[str, dict[EdgeKey, Edge]] = {}

    def out(self, uid: str) -> list[Edge]:
        """The edges from this node."""
        return list(self._out.get(uid, {}).values())

    def into(self, uid: str) -> list[Edge]:
        """The edges to this node."""
        return list(self._into.get(uid, {}).values())

    def set_node(self, uid: str, node: Node) -> None:
        self.nodes[uid] = node

    def set_edge(self, key: EdgeKey, edge: Edge) -> None:
        """Raises ProtocolError when an end is not there."""
        _, source, target = key
        for end in (source, target):
            if end not in self.nodes:
                raise ProtocolError(f"an edge {key[0]} between {source} and {target}, without {end}")
        self.edges[key] = edge
        self._out.setdefault(source, {})[key] = edge
        self._into.setdefault(target, {})[key] = edge

    def remove_edge(self, key: EdgeKey) -> None:
        """Raises KeyError when it is not there."""
        del self.edges[key]
        for index, end in ((self._out, key[1]), (self._into, key[2])):
            del index[end][key]
            if not index[end]:
                del index[end]

    def remove_node(self, uid: str) -> None:
        """Raises KeyError when it is not there, and ProtocolError when there are edges of it."""
        if uid in self._out or uid in self._into:
            raise ProtocolError(f"{uid} is removed while there are edges of it")
        del self.nodes[uid]


def uid_of(node: Node) -> str:
    """Raises ProtocolError for a node without one."""
    uid = node.get("uid")
    if not isinstance(uid, str):
        raise ProtocolError(f"a node whose uid is {uid!r}")
    return uid


def key_of(edge: Edge) -> EdgeKey:
    """Raises ProtocolError for an edge that lacks a type or an end."""
    type, source, target = edge.get("type"), edge.get("from"), edge.get("to")
    if not (isinstance(type, str) and isinstance(source, str) and isinstance(target, str)):
        raise ProtocolError(f"an edge {type!r} from {source!r} to {target!r}")
    return type, source, target
