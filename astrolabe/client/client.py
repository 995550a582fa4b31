"""A client of the stream that holds the graph, over as many connections as it takes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from ssl import SSLContext
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Literal, Self, TypeVar

import msgspec

from astrolabe.client.address import endpoint, shown
from astrolabe.client.backoff import Backoff
from astrolabe.client.connection import (
    PROTOCOL,
    UNAUTHORISED,
    ConnectionLost,
    StreamConnection,
    open_connection,
)
from astrolabe.client.errors import ClientError, ProtocolError
from astrolabe.client.graph import Change, Graph, Position
from astrolabe.client.message import (
    BookmarkMessage,
    DeltaMessage,
    ErrorMessage,
    HelloMessage,
    ResetMessage,
    ServerMessage,
    SnapshotMessage,
    decode,
)
from astrolabe.client.state import ServerState
from astrolabe.client.token import Token, TokenSource

Event = Literal[
    "connected", "disconnected", "violated", "state", "reset", "part", "snapshot", "delta", "bookmark"
]
#: As a subscribe message has it, and the guide, "API": `{"namespace": ["shop"], "kind": "Pod", "q": "web"}`.
Filter = Mapping[str, Sequence[str] | str]

#: Codes of errors about a subscription that do not mean that it can never be made.
DUPLICATE = "duplicate-id"
TOO_MANY_FILTERS = "too-many-filters"

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    event: `connected`; `disconnected` (or could not connect) for a `reason`, and it will be tried again;
        `violated`: the server broke the contract, the `reason` says how, and all is asked for anew;
        `state`: the server says how far its graph can be trusted, see `Client.state`;
        `reset` for a `reason`; a `part` of a snapshot but the last; or what the graph has just taken in.
    changes: in an order in which no edge ever lacks an end.
    position: of the graph now; None before the first complete snapshot.
    time: of a delta, Unix milliseconds at which the server took in the change; None when it does not tell.
    size: bytes of the message.
    """

    event: Event
    changes: Sequence[Change] = ()
    position: Position | None
    reason: str = ""
    time: float | None = None
    size: int = 0


class Client:
    """Follow a part of the graph of an Astrolabe.

        async with Client("localhost:8080", {"namespace": ["shop"]}) as client:
            await client.ready()
            print(len(client.graph.nodes), "nodes")
            async for change in client.changes():
                print(change)

    Nothing runs in the background: the connection is made, read and made again while somebody waits for
    `changes`, `updates`, `ready` or `reached`, one task at a time (RuntimeError for a second). Who pauses
    is given the changes of that time merged. Each of them may be cancelled (by a timeout, say) at no loss.
    After a lost connection the client resumes where it was, and after a reset what differs is told, so
    that the changes add up to `graph` whatever happens.

    Whatever may get better by itself is waited for, with `Backoff`. The rest raises ClientError: a filter
    that the server refuses, a handshake answered with 400, 401, 403 or 404, a close code of 4500-4999, a
    peer that is no Astrolabe. Its `code` is the one of the server's last `error` message, if there was one.
    When a token is refused or withdrawn (401, 4501) and there is another one by
    then, that one is tried first.
    """

    def __init__(
        self,
        url: str,
        filter: Filter | None = None,
        *,
        token: Token | None = None,
        ssl: SSLContext | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        backoff: Backoff | None = None,
        decode: Callable[[bytes], ServerMessage | None] = decode,
    ) -> None:
        """url: `host:port`, `http(s)://…` or `ws(s)://…`, with the path under which Astrolabe is served.

        token: what `--auth=token` asks for; a callable (which may be async, and should be quick) is asked
        anew for each connection, as `TokenFile` is, so that tokens may change; what it raises is raised.
        ssl: whom an https or wss server is trusted by; None: by the authorities of the system.
        headers: of the handshake, beside these. decode: as `message.decode`, in place of it: a program with
        many clients may let them share what is equal. Raises ValueError for a url that is none, and for one
        without TLS when ssl is given.
        """
        self.graph = Graph()
        #: What the server says of its graph now. None while nobody says it: before the first message, without
        #: a connection, and from a server too old to tell.
        self.state: ServerState | None = None
        self._url = endpoint(url)
        if ssl is not None and not self._url.startswith("wss:"):
            raise ValueError("ssl needs an https or wss URL")
        self._filter = dict(filter or {})
        self._credential = TokenSource(token)
        self._ssl = ssl
        self._headers = headers
        self._backoff = backoff or Backoff()
        self._decode = decode
        self._connection: StreamConnection | None = None
        self._retry_at = 0.0
        #: Since when this connection is in step, in the loop's time; None while it is not.
        self._in_step: float | None = None
        #: The error before a close.
        self._last_error: ErrorMessage | None = None
        self._reading = False
        self._closed = False
        #: Changes of the last update that `changes` has not handed out yet.
        self._pending: deque[Change] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End for good; `graph` stays as it is."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def drop(self) -> None:
        """Cut the connection off, as a failing network does; the client comes back by itself."""
        if self._connection is not None:
            self._connection.abort()

    def changes(self) -> AsyncIterator[Change]:
        """Every change of the graph, one by one; the first snapshot is made of changes, too.

        Whoever stops in the middle goes on there next time.
        """
        return _Endless(self._next_change)

    def updates(self) -> AsyncIterator[Update]:
        """Everything that happens, message by message."""
        return _Endless(self._next)

    async def ready(self) -> None:
        """Read until a first snapshot is complete.

        The changes that are passed over by this and by `reached` are in `graph` and not told again.
        """
        while self.graph.position is None:
            await self._next()

    async def reached(self, seq: int) -> None:
        """Read until the graph is at `seq` or beyond, in whatever epoch the server is."""
        while self.graph.position is None or self.graph.position.seq < seq:
            await self._next()

    async def _next_change(self) -> Change:
        while not self._pending:
            self._pending.extend((await self._next()).changes)
        return self._pending.popleft()

    async def _next(self) -> Update:
        """The next thing that happens."""
        if self._closed:
            raise RuntimeError("this client is closed")
        if self._reading:
            raise RuntimeError("this client is being read by another task")
        self._reading = True
        try:
            while True:
                update = await self._step()
                if update is not None:
                    return update
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
            raise ClientError(f"{shown(self._url)} refuses: {said.message}", code=said.code) from error
        finally:
            self._reading = False

    async def _step(self) -> Update | None:
        if self._connection is None:
            await self._connect()
        assert self._connection is not None
        data = await self._connection.receive()
        message = self._decode(data)
        return self._take(message, len(data)) if message is not None else None

    async def _connect(self) -> None:
        await asyncio.sleep(self._retry_at - asyncio.get_running_loop().time())
        self._last_error = None
        headers = {**self._headers, **await self._credential.headers()}
        connection = await open_connection(self._url, headers=headers, ssl=self._ssl)
        try:
            await connection.send(self._subscribe())
        except BaseException:  # cancelled: nobody knows what was sent
            connection.abort()
            raise
        self._connection = connection
        if self._closed:  # meanwhile
            self._cut()
            raise RuntimeError("this client is closed")

    def _subscribe(self) -> dict[str, Any]:
        message: dict[str, Any] = {"type": "subscribe", "id": "default", "filter": self._filter}
        position = self.graph.resume()
        if position is not None:
            message["since"] = position._asdict()
        return message

    def _take(self, message: ServerMessage, size: int) -> Update | None:
        match message:
            case HelloMessage():
                self._greet(message)
                return self._update("connected", size=size)
            case ErrorMessage(code, text, id):
                if id is None:
                    self._last_error = message  # the close code that follows says what to do
                elif code == TOO_MANY_FILTERS:
                    raise ConnectionLost(text)
                elif code != DUPLICATE:  # of which the first goes on
                    raise ClientError(text, code=code)
            case ServerState() if message != self.state:
                self.state = message
                return self._update("state", size=size)
            case SnapshotMessage() | DeltaMessage() | BookmarkMessage() | ResetMessage():
                return self._apply(message, size)
        return None

    def _greet(self, hello: HelloMessage) -> None:
        if hello.protocol and hello.protocol != PROTOCOL:
            text = f"{shown(self._url)} speaks {hello.protocol}, not {PROTOCOL}"
            raise ClientError(text, code="no-astrolabe")
        assert self._connection is not None
        self._connection.heartbeat = hello.heartbeat
        self._credential.accepted()

    def _apply(
        self, message: SnapshotMessage | DeltaMessage | BookmarkMessage | ResetMessage, size: int
    ) -> Update:
        changes = self.graph.apply(message)
        if self.graph.complete and self._in_step is None:
            self._in_step = asyncio.get_running_loop().time()
        match message:
            case DeltaMessage(time=time):
                return self._update("delta", changes=changes, time=time, size=size)
            case SnapshotMessage(last=last):
                return self._update("snapshot" if last else "part", changes=changes, size=size)
            case ResetMessage(reason):
                return self._update("reset", reason=reason, size=size)
            case BookmarkMessage():
                return self._update("bookmark", size=size)

    def _update(self, event: Event, **parts: Any) -> Update:
        return Update(event=event, position=self.graph.position, **parts)

    def _lost(self, lost: ConnectionLost) -> Update:
        self._wait(lost.retry_after)
        reason = str(lost) if self._last_error is None else self._last_error.message
        return self._update("disconnected", reason=reason)

    def _violated(self, error: ProtocolError) -> Update:
        if self._connection is not None and self._connection.heartbeat is None:
            self._cut()
            raise ClientError(
                f"{shown(self._url)} is not an Astrolabe server: {error}", code="no-astrolabe"
            ) from error
        self.graph.restart()
        self._wait()
        return self._update("violated", reason=str(error))

    def _wait(self, retry_after: float = 0.0) -> None:
        """Do without a connection until it is time to try again."""
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


T = TypeVar("T")


class _Endless(Generic[T]):
    """An iterator that goes on after a wait was cancelled, as a generator does not."""

    def __init__(self, next: Callable[[], Awaitable[T]]) -> None:
        self._next = next

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[T]:
        return self._next()
