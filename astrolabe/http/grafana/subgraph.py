"""A part of the graph, as of one position, which can be read in steps."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from types import MappingProxyType

import msgspec

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.http.stream.snapshot import ViewSnapshot
from astrolabe.kinds.catalogue import Catalogue

#: Nodes or edges that are visited in one step.
STEP = 500
#: Of kinds that say nothing.
_OWNED = frozenset((OWNS,))


class Subgraph(msgspec.Struct, frozen=True):
    """The nodes of a view and the edges between them.

    outside: other nodes that own one of them, directly or not, by uid.
    owning: the edges from these.
    inherits: by kind, the types of edges into a node by which it belongs to their source.
    """

    nodes: list[Node]
    edges: list[Edge]
    outside: dict[str, Node] = {}
    owning: list[Edge] = []
    inherits: Mapping[str, frozenset[str]] = MappingProxyType({})

    def belongs(self, edge: Edge, target: Node) -> bool:
        """Whether the target is part of the edge's source: of its owner, an EndpointSlice of its Service."""
        return edge.type in self.inherits.get(target.kind, _OWNED)


def gather(
    graph: ServedGraph, snapshot: ViewSnapshot, catalogue: Catalogue, *, whole: bool
) -> Generator[None, None, Subgraph]:
    """What was taken, with the owners beside it; in steps. These are not drawn: they may be as they are a
    moment later.

    whole: whether it is all of the graph, beside which there is nothing.
    """
    inherits = {kind.key: kind.inherits for kind in catalogue}
    part = Subgraph(nodes=snapshot.nodes, edges=snapshot.edges, outside={}, owning=[], inherits=inherits)
    if whole:
        return part
    members: set[str] = set()
    for begin in range(0, len(part.nodes), STEP):
        yield
        members.update([node.uid for node in part.nodes[begin : begin + STEP]])
    rising = part.nodes.copy()
    for count, node in enumerate(rising, 1):  # which grows meanwhile
        if count % STEP == 0:
            yield
        for edge in graph.incoming(node.uid):
            if part.belongs(edge, node) and edge.source not in members:
                part.owning.append(edge)
                if edge.source not in part.outside:
                    part.outside[edge.source] = graph.nodes[edge.source]
                    rising.append(graph.nodes[edge.source])
    return part
