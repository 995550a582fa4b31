"""How a resource is related to others: the resolvers of its relations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.edge_types import ENDPOINTS, OWNS, RUNS_ON, SELECTS
from astrolabe.graph.state.history import GraphAt
from astrolabe.http.graphql.connections import Key, PageRequest, take_page
from astrolabe.http.graphql.context import QueryContext, Resource

OUT, IN = "out", "in"
#: Types along which the Pods of a resource are found.
_TO_PODS = frozenset((OWNS, SELECTS, ENDPOINTS))
#: Edges that are looked at in one step.
STRETCH = 200


class EdgeValue:
    """An edge as the source of its fields. other: the uid of the end that it leads to; "" for neither."""

    __slots__ = ("edge", "other")

    def __init__(self, edge: Edge, other: str = "") -> None:
        self.edge = edge
        self.other = other

    @property
    def document(self) -> dict[str, Any]:
        """The edge as REST has it."""
        edge = self.edge
        return {"type": edge.type, "from": edge.source, "to": edge.target, "field": list(edge.field)}


def resources_page(context: QueryContext, uids: Iterable[str], page: PageRequest) -> Any:
    """A page of resources, sorted by namespace, kind, name and uid."""
    graph = context.graph

    def keys(some: list[str]) -> list[Key]:
        nodes = [node for uid in some if (node := graph.node(uid)) is not None]
        return [(node.namespace, node.kind, node.name, node.uid) for node in nodes]

    return take_page(context.work, uids, page, keys, lambda key: context.resource(key[-1]))


def edges_page(context: QueryContext, edges: Iterable[EdgeValue], page: PageRequest, uid: str = "") -> Any:
    """A page of edges, sorted by type, source and target. uid: of the node whose edges they are."""
    graph = context.graph

    def keys(some: list[EdgeValue]) -> list[Key]:
        return [each.edge.key for each in some]

    def value(key: Key) -> EdgeValue | None:
        type, source, target = key
        edge = graph.edge((type, source, target))
        return None if edge is None else EdgeValue(edge, (target if source == uid else source) if uid else "")

    return take_page(context.work, edges, page, keys, value)


def edges_of(
    graph: GraphAt, uid: str, types: Collection[str] | None, direction: str | None
) -> Iterator[EdgeValue]:
    """The edges of a node. types, direction: None for all."""
    if direction != IN:
        for edge in graph.outgoing(uid):
            if types is None or edge.type in types:
                yield EdgeValue(edge, edge.target)
    if direction != OUT:
        for edge in graph.incoming(uid):
            if (types is None or edge.type in types) and (direction == IN or edge.source != edge.target):
                yield EdgeValue(edge, edge.source)


def edges_within(graph: GraphAt, uids: Collection[str], types: Collection[str] | None) -> Iterator[EdgeValue]:
    """The edges between these nodes."""
    for uid in uids:
        for edge in graph.outgoing(uid):
            if edge.target in uids and (types is None or edge.type in types):
                yield EdgeValue(edge)


def owner_of(source: Resource, context: QueryContext) -> Resource | None:
    """The resource that owns it; of several, the first by uid."""
    owners = [edge.source for edge in context.graph.incoming(source.node.uid) if edge.type == OWNS]
    return context.resource(min(owners)) if owners else None


def runs_on(source: Resource, context: QueryContext) -> Resource | None:
    """The Node that it runs on."""
    for edge in context.graph.outgoing(source.node.uid):
        if edge.type == RUNS_ON:
            return context.resource(edge.target)
    return None


def neighbours(
    context: QueryContext, uid: str, direction: str, types: Collection[str] | None
) -> Iterable[str]:
    """The uids of the resources that it uses, or that use it, each once. types: None for all but `owns`."""
    each = edges_of(context.graph, uid, types, direction)
    return dict.fromkeys(found.other for found in each if types is not None or found.edge.type != OWNS)


def pods_of(context: QueryContext, uid: str, page: PageRequest) -> Any:
    """The Pods of a resource: those that it owns, selects or serves through, over any number of edges, and
    those that run on it or use it."""
    graph, work = context.graph, context.work
    found: dict[str, None] = {}

    def is_pod(other: str) -> bool:
        node = graph.node(other)
        return node is not None and node.kind == "Pod"

    def walk() -> Iterator[None]:
        seen, rest = {uid}, [uid]
        for edge in graph.incoming(uid):
            if edge.type not in _TO_PODS and is_pod(edge.source):
                found[edge.source] = None
        while rest:
            here = rest.pop()
            if here != uid and is_pod(here):
                found[here] = None
                continue
            for edge in graph.outgoing(here):
                if edge.type in _TO_PODS and edge.target not in seen:
                    seen.add(edge.target)
                    rest.append(edge.target)
            if not work.spend():
                return
            yield

    return work.run(walk(), lambda: resources_page(context, list(found), page))
