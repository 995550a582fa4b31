"""The endpoints of the flat streams, and their connections."""

from __future__ import annotations

from collections.abc import Iterator
from time import time
from typing import Any

import ujson
from sanic.request import Request

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import Filter, FilterRules, parse_query
from astrolabe.http.counters import Counters
from astrolabe.http.grafana import flat
from astrolabe.http.grafana.statistics import LiveCounts
from astrolabe.http.net.message import Framing, Message
from astrolabe.http.net.refusals import Handler, visibly
from astrolabe.http.net.websocket import WebSocket, text_frame
from astrolabe.http.openapi.messages import FlatChange, FlatCounts
from astrolabe.http.openapi.operation import ApiEndpoint, ApiResponse, Operation, Parameter
from astrolabe.http.query import QueryReader, StreamPosition
from astrolabe.http.source import GraphSource
from astrolabe.http.stream.connections import Connections
from astrolabe.http.stream.subscription import fail
from astrolabe.settings import Limits
from astrolabe.timeslice import Lane, turns

_ROOT = "/api/v1/ws/flat"

_FILTER = Parameter(
    name="filter",
    description="A filter: `<parameter>=<value>`, separated by slashes, each part URL-encoded.",
    schema={"type": "string", "examples": ["namespace=shop/kind=Pod,Job"]},
    place="path",
)


def _operation(summary: str, message: Any, *parameters: Parameter) -> Operation:
    return Operation(
        summary=summary,
        details="For clients that append rows, and know only the path of a URL. Nothing else is ever sent.",
        group="grafana",
        parameters=parameters,
        answers={101: ApiResponse(description="The stream begins: messages follow.", body={})},
        refusals=(400, 426, 503),
        messages={"server": message},
    )


class FlatSocket(WebSocket):
    """A WebSocket that sends nothing but flat objects: no hello, and no error before closing.

    framing: turns a message of the stream into such objects.
    """

    def __init__(self, request: Request, limits: Limits, counters: Counters, framing: Framing) -> None:
        super().__init__(request, limits, counters)
        self._framing = framing
        #: The remaining parts of a long message; whether the next one is scheduled.
        self._rest: Iterator[Message] | None = None
        self._due = False

    def write(self, message: Message) -> None:
        """Write a message. A long one is written in parts, as the transport accepts them."""
        if message.long is None or not self.open:
            super().write(message)
            return
        self.writable = False
        self._rest = _parts(message)
        self._go_on()

    def resume(self) -> None:
        if self._rest is None:
            super().resume()
        elif not self._due:
            self._due = True
            turns().ask(self._go_on, Lane.PEER)

    def lose(self) -> None:
        self._rest = None
        super().lose()

    def _go_on(self) -> None:
        self._due = False
        try:
            part = next(self._rest, None) if self._rest is not None and self.open else None
            if part is not None:
                super().write(part)
        except Exception:
            fail(self)
            return
        if part is None:
            self._rest = None
        if part is None or self._protocol.writable:
            self.resume()

    def explain(self, error: str, message: str) -> None:
        """Send nothing: the close code has to suffice."""

    def hear(self, text: str) -> None:
        """Ignore messages: some clients send one first."""

    def beat(self) -> None:
        """Send nothing: a ping is enough."""


def _parts(message: Message) -> Iterator[Message]:
    """The message in several parts, without edges."""
    assert message.long is not None
    for text in wire.node_pieces(chunk.decode() for chunk in message.long.chunks):
        yield Message(message.event, f"{message.head}{text}{wire.DELTA_TAIL}", message.position)


class FlatStreams:
    """Serves `/api/v1/ws/flat/changes` and `/api/v1/ws/flat/stats`, with filters as parts of the path."""

    def __init__(
        self, source: GraphSource, connections: Connections, *, rules: FilterRules, limits: Limits
    ) -> None:
        self._hub = source.hub
        self._connections = connections
        self._rules = rules
        self._limits = limits
        self._statistics = LiveCounts(source.hub)

    @property
    def endpoints(self) -> tuple[ApiEndpoint, ...]:
        return (
            *self._endpoints("changes", self._serve_changes, FlatChange, "one flat object per change"),
            *self._endpoints("stats", self._serve_statistics, FlatCounts, "counts, every second"),
        )

    def _endpoints(self, name: str, serve: Handler, message: Any, summary: str) -> Iterator[ApiEndpoint]:
        """One endpoint for the whole graph, and one with a filter."""
        handler = visibly(serve, self._accept, self._connections.until_refused)
        yield ApiEndpoint(
            path=f"{_ROOT}/{name}",
            name=f"flat-{name}",
            handler=handler,
            methods=("GET",),
            visible=True,
            operation=_operation(summary, message),
        )
        yield ApiEndpoint(
            path=f"{_ROOT}/{name}/<filter:path>",
            name=f"flat-{name}-filtered",
            handler=handler,
            methods=("GET",),
            visible=True,
            operation=_operation(f"{summary}, of what the filter keeps", message, _FILTER),
        )

    async def close(self) -> None:
        """Stop counting."""
        await self._statistics.close()

    async def _serve_changes(self, request: Request, filter: str = "") -> None:
        kept = self._filter(request, filter)
        self._connections.admit()
        self._hub.admit(kept)
        socket = FlatSocket(request, self._limits, self._hub.counters, self._as_changes)
        self._connections.add(socket, request)
        client = self._hub.join(socket)
        socket.drained = client.wake
        graph = self._hub.graph
        client.subscribe("default", kept, StreamPosition(graph.epoch, graph.seq))  # only what comes
        socket.listen(socket)
        await self._connections.until_lost(socket, client.leave)

    async def _serve_statistics(self, request: Request, filter: str = "") -> None:
        kept = self._filter(request, filter)
        self._connections.admit()
        self._hub.admit(kept)
        socket = self._accept(request)
        self._connections.add(socket, request)
        self._statistics.join(socket, kept)
        socket.listen(socket)
        await self._connections.until_lost(socket, lambda: self._statistics.leave(socket))

    def _accept(self, request: Request) -> FlatSocket:
        return FlatSocket(request, self._limits, self._hub.counters, text_frame)

    def _filter(self, request: Request, path: str) -> Filter:
        QueryReader(request).refuse_unknown()  # the filter is in the path
        return parse_query(flat.parse_path(path), self._rules)

    def _as_changes(self, message: Message) -> bytes:
        """Frame a message, once for all clients with the same filter."""
        if message.event not in ("snapshot", "delta"):
            return b""
        rows = flat.changes(ujson.loads(message.text), now=int(time() * 1000), find=self._find)
        return b"".join([bytes(text_frame(Message("row", wire.encode(row)))) for row in rows])

    def _find(self, seq: int, uid: str) -> Node | None:
        past = self._hub.history.since(seq)
        return past.node(uid) if past is not None else self._hub.graph.node(uid)
