"""Where the served graph and the clients of the stream meet.

The contract: whoever applies snapshot and deltas in order holds exactly the server's filtered graph at
`seq`, and is told when it cannot. Within one subscription seqs only grow, `from` of a delta is the seq
that was told last, nothing is told twice, and registration and snapshot are one step.
"""

from __future__ import annotations

import asyncio
import logging

from astrolabe.graph.batch import Batch
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.view import View
from astrolabe.http.client import Client
from astrolabe.http.feed import Feed
from astrolabe.http.subscription import Connection

logger = logging.getLogger("astrolabe.http")

#: Seconds for which a feed that lost its last subscription is kept, so that a client whose connection
#: broke goes on where it was; and how many such feeds there are at most.
KEPT = 60.0
MOST_KEPT = 8


class Hub:
    """Applies batches to the graph and tells whoever follows a part of it. Lives in one event loop."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._feeds: dict[Filter, Feed] = {}
        #: Feeds without a subscription, those that are dropped first before the others.
        self._kept: dict[Feed, asyncio.TimerHandle] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def receive(self, batch: Batch) -> None:
        """Take the next batch from the bus. Raises GapError when it is not the next one: to go on would
        be to serve what is not so."""
        self.graph.apply(batch)
        for feed in list(self._feeds.values()):
            try:
                feed.update(batch)
            except Exception:
                logger.exception("a view failed, its subscribers have to come back")
                self._drop(feed)
                feed.give_up()
        self._notify()

    def replace(self, graph: Graph) -> None:
        """Serve this graph from now on: history could not be continued. Everyone begins anew."""
        self.graph = graph
        for feed in self._feeds.values():
            feed.replace(graph)
        self._notify()

    def view(self, filter: Filter) -> View:
        """The filtered graph as it is now; valid until the loop goes on."""
        feed = self._feeds.get(filter)
        return feed.view if feed is not None else View(self.graph, filter)

    async def reach(self, seq: int, *, timeout: float) -> bool:
        """Wait until the graph is at `seq`, at most this many seconds; False when it did not get there."""
        if self.graph.seq >= seq:
            return True
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (seq, reached)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await reached
        except TimeoutError:
            return False
        finally:
            self._waiting.remove(entry)
        return True

    def join(self, connection: Connection) -> Client:
        """Take in a connection, so far without subscriptions."""
        return Client(self, connection)

    def feed(self, filter: Filter) -> Feed:
        """The feed that all subscriptions with an equal filter share."""
        feed = self._feeds.get(filter)
        if feed is None:
            feed = self._feeds[filter] = Feed(self.graph, filter)
        elif feed in self._kept:
            self._kept.pop(feed).cancel()
        return feed

    def release(self, feed: Feed) -> None:
        """Keep the feed for a while, and then drop it, when nobody is subscribed to it any more."""
        if feed.subscriptions or self._feeds.get(feed.filter) is not feed:
            return
        if len(self._kept) >= MOST_KEPT:
            self._drop(next(iter(self._kept)))
        self._kept[feed] = asyncio.get_running_loop().call_later(KEPT, self._drop, feed)

    def _drop(self, feed: Feed) -> None:
        del self._feeds[feed.filter]
        if feed in self._kept:
            self._kept.pop(feed).cancel()

    def _notify(self) -> None:
        for seq, reached in self._waiting:
            if seq <= self.graph.seq and not reached.done():
                reached.set_result(None)
