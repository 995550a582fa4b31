"""The paths of the stream, and the connections that are open on them."""

from __future__ import annotations

import logging
from asyncio import CancelledError
from collections.abc import Sequence
from typing import Any, NoReturn

from sanic import Sanic
from sanic.request import Request

from astrolabe import __version__
from astrolabe.graph import wire
from astrolabe.graph.filter import Filter
from astrolabe.http.access import Guard
from astrolabe.http.client import Client
from astrolabe.http.closing import FAILED, INTERNAL_ERROR
from astrolabe.http.errors import Refusal
from astrolabe.http.events import Events
from astrolabe.http.hub import Hub
from astrolabe.http.message import Message
from astrolabe.http.query import Query, parse_position
from astrolabe.http.rest import position
from astrolabe.http.session import Session
from astrolabe.http.subscription import Position
from astrolabe.http.websocket import WebSocket
from astrolabe.settings import Limits

logger = logging.getLogger("astrolabe.http")

#: The id of the subscription that connecting makes.
DEFAULT = "default"


class Streams:
    """Serves `/api/v1/ws` and `/api/v1/events`."""

    def __init__(self, hub: Hub, *, kinds: Sequence[str], limits: Limits, guard: Guard) -> None:
        self._hub = hub
        self._guard = guard
        self._kinds = kinds
        self._limits = limits
        self._open: dict[WebSocket | Events, Client] = {}

    def __len__(self) -> int:
        """The number of open streams."""
        return len(self._open)

    def counts(self) -> tuple[int, int, int]:
        """How many WebSockets and how many streams of events are open, and subscriptions of all of them."""
        websockets = sum([isinstance(channel, WebSocket) for channel in self._open])
        return websockets, len(self._open) - websockets, sum(map(len, self._open.values()))

    def add_to(self, app: Sanic[Any, Any]) -> None:
        app.add_route(self._websocket, "/api/v1/ws", name="ws")
        app.add_route(self._events, "/api/v1/events", name="events")

    def shut_down(self) -> None:
        """Say that the server is going away; whoever does not read is cut off."""
        for channel in list(self._open):
            channel.shut_down()

    async def _websocket(self, request: Request) -> None:
        query = Query(request)
        subscribes = query.take_flag("subscribe", default=True)
        since = query.take_position("since")
        filter = query.take_filter(kinds=self._kinds)
        self._admit()
        socket = WebSocket(request, self._limits, self._hub.figures)
        client = self._enter(socket, request)
        socket.write(self._hello())
        if subscribes:
            self._subscribe(socket, client, filter, since)
        limit = self._limits.max_subscriptions
        socket.listen(Session(socket, client, kinds=self._kinds, limit=limit))
        await self._until_lost(socket)

    async def _events(self, request: Request) -> None:
        query = Query(request)
        since = query.take_position("since")
        if last := request.headers.get("last-event-id"):
            since = parse_position("Last-Event-ID", last)
        filter = query.take_filter(kinds=self._kinds)
        self._admit()
        headers = {
            **position(self._hub),
            **self._guard.headers(request),
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
        events = Events(request, self._limits, self._hub.figures, headers)
        client = self._enter(events, request)
        self._subscribe(events, client, filter, since)
        events.serve(client)
        await self._until_lost(events)

    def _admit(self) -> None:
        if len(self._open) >= self._limits.max_connections:
            message = f"{self._limits.max_connections} streams are open, which is all there may be"
            raise Refusal(503, "too-many-connections", message, headers={"Retry-After": "5"})

    def _enter(self, channel: WebSocket | Events, request: Request) -> Client:
        client = self._open[channel] = self._hub.join(channel)
        channel.drained = client.wake
        channel.admitted = self._guard.renewal(request)
        return client

    def _hello(self) -> Message:
        graph, heartbeat = self._hub.graph, self._limits.heartbeat
        text = wire.hello(
            server=f"astrolabe/{__version__}",
            epoch=graph.epoch,
            seq=graph.seq,
            heartbeat=int(heartbeat) if heartbeat.is_integer() else heartbeat,
        )
        return Message("hello", text)

    def _subscribe(
        self, channel: WebSocket | Events, client: Client, filter: Filter, since: Position | None
    ) -> None:
        try:
            client.subscribe(DEFAULT, filter, since)
        except Exception:  # too late for an HTTP answer
            logger.exception("a subscription failed")
            channel.close(INTERNAL_ERROR, "internal-error", FAILED)

    async def _until_lost(self, channel: WebSocket | Events) -> NoReturn:
        """Sanic cancels the handler of a connection that is lost, and does not look for an answer then."""
        try:
            await channel.lost
        finally:
            channel.abort()
            self._open.pop(channel).leave()
        raise CancelledError
