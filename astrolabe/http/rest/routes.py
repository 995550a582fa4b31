"""The table of REST routes: parameters, document and description of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from astrolabe.graph.views.filter import EVERYTHING, Filter, FilterRules
from astrolabe.http.openapi import operation, parameters, shapes
from astrolabe.http.openapi.operation import CACHED, POSITION, Operation
from astrolabe.http.query import QueryParams, QueryReader
from astrolabe.http.rest import documents
from astrolabe.http.rest.documents import DocumentRenderer
from astrolabe.http.rest.releases import ReleaseDocuments
from astrolabe.http.rest.resources import resources
from astrolabe.http.rest.unresolved import unresolved
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue


def nothing(_: Hub, __: QueryParams) -> None:
    """Accept everything."""


def no_steps(_: Hub, __: QueryParams) -> Iterable[None]:
    """No steps are needed."""
    return ()


def anywhere(filter: Filter) -> Filter:
    """Keep releases whole: a namespace keeps those that have something in it, with all they have
    elsewhere."""
    return filter.anywhere


def whole(filter: Filter) -> Filter:
    """Use the filter as it is."""
    return filter


def no_part(_: Filter) -> Filter:
    """Use the graph itself: the filter says only what is meant."""
    return EVERYTHING


@dataclass(frozen=True, kw_only=True)
class GraphRoute:
    """One path, and what it accepts besides `min_seq`.

    name: one word. summary, answer: its description, and the type of its document.
    check: raises Refusal for what does not exist. borrowed: whether its body, without a filter, consists of
        bytes that the graph holds.
    prepare: steps that take turns with other work before the body reads the graph at once.
    filtered: whether it accepts a filter. by_cluster: whether it accepts `cluster` alone.
    view: the filter of the snapshot that its body needs; an empty one means the graph itself.
    detail: whether it accepts `detail`.
    ages: whether the document changes with time. events: whether it shows the Events about its resource.
    """

    path: str
    name: str
    body: DocumentRenderer
    summary: str
    answer: Any
    check: Callable[[Hub, QueryParams], None] = nothing
    prepare: Callable[[Hub, QueryParams], Iterable[None]] = no_steps
    borrowed: bool = False
    filtered: bool = True
    by_cluster: bool = False
    view: Callable[[Filter], Filter] = whole
    detail: bool = False
    ages: bool = False
    events: bool = False

    def ask(self, query: QueryReader, uid: str, rules: FilterRules) -> QueryParams:
        """The parameters of a request. Raises FilterError or Refusal."""
        detail = self.detail and query.pop_flag("detail", default=False)
        filter = EVERYTHING
        if self.filtered:
            filter = query.pop_filter(rules)
        elif self.by_cluster:
            filter = query.pop_cluster(rules)
            query.refuse_unknown("cluster")
        else:
            query.refuse_unknown()
        return QueryParams(filter=filter, uid=uid, detail=detail)

    @property
    def operation(self) -> Operation:
        """Its description."""
        named = [parameters.IN_PATH[name] for name in re.findall(r"<(\w+):", self.path)]
        return Operation(
            summary=self.summary,
            group="graph",
            parameters=(
                *named,
                *(parameters.of_filter() if self.filtered else ()),
                *((parameters.CLUSTER,) if self.by_cluster else ()),
                *((parameters.DETAIL,) if self.detail else ()),
                parameters.MIN_SEQ,
                parameters.IF_NONE_MATCH,
            ),
            answers={200: operation.json("As of one place in history.", self.answer, (*POSITION, *CACHED))},
            refusals=(400, 404, 503) if named else (400, 503),
        )


#: What is in the graph.
RESOURCE_ROUTES = (
    GraphRoute(
        path="/api/v1/graph",
        name="graph",
        body=documents.graph,
        summary="the graph: epoch, seq, nodes and edges; both ends of each edge are among the nodes",
        answer=shapes.GraphShape,
        prepare=documents.prepare_graph,
        borrowed=True,
    ),
    GraphRoute(
        path="/api/v1/resources",
        name="resources",
        body=resources,
        summary="a flat list, one object per resource, with age, owners, image, restarts, replicas and "
        "what it uses",
        answer=list[shapes.ResourceShape],
        ages=True,
    ),
    GraphRoute(
        path="/api/v1/resources/<uid:str>",
        name="resource",
        body=documents.resource,
        summary="one resource with its edges, unresolved references and Events",
        answer=shapes.ResourceDetail,
        check=documents.check_resource,
        filtered=False,
        events=True,
    ),
    GraphRoute(
        path="/api/v1/charts",
        name="charts",
        body=documents.charts,
        summary="charts with their versions, sorted",
        answer=list[str],
        view=anywhere,
    ),
    GraphRoute(
        path="/api/v1/namespaces",
        name="namespaces",
        body=documents.namespaces,
        summary="the names of namespaces, sorted",
        answer=list[str],
    ),
)

#: How resources are related.
RELATION_ROUTES = (
    GraphRoute(
        path="/api/v1/edge-types",
        name="edge-types",
        body=documents.edge_types,
        summary="the edge types and their meaning",
        answer=list[shapes.EdgeTypeInfo],
        filtered=False,
    ),
    GraphRoute(
        path="/api/v1/unresolved",
        name="unresolved",
        body=unresolved,
        summary="unresolved references, each with its node and field",
        answer=list[shapes.Unresolved],
    ),
)


def routes(catalogue: Catalogue, releases: ReleaseDocuments) -> tuple[GraphRoute, ...]:
    """All REST routes. catalogue: the kinds that `/api/v1/kinds` describes."""
    release_routes = (
        GraphRoute(
            path="/api/v1/releases",
            name="releases",
            body=releases.listed,
            summary="the names of releases, sorted; with detail=true also charts, revisions and counts",
            answer=list[str | shapes.ReleaseShape],
            view=anywhere,
            detail=True,
        ),
        GraphRoute(
            path="/api/v1/releases/<release_namespace:str>/<release_name:str>",
            name="release",
            body=releases.one,
            summary="one release; with `--helm-details` also notes, hooks, objects and which are missing",
            answer=shapes.ReleaseDetail,
            check=releases.check,
            filtered=False,
            by_cluster=True,
            view=no_part,
        ),
    )
    kinds = GraphRoute(
        path="/api/v1/kinds",
        name="kinds",
        body=documents.kinds_of(catalogue),
        summary="the kinds: names, layout, edge types, and counts by status",
        answer=list[shapes.KindInfo],
    )
    return (*RESOURCE_ROUTES, *release_routes, kinds, *RELATION_ROUTES)
