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


def resources_page(context: QueryContext, uids: Iterable[str | None], page: PageRequest) -> Any:
    """A page of resources, sorted by namespace, kind, name and uid."""
    graph = context.graph

    def keys(some: list[str]) -> list[Key]:
        nodes = [node for uid in some if (node := graph.node(uid)) is not None]
        return [(node.namespace, node.kind, node.name, node.uid) for node in nodes]

    return take_page(context.work, uids, page, keys, lambda key: context.resource(key[-1]))


def edges_page(
    context: QueryContext, edges: Iterable[EdgeValue | None], page: PageRequest, uid: str = ""
) -> Any:
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
) -> Iterator[EdgeValue | None]:
    """The edges of a node; None for each that is passed over. types, direction: None for all."""
    if direction != IN:
        for edge in graph.outgoing(uid):
            is_kept = types is None or edge.type in types
            yield EdgeValue(edge, edge.target) if is_kept else None
    if direction != OUT:
        for edge in graph.incoming(uid):
            is_kept = (types is None or edge.type in types) and (
                direction == IN or edge.source != edge.target
            )
            yield EdgeValue(edge, edge.source) if is_kept else None


def edges_within(
    graph: GraphAt, uids: Collection[str], types: Collection[str] | None
) -> Iterator[EdgeValue | None]:
    """The edges between these nodes; None for each edge that is passed over, and each node without any."""
    for uid in uids:
        outgoing = graph.outgoing(uid)
        if not outgoing:
            yield None
        for edge in outgoing:
            is_kept = edge.target in uids and (types is None or edge.type in types)
            yield EdgeValue(edge) if is_kept else None


def owner_of(source: Resource, context: QueryContext) -> Resource | None:
    """The resource that owns it; of several, the first by uid."""
    incoming = context.graph.incoming(source.node.uid)
    context.work.spend(len(incoming))
    owners = [edge.source for edge in incoming if edge.type == OWNS]
    return context.resource(min(owners)) if owners else None


def runs_on(source: Resource, context: QueryContext) -> Resource | None:
    """The Node that it runs on."""
    for edge in context.graph.outgoing(source.node.uid):
        if edge.type == RUNS_ON:
            return context.resource(edge.target)
    return None


def neighbours(
    context: QueryContext, uid: str, direction: str, types: Collection[str] | None
) -> Iterator[str | None]:
    """The uids of what it uses, or what uses it, each once; None for each edge that is passed over.

    types: None for all but `owns`.
    """
    seen: set[str] = set()
    for found in edges_of(context.graph, uid, types, direction):
        if found is None or found.other in seen or (types is None and found.edge.type == OWNS):
            yield None
        else:
            seen.add(found.other)
            yield found.other


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
            if not work.spend():
                return
            yield
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
