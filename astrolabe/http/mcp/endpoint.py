"""`/mcp`: the endpoint of the Model Context Protocol."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.views.filter import FilterError, FilterRules
from astrolabe.http.errors import JSON, Refusal
from astrolabe.http.mcp import protocol
from astrolabe.http.mcp.answers import AgentAnswers
from astrolabe.http.mcp.protocol import RpcError, ToolCall
from astrolabe.http.mcp.tools import INSTRUCTIONS, TOOLS, definitions
from astrolabe.http.openapi.operation import ApiEndpoint, ApiResponse, Operation
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.shared import position_headers
from astrolabe.http.source import GraphSource

logger = logging.getLogger("astrolabe.http")

_OPERATION = Operation(
    summary="the Model Context Protocol, for agents: one JSON-RPC request each",
    details="Revisions 2026-07-28 and back to 2025-03-26 of the protocol, without sessions.",
    group="agents",
    request={JSON: dict[str, Any]},
    answers={
        200: ApiResponse(description="A JSON-RPC response.", body={JSON: dict[str, Any]}, headers=()),
        202: ApiResponse(description="To a notification.", body={}),
        400: ApiResponse(description="A JSON-RPC error.", body={JSON: dict[str, Any]}, headers=()),
        404: ApiResponse(description="There is no such method.", body={JSON: dict[str, Any]}, headers=()),
    },
    refusals=(503,),
)


class McpEndpoint:
    """Answers for the users of one source."""

    def __init__(self, source: GraphSource, rules: FilterRules) -> None:
        self._hub = source.hub
        self._answers = AgentAnswers(source, rules)
        self._definitions = definitions()
        self.endpoint = ApiEndpoint(
            path="/mcp", name="mcp", handler=self._answer, methods=("POST",), operation=_OPERATION
        )

    async def _answer(self, request: Request) -> HTTPResponse:
        QueryReader(request).refuse_unknown()
        headers = {**position_headers(self._hub.graph), "Cache-Control": "no-store"}
        try:
            _check_media(request)
            asked = protocol.read(request.body, _headers_of(request), self._definitions, INSTRUCTIONS)
            if asked is None:
                return HTTPResponse(status=202, headers=headers)
            result = asked.result if asked.call is None else await self._call(asked.id, asked.call)
        except RpcError as error:
            body = protocol.refused(error)
            return HTTPResponse(body, status=error.status, headers=headers, content_type=JSON)
        return HTTPResponse(protocol.answer(asked, result), headers=headers, content_type=JSON)

    async def _call(self, id: str | int, call: ToolCall) -> protocol.Json:
        """The result of a tool. What an agent can mend is told as the result."""
        tool = TOOLS.get(call.name)
        if tool is None:
            text = f"there is no tool {call.name[:100]!r}; there are: {', '.join(TOOLS)}"
            raise RpcError(protocol.INVALID_PARAMS, text, id=id)
        try:
            arguments = msgspec.convert(call.arguments, tool.arguments)
        except msgspec.ValidationError as error:
            return protocol.told(f"the arguments of {tool.name} are wrong: {error}", is_error=True)
        try:
            return protocol.told(await tool.answer(self._answers, arguments))
        except (Refusal, FilterError) as error:
            absent = isinstance(error, Refusal) and error.status == 404
            text = self._answers.absent(str(error)) if absent else str(error)
            return protocol.told(text, is_error=True)


def _check_media(request: Request) -> None:
    """A page of another site can send no JSON without asking first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise RpcError(protocol.INVALID_REQUEST, f"the Content-Type is {JSON}, not {kind[:100]!r}")
    accepted = request.headers.get("accept", "*/*").lower()
    if not any(each in accepted for each in (JSON, "application/*", "*/*")):
        raise RpcError(protocol.INVALID_REQUEST, f"the answer is {JSON}, which Accept does not allow")


def _headers_of(request: Request) -> dict[str, str]:
    """Those that the protocol knows. A repeated one matches nothing."""
    names = (protocol.VERSION_HEADER, protocol.METHOD_HEADER, protocol.NAME_HEADER)
    return {name: ", ".join(request.headers.getall(name)) for name in names if name in request.headers}
