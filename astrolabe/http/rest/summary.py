"""`/api/v1/summary`: how many resources each group has, by status, and how many problems."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.views.filter import EVERYTHING, Filter, FilterRules
from astrolabe.http.errors import JSON
from astrolabe.http.openapi import messages, operation, parameters
from astrolabe.http.openapi.operation import CACHED, POSITION, ApiEndpoint, Operation
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.shared import matches_etag
from astrolabe.http.rest.endpoints import BodyVersion, digest_of, validators
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.asked import dimensions
from astrolabe.http.stream.summary_feed import AskedSummary, SummaryFeeds


class SummaryParams(msgspec.Struct, frozen=True):
    """The parameters of a summary. digest: of its groups, as their problems change with time, too."""

    by: Sequence[str]
    filter: Filter = EVERYTHING
    digest: str = ""


class SummaryEndpoint:
    """Serves the groups of the graph, or of the part that a filter keeps. They are kept up to date."""

    def __init__(self, source: GraphSource, rules: FilterRules, summaries: SummaryFeeds) -> None:
        self._hub = source.hub
        self._rules = rules
        self._summaries = summaries
        self.endpoint = ApiEndpoint(
            path="/api/v1/summary", name="summary", handler=self._answer, operation=_SUMMARY
        )

    async def _answer(self, request: Request) -> HTTPResponse:
        query = QueryReader(request)
        seq = query.pop_number("min_seq")
        by = dimensions(query.pop_list("by"))
        filter = query.pop_filter(self._rules)
        await self._hub.require_seq(seq)
        epoch, seq, texts = await self._summaries.read(AskedSummary(by, filter))
        body = f"[{','.join(texts)}]"
        headers = validators(BodyVersion(epoch, seq, 0), SummaryParams(by, filter, digest_of(body)))
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        return HTTPResponse(body, headers=headers, content_type=JSON)


_SUMMARY = Operation(
    summary="how many resources each group has, by status, and how many problems; groups in order",
    group="graph",
    parameters=(
        parameters.BY_REQUIRED,
        *parameters.of_filter(),
        parameters.MIN_SEQ,
        parameters.IF_NONE_MATCH,
    ),
    answers={
        200: operation.json("As of one place in history.", list[messages.SummaryGroup], (*POSITION, *CACHED))
    },
    refusals=(400, 503),
)
