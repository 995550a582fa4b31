"""The table of the paths that answer from the graph: what each takes, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from astrolabe.graph.views.filter import EVERYTHING, Filter, FilterRules
from astrolabe.http.openapi import operation, parameters, shapes
from astrolabe.http.openapi.operation import CACHED, POSITION, Operation
from astrolabe.http.query import Query, Question
from astrolabe.http.rest import documents
from astrolabe.http.rest.documents import Body
from astrolabe.http.rest.releases import releases
from astrolabe.http.rest.resources import resources
from astrolabe.http.rest.unresolved import unresolved
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue


def nothing(_: Hub, __: Question) -> None:
    """What is asked for is there."""


def no_steps(_: Hub, __: Question) -> Iterable[None]:
    """Nothing has to be done before."""
    return ()


def anywhere(filter: Filter) -> Filter:
    """A release is of a namespace with all that it has elsewhere."""
    return filter.anywhere


def whole(filter: Filter) -> Filter:
    """What the filter keeps is what is told of."""
    return filter


@dataclass(frozen=True, kw_only=True)
class Route:
    """One path and what it takes beside `min_seq`.

    name: one word. summary, answer: what is told of it, and the type of its document.
    check: raises Refusal for what is not there. borrowed: whether its body, unfiltered, is of bytes that the
        graph holds.
    prepare: steps that are taken in turns with others, before the body takes all it needs at once.
    filtered: whether it takes a filter. view: the part of the graph that its body takes, by the filter; the
        whole graph needs none. detail: takes `detail`.
    ages: whether the answer changes with time.
    """

    path: str
    name: str
    body: Body
    summary: str
    answer: Any
    check: Callable[[Hub, Question], None] = nothing
    prepare: Callable[[Hub, Question], Iterable[None]] = no_steps
    borrowed: bool = False
    filtered: bool = True
    view: Callable[[Filter], Filter] = whole
    detail: bool = False
    ages: bool = False

    def ask(self, query: Query, uid: str, rules: FilterRules) -> Question:
        """What the request asks for. Raises FilterError or Refusal."""
        detail = self.detail and query.take_flag("detail", default=False)
        filter = EVERYTHING
        if self.filtered:
            filter = query.take_filter(rules)
        else:
            query.refuse_rest()
        return Question(filter=filter, uid=uid, detail=detail)

    @property
    def operation(self) -> Operation:
        """What is told of it."""
        one = "<uid:str>" in self.path
        return Operation(
            summary=self.summary,
            group="graph",
            parameters=(
                *((parameters.UID,) if one else ()),
                *(parameters.of_filter() if self.filtered else ()),
                *((parameters.DETAIL,) if self.detail else ()),
                parameters.MIN_SEQ,
                parameters.IF_NONE_MATCH,
            ),
            answers={200: operation.json("As of one place in history.", self.answer, (*POSITION, *CACHED))},
            refusals=(400, 404, 503) if one else (400, 503),
        )


def routes(catalogue: Catalogue) -> tuple[Route, ...]:
    """All paths that answer from the graph."""
    return (
        Route(
            path="/api/v1/graph",
            name="graph",
            body=documents.graph,
            summary="the graph: epoch, seq, nodes and edges, never an edge without both ends",
            answer=shapes.Graph,
            prepare=documents.prepare_graph,
            borrowed=True,
        ),
        Route(
            path="/api/v1/resources",
            name="resources",
            body=resources,
            summary="a flat list, one object per resource, with age, owners, image, restarts, replicas and "
            "what it uses",
            answer=list[shapes.Resource],
            ages=True,
        ),
        Route(
            path="/api/v1/resources/<uid:str>",
            name="resource",
            body=documents.resource,
            summary="one resource with its edges and unresolved references",
            answer=shapes.ResourceDetail,
            check=documents.check_resource,
            filtered=False,
        ),
        Route(
            path="/api/v1/releases",
            name="releases",
            body=releases,
            summary="the names of releases, sorted; with detail=true also charts, revisions and counts",
            answer=list[str | shapes.Release],
            view=anywhere,
            detail=True,
        ),
        Route(
            path="/api/v1/charts",
            name="charts",
            body=documents.charts,
            summary="charts with their versions, sorted",
            answer=list[str],
            view=anywhere,
        ),
        Route(
            path="/api/v1/namespaces",
            name="namespaces",
            body=documents.namespaces,
            summary="the names of namespaces, sorted",
            answer=list[str],
        ),
        Route(
            path="/api/v1/kinds",
            name="kinds",
            body=documents.kinds_of(catalogue),
            summary="the kinds: names, layout, edge types, and counts by status",
            answer=list[shapes.KindInfo],
        ),
        Route(
            path="/api/v1/edge-types",
            name="edge-types",
            body=documents.edge_types,
            summary="the types of edges, and what each means",
            answer=list[shapes.EdgeTypeInfo],
            filtered=False,
        ),
        Route(
            path="/api/v1/unresolved",
            name="unresolved",
            body=unresolved,
            summary="references that lead nowhere, each with its node and field",
            answer=list[shapes.Unresolved],
        ),
    )
