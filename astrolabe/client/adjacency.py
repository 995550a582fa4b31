"""A graph as adjacency maps, in which every edge has both ends."""

from __future__ import annotations

from astrolabe.client.errors import ProtocolError
from astrolabe.client.message import Edge, EdgeKey, Node


class AdjacencyGraph:
    """Nodes and edges. Each operation takes time proportional to the edges of its node, at most.

    nodes: by uid. edges: by (type, source, target).
    """

    __slots__ = ("_into", "_out", "edges", "nodes")

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[EdgeKey, Edge] = {}
        #: Only for nodes that have edges.
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
        """Raises ProtocolError if an end is missing."""
        _, source, target = key
        for end in (source, target):
            if end not in self.nodes:
                raise ProtocolError(f"an edge {key[0]} between {source} and {target}, without {end}")
        self.edges[key] = edge
        self._out.setdefault(source, {})[key] = edge
        self._into.setdefault(target, {})[key] = edge

    def remove_edge(self, key: EdgeKey) -> None:
        """Raises KeyError if it is missing."""
        del self.edges[key]
        for index, end in ((self._out, key[1]), (self._into, key[2])):
            del index[end][key]
            if not index[end]:
                del index[end]

    def remove_node(self, uid: str) -> None:
        """Raises KeyError if it is missing, and ProtocolError if it still has edges."""
        if uid in self._out or uid in self._into:
            raise ProtocolError(f"{uid} is removed while there are edges of it")
        del self.nodes[uid]


def uid_of(node: Node) -> str:
    """The uid of a node. Raises ProtocolError if it has none."""
    uid = node.get("uid")
    if not isinstance(uid, str):
        raise ProtocolError(f"a node whose uid is {uid!r}")
    return uid


def key_of(edge: Edge) -> EdgeKey:
    """The key of an edge. Raises ProtocolError if it lacks a type or an end."""
    type, source, target = edge.get("type"), edge.get("from"), edge.get("to")
    if not (isinstance(type, str) and isinstance(source, str) and isinstance(target, str)):
        raise ProtocolError(f"an edge {type!r} from {source!r} to {target!r}")
    return type, source, target
