"""`/graphql`: queries by GET and POST, subscriptions as server-sent events and over a WebSocket."""

from __future__ import annotations

from typing import Any

from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.graphql.documents import QueryCache
from astrolabe.http.graphql.requests import (
    EVENT_STREAM,
    JSON,
    RESPONSE,
    GraphQLRequest,
    accepts,
    read_request,
)
from astrolabe.http.graphql.running import QueryRunner, Tables
from astrolabe.http.graphql.schema import schema
from astrolabe.http.graphql.session import EventOperation, GraphQLSocket, SocketSession
from astrolabe.http.graphql.transport_ws import NOT_ACCEPTABLE, PROTOCOL
from astrolabe.http.net.message import SharedBytes
from astrolabe.http.net.refusals import visibly
from astrolabe.http.net.sse import EventStream
from astrolabe.http.openapi import parameters
from astrolabe.http.openapi.operation import HTML, POSITION, ApiEndpoint, ApiResponse, Operation, Parameter
from astrolabe.http.openapi.shapes import GraphQLAnswer
from astrolabe.http.query import QueryReader
from astrolabe.http.responses.shared import SharedResponse, position_headers
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.connections import Connections
from astrolabe.http.stream.problem_feed import ProblemFeeds
from astrolabe.settings import Limits

PATH = "/graphql"


class GraphQLEndpoint:
    """Answers GraphQL from one source. problems: what subscriptions to problems follow, as the stream does.

    cache: of queries; all sources may share it. tables: reads a document of REST by its name.
    clusters: reads those of the clusters.
    """

    def __init__(
        self,
        source: GraphSource,
        rules: FilterRules,
        connections: Connections,
        *,
        limits: Limits,
        cache: QueryCache,
        problems: ProblemFeeds,
        tables: Tables,
        clusters: Tables,
    ) -> None:
        schema()  # takes a tenth of a second, which no query should wait for
        self._hub = source.hub
        self._limits = limits
        self._connections = connections
        self._problems = problems
        self._runner = QueryRunner(source, rules, limits, cache, tables, clusters)
        self._as_socket = visibly(self._websocket, self._accept, connections.until_refused)

    @property
    def endpoint(self) -> ApiEndpoint:
        return ApiEndpoint(
            path=PATH,
            name="graphql",
            handler=self._handle,
            methods=("GET", "POST", "HEAD"),
            visible=True,
            page=True,
            operation=_OPERATION,
        )

    async def _handle(self, request: Request) -> HTTPResponse | None:
        if "upgrade" in request.headers:
            await self._as_socket(request)
            return None
        asked = read_request(request)
        await self._hub.require_seq(_min_seq(request))
        if accepts(request, EVENT_STREAM):
            await self._events(request, asked)
            return None
        return await self._answer(request, asked)

    async def _answer(self, request: Request, asked: GraphQLRequest) -> HTTPResponse:
        answer = await self._runner.answer(asked)
        strict = accepts(request, RESPONSE)
        position = position_headers(self._hub.graph)
        if answer.epoch:
            position = {"X-Astrolabe-Epoch": answer.epoch, "X-Astrolabe-Seq": str(answer.seq)}
        response = SharedResponse(
            SharedBytes(answer.chunks),
            headers={**position, "Cache-Control": "no-store", "Vary": "Accept"},
            content_type=f"{RESPONSE if strict else JSON}; charset=utf-8",
        )
        # In application/json, a status other than 200 might come from a proxy (GraphQL over HTTP, 6.4.1).
        response.status = 400 if strict and not answer.executed else 200
        return response

    async def _events(self, request: Request, asked: GraphQLRequest) -> None:
        self._connections.admit()
        headers = {
            **position_headers(self._hub.graph),
            **self._connections.guard.headers(request),
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
        events = EventStream(request, self._limits, self._hub.counters, headers)
        self._connections.add(events, request)
        running = EventOperation(events, self._runner, self._hub, self._problems)
        running.start("", asked)
        events.serve(running)
        await self._connections.until_lost(events, running.leave)

    async def _websocket(self, request: Request) -> None:
        self._connections.admit()
        socket = self._accept(request)
        self._connections.add(socket, request)
        session = SocketSession(socket, self._runner, self._hub, self._problems, self._limits)
        socket.listen(session)
        if PROTOCOL not in _offered(request):
            text = f"this WebSocket speaks {PROTOCOL}: offer it as subprotocol"
            socket.close(NOT_ACCEPTABLE, "bad-handshake", text)
        await self._connections.until_lost(socket, session.leave)

    def _accept(self, request: Request) -> GraphQLSocket:
        return GraphQLSocket(request, self._limits, self._hub.counters)


def _offered(request: Request) -> list[str]:
    """The subprotocols that the client offers."""
    lines = request.headers.getall("sec-websocket-protocol", ())
    return [each.strip() for line in lines for each in line.split(",")]


def _min_seq(request: Request) -> int | None:
    return QueryReader(request).pop_number("min_seq")


def _of_get(name: str, description: str, *, required: bool = False, **schema: Any) -> Parameter:
    """A parameter of a GET; in a POST, the body has its value."""
    return Parameter(
        name=name,
        description=description,
        schema={"type": "string", **schema},
        required=required,
        method="get",
    )


_ANSWER: dict[str, Any] = {JSON: GraphQLAnswer, RESPONSE: GraphQLAnswer, EVENT_STREAM: str, HTML: str}
_OPERATION = Operation(
    summary="GraphQL: queries by GET and POST, subscriptions over a WebSocket or as server-sent events",
    details="""\
The guide's page "GraphQL" has the schema. A browser gets GraphiQL. A WebSocket speaks `graphql-transport-ws`;
with `Accept: text/event-stream`, the answer is a stream of `next` events and a `complete`.""",
    group="graph",
    parameters=(
        _of_get("query", "The query.", required=True, minLength=1),
        _of_get("variables", "Its variables, as a JSON object.", contentMediaType=JSON),
        _of_get("operationName", "Which of its operations to execute."),
        parameters.MIN_SEQ,
    ),
    answers={
        101: ApiResponse(description="The WebSocket begins.", body={}),
        200: ApiResponse(description="As of one place in history.", body=_ANSWER, headers=POSITION),
    },
    refusals=(400, 415, 503),
    request={JSON: GraphQLRequest},
)
