"""Brings one copy of what a server has up to date, over as many connections as that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ssl import SSLContext
from types import MappingProxyType
from typing import Any, Generic, Literal, Self, TypeVar

import msgspec

from astrolabe.client.backoff import Backoff
from astrolabe.client.connection import (
    PROTOCOL,
    UNAUTHORISED,
    ConnectionLost,
    OpenConnection,
    endpoint,
    open_connection,
    shown,
)
from astrolabe.client.errors import ClientError, ProtocolError
from astrolabe.client.message import (
    BookmarkMessage,
    DeltaMessage,
    ErrorMessage,
    HelloMessage,
    ProblemsDeltaMessage,
    ProblemsMessage,
    ResetMessage,
    ServerMessage,
    SnapshotMessage,
    SummaryDeltaMessage,
    SummaryMessage,
    decode,
)
from astrolabe.client.progress import LocalCopy
from astrolabe.client.state import ServerState
from astrolabe.client.token import Token, TokenSource

Event = Literal[
    "connected", "disconnected", "violated", "state", "reset", "part", "snapshot", "delta", "bookmark"
]
#: As in a subscribe message (see the guide, "API"): `{"namespace": ["shop"], "kind": "Pod", "q": "web"}`.
Filter = Mapping[str, Sequence[str] | str]

#: Error codes of a subscription after which it may still succeed.
DUPLICATE = "duplicate-id"
TOO_MANY_FILTERS = "too-many-filters"

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
Decode = Callable[[bytes], ServerMessage | None]
T = TypeVar("T")
C = TypeVar("C")
_Applied = (
    SnapshotMessage
    | DeltaMessage
    | ProblemsMessage
    | ProblemsDeltaMessage
    | SummaryMessage
    | SummaryDeltaMessage
    | BookmarkMessage
    | ResetMessage
)


class FollowEvent(msgspec.Struct, Generic[C], frozen=True):
    """One event of the stream, as in `client.Update`."""

    event: Event
    changes: Sequence[C] = ()
    reason: str = ""
    time: float | None = None
    size: int = 0


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How to connect, as for `client.Client`."""

    url: str
    token: Token | None = None
    ssl: SSLContext | None = None
    headers: Mapping[str, str] = NO_HEADERS


class StreamFollower(Generic[C]):
    """Connects, reads and reconnects while a task awaits `next`. Only one task may do so at a time."""

    def __init__(
        self,
        access: Access,
        copy: LocalCopy[C],
        subject: Mapping[str, Any],
        *,
        backoff: Backoff | None = None,
        decode: Decode = decode,
    ) -> None:
        """subject: what to subscribe to: the keys of the message. Raises ValueError as `client.Client`."""
        self.copy = copy
        #: As of `client.Client`.
        self.state: ServerState | None = None
        self.url = endpoint(access.url)
        if access.ssl is not None and not self.url.startswith("wss:"):
            raise ValueError("ssl needs an https or wss URL")
        self._subject = dict(subject)
        self._credential = TokenSource(access.token)
        self._access = access
        self._backoff = backoff or Backoff()
        self._decode = decode
        self._connection: OpenConnection | None = None
        self._retry_at = 0.0
        #: When this connection came in sync, in the loop's time; None while it is not.
        self._in_step: float | None = None
        #: The last `error` message about the connection; a close follows it.
        self._last_error: ErrorMessage | None = None
        self._reading = False
        self._closed = False

    async def close(self) -> None:
        """Close it for good. The copy keeps its content."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def drop(self) -> None:
        """Abort the connection, as a network failure would."""
        if self._connection is not None:
            self._connection.abort()

    async def change_subject(self, subject: Mapping[str, Any], message: dict[str, Any]) -> None:
        """Follow something else under the same subscription. message: what tells the server."""
        self._subject = dict(subject)
        if self._connection is not None:
            await self._connection.send(message)

    async def next(self) -> FollowEvent[C]:
        """The next event. Can be cancelled without losing one. Raises ClientError."""
        if self._closed:
            raise RuntimeError("this client is closed")
        if self._reading:
            raise RuntimeError("this client is being read by another task")
        self._reading = True
        try:
            while True:
                event = await self._step()
                if event is not None:
                    return event
        except ConnectionLost as lost:
            return self._lost(lost)
        except ProtocolError as error:
            return self._violated(error)
        except ClientError as error:
            if error.code == UNAUTHORISED and await self._credential.changed():
                self._last_error = None
                return self._lost(ConnectionLost("the token was refused; trying the new one"))
            said, self._last_error = self._last_error, None
            self._cut()
            if said is None or error.code == UNAUTHORISED:
                raise
            raise ClientError(f"{shown(self.url)} refuses: {said.message}", code=said.code) from error
        finally:
            self._reading = False

    async def _step(self) -> FollowEvent[C] | None:
        if self._connection is None:
            await self._connect()
        assert self._connection is not None
        data = await self._connection.receive()
        message = self._decode(data)
        return self._take(message, len(data)) if message is not None else None

    async def _connect(self) -> None:
        await asyncio.sleep(self._retry_at - asyncio.get_running_loop().time())
        self._last_error = None
        headers = {**self._access.headers, **await self._credential.headers()}
        connection = await open_connection(self.url, headers=headers, ssl=self._access.ssl)
        try:
            await connection.send(self._subscribe())
        except BaseException:  # cancelled: it is unknown what was sent
            connection.abort()
            raise
        self._connection = connection
        if self._closed:  # meanwhile
            self._cut()
            raise RuntimeError("this client is closed")

    def _subscribe(self) -> dict[str, Any]:
        message: dict[str, Any] = {"type": "subscribe", "id": "default", **self._subject}
        position = self.copy.resume()
        if position is not None:
            message["since"] = position._asdict()
        return message

    def _take(self, message: ServerMessage, size: int) -> FollowEvent[C] | None:
        match message:
            case HelloMessage():
                self._greet(message)
                return FollowEvent("connected", size=size)
            case ErrorMessage(code, text, id):
                if id is None:
                    self._last_error = message  # the close code that follows says what to do
                elif code == TOO_MANY_FILTERS:
                    raise ConnectionLost(text)
                elif code != DUPLICATE:  # the first subscription continues
                    raise ClientError(text, code=code)
            case ServerState() if message != self.state:
                self.state = message
                return FollowEvent("state", size=size)
            case SnapshotMessage() | DeltaMessage() | ProblemsMessage() | ProblemsDeltaMessage():
                return self._apply(message, size)
            case SummaryMessage() | SummaryDeltaMessage() | BookmarkMessage() | ResetMessage():
                return self._apply(message, size)
        return None

    def _greet(self, hello: HelloMessage) -> None:
        if hello.protocol and hello.protocol != PROTOCOL:
            text = f"{shown(self.url)} speaks {hello.protocol}, not {PROTOCOL}"
            raise ClientError(text, code="no-astrolabe")
        assert self._connection is not None
        self._connection.heartbeat = hello.heartbeat
        self._credential.accepted()

    def _apply(self, message: _Applied, size: int) -> FollowEvent[C]:
        changes = self.copy.apply(message)
        if self.copy.complete and self._in_step is None:
            self._in_step = asyncio.get_running_loop().time()
        match message:
            case DeltaMessage(time=time):
                return FollowEvent("delta", changes, time=time, size=size)
            case ProblemsDeltaMessage() | SummaryDeltaMessage():
                return FollowEvent("delta", changes, size=size)
            case SnapshotMessage(last=last) | ProblemsMessage(last=last) | SummaryMessage(last=last):
                return FollowEvent("snapshot" if last else "part", changes, size=size)
            case ResetMessage(reason):
                return FollowEvent("reset", reason=reason, size=size)
            case BookmarkMessage():
                return FollowEvent("bookmark", size=size)

    def _lost(self, lost: ConnectionLost) -> FollowEvent[C]:
        at_once = lost.expected and self._in_step is not None  # else it would be a loop without a pause
        self._wait(lost.retry_after)
        if at_once:
            self._retry_at = 0.0
        said = None if lost.expected else self._last_error
        reason = str(lost) if said is None else said.message
        return FollowEvent("disconnected", reason=reason)

    def _violated(self, error: ProtocolError) -> FollowEvent[C]:
        if self._connection is not None and self._connection.heartbeat is None:
            self._cut()
            raise ClientError(
                f"{shown(self.url)} is not an Astrolabe server: {error}", code="no-astrolabe"
            ) from error
        self.copy.restart()
        self._wait()
        return FollowEvent("violated", reason=str(error))

    def _wait(self, retry_after: float = 0.0) -> None:
        """Drop the connection and set the time of the next attempt."""
        now = asyncio.get_running_loop().time()
        healthy = now - self._in_step if self._in_step is not None else 0.0
        self._retry_at = now + self._backoff.delay(healthy=healthy, retry_after=retry_after)
        self._cut()

    def _cut(self) -> None:
        self._in_step = None
        self.state = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()


class Endless(Generic[T]):
    """An iterator that survives cancellation, unlike a generator."""

    def __init__(self, next: Callable[[], Awaitable[T]]) -> None:
        self._next = next

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[T]:
        return self._next()
