"""Where the served graph and the clients of the stream meet.

The contract: whoever applies snapshot and deltas in order holds exactly the server's filtered graph at
`seq`, and is told when it cannot. Within one subscription seqs only grow, `from` of a delta is the seq
that was told last, nothing is told twice, and registration and snapshot are one step.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextvars import Context
from time import perf_counter, time

from astrolabe.graph.encoding.pages import Pages
from astrolabe.graph.state.batch import Batch, Before, Changes
from astrolabe.graph.state.census import Census
from astrolabe.graph.state.graph import Graph
from astrolabe.graph.state.history import History, Past
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.view import View
from astrolabe.graph.views.views import Views
from astrolabe.http.counters import Figures
from astrolabe.http.errors import Refusal
from astrolabe.http.net.message import LongTexts
from astrolabe.http.query import Position
from astrolabe.http.stream.client import Client
from astrolabe.http.stream.deltas import Deltas
from astrolabe.http.stream.jobs import AT_ONCE, Steps, Workshop
from astrolabe.http.stream.shared_subscription import Feed, FeedFailed
from astrolabe.http.stream.snapshot import STEP, OldSnapshots, Snapshot
from astrolabe.http.stream.subscription import Connection
from astrolabe.settings import Limits
from astrolabe.timeslice import Few, Lane, let_go, turns

logger = logging.getLogger("astrolabe.http")

#: Seconds for which a feed without a subscription is kept, for those who ask the same again; how many of
#: them there are at most; and of how many nodes altogether: a place in a view takes some 70 bytes.
KEPT = 60.0
MOST_KEPT = 64
MOST_KEPT_NODES = 200_000
#: Subscriptions that are told something in one turn of the loop, at some 12 µs.
TOLD = 500


class Hub:
    """Applies batches to the graph and tells whoever follows a part of it. Lives in one event loop.

    limits: of the history that is kept, from which those who fell behind or come back are caught up.
    figures: what is counted of the batches and of those who follow.
    rebuilding: see `bus.delivery.GraphTarget`.
    """

    def __init__(self, graph: Graph, limits: Limits | None = None) -> None:
        self.figures = Figures()
        self._limits = limits or Limits()
        self._feeds: dict[Filter, Feed] = {}
        self._workshop = Workshop()
        self._old = OldSnapshots()
        self._texts = LongTexts()
        self._crowd = Few(TOLD, Lane.PEER)
        #: Feeds without a subscription, those that are dropped first before the others.
        self._kept: dict[Feed, asyncio.TimerHandle] = {}
        self._waiting: dict[asyncio.Future[None], int] = {}
        self.rebuilding = False
        self._begin(graph)

    def _begin(self, graph: Graph) -> None:
        self.graph = graph
        self.pages = Pages(graph)
        self.census = Census(graph)
        self._begin_to_follow()

    def _begin_to_follow(self) -> None:
        limits = self._limits
        self.history = History(self.graph, changes=limits.history_changes, size=limits.history_bytes)
        self._views = Views(self.graph)

    def receive(self, batch: Batch) -> None:
        """Take the next batch from the bus. Raises GapError when it is not the next one, Unapplied: to go on
        would be to serve what is not so."""
        began = perf_counter()
        before = self.graph.apply(batch)
        self._count_in(batch, before)
        try:
            self.history.add(before)
            past = Past(self.graph, before)
            concerned = self._views.concerned(batch.changes, past)
        except Exception:
            self._fail_all()
        else:
            self._tell(batch, past, concerned)
        self._notify()
        self._count(batch, before, perf_counter() - began)

    def replace(self, graph: Graph) -> None:
        """Serve this graph from now on: history could not be continued. Everyone begins anew, once what they
        follow of it is known: that is found out in the background."""
        before: list[object] = [self.history, self.pages, self.census, self._views]
        before += [feed.view for feed in self._feeds.values()]
        old = self.graph
        self._begin(graph)
        for feed in list(self._kept):
            feed.end()
            self._forget(feed)  # it is listed among the views of before
        for feed in self._feeds.values():
            feed.begin(graph, self.history, self._views)
            feed.restart()
        self._notify()
        self._workshop.start(_dismantle(old, before))

    @property
    def subscriptions(self) -> int:
        """How many there are, of all clients."""
        return sum([len(feed.subscriptions) for feed in self._feeds.values()])

    async def take(self, filter: Filter) -> Snapshot:
        """The filtered graph at one place in history, which is this one or comes after it: shared by all who
        ask for it meanwhile.

        Raises Refusal when too many filters are in use, FeedFailed.
        """
        epoch, seq = self.graph.epoch, self.graph.seq
        feed = self.feed(filter)
        feed.users += 1
        try:
            snapshot = feed.snapshot(seq)
            while snapshot is None or not self._is_of(snapshot, epoch, seq):
                if snapshot is None or not snapshot.taken:
                    await feed.news()
                if snapshot is None or not self._is_of(snapshot, epoch, seq):
                    snapshot = feed.snapshot(seq if self.graph.epoch == epoch else 0)
            return snapshot
        finally:
            feed.users -= 1
            self.release(feed)

    def is_same_since(self, position: Position, filter: Filter) -> bool:
        """Whether what the filter keeps is known to be as it was there; who asks is one who uses it."""
        if position.epoch != self.graph.epoch:
            return False
        if filter not in self._feeds:
            return position.seq == self.graph.seq
        feed = self.feed(filter)
        self.release(feed)
        return feed.ready and feed.changed <= position.seq

    def _is_of(self, snapshot: Snapshot, epoch: str, seq: int) -> bool:
        """Whether it is taken, of what is served now, at this place in history or later."""
        if not snapshot.taken or snapshot.given_up or snapshot.epoch != self.graph.epoch:
            return False
        return snapshot.epoch != epoch or snapshot.seq >= seq

    async def reach(self, seq: int, *, timeout: float) -> bool:
        """Wait until the graph is at `seq`, at most this many seconds; False when it did not get there."""
        if self.graph.seq >= seq:
            return True
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[reached] = seq
        try:
            async with asyncio.timeout(timeout):
                await reached
        except TimeoutError:
            return False
        finally:
            del self._waiting[reached]
        return True

    def join(self, connection: Connection) -> Client:
        """Take in a connection, so far without subscriptions."""
        return Client(self, connection)

    def ask(self, call: Callable[[], None]) -> None:
        """Call this in a turn of its own, soon. It must not raise."""
        turns().ask(call, Lane.PEER)

    def admit(self, filter: Filter) -> None:
        """Whether one more may be followed, when it is one more. Raises Refusal."""
        most = self._limits.max_filters
        if not filter or filter in self._feeds or len(self._feeds) < most:
            return
        if self._kept:
            self._drop(next(iter(self._kept)))
            return
        raise Refusal(
            503,
            "too-many-filters",
            f"{most} different filters are in use, which is all there may be (--max-filters); come back",
            headers={"Retry-After": "5"},
        )

    def feed(self, filter: Filter) -> Feed:
        """The feed that all subscriptions with an equal filter share. Raises Refusal when it is one too many,
        FeedFailed.

        To be `release`d when it was not used, or is not any more.
        """
        feed = self._feeds.get(filter)
        if feed is None:
            self.admit(filter)
            feed = self._feeds[filter] = Feed(
                filter, self._workshop, self._old, self._texts, self.figures, self._crowd, self._fail
            )
            feed.begin(self.graph, self.history, self._views)
            if feed.failed:
                raise FeedFailed
        elif feed in self._kept:
            self._kept.pop(feed).cancel()
        return feed

    def release(self, feed: Feed) -> None:
        """Keep the feed for a while, and then drop it, when nobody uses it any more."""
        if feed.subscriptions or feed.users or feed in self._kept or self._feeds.get(feed.filter) is not feed:
            return
        if not feed.ready:
            self._drop(feed)
            return
        # Not in the context of the one who leaves, which would be kept as long.
        loop = asyncio.get_running_loop()
        self._kept[feed] = loop.call_later(KEPT, self._drop, feed, context=Context())
        while len(self._kept) > 1 and self._is_too_much_kept():
            self._drop(next(iter(self._kept)))

    def _is_too_much_kept(self) -> bool:
        nodes = sum([len(feed.view) for feed in self._kept if feed.filter])
        return len(self._kept) > MOST_KEPT or nodes > MOST_KEPT_NODES

    def _drop(self, feed: Feed) -> None:
        feed.end()
        self._views.discard(feed.view)
        self._forget(feed)

    def _fail(self, feed: Feed) -> None:
        """To be called while an exception is handled that ends it."""
        logger.exception("a view failed, its subscribers have to come back")
        self._views.discard_failed(feed.view)
        self._forget(feed)
        feed.close()

    def _forget(self, feed: Feed) -> None:
        if self._feeds.get(feed.filter) is feed:
            del self._feeds[feed.filter]
        if feed in self._kept:
            self._kept.pop(feed).cancel()

    def _count_in(self, batch: Batch, before: Before) -> None:
        """What stands beside the graph follows it; what cannot is made anew, as it is all in the graph."""
        try:
            self.pages.update(batch.changes)
        except Exception:
            logger.exception("the pages of the graph failed, and are made anew")
            self.pages = Pages(self.graph)
        try:
            self.census.update(before)
        except Exception:
            logger.exception("the counts of the graph failed, and it is counted anew")
            self.census = Census(self.graph)

    def _fail_all(self) -> None:
        """To be called while an exception is handled: what is known of nobody's view is what it should be."""
        logger.exception("history failed, and begins anew: all subscribers have to come back")
        self._begin_to_follow()
        for feed in list(self._feeds.values()):
            self._forget(feed)
            feed.close()

    def _tell(self, batch: Batch, past: Past, concerned: Mapping[View, Changes]) -> None:
        """Let the views that the batch concerns follow it, and pass on what it changed of them."""
        deltas = Deltas(batch)
        for view, part in concerned.items():
            feed = self._feeds[view.filter]
            try:
                delta = self._views.update(view, part, past)
                if not feed.ready:
                    continue
                if delta.nodes_set or delta.edges_set or delta.edges_removed or delta.nodes_removed:
                    feed.publish(delta, batch, deltas)
            except Exception:
                self._fail(feed)

    def _count(self, batch: Batch, before: Before, seconds: float) -> None:
        figures = self.figures
        figures.batch_size.observe(len(before.nodes) + len(before.edges))
        figures.batch_duration.observe(seconds)
        if batch.time:  # of another machine, maybe, whose clock goes ahead
            figures.latency.observe(max(0.0, time() - batch.time / 1000))

    def _notify(self) -> None:
        for reached, seq in self._waiting.items():
            if seq <= self.graph.seq and not reached.done():
                reached.set_result(None)


def _dismantle(graph: Graph, beside: list[object]) -> Steps:
    """Let go of a graph, and of what was kept beside it, bit by bit."""
    yield STEP  # not in the turn in which there is another one
    while beside:
        beside.pop()
        yield AT_ONCE
    held = graph.contents()
    yield AT_ONCE
    del graph
    yield from let_go(held, STEP)
