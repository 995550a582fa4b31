"""The hub: applies batches to the served graph and sends the changes to everyone who follows it.

The contract: a client that applies snapshot and deltas in order holds exactly the server's filtered graph at
`seq`, and is told when it does not. Within one subscription seqs only grow, `from` of a delta is the last seq
that was sent, nothing is sent twice, and no change is lost between subscribing and the snapshot.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextvars import Context
from functools import partial
from time import perf_counter, time
from typing import Protocol

from astrolabe.graph.encoding.pages import Pages
from astrolabe.graph.state.batch import Batch, Changes, Undo
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import GraphAt, History
from astrolabe.graph.state.stats import GraphStats
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.view import View
from astrolabe.graph.views.view_index import ViewIndex
from astrolabe.http.counters import Counters
from astrolabe.http.errors import Refusal
from astrolabe.http.net.message import LongTexts
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.client import CATCH_UP_TIMEOUT, StreamClient
from astrolabe.http.stream.deltas import DeltaMessages
from astrolabe.http.stream.jobs import AT_ONCE, JobQueue, Steps
from astrolabe.http.stream.problem_tracker import ProblemTracker
from astrolabe.http.stream.shared_subscription import SharedSubscription, SubscriptionFailed
from astrolabe.http.stream.snapshot import STEP, RetiredSnapshots, ViewSnapshot
from astrolabe.http.stream.subscription import StreamConnection
from astrolabe.settings import Limits
from astrolabe.timeslice import Lane, TurnQuota, free_in_steps, turns

logger = logging.getLogger("astrolabe.http")

#: Seconds for which a shared subscription that nobody uses is kept, for those who ask the same again; how
#: many of them there are at most; and of how many nodes altogether: a place in a view takes some 70 bytes.
KEEP_SECONDS = 60.0
MAX_KEPT = 64
MAX_KEPT_NODES = 200_000
#: Subscriptions that are sent something in one turn of the loop, at about 12 µs each.
SENDS_PER_TURN = 500
#: Shared subscriptions that are released per turn, at 50 microseconds each.
RELEASES_PER_TURN = 16


class HubObserver(Protocol):
    """Follows the graph that a hub serves. It must not raise."""

    def stepped(self, batch: Batch, past: GraphAt, /) -> None:
        """The graph has applied a batch. past: the graph before it."""
        ...

    def replaced(self) -> None:
        """Another graph is served from now on."""
        ...


class Hub:
    """Applies batches to the graph and sends the changes to its subscribers. Belongs to one event loop.

    limits: of the history from which clients that fell behind or come back catch up, among others.
    counters: of batches and of what was sent.
    problems: what is broken in the graph, and why.
    rebuilding: see `bus.delivery.GraphTarget`.
    """

    def __init__(self, graph: ServedGraph, limits: Limits | None = None) -> None:
        self.counters = Counters()
        self._limits = limits or Limits()
        self._shared: dict[Filter, SharedSubscription] = {}
        self._job_queue = JobQueue()
        self._old = RetiredSnapshots()
        self._texts = LongTexts()
        self._send_quota = TurnQuota(SENDS_PER_TURN, Lane.PEER)
        self._release_quota = TurnQuota(RELEASES_PER_TURN, Lane.PEER)
        #: Shared subscriptions that nobody uses, in the order in which they are dropped.
        self._kept: dict[SharedSubscription, asyncio.TimerHandle] = {}
        self._waiting: dict[asyncio.Future[None], int] = {}
        self.rebuilding = False
        self._observers: list[HubObserver] = []
        self._forgetting: list[Callable[[], None]] = []
        self.problems = ProblemTracker(graph, self._job_queue)
        self._begin(graph)

    def _begin(self, graph: ServedGraph) -> None:
        self.graph = graph
        self.pages = Pages(graph)
        self.stats = GraphStats(graph)
        self._begin_to_follow()

    def _begin_to_follow(self) -> None:
        limits = self._limits
        self.history = History(self.graph, changes=limits.history_changes, size=limits.history_bytes)
        self._views = ViewIndex(self.graph)

    def receive(self, batch: Batch) -> None:
        """Apply the next batch from the bus.

        Raises GapError if it is not the next one, and ApplyError if the graph can no longer be trusted.
        """
        began = perf_counter()
        before = self.graph.apply(batch)
        self._update_stats(batch, before)
        self.problems.note(before)
        past = GraphAt(self.graph, before)
        try:
            self.history.add(before)
            concerned = self._views.concerned(batch.changes, past)
        except Exception:
            self._fail_all()
        else:
            self._publish(batch, past, concerned)
        self._notify()
        self._tell_step(batch, past)
        self._count(batch, before, perf_counter() - began)

    def replace(self, graph: ServedGraph) -> None:
        """Serve another graph from now on: the history could not be continued. All subscriptions restart as
        soon as their views are built in the background."""
        before: list[object] = [self.history, self.pages, self.stats, self._views]
        before += [shared.view for shared in self._shared.values()]
        old = self.graph
        self._begin(graph)
        self.problems.restart(graph)
        for shared in list(self._kept):
            shared.end()
            self._forget(shared)  # the old index holds its view
        for shared in self._shared.values():
            shared.begin(graph, self.history, self._views)
            shared.restart()
        self._notify()
        for observer in self._observers:
            observer.replaced()
        self._job_queue.start(_free_in_steps(old, before))

    def forget_past(self) -> None:
        """Tell nobody any more what the graph was: no client comes back from before, and nothing is sent that
        was read before."""
        self.history.begin_here()
        self._old.abandon()
        for shared in self._shared.values():
            shared.forget_past()
        self.problems.restart(self.graph)
        for forget in self._forgetting:
            forget()

    def when_forgetting(self, forget: Callable[[], None]) -> None:
        """Call this with each `forget_past`. It must not raise."""
        self._forgetting.append(forget)

    def observe(self, observer: HubObserver) -> None:
        """Tell the observer of each step from now on."""
        self._observers.append(observer)

    @property
    def subscriptions(self) -> int:
        """The number of subscriptions of all clients."""
        of_graph = sum([len(shared.subscriptions) for shared in self._shared.values()])
        return of_graph + self.counters.feed_subscriptions

    async def snapshot(self, filter: Filter) -> ViewSnapshot:
        """A snapshot of the filtered graph, at the current position or a later one. Callers share it.

        Raises Refusal if too many filters are in use, and SubscriptionFailed.
        """
        epoch, seq = self.graph.epoch, self.graph.seq
        shared = self.share(filter)
        shared.users += 1
        try:
            snapshot = shared.snapshot(seq)
            while snapshot is None or not self._is_of(snapshot, epoch, seq):
                if snapshot is None or not snapshot.complete:
                    await shared.wait_for_change()
                if snapshot is None or not self._is_of(snapshot, epoch, seq):
                    snapshot = shared.snapshot(seq if self.graph.epoch == epoch else 0)
            return snapshot
        finally:
            shared.users -= 1
            self.release(shared)

    def is_same_since(self, position: StreamPosition, filter: Filter) -> bool:
        """Whether the filtered graph is known to be unchanged since this position.

        Asking counts as using it.
        """
        if position.epoch != self.graph.epoch:
            return False
        if filter not in self._shared:
            return position.seq == self.graph.seq
        shared = self.share(filter)
        self.release(shared)
        return shared.ready and shared.changed <= position.seq

    def _is_of(self, snapshot: ViewSnapshot, epoch: str, seq: int) -> bool:
        """Whether it is a complete snapshot of the served graph, at this position or later."""
        if not snapshot.complete or snapshot.abandoned or snapshot.epoch != self.graph.epoch:
            return False
        return snapshot.epoch != epoch or snapshot.seq >= seq

    async def wait_for_seq(self, seq: int, *, timeout: float) -> bool:
        """Wait until the graph is at `seq`. False if it is not after this many seconds."""
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

    async def require_seq(self, seq: int | None) -> None:
        """Wait until the graph is at `seq`, if one is given. Raises Refusal (503)."""
        if seq is not None and not await self.wait_for_seq(seq, timeout=CATCH_UP_TIMEOUT):
            raise Refusal(
                503,
                "behind",
                f"at seq {self.graph.seq}, not yet at {seq}",
                headers={"Retry-After": "1"},
            )

    def join(self, connection: StreamConnection) -> StreamClient:
        """Add a connection, without subscriptions so far."""
        return StreamClient(self, connection)

    def schedule(self, call: Callable[[], None]) -> None:
        """Call this soon, in a turn of its own. It must not raise."""
        turns().ask(call, Lane.PEER)

    def admit(self, filter: Filter) -> None:
        """Raise Refusal if this filter is new and too many filters are in use."""
        most = self._limits.max_filters
        if not filter or filter in self._shared or len(self._shared) < most:
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

    def share(self, filter: Filter) -> SharedSubscription:
        """What all subscriptions with this filter share. Raises Refusal when it is one too many,
        SubscriptionFailed.

        To be `release`d when it was not used, or is not any more.
        """
        shared = self._shared.get(filter)
        if shared is None:
            self.admit(filter)
            shared = self._shared[filter] = SharedSubscription(
                filter, self._job_queue, self._old, self._texts, self.counters, self._send_quota, self._fail
            )
            shared.begin(self.graph, self.history, self._views)
            if shared.failed:
                raise SubscriptionFailed
        elif shared in self._kept:
            self._kept.pop(shared).cancel()
        return shared

    def release(self, shared: SharedSubscription) -> None:
        """Drop it after a while if nobody uses it by then. Many may be released at once."""
        self._release_quota.do(partial(self._release, shared))

    def _release(self, shared: SharedSubscription) -> None:
        if (
            shared.subscriptions
            or shared.users
            or shared in self._kept
            or self._shared.get(shared.filter) is not shared
        ):
            return
        if not shared.ready:
            self._drop(shared)
            return
        # The context of the caller would be kept alive as long.
        loop = asyncio.get_running_loop()
        self._kept[shared] = loop.call_later(
            KEEP_SECONDS, self._release_quota.do, partial(self._drop_kept, shared), context=Context()
        )
        while len(self._kept) > 1 and self._is_too_much_kept():
            self._drop(next(iter(self._kept)))

    def _drop_kept(self, shared: SharedSubscription) -> None:
        if shared in self._kept:  # nobody has come back
            self._drop(shared)

    def _is_too_much_kept(self) -> bool:
        nodes = sum([len(shared.view) for shared in self._kept if shared.filter])
        return len(self._kept) > MAX_KEPT or nodes > MAX_KEPT_NODES

    def _drop(self, shared: SharedSubscription) -> None:
        shared.end()
        self._views.discard(shared.view)
        self._forget(shared)

    def _fail(self, shared: SharedSubscription) -> None:
        """End a shared subscription because of the exception that is being handled."""
        logger.exception("a view failed; its subscribers have to reconnect")
        self._views.discard_failed(shared.view)
        self._forget(shared)
        shared.close()

    def _forget(self, shared: SharedSubscription) -> None:
        if self._shared.get(shared.filter) is shared:
            del self._shared[shared.filter]
        if shared in self._kept:
            self._kept.pop(shared).cancel()

    def _update_stats(self, batch: Batch, before: Undo) -> None:
        """Update what is derived from the graph; rebuild it if that fails."""
        try:
            self.pages.update(batch.changes)
        except Exception:
            logger.exception("the pages of the graph failed and are rebuilt")
            self.pages = Pages(self.graph)
        try:
            self.stats.update(before)
        except Exception:
            logger.exception("the counts of the graph failed and are rebuilt")
            self.stats = GraphStats(self.graph)

    def _fail_all(self) -> None:
        """Close all subscriptions because of the exception that is being handled: no view can be trusted."""
        logger.exception("the history failed and starts again; all subscribers have to reconnect")
        self._begin_to_follow()
        for shared in list(self._shared.values()):
            self._forget(shared)
            shared.close()

    def _publish(self, batch: Batch, past: GraphAt, concerned: Mapping[View, Changes]) -> None:
        """Update the views that the batch concerns, and publish what it changed in them."""
        deltas, step = DeltaMessages(batch), batch.changes
        for view, part in concerned.items():
            shared = self._shared[view.filter]
            try:
                # A view that keeps all that changed needs no work of its own, and there may be hundreds.
                delta = part if part is step else self._views.update(view, part, past)
                if not shared.ready:
                    continue
                if delta.nodes_set or delta.edges_set or delta.edges_removed or delta.nodes_removed:
                    shared.publish(delta, batch, deltas)
            except Exception:
                self._fail(shared)

    def _tell_step(self, batch: Batch, past: GraphAt) -> None:
        for observer in self._observers:
            try:
                observer.stepped(batch, past)
            except Exception:
                logger.exception("an observer of the graph failed")

    def _count(self, batch: Batch, before: Undo, seconds: float) -> None:
        counters = self.counters
        counters.batch_size.observe(len(before.nodes) + len(before.edges))
        counters.batch_duration.observe(seconds)
        if batch.time:  # may come from a machine whose clock is ahead
            counters.latency.observe(max(0.0, time() - batch.time / 1000))

    def _notify(self) -> None:
        for reached, seq in self._waiting.items():
            if seq <= self.graph.seq and not reached.done():
                reached.set_result(None)


def _free_in_steps(graph: ServedGraph, beside: list[object]) -> Steps:
    """Free a graph and what was derived from it, in steps."""
    yield STEP  # not in the turn that replaces the graph
    while beside:
        beside.pop()
        yield AT_ONCE
    held = graph.contents()
    yield AT_ONCE
    del graph
    yield from free_in_steps(held, STEP)
