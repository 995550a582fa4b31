"""`/api/v1/path`, and the `why` and `impact` of a resource."""

from __future__ import annotations

from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.causes.impact import ACTIONS
from astrolabe.graph.encoding.wire import encode
from astrolabe.http.answers.studies import Studies
from astrolabe.http.errors import JSON, bad_parameter
from astrolabe.http.openapi import operation, parameters, problem_shapes
from astrolabe.http.openapi.operation import ApiEndpoint, Operation, Parameter
from astrolabe.http.openapi.terms import reference
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.shared import position_headers
from astrolabe.http.source import GraphSource

_ACTION = Parameter(
    name="action",
    description="What happens to it; `drain` and `cordon` are of Nodes, and refused for others with 409.",
    schema={"type": "string", "enum": list(ACTIONS), "default": "fail"},
)
_TYPES = Parameter(
    name="type",
    description="The types of edges to walk along; all that pictures show unless given.",
    schema={"type": "array", "items": reference("EdgeType")},
    component="edge-types",
)


def _end(name: str, verb: str) -> Parameter:
    return Parameter(
        name=name,
        description=f"The uid of the resource where the ways {verb}.",
        schema={"type": "string", "minLength": 1},
        required=True,
    )


class StudyEndpoints:
    """Answers questions about one resource, or about two."""

    def __init__(self, source: GraphSource) -> None:
        self._hub = source.hub
        self._studies = Studies(source)
        self.endpoints = (
            ApiEndpoint(
                path="/api/v1/resources/<uid:str>/why", name="why", handler=self._why, operation=_WHY
            ),
            ApiEndpoint(
                path="/api/v1/resources/<uid:str>/impact",
                name="impact",
                handler=self._impact,
                operation=_IMPACT,
            ),
            ApiEndpoint(path="/api/v1/path", name="path", handler=self._path, operation=_PATH),
        )

    async def _why(self, request: Request, uid: str) -> HTTPResponse:
        await self._wait(QueryReader(request))
        return self._answer(await self._studies.why(uid))

    async def _impact(self, request: Request, uid: str) -> HTTPResponse:
        query = QueryReader(request)
        action = query.pop_choice("action", ACTIONS, "fail")
        await self._wait(query)
        return self._answer(await self._studies.impact(uid, action))

    async def _path(self, request: Request) -> HTTPResponse:
        query = QueryReader(request)
        start, end = query.pop_text("from"), query.pop_text("to")
        types = query.pop_list("type")
        if not start or not end:
            raise bad_parameter("from and to must be given: the uids of two resources")
        await self._wait(query)
        return self._answer(await self._studies.path(start, end, types))

    async def _wait(self, query: QueryReader) -> None:
        seq = query.pop_number("min_seq")
        query.refuse_unknown()
        await self._hub.require_seq(seq)

    def _answer(self, document: dict[str, Any]) -> HTTPResponse:
        headers = {**position_headers(self._hub.graph), "Cache-Control": "no-store"}
        return HTTPResponse(encode(document), headers=headers, content_type=JSON)


def _operation(
    summary: str, answer: Any, *given: Parameter, refusals: tuple[int, ...] = (400, 404, 503)
) -> Operation:
    return Operation(
        summary=summary,
        group="graph",
        parameters=(*given, parameters.MIN_SEQ),
        answers={
            200: operation.json("As of one place in history.", answer, (*operation.POSITION, "Cache-Control"))
        },
        refusals=refusals,
    )


_WHY = _operation(
    "why a resource is as it is: the chain of causes, root first", problem_shapes.Why, parameters.UID
)
_IMPACT = _operation(
    "what would stop, degrade or lose a replica without a resource; which evictions a drain would be refused",
    problem_shapes.ImpactReport,
    parameters.UID,
    _ACTION,
    refusals=(400, 404, 409, 503),
)
_PATH = _operation(
    "the shortest paths between two resources",
    problem_shapes.Ways,
    _end("from", "begin"),
    _end("to", "end"),
    _TYPES,
)
