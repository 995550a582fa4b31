"""A client of the stream that holds the graph and reconnects as often as needed."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from ssl import SSLContext
from types import TracebackType
from typing import Self

import msgspec

from astrolabe.client.answers import (
    Explanation,
    FoundResources,
    ImpactForecast,
    OwnAccess,
)
from astrolabe.client.backoff import Backoff
from astrolabe.client.follower import NO_HEADERS, Access, Decode, Endless, Event, Filter, StreamFollower
from astrolabe.client.graph import Change, Graph
from astrolabe.client.message import Node, decode
from astrolabe.client.neighbourhood import FollowedNeighbourhood
from astrolabe.client.problems import ProblemQuestion
from astrolabe.client.progress import Position
from astrolabe.client.rest import RestClient, decoded, impact_path, why_path
from astrolabe.client.state import ServerState
from astrolabe.client.summary import SummaryQuestion
from astrolabe.client.token import Token


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
        headers: Mapping[str, str] = NO_HEADERS,
        backoff: Backoff | None = None,
        decode: Decode = decode,
    ) -> None:
        """url: `host:port`, `http(s)://…` or `ws(s)://…`, including the path under which Astrolabe is served.

        token: for a server with `--auth=token`. A callable, such as `TokenFile`, is called before each
        connection, so that tokens can change. It may be async and should be quick; its exceptions propagate.
        ssl: verifies an https or wss server; None: the system's authorities do. headers: more headers for the
        handshake. decode: replaces `message.decode`, for programs whose many clients share equal objects.
        Raises ValueError for an invalid url, and for a url without TLS if ssl is given.
        """
        self.graph = Graph()
        self._filter = dict(filter or {})
        self._access = Access(url=url, token=token, ssl=ssl, headers=headers)
        self._follower = StreamFollower(
            self._access, self.graph, {"filter": self._filter}, backoff=backoff, decode=decode
        )
        self._rest = RestClient(url, token=token, ssl=ssl, headers=headers)
        #: Changes of the last update that `changes` has not returned yet.
        self._pending: deque[Change] = deque()

    @property
    def state(self) -> ServerState | None:
        """The state that the server reported last. None before the first report, while disconnected, and with
        a server that is too old to report it."""
        return self._follower.state

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
        await self._follower.close()

    def drop(self) -> None:
        """Abort the connection, as a network failure would. The client reconnects by itself."""
        self._follower.drop()

    def changes(self) -> AsyncIterator[Change]:
        """Every change of the graph, one by one, including those of the first snapshot.

        If you stop iterating, the next iteration continues there.
        """
        return Endless(self._next_change)

    def updates(self) -> AsyncIterator[Update]:
        """Every event, one per message."""
        return Endless(self._next)

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

    def problems(
        self, q: str = "", *, sort: str = "severity", limit: int = 1000, detail: bool = False
    ) -> ProblemQuestion:
        """What is broken, by cause, in the part of the graph that the client's filter selects.

            found = await client.problems("ns:shop")          # now
            async for found in client.problems("ns:shop"):    # now, and whenever they change
                ...

        Both give a `ProblemList`. Following takes a connection of its own, resumes after a lost one, and ends
        when the iteration does. q: a search, in place of the filter's. sort: `severity`, `reach`, `affected`,
        `age` or `newest`. detail: also name what is affected.
        """
        return ProblemQuestion(
            self._access, self._rest, self._query(q), sort=sort, limit=limit, detail=detail
        )

    def summary(self, *by: str, q: str = "") -> SummaryQuestion:
        """How many resources each group has, by status, and how many problems. As `problems`: await it for a
        tuple of `CountedGroup`, or iterate to follow it.

        by: one or two of `cluster`, `namespace`, `release`, `kind`, `node` and `owner`.
        """
        return SummaryQuestion(self._access, self._rest, by, self._query(q))

    def neighbourhood(
        self, *focus: str, depth: int = 2, types: Sequence[str] = (), limit: int = 500
    ) -> FollowedNeighbourhood:
        """What is around some nodes, to be followed on a connection of its own; see the guide, "Stream".

        around = client.neighbourhood(uid)
        async for graph in around:
            ...  # graph.nodes, graph.edges, graph.beyond; await around.refocus([other]) moves it
        """
        return FollowedNeighbourhood(
            self._access, focus, {"depth": depth, "types": list(types), "limit": limit}
        )

    async def why(self, uid: str) -> Explanation:
        """Why an object is as it is; code `not-found` if it is not in the graph.

        This and the other questions are one request each. They need no stream, disturb none, and raise
        ClientError if the server does not answer.
        """
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

    async def whoami(self) -> OwnAccess:
        """As whom the server knows the sender of the client's token, and what they may see."""
        return decoded(await self._rest.get("/api/v1/whoami"), OwnAccess, self._rest.shown)

    def _query(self, q: str) -> dict[str, Sequence[str] | str]:
        return {**self._filter, **({"q": q} if q else {})}

    async def _next_change(self) -> Change:
        while not self._pending:
            self._pending.extend((await self._next()).changes)
        return self._pending.popleft()

    async def _next(self) -> Update:
        """The next event."""
        told = await self._follower.next()
        return Update(
            event=told.event,
            changes=told.changes,
            position=self.graph.position,
            reason=told.reason,
            time=told.time,
            size=told.size,
        )
