"""One connection's subscriptions, and the pump that brings them up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from astrolabe.graph.state.graph import Graph
from astrolabe.graph.views.filter import Filter
from astrolabe.http.net.message import Message
from astrolabe.http.query import Position
from astrolabe.http.stream.shared_subscription import Feed
from astrolabe.http.stream.subscription import Connection, Subscription, fail

#: Seconds that are waited for a place in history which another replica has seen already.
PATIENCE = 2.0


class Feeds(Protocol):
    """Where feeds are shared: see `hub.Hub`."""

    graph: Graph

    def feed(self, filter: Filter) -> Feed: ...
    def release(self, feed: Feed) -> None: ...
    def ask(self, call: Callable[[], None]) -> None: ...
    async def reach(self, seq: int, *, timeout: float) -> bool: ...


class Client:
    """Made by `Hub.join`; `leave` when the connection is lost."""

    def __init__(self, feeds: Feeds, connection: Connection) -> None:
        self._feeds = feeds
        self._connection = connection
        self._subscriptions: dict[str, tuple[Subscription, Feed]] = {}
        self._ahead: dict[str, asyncio.Task[None]] = {}
        #: Whether its turn to be written to comes.
        self._waits = False
        #: What concerns the whole connection and could not be written yet: the latest word is enough.
        self._notice: Message | None = None

    def __len__(self) -> int:
        """The number of subscriptions."""
        return len(self._subscriptions)

    def __contains__(self, id: str) -> bool:
        return id in self._subscriptions

    @property
    def position(self) -> tuple[str, int]:
        """Where the server is: epoch and seq."""
        graph = self._feeds.graph
        return graph.epoch, graph.seq

    def subscribe(self, id: str, filter: Filter, since: Position | None = None) -> None:
        """Follow a part of the graph under an id that is not in use; what it is now goes out at once, or as
        soon as it is known. Raises Refusal when too many filters are in use.
        """
        feed = self._feeds.feed(filter)
        subscription = Subscription(id, feed, self._connection, wake=self.wake)
        subscription.start(since)
        feed.subscriptions[subscription] = None
        self._subscriptions[id] = (subscription, feed)
        if subscription.is_ahead():
            wait = self._wait(subscription)
            self._ahead[id] = asyncio.get_running_loop().create_task(wait, name="astrolabe.http.ahead")
        elif not self._waits:
            self._pump()

    def unsubscribe(self, id: str) -> None:
        """Stop; nothing is written under the id any more. Raises KeyError for one that is not in use."""
        subscription, feed = self._subscriptions.pop(id)
        del feed.subscriptions[subscription]
        self._feeds.release(feed)
        if id in self._ahead:
            self._ahead.pop(id).cancel()

    def leave(self) -> None:
        """The connection is lost: end all subscriptions."""
        self._notice = None
        for id in list(self._subscriptions):
            self.unsubscribe(id)

    def wake(self) -> None:
        """The transport takes more again, or there is more to tell."""
        if not self._waits and (self._subscriptions or self._notice is not None):
            self._waits = True
            self._feeds.ask(self._pump)

    def notify(self, message: Message) -> None:
        """Tell the client something of the whole connection when its turn comes, instead of what waits."""
        self._notice = message
        self.wake()

    def beat(self) -> None:
        """Send a bookmark for every subscription that is in step; to be called every heartbeat."""
        for subscription, _ in self._subscriptions.values():
            subscription.bookmark()

    async def _wait(self, subscription: Subscription) -> None:
        """The client has seen more than this replica: it comes to where the client is, or never will."""
        await self._feeds.reach(subscription.told, timeout=PATIENCE)
        del self._ahead[subscription.id]
        try:
            if subscription.is_ahead():
                subscription.restart("too-old")
        except Exception:
            fail(self._connection)
            return
        self.wake()

    def _pump(self) -> None:
        """Write one message that is due, and come back for the next after everyone else had a turn."""
        self._waits = False
        if not self._connection.writable:
            return
        try:
            message = self._next()
            if message is not None:
                self._connection.write(message)
        except Exception:
            fail(self._connection)
            return
        if message is not None:
            self.wake()

    def _next(self) -> Message | None:
        if self._notice is not None:
            notice, self._notice = self._notice, None
            return notice
        for id, (subscription, feed) in self._subscriptions.items():
            message = subscription.next()
            if message is not None:
                # Behind the others: one that always has something to say silences none of them.
                del self._subscriptions[id]
                self._subscriptions[id] = subscription, feed
                return message
        return None
