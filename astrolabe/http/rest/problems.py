"""`/api/v1/problems`: what is broken, why, and what depends on it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.causes.documents import SORTS
from astrolabe.graph.encoding.wire import encode
from astrolabe.graph.views.filter import EVERYTHING, Filter, FilterRules
from astrolabe.http.errors import JSON, Refusal, bad_parameter
from astrolabe.http.openapi import operation, parameters, problem_shapes
from astrolabe.http.openapi.operation import CACHED, POSITION, ApiEndpoint, Operation, Parameter
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.cache import Recipe, ResponseCache
from astrolabe.http.responses.shared import SharedResponse, accepts_gzip, array, matches_etag
from astrolabe.http.rest.endpoints import BodyVersion, validators
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.problem_list import DEFAULT_LIMIT, FoundProblems, ProblemLister

#: Problems that are listed at most.
MOST = 10_000
#: Seconds for which the problems of a filtered graph are good, though it does not change.
TIME_LASTS = 5

_SORT = Parameter(
    name="sort",
    description="The order: `severity` (the default: then reach, then age), `reach`, `affected`, `age` "
    "(oldest first) or `newest`.",
    schema={"type": "string", "enum": list(SORTS), "default": "severity"},
)
_LIMIT = Parameter(
    name="limit",
    description="How many, at most.",
    component="problem-limit",
    schema={"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT},
)
_ID = Parameter(
    name="id",
    description="The id of the problem.",
    schema={"type": "string", "minLength": 1},
    place="path",
    component="problem-id",
)


class ProblemParams(msgspec.Struct, frozen=True):
    """The parameters of a list of problems."""

    filter: Filter = EVERYTHING
    sort: str = "severity"
    limit: int = DEFAULT_LIMIT
    detail: bool = False
    id: str = ""


class ProblemEndpoints:
    """Serves problems of the graph, or of the part that a filter keeps."""

    def __init__(self, source: GraphSource, rules: FilterRules, cache: ResponseCache) -> None:
        self._source = source
        self._hub = source.hub
        self._lister = ProblemLister(source.hub, source.state)
        self._rules = rules
        self._cache = cache
        self.endpoints = (
            ApiEndpoint(path="/api/v1/problems", name="problems", handler=self._list, operation=_LIST),
            ApiEndpoint(path="/api/v1/problems/<id:str>", name="problem", handler=self._one, operation=_ONE),
        )

    async def _list(self, request: Request) -> HTTPResponse:
        query = QueryReader(request)
        seq = query.pop_number("min_seq")
        sort, limit = query.pop_choice("sort", tuple(SORTS), "severity"), query.pop_number("limit")
        if limit is not None and not 1 <= limit <= MOST:
            raise bad_parameter(f"limit is a number from 1 to {MOST}, not {limit}")
        detail = query.pop_flag("detail", default=False)
        params = ProblemParams(
            filter=query.pop_filter(self._rules), sort=sort, limit=limit or DEFAULT_LIMIT, detail=detail
        )
        await self._hub.require_seq(seq)
        return await self._answer(request, params)

    async def _one(self, request: Request, id: str) -> HTTPResponse:
        query = QueryReader(request)
        seq = query.pop_number("min_seq")
        query.refuse_unknown()
        await self._hub.require_seq(seq)
        found = await self._lister.everything()
        if not any(self._lister.id_of(problem) == id for problem in found.problems):
            raise Refusal(404, "not-found", f"there is no problem with the id {id!r}; it may have ended")
        return await self._answer(request, ProblemParams(id=id, detail=True))

    async def _answer(self, request: Request, params: ProblemParams) -> HTTPResponse:
        found = await self._lister.everything() if not params.filter else None
        headers = validators(self._version(params), params)
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))

        async def take() -> None:
            nonlocal found
            found = await self._lister.part(params.filter)

        recipe = Recipe(
            version=lambda: self._version(params),
            take=take if params.filter else None,
            make=lambda: self._body(found, params),
        )
        body = await self._cache.get(("/api/v1/problems", params), recipe, packed=packed)
        headers = validators(body.version, params)
        if packed:
            headers["Content-Encoding"] = "gzip"
        return SharedResponse(body, headers=headers, content_type=JSON)

    def _version(self, params: ProblemParams) -> BodyVersion:
        graph, state = self._hub.graph, self._source.state.refresh()
        coverage = hash(tuple(sorted((gap.kind, gap.reason) for gap in state.partial)))
        bucket = int(time.time() // TIME_LASTS) if params.filter else self._hub.problems.version
        return BodyVersion(graph.epoch, graph.seq, bucket ^ coverage)

    def _body(self, found: FoundProblems | None, params: ProblemParams) -> Iterator[str]:
        assert found is not None
        documents = self._lister.documents(
            found, sort=params.sort, limit=params.limit, detail=params.detail, id=params.id
        )
        if params.id:
            return (encode(document) for document in documents)
        return array(documents)


_LIST = Operation(
    summary="what is broken, by cause, the worst first; each problem with everything that it breaks",
    group="graph",
    parameters=(
        *parameters.of_filter(),
        _SORT,
        _LIMIT,
        parameters.DETAIL,
        parameters.MIN_SEQ,
        parameters.IF_NONE_MATCH,
    ),
    answers={
        200: operation.json("As of one place in history.", list[problem_shapes.Problem], (*POSITION, *CACHED))
    },
    refusals=(400, 503),
)
_ONE = Operation(
    summary="one problem, with the nodes that it affects",
    group="graph",
    parameters=(_ID, parameters.MIN_SEQ, parameters.IF_NONE_MATCH),
    answers={
        200: operation.json("As of one place in history.", problem_shapes.Problem, (*POSITION, *CACHED))
    },
    refusals=(400, 404, 503),
)
