"""`/api/v1/problems`: what is broken, why, and what depends on it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.engine.serving_state import ServingState
from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.documents import SORTS, document_of
from astrolabe.graph.causes.grouping import GroupKey, id_of
from astrolabe.graph.causes.part import PartialGraph
from astrolabe.graph.causes.problems import FoundProblem, others_beside
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
from astrolabe.timeslice import Lane, in_slices

#: Problems that are listed unless a limit is given, and at most.
DEFAULT_LIMIT = 1000
MOST = 10_000
#: Seconds for which the problems of a filtered graph are good, though it does not change.
TIME_LASTS = 5
#: Reasons for which a kind cannot be seen.
_BLIND = ("forbidden",)

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


def unseen_kinds(state: ServingState) -> list[str]:
    """The kinds that cannot be seen, so that more may be concerned."""
    return sorted({gap.kind for gap in state.partial if gap.reason in _BLIND})


class ProblemParams(msgspec.Struct, frozen=True):
    """The parameters of a list of problems."""

    filter: Filter = EVERYTHING
    sort: str = "severity"
    limit: int = DEFAULT_LIMIT
    detail: bool = False
    id: str = ""


class _Found(NamedTuple):
    """The problems of one graph, with what is remembered of them."""

    causes: Causes
    problems: Sequence[FoundProblem]
    flaps: dict[GroupKey, int]
    ended: dict[GroupKey, float]


class ProblemEndpoints:
    """Serves problems of the graph, or of the part that a filter keeps."""

    def __init__(self, source: GraphSource, rules: FilterRules, cache: ResponseCache) -> None:
        self._source = source
        self._hub = source.hub
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
        found = await self._everything()
        if not any(self._id(problem.group) == id for problem in found.problems):
            raise Refusal(404, "not-found", f"there is no problem with the id {id!r}; it may have ended")
        return await self._answer(request, ProblemParams(id=id, detail=True))

    async def _answer(self, request: Request, params: ProblemParams) -> HTTPResponse:
        found = await self._everything() if not params.filter else None
        headers = validators(self._version(params), params)
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        packed = accepts_gzip(request.headers.get("accept-encoding", ""))

        async def take() -> None:
            nonlocal found
            found = await self._part(params.filter)

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

    async def _everything(self) -> _Found:
        tracker = self._hub.problems
        active = await tracker.problems()
        ended = tracker.ended()
        return _Found(
            tracker.causes,
            [*active, *[entry.problem for entry in ended]],
            {problem.group: flaps for problem in active if (flaps := tracker.flaps_of(problem))},
            {entry.problem.group: entry.ended for entry in ended},
        )

    async def _part(self, filter: Filter) -> _Found:
        snapshot = await self._hub.snapshot(filter)
        part = PartialGraph()
        causes = Causes(part)

        def work() -> Iterator[None]:
            yield from part.fill(snapshot.nodes, snapshot.edges)
            yield from causes.begin(snapshot.nodes)
            yield from causes.refresh()

        async for _ in in_slices(work(), Lane.ANSWER):
            pass
        return _Found(causes, causes.standing(time.time()), {}, {})

    def _body(self, found: _Found | None, params: ProblemParams) -> Iterator[str]:
        assert found is not None
        problems = list(found.problems)
        if params.id:
            problems = [each for each in problems if self._id(each.group) == params.id]
        problems.sort(key=SORTS[params.sort])
        problems.sort(key=lambda each: each.group in found.ended)
        coverage = unseen_kinds(self._source.state.refresh())
        groups = {problem.group for problem in problems}
        documents = (
            self._document(found, each, groups, coverage, detail=params.detail)
            for each in problems[: params.limit]
        )
        if params.id:
            return (encode(document) for document in documents)
        return array(documents)

    def _document(
        self,
        found: _Found,
        problem: FoundProblem,
        groups: set[GroupKey],
        coverage: Sequence[str],
        *,
        detail: bool,
    ) -> dict[str, Any]:
        also = sorted(map(self._id, others_beside(found.causes, problem) & groups))
        document = document_of(
            found.causes,
            problem,
            id=self._id(problem.group),
            also=also,
            coverage=coverage,
            detail=detail,
        )
        if problem.group in found.flaps:
            document["flaps"] = found.flaps[problem.group]
        if problem.group in found.ended:
            ended = datetime.fromtimestamp(found.ended[problem.group], UTC)
            document["ended"] = f"{ended:%Y-%m-%dT%H:%M:%SZ}"
        return document

    def _id(self, group: GroupKey) -> str:
        return id_of(self._source.state.refresh().cluster.name, group)


_LIST = Operation(
    summary="what is broken, by cause: each with all that it breaks; the worst first",
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
