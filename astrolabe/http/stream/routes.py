"""The endpoints of the stream: WebSocket and server-sent events."""

from __future__ import annotations

import logging

from sanic.request import Request

from astrolabe import __version__
from astrolabe.engine.serving_state import ServingState, StateTracker
from astrolabe.graph.encoding import wire
from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.access.guard import EVENTS
from astrolabe.http.net.close_codes import FAILED, INTERNAL_ERROR
from astrolabe.http.net.message import Message
from astrolabe.http.net.refusals import visibly
from astrolabe.http.net.sse import EventStream
from astrolabe.http.net.websocket import WebSocket
from astrolabe.http.openapi import messages, parameters
from astrolabe.http.openapi.operation import POSITION, ApiEndpoint, ApiResponse, Operation
from astrolabe.http.query import QueryReader, StreamPosition, parse_position
from astrolabe.http.responses.shared import position_headers
from astrolabe.http.stream.asked import pop_asked
from astrolabe.http.stream.connections import Connections
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.neighbourhood_feed import NeighbourhoodFeeds
from astrolabe.http.stream.open_stream import Asked, OpenStream
from astrolabe.http.stream.problem_feed import ProblemFeeds
from astrolabe.http.stream.session import ClientMessage, Session
from astrolabe.http.stream.summary_feed import SummaryFeeds
from astrolabe.settings import Limits

logger = logging.getLogger("astrolabe.http")

#: The id of the subscription that is made when a client connects.
DEFAULT = "default"

_SUBJECT = (parameters.WHAT, parameters.PROBLEM_DETAIL, parameters.BY, *parameters.NEIGHBOURHOOD)
_WEBSOCKET = Operation(
    summary="the stream: a WebSocket",
    details="""\
Connecting subscribes to the filter of the query under the id `default`, or with `what=problems` to its
problems, with `what=summary` to its summary, or with `what=neighbourhood` to what is around a focus. More
subscriptions are made by message. Each message is one JSON object. A browser, which can set no header, offers
its token as the subprotocol `base64url.bearer.authorization.k8s.io.<token in base64url>`, next to
`astrolabe.v1`.

A browser, which is told nothing of an answer to its handshake, is refused on the WebSocket: it is accepted,
an `error` says why, and a close code follows. Who sends no `Origin` gets the HTTP answer.

After a close code from 4500 on (4500 bad message or filter, 4501 no token or one that was withdrawn, 4503
forbidden origin, 4509 message too big, 4521 another host) do not come back before something is changed; after
any other (1001 going away, 1011 a failure, 4008 too slow, 4029 too many messages, 4429 too many connections),
do.""",
    group="stream",
    parameters=(*parameters.of_filter(), *_SUBJECT, parameters.SINCE, parameters.SUBSCRIBE),
    answers={101: ApiResponse(description="The stream begins: messages follow.", body={})},
    refusals=(400, 426, 503),
    messages={"server": messages.WebSocketMessage, "client": ClientMessage},
)
_EVENTS = Operation(
    summary="the same as server-sent events",
    details="Each event is a message, named by its type; its id, `<epoch>:<seq>`, is where to resume from.",
    group="stream",
    parameters=(*parameters.of_filter(), *_SUBJECT, parameters.SINCE, parameters.LAST_EVENT_ID),
    answers={
        200: ApiResponse(
            description="The stream, which does not end.", body={"text/event-stream": str}, headers=POSITION
        )
    },
    refusals=(400, 503),
    messages={"server": messages.Event},
)


class StreamEndpoints:
    """Serves `/api/v1/ws` and `/api/v1/events`. Implements `StreamRoom`."""

    def __init__(
        self,
        hub: Hub,
        connections: Connections,
        *,
        state: StateTracker,
        rules: FilterRules,
        limits: Limits,
    ) -> None:
        self.hub = hub
        self.problems = ProblemFeeds(hub, state)
        self.summaries = SummaryFeeds(hub, limit=limits.max_filters)
        self.neighbourhoods = NeighbourhoodFeeds(hub, limit=limits.max_filters)
        self.state = _message_of(state.current)
        self._streams: dict[OpenStream, None] = {}
        state.subscribe(self._send_state)
        self._connections = connections
        self._rules = rules
        self._limits = limits

    @property
    def endpoints(self) -> tuple[ApiEndpoint, ApiEndpoint]:
        websocket = visibly(self._websocket, self._accept, self._connections.until_refused)
        return (
            ApiEndpoint(
                path="/api/v1/ws",
                name="ws",
                handler=websocket,
                methods=("GET",),
                visible=True,
                operation=_WEBSOCKET,
            ),
            ApiEndpoint(
                path=EVENTS, name="events", handler=self._events, methods=("GET",), operation=_EVENTS
            ),
        )

    async def _websocket(self, request: Request) -> None:
        query = QueryReader(request)
        subscribes = query.pop_flag("subscribe", default=True)
        since = query.pop_position("since")
        asked, filter = pop_asked(query, self._rules)
        self._connections.admit()
        if subscribes:
            self.hub.admit(filter)
        socket = self._accept(request)
        stream = self._open(socket, request)
        socket.write(self._hello())
        socket.write(self.state)
        if subscribes:
            self._subscribe(stream, asked, since)
        socket.listen(Session(socket, stream, self._rules, limit=self._limits.max_subscriptions))
        await self._connections.until_lost(socket, stream.leave)

    async def _events(self, request: Request) -> None:
        query = QueryReader(request)
        since = query.pop_position("since")
        if last := request.headers.get("last-event-id"):
            since = parse_position("Last-Event-ID", last)
        asked, filter = pop_asked(query, self._rules)
        self._connections.admit()
        self.hub.admit(filter)
        headers = {
            **position_headers(self.hub.graph),
            **self._connections.guard.headers(request),
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
        events = EventStream(request, self._limits, self.hub.counters, headers)
        stream = self._open(events, request)
        events.write(self._hello())
        events.write(self.state)
        self._subscribe(stream, asked, since)
        events.serve(stream)
        await self._connections.until_lost(events, stream.leave)

    def _accept(self, request: Request) -> WebSocket:
        return WebSocket(request, self._limits, self.hub.counters)

    def add(self, stream: OpenStream) -> None:
        self._streams[stream] = None

    def discard(self, stream: OpenStream) -> None:
        del self._streams[stream]

    def _open(self, channel: WebSocket | EventStream, request: Request) -> OpenStream:
        stream = OpenStream(channel, self)
        self._connections.add(channel, request, stream)
        return stream

    def _send_state(self, state: ServingState) -> None:
        """Send the state to all clients. Each kind of connection shares one frame."""
        self.state = _message_of(state)
        for stream in self._streams:
            stream.notify(self.state)

    def _hello(self) -> Message:
        graph, heartbeat = self.hub.graph, self._limits.heartbeat
        text = wire.hello(
            server=f"astrolabe/{__version__}",
            epoch=graph.epoch,
            seq=graph.seq,
            heartbeat=int(heartbeat) if heartbeat.is_integer() else heartbeat,
        )
        return Message("hello", text, None)

    def _subscribe(self, stream: OpenStream, asked: Asked, since: StreamPosition | None) -> None:
        try:
            stream.subscribe(DEFAULT, asked, since)
        except Exception:  # too late for an HTTP answer
            logger.exception("a subscription failed")
            stream.channel.close(INTERNAL_ERROR, "internal-error", FAILED)


def _message_of(state: ServingState) -> Message:
    """Without a position: a client resumes from the one it had."""
    return Message("state", wire.state(state.document()), None)
