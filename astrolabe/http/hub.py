"""Where the served graph and the clients of the stream meet.

The contract: whoever applies snapshot and deltas in order holds exactly the server's filtered graph at
`seq`, and is told when it cannot. Within one subscription seqs only grow, `from` of a delta is the seq
that was told last, nothing is told twice, and registration and snapshot are one step.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from time import perf_counter, time

from astrolabe.graph.batch import Batch, Before
from astrolabe.graph.census import Census
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.history import History, Past
from astrolabe.graph.pages import Pages
from astrolabe.graph.view import View
from astrolabe.graph.views import Views
from astrolabe.http.client import Client
from astrolabe.http.feed import Feed
from astrolabe.http.figures import Figures
from astrolabe.http.subscription import Connection
from astrolabe.settings import Limits

logger = logging.getLogger("astrolabe.http")

#: Seconds for which a feed without a subscription is kept, for those who ask the same again; how many of
#: them there are at most; and of how many nodes altogether: a place in a view takes some 70 bytes.
KEPT = 60.0
MOST_KEPT = 64
MOST_KEPT_NODES = 200_000


class Hub:
    """Applies batches to the graph and tells whoever follows a part of it. Lives in one event loop.

    limits: of the history that is kept, from which those who fell behind or come back are caught up.
    figures: what is counted of the batches and of those who follow.
    """

    def __init__(self, graph: Graph, limits: Limits | None = None) -> None:
        self.figures = Figures()
        self._limits = limits or Limits()
        self._feeds: dict[Filter, Feed] = {}
        #: Feeds without a subscription, those that are dropped first before the others.
        self._kept: dict[Feed, asyncio.TimerHandle] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._begin(graph)

    def _begin(self, graph: Graph) -> None:
        self.graph = graph
        limits = self._limits
        self.history = History(graph, changes=limits.history_changes, size=limits.history_bytes)
        self.pages = Pages(graph)
        self.census = Census(graph)
        self._views = Views(graph)

    def receive(self, batch: Batch) -> None:
        """Take the next batch from the bus. Raises GapError when it is not the next one: to go on would
        be to serve what is not so."""
        began = perf_counter()
        before = self.graph.apply(batch)
        self.history.add(before)
        self.pages.update(batch.changes)
        self.census.update(before)
        self._tell(batch, before)
        self._notify()
        self._count(batch, before, perf_counter() - began)

    def replace(self, graph: Graph) -> None:
        """Serve this graph from now on: history could not be continued. Everyone begins anew."""
        self._begin(graph)
        for filter, feed in self._feeds.items():
            feed.begin(self._new_view(filter), graph, self.history)
            feed.restart()
        self._notify()

    @property
    def subscriptions(self) -> int:
        """How many there are, of all clients."""
        return sum([len(feed.subscriptions) for feed in self._feeds.values()])

    def view(self, filter: Filter) -> View:
        """The filtered graph as it is now; valid until the loop goes on."""
        feed = self.feed(filter)
        self.release(feed)
        return feed.view

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
            feed = self._feeds[filter] = Feed(self._new_view(filter), self.graph, self.history, self.figures)
        elif feed in self._kept:
            self._kept.pop(feed).cancel()
        return feed

    def release(self, feed: Feed) -> None:
        """Keep the feed for a while, and then drop it, when nobody is subscribed to it any more."""
        if feed.subscriptions or self._feeds.get(feed.filter) is not feed:
            return
        # Not in the context of the one who leaves, which would be kept as long.
        loop = asyncio.get_running_loop()
        self._kept[feed] = loop.call_later(KEPT, self._drop, feed, context=Context())
        while len(self._kept) > 1 and self._is_too_much_kept():
            self._drop(next(iter(self._kept)))

    def _is_too_much_kept(self) -> bool:
        nodes = sum([len(feed.view) for feed in self._kept if feed.filter])
        return len(self._kept) > MOST_KEPT or nodes > MOST_KEPT_NODES

    def _new_view(self, filter: Filter) -> View:
        view = View(self.graph, filter)
        self._views.add(view)
        return view

    def _drop(self, feed: Feed) -> None:
        self._views.discard(feed.view)
        self._forget(feed)

    def _fail(self, feed: Feed) -> None:
        self._views.discard_failed(feed.view)
        self._forget(feed)
        feed.give_up()

    def _forget(self, feed: Feed) -> None:
        del self._feeds[feed.filter]
        if feed in self._kept:
            self._kept.pop(feed).cancel()

    def _tell(self, batch: Batch, before: Before) -> None:
        """Let the views that the batch concerns follow it, and pass on what it changed of them."""
        past = Past(self.graph, before)
        for view, part in self._views.concerned(batch.changes, past).items():
            feed = self._feeds[view.filter]
            try:
                delta = self._views.update(view, part, past)
                if delta.nodes_set or delta.edges_set or delta.edges_removed or delta.nodes_removed:
                    feed.publish(delta, batch)
            except Exception:
                logger.exception("a view failed, its subscribers have to come back")
                self._fail(feed)

    def _count(self, batch: Batch, before: Before, seconds: float) -> None:
        figures = self.figures
        figures.batch_size.observe(len(before.nodes) + len(before.edges))
        figures.batch_duration.observe(seconds)
        if batch.time:  # of another machine, maybe, whose clock goes ahead
            figures.latency.observe(max(0.0, time() - batch.time / 1000))

    def _notify(self) -> None:
        for seq, reached in self._waiting:
            if seq <= self.graph.seq and not reached.done():
                reached.set_result(None)
