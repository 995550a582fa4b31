"""A client of the stream that holds the graph and reconnects as often as needed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from ssl import SSLContext
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Literal, Self, TypeVar

import msgspec

from astrolabe.client.answers import (
    Explanation,
    FoundResources,
    ImpactForecast,
    ProblemList,
    ReportedProblem,
)
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
from astrolabe.client.graph import Change, Graph, Position
from astrolabe.client.message import (
    BookmarkMessage,
    DeltaMessage,
    ErrorMessage,
    HelloMessage,
    Node,
    ResetMessage,
    ServerMessage,
    SnapshotMessage,
    decode,
)
from astrolabe.client.rest import RestClient, decoded, impact_path, why_path
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

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the stream.

    event: `connected`; `disconnected`: the connection was lost or could not be made, for `reason`, and the
        client will retry; `violated`: the server broke the protocol, for `reason`, and the client starts
        over; `state`: the server's state changed, see `Client.state`; `reset`, for `reason`; `part`: one part
        of a snapshot, except the last; `snapshot`, `delta`, `bookmark`: the graph has applied the message.
    changes: ordered so that every edge always has both ends.
    position: of the graph now; None before the first complete snapshot.
    time: of a delta, when the server received the change, in Unix milliseconds; None if it does not say.
    size: bytes of the message.
    """

    event: Event
    changes: Sequence[Change] = ()
    position: Position | None
    reason: str = ""
    time: float | None = None
    size: int = 0


class Client:
    """Follows the graph of an Astrolabe server, or the part that a filter selects.

        async with Client("localhost:8080", {"namespace": ["shop"]}) as client:
            await client.ready()
            print(len(client.graph.nodes), "nodes")
            async for change in client.changes():
                print(change)

    Nothing runs in the background. The client connects, reads and reconnects only while a task awaits
    `changes`, `updates`, `ready` or `reached`. Only one task may do so at a time; a second gets RuntimeError.
    If you stop iterating, the client stops reading. When you resume, it delivers the missed changes as one
    merged update. You can cancel any of these calls, with a timeout for example, without losing changes.
    After a lost connection the client resumes at its position. After a reset it reports only the difference.
    So the changes always add up to `graph`.

    The client retries, with `Backoff`, whatever may get better by itself. Everything else raises ClientError:
    a filter that the server refuses, a handshake answered with 400, 401, 403 or 404, a close code from 4500
    to 4999, or a peer that is not an Astrolabe server. Its `code` is that of the server's last `error`
    message, if there was one. If a token is refused or withdrawn (401, 4501), the client first asks for
    another.
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
        """url: `host:port`, `http(s)://…` or `ws(s)://…`, including the path under which Astrolabe is served.

        token: for a server with `--auth=token`. A callable, such as `TokenFile`, is called before each
        connection, so that tokens can change. It may be async and should be quick; its exceptions propagate.
        ssl: verifies an https or wss server; None: the system's authorities do. headers: more headers for the
        handshake. decode: replaces `message.decode`, for programs whose many clients share equal objects.
        Raises ValueError for an invalid url, and for a url without TLS if ssl is given.
        """
        self.graph = Graph()
        #: The state that the server reported last. None before the first report, while disconnected, and with
        #: a server that is too old to report it.
        self.state: ServerState | None = None
        self._url = endpoint(url)
        if ssl is not None and not self._url.startswith("wss:"):
            raise ValueError("ssl needs an https or wss URL")
        self._filter = dict(filter or {})
        self._rest = RestClient(url, token=token, ssl=ssl, headers=headers)
        self._credential = TokenSource(token)
        self._ssl = ssl
        self._headers = headers
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
        #: Changes of the last update that `changes` has not returned yet.
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
        """Close the client for good. `graph` keeps its content."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def drop(self) -> None:
        """Abort the connection, as a network failure would. The client reconnects by itself."""
        if self._connection is not None:
            self._connection.abort()

    def changes(self) -> AsyncIterator[Change]:
        """Every change of the graph, one by one, including those of the first snapshot.

        If you stop iterating, the next iteration continues there.
        """
        return _Endless(self._next_change)

    def updates(self) -> AsyncIterator[Update]:
        """Every event, one per message."""
        return _Endless(self._next)

    async def ready(self) -> None:
        """Read until the first snapshot is complete.

        `graph` contains the changes that this and `reached` read; `changes` and `updates` do not repeat them.
        """
        while self.graph.position is None:
            await self._next()

    async def reached(self, seq: int) -> None:
        """Read until the graph is at `seq` or later, whatever the epoch."""
        while self.graph.position is None or self.graph.position.seq < seq:
            await self._next()

    async def problems(
        self, q: str = "", *, sort: str = "severity", limit: int = 1000, detail: bool = False
    ) -> ProblemList:
        """What is broken now, by cause, in the part of the graph that the client's filter selects.

        This and the other questions are one request each. They need no stream, disturb none, and raise
        ClientError if the server does not answer. q: a search, in place of the filter's.
        sort: `severity`, `reach`, `affected`, `age` or `newest`. detail: also name what is affected.
        """
        params = {**self._query(q), "sort": sort, "limit": limit, "detail": "true" if detail else "false"}
        answer = await self._rest.get("/api/v1/problems", params)
        found = decoded(answer, tuple[ReportedProblem, ...], self._rest.shown)
        return ProblemList(problems=found, position=Position(answer.epoch, answer.seq), state=answer.state)

    async def why(self, uid: str) -> Explanation:
        """Why an object is as it is; code `not-found` if it is not in the graph."""
        answer = await self._rest.get(why_path(uid))
        return decoded(answer, Explanation, self._rest.shown)

    async def impact(self, uid: str, action: str = "fail") -> ImpactForecast:
        """What would happen after an action: `fail`, `delete`, `restart`, or of Nodes `drain`, `cordon`."""
        answer = await self._rest.get(impact_path(uid), {"action": action})
        return decoded(answer, ImpactForecast, self._rest.shown)

    async def find(self, q: str = "") -> FoundResources:
        """What a search finds in the part of the graph that the client's filter selects."""
        answer = await self._rest.get("/api/v1/resources", self._query(q))
        found = decoded(answer, tuple[Node, ...], self._rest.shown)
        return FoundResources(
            resources=found, position=Position(answer.epoch, answer.seq), state=answer.state
        )

    def _query(self, q: str) -> dict[str, Sequence[str] | str | int]:
        return {**self._filter, **({"q": q} if q else {})}

    async def _next_change(self) -> Change:
        while not self._pending:
            self._pending.extend((await self._next()).changes)
        return self._pending.popleft()

    async def _next(self) -> Update:
        """The next event."""
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
        except BaseException:  # cancelled: it is unknown what was sent
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
                elif code != DUPLICATE:  # the first subscription continues
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


T = TypeVar("T")


class _Endless(Generic[T]):
    """An iterator that survives cancellation, unlike a generator."""

    def __init__(self, next: Callable[[], Awaitable[T]]) -> None:
        self._next = next

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[T]:
        return self._next()
