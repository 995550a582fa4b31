"""What of a graph of several clusters belongs to one of them, as the writer of that cluster sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol

from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release, qualified
from astrolabe.graph.state.node import Node

#: Nodes of other clusters that are passed over in one step.
STEP = 500


class ServedPart(Protocol):
    """What a writer compares with its model: `ServedGraph`, or `ClusterPart` of it."""

    @property
    def releases(self) -> Mapping[Release, HelmRevision]: ...
    def node(self, uid: str, /) -> Node | None: ...
    def outgoing(self, uid: str, /) -> Iterable[Edge]: ...
    def incoming(self, uid: str, /) -> Iterable[Edge]: ...
    def edge(self, key: EdgeKey, /) -> Edge | None: ...
    def each_node(self) -> Iterator[Node | None]:
        """All nodes, with None in between where a caller should let others have their turn."""
        ...


class ClusterPart:
    """Implements `ServedPart`. Nothing is copied: it looks into the graph that is served at the time.

    graph: returns that one. cluster: see `Node.cluster`.
    Edges that begin or end in another cluster belong to no cluster, and are not in it.
    """

    def __init__(self, graph: Callable[[], ServedGraph], cluster: str) -> None:
        self.cluster = cluster
        self._graph = graph
        self._prefix = qualified(cluster, "")

    @property
    def releases(self) -> Mapping[Release, HelmRevision]:
        """Those of this cluster."""
        known = self._graph().releases
        return {each: revision for each, revision in known.items() if each.cluster == self.cluster}

    def node(self, uid: str) -> Node | None:
        """The node with this id, if it is of this cluster."""
        return self._graph().nodes.get(uid) if uid.startswith(self._prefix) else None

    def outgoing(self, uid: str) -> Iterable[Edge]:
        """Its edges that start at this node."""
        return [edge for edge in self._graph().outgoing(uid) if edge.target.startswith(self._prefix)]

    def incoming(self, uid: str) -> Iterable[Edge]:
        """Its edges that end at this node."""
        return [edge for edge in self._graph().incoming(uid) if edge.source.startswith(self._prefix)]

    def edge(self, key: EdgeKey) -> Edge | None:
        """The edge of this identity."""
        return self._graph().edge(key)

    def each_node(self) -> Iterator[Node | None]:
        """All nodes of this cluster. Others may write to the graph meanwhile."""
        graph = self._graph()
        uids = iter(list(graph.nodes))
        while some := list(islice(uids, STEP)):
            for uid in some:
                if uid.startswith(self._prefix) and (node := graph.nodes.get(uid)) is not None:
                    yield node
            yield None
