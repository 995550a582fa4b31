"""`/api/v1/find`: the best hits of a search, and how many there are."""

from __future__ import annotations

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.answers.hits import find_hits
from astrolabe.http.errors import JSON, bad_parameter
from astrolabe.http.openapi import operation, parameters, shapes
from astrolabe.http.openapi.operation import ApiEndpoint, Operation, Parameter
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.shared import position_headers
from astrolabe.http.source import GraphSource

#: Hits that are named unless a limit is given, and at most.
DEFAULT_LIMIT = 20
MOST = 1000

_LIMIT = Parameter(
    name="limit",
    description="How many hits to name, at most.",
    component="hit-limit",
    schema={"type": "integer", "minimum": 0, "maximum": MOST, "default": DEFAULT_LIMIT},
)
_OPERATION = Operation(
    summary="the best hits of a search and their number, as a search field shows them",
    details="The hits whose name is like a word of the search come first, then the worst.",
    group="graph",
    parameters=(*parameters.of_filter(), _LIMIT),
    answers={200: operation.json("The hits.", shapes.SearchHits)},
    refusals=(400, 503),
)


class HitFinder:
    """Answers from the served graph."""

    def __init__(self, source: GraphSource, rules: FilterRules) -> None:
        self._source = source
        self._rules = rules
        self.endpoint = ApiEndpoint(
            path="/api/v1/find", name="find", handler=self._answer, operation=_OPERATION
        )

    async def _answer(self, request: Request) -> HTTPResponse:
        query = QueryReader(request)
        limit = query.pop_number("limit")
        if limit is not None and limit > MOST:
            raise bad_parameter(f"limit is a number up to {MOST}, not {limit}")
        filter = query.pop_filter(self._rules)
        graph = self._source.hub.graph
        document = await find_hits(self._source, filter, DEFAULT_LIMIT if limit is None else limit)
        headers = {**position_headers(graph), "Cache-Control": "no-store"}
        return HTTPResponse(msgspec.json.encode(document), headers=headers, content_type=JSON)
