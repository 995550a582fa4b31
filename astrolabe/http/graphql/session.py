"""Operations on one connection: those of a WebSocket, or the one of server-sent events."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from contextvars import Context
from typing import Any

import msgspec
from graphql import GraphQLError

from astrolabe.http.graphql.documents import QueryErrors
from astrolabe.http.graphql.limits import too_much
from astrolabe.http.graphql.requests import GraphQLRequest
from astrolabe.http.graphql.running import QueryRunner
from astrolabe.http.graphql.transport_ws import (
    BAD_REQUEST,
    FORBIDDEN,
    PROTOCOL,
    UNAUTHORISED,
    End,
    Send,
    Start,
    Stop,
    TransportProtocol,
)
from astrolabe.http.graphql.updates import Subscribing, Updates
from astrolabe.http.net import close_codes
from astrolabe.http.net.channel import Channel
from astrolabe.http.net.message import Message
from astrolabe.http.net.sse import EventStream
from astrolabe.http.net.websocket import WebSocket
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.problem_feed import ProblemFeeds
from astrolabe.settings import Limits

logger = logging.getLogger("astrolabe.http")

#: What clients of this protocol know for close codes of the stream.
_CODES = {
    close_codes.BAD_MESSAGE: BAD_REQUEST,
    close_codes.UNAUTHORISED: UNAUTHORISED,
    close_codes.FORBIDDEN: FORBIDDEN,
}
#: Bytes of the reason of a close frame (RFC 6455, 5.5.1).
_LONGEST_REASON = 123
#: Clients of this protocol like to send a token in `connection_init`, when the handshake is over.
_HOW_TO_SIGN_IN = "send it as Authorization header or subprotocol, not in connection_init"


class GraphQLSocket(WebSocket):
    """A WebSocket of `graphql-transport-ws`, which has reasons for closing instead of an `error` message."""

    subprotocol = PROTOCOL

    def close(self, code: int, error: str, message: str) -> None:
        if code == close_codes.UNAUTHORISED:
            message = f"{message}: {_HOW_TO_SIGN_IN}"
        reason = message.encode()[:_LONGEST_REASON].decode(errors="ignore")
        super().close(_CODES.get(code, code), reason, message)

    def explain(self, error: str, message: str) -> None:
        """The close frame has the reason."""


class Operations(ABC):
    """What runs on one connection. Subclasses say how answers are sent.

    hub, problems: what subscriptions follow.
    """

    def __init__(self, channel: Channel, runner: QueryRunner, hub: Hub, problems: ProblemFeeds) -> None:
        self._channel = channel
        self._runner = runner
        self._hub = hub
        self._problems = problems
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._updates: dict[str, Updates] = {}
        self._waiting: list[asyncio.Future[None]] = []
        channel.drained = self._drained

    def start(self, id: str, request: GraphQLRequest) -> None:
        """Begin an operation."""
        # The context of the caller would be kept alive as long.
        self._tasks[id] = asyncio.get_running_loop().create_task(
            self._run(id, request), name="astrolabe.http.graphql", context=Context()
        )

    def stop(self, id: str) -> None:
        """End an operation."""
        task = self._tasks.pop(id, None)
        self._end(id)
        if task is not None:
            task.cancel()

    def leave(self) -> None:
        """End all: the connection is lost."""
        for id in list(self._tasks):
            self.stop(id)

    def beat(self) -> None:
        """A heartbeat has passed: subscriptions that are up to date tell their position."""
        for updates in self._updates.values():
            updates.beat()

    async def _run(self, id: str, request: GraphQLRequest) -> None:
        try:
            if await self._runner.is_subscription(request):
                await self._follow(id, request)
            else:
                answer = await self._runner.answer(request)
                await self._writable()
                self.send(id, b"".join(answer.chunks), executed=answer.executed)
            self.complete(id)
        except QueryErrors as failed:
            await self._writable()
            self.send(id, self._runner.failure(failed).chunks[0], executed=False)
            self.complete(id)
        except Exception:
            logger.exception("an operation failed")
            self._channel.close(close_codes.INTERNAL_ERROR, "internal-error", close_codes.FAILED)
        finally:
            if self._tasks.get(id) is asyncio.current_task():  # else the id is in use again
                del self._tasks[id]
                self._end(id)

    async def _follow(self, id: str, request: GraphQLRequest) -> None:
        def opened(updates: Updates) -> None:
            self._updates[id] = updates

        subscribing = Subscribing(self._hub, self._problems, self._channel.close, opened)
        async for payload in self._runner.follow(request, subscribing):
            await self._writable()
            self.send(id, payload, executed=True)
            await self._writable()  # before the next is worked out

    def _end(self, id: str) -> None:
        updates = self._updates.pop(id, None)
        if updates is not None:
            updates.client.leave()

    async def _writable(self) -> None:
        while not self._channel.writable:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    def _drained(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    @abstractmethod
    def send(self, id: str, payload: bytes, *, executed: bool) -> None:
        """Send an answer. executed: False for one that has errors alone."""

    @abstractmethod
    def complete(self, id: str) -> None:
        """Say that an operation has ended."""


class EventOperation(Operations):
    """The one operation of a stream of server-sent events (graphql-sse, distinct connections)."""

    _channel: EventStream

    def send(self, id: str, payload: bytes, *, executed: bool) -> None:
        self._channel.write(Message("next", payload.decode(), None))

    def complete(self, id: str) -> None:
        self._channel.write(Message("complete", "", None))
        self._channel.end_body()


class SocketSession(Operations):
    """Implements `websocket.Listener` for one client. limits: of its operations."""

    def __init__(
        self,
        socket: GraphQLSocket,
        runner: QueryRunner,
        hub: Hub,
        problems: ProblemFeeds,
        limits: Limits,
    ) -> None:
        super().__init__(socket, runner, hub, problems)
        self._protocol = TransportProtocol()
        self._limits = limits
        self._timer = asyncio.get_running_loop().call_later(limits.request_timeout, self._time_out)

    def hear(self, text: str) -> None:
        self._do(self._protocol.hear(text))

    def leave(self) -> None:
        self._timer.cancel()
        super().leave()

    def _time_out(self) -> None:
        self._do(self._protocol.timed_out())

    def _do(self, actions: Any) -> None:
        for action in actions:
            match action:
                case Send(text):
                    self._reply("reply", text)
                case Start(id, request):
                    self._begin(id, request)
                case Stop(id):
                    self.stop(id)
                case End(code, reason):
                    self._channel.close(code, reason, reason)

    def _begin(self, id: str, request: GraphQLRequest) -> None:
        most = self._limits.max_subscriptions
        if len(self._tasks) < most:
            self.start(id, request)
            return
        text = f"a connection has {most + 1} operations"
        error = too_much(text, most, "--max-subscriptions", "too-many-subscriptions")
        self._reply("error", self._protocol.error(id, _errors([error])))

    def _reply(self, event: str, text: str) -> None:
        if not self._channel.writable:  # a client that sends without reading would pile up answers
            self._channel.close(close_codes.SLOW, "slow", "what was sent is not read")
            return
        self._channel.write(Message(event, text, None))

    def send(self, id: str, payload: bytes, *, executed: bool) -> None:
        if executed:
            self._channel.write(Message("next", self._protocol.next(id, payload), None))
            return
        errors = msgspec.json.decode(payload, type=_Failure).errors
        self._channel.write(Message("error", self._protocol.error(id, bytes(errors)), None))

    def complete(self, id: str) -> None:
        if id in self._protocol.open:  # not after an `error`, nor when the client has ended it
            self._channel.write(Message("complete", self._protocol.complete(id), None))


class _Failure(msgspec.Struct):
    errors: msgspec.Raw


def _errors(errors: list[GraphQLError]) -> bytes:
    return msgspec.json.encode([each.formatted for each in errors])
