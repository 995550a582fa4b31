"""One open stream: what its connection follows, in whichever source its user may see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.neighbourhood import AskedNeighbourhood
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.neighbourhood_feed import NeighbourhoodFeed, NeighbourhoodFeeds
from astrolabe.http.stream.problem_feed import AskedProblems, ProblemFeeds
from astrolabe.http.stream.subscription import StreamConnection
from astrolabe.http.stream.summary_feed import AskedSummary, SummaryFeeds

#: What a subscription may ask for.
Asked = Filter | AskedProblems | AskedSummary | AskedNeighbourhood
#: A position in no history: who resumes from it gets a reset and a snapshot.
_ELSEWHERE = StreamPosition("", 0)


class StreamRoom(Protocol):
    """The streams of one source. state: the message that tells how far it can be trusted."""

    hub: Hub
    problems: ProblemFeeds
    summaries: SummaryFeeds
    neighbourhoods: NeighbourhoodFeeds
    state: Message

    def add(self, stream: OpenStream, /) -> None:
        """Send it each new state."""
        ...

    def discard(self, stream: OpenStream, /) -> None:
        """Send it no more."""
        ...


class StreamChannel(StreamConnection, Protocol):
    """A connection. drained: called when it is writable again."""

    drained: Callable[[], Any]


class OpenStream:
    """The subscriptions of one connection. They stay when it moves to another source: each is reset there,
    and gets a snapshot.

    position: of the source that it follows.
    """

    def __init__(self, channel: StreamChannel, room: StreamRoom) -> None:
        self.channel = channel
        self._asked: dict[str, Asked] = {}
        #: The neighbourhoods, which can be moved.
        self._moving: dict[str, NeighbourhoodFeed] = {}
        self._room: StreamRoom | None = None
        self._enter(room)

    def __len__(self) -> int:
        """The number of subscriptions."""
        return len(self._asked)

    def __contains__(self, id: str) -> bool:
        return id in self._asked

    @property
    def position(self) -> tuple[str, int]:
        return self._client.position if self._room is not None else self._left_at

    def subscribe(self, id: str, asked: Asked, since: StreamPosition | None = None) -> None:
        """Follow what is asked for under an unused id. Raises Refusal."""
        if self._room is not None:
            self._follow(self._room, id, asked, since)
        self._asked[id] = asked

    def unsubscribe(self, id: str) -> None:
        """End a subscription. Raises KeyError for an unknown id."""
        del self._asked[id]
        self._moving.pop(id, None)
        if self._room is not None:
            self._client.unsubscribe(id)

    def refocus(self, id: str, focus: tuple[str, ...]) -> bool:
        """Move a neighbourhood. Returns whether the id is one of a neighbourhood."""
        asked = self._asked.get(id)
        if not isinstance(asked, AskedNeighbourhood):
            return False
        self._asked[id] = msgspec.structs.replace(asked, focus=focus)
        if self._room is not None:
            self._moving[id].move(focus)
        return True

    def notify(self, message: Message) -> None:
        """Send a message that concerns the whole connection. It replaces one that is still waiting."""
        self._client.notify(message)

    def beat(self) -> None:
        """A heartbeat has passed."""
        self._client.beat()

    def leave(self) -> None:
        """Send nothing more: the connection is lost, or moves."""
        if self._room is not None:
            self._left_at = self._client.position
            self._room.discard(self)
            self._room = None
            self._client.leave()

    def move(self, room: StreamRoom) -> None:
        """Follow the same in another source from now on. Raises Refusal if that is not possible there."""
        self.leave()
        self._enter(room)
        self._client.notify(room.state)
        for id, asked in self._asked.items():
            self._follow(room, id, asked, _ELSEWHERE)

    def _enter(self, room: StreamRoom) -> None:
        self._room = room
        self._client = room.hub.join(self.channel)
        self.channel.drained = self._client.wake
        room.add(self)

    def _follow(self, room: StreamRoom, id: str, asked: Asked, since: StreamPosition | None) -> None:
        if isinstance(asked, AskedProblems):
            room.problems.subscribe(self._client, id, asked, since)
        elif isinstance(asked, AskedSummary):
            room.summaries.subscribe(self._client, id, asked, since)
        elif isinstance(asked, AskedNeighbourhood):
            self._moving[id] = room.neighbourhoods.subscribe(self._client, id, asked, since)
        else:
            self._client.subscribe(id, asked, since)
