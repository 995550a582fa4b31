"""What all subscriptions with the same filter share: the view, its snapshots and its messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.batch import Batch, Changes, Undo
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import GraphAt, History, merge
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.view import View
from astrolabe.graph.views.view_index import ViewIndex
from astrolabe.http.counters import Counters
from astrolabe.http.net.message import LongTexts, Message
from astrolabe.http.stream.deltas import CatchUp, DeltaMessages
from astrolabe.http.stream.jobs import BackgroundJob, JobQueue, Steps
from astrolabe.http.stream.snapshot import UIDS_PER_NODE, RetiredSnapshots, ViewSnapshot
from astrolabe.http.stream.subscription import ClientSubscription, dismiss, fail
from astrolabe.timeslice import TurnQuota

#: Catch-ups that are kept for others, newest first. Clients choose the position they resume from.
CATCHING_UP = 16
#: Subscriptions that are sent a delta in one go; and what closing one counts for.
TOGETHER = 50
DISMISSAL = 10
#: More changed nodes and edges than this are worked out in the background.
MANY = 500


class SubscriptionFailed(RuntimeError):
    """The view could not be built or updated; the log says why."""


class SharedSubscription:
    """Implements `subscription.ViewSource` for all subscriptions with the same filter.

    The view is built in the background. Nothing is sent until it is `ready`. Subscriptions are woken then,
    and whenever something they wait for is complete.

    users: how many callers use it without a subscription.
    changed: the seq of the latest batch that changed the view, or at which the view was ready.
    generation: how many graphs it has followed.
    send_quota: spreads the subscriptions over turns, as there may be thousands.
    give_up: called if it fails, while the exception is being handled.
    """

    def __init__(
        self,
        filter: Filter,
        job_queue: JobQueue,
        old: RetiredSnapshots,
        texts: LongTexts,
        counters: Counters,
        send_quota: TurnQuota,
        give_up: Callable[[SharedSubscription], None],
    ) -> None:
        self.filter = filter
        self.counters = counters
        self.subscriptions: dict[ClientSubscription, None] = {}
        #: Called with each change of the view. They must not raise.
        self.listeners: list[Callable[[Changes], None]] = []
        self.users = self.generation = 0
        self.failed = False
        self._job_queue = job_queue
        self._old = old
        self._texts = texts
        self._send_quota = send_quota
        self._give_up = give_up
        self._jobs: dict[BackgroundJob, None] = {}
        self._waiting: list[asyncio.Future[None]] = []

    def begin(self, graph: ServedGraph, history: History, views: ViewIndex) -> None:
        """Follow this graph from now on. The view is added to the index while it is built."""
        self.end()
        self.graph = graph
        self.history = history
        self.changed = graph.seq
        self.generation += 1
        self.ready = False
        self.view = View(graph, self.filter)
        self._snapshot: ViewSnapshot | None = None
        #: By the seq at which they start.
        self._catch_ups: dict[int, CatchUp] = {}
        self._work(self._build(views))

    def end(self) -> None:
        """Cancel the jobs that are running."""
        for job in self._jobs:
            job.cancel()
        self._jobs.clear()

    async def wait_for_change(self) -> None:
        """Wait until a job is done. Raises SubscriptionFailed."""
        if self.failed:
            raise SubscriptionFailed
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def restart(self) -> None:
        """Make all subscriptions restart: the history was replaced."""
        for some in _some(tuple(self.subscriptions)):
            self._send_quota.do(partial(self._renew, some), len(some))

    def _renew(self, some: Sequence[ClientSubscription]) -> None:
        for subscription in some:
            if subscription in self.subscriptions:
                subscription.restart_if_replaced()
                subscription.wake()

    def close(self) -> None:
        """Close all connections that use it: it has failed."""
        self.failed, self.ready = True, False
        self.end()
        for some in _some(tuple(self.subscriptions)):
            self._send_quota.do(partial(_dismiss, some), DISMISSAL * len(some))
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(SubscriptionFailed())
        self._waiting.clear()

    def publish(self, delta: Changes, batch: Batch, deltas: DeltaMessages) -> None:
        """Send a change of the view to every subscription that is in step."""
        before, self.changed = self.changed, batch.seq
        for listener in self.listeners:
            listener(delta)
        if self._snapshot is not None and self._snapshot.complete and not self._snapshot.may_be_shared():
            self._forget_snapshot()
        if self._catch_ups:  # those that are complete end before this change
            self._catch_ups = {base_seq: each for base_seq, each in self._catch_ups.items() if each.under_way}
        seq = batch.seq
        in_step: list[ClientSubscription] = []
        for each in self.subscriptions:  # most have one, for which a comprehension takes twice as long
            if each.awaits(before, seq):
                in_step.append(each)
        if self._send_quota.admits(len(in_step)):
            for subscription in in_step:
                self._send(subscription, delta, batch, deltas)
            return
        for some in _some(in_step):
            self._send_quota.do(
                partial(self._send_later, some, self.generation, before, delta, batch, deltas), len(some)
            )

    def _send_later(
        self,
        some: Sequence[ClientSubscription],
        generation: int,
        before: int,
        delta: Changes,
        batch: Batch,
        deltas: DeltaMessages,
    ) -> None:
        """Skip subscriptions that were sent later changes, or are about to be: their turn may come late."""
        if self.failed or self.generation != generation:
            return
        late = self.changed != batch.seq
        for subscription in some:
            if subscription not in self.subscriptions or not subscription.awaits(before, batch.seq):
                continue
            if late and subscription.connection.writable:  # more has changed: one message will hold it all
                subscription.fall_behind(batch.since)
                subscription.wake()
            else:
                self._send(subscription, delta, batch, deltas)

    def _send(
        self, subscription: ClientSubscription, delta: Changes, batch: Batch, deltas: DeltaMessages
    ) -> None:
        """Send the change, if the transport accepts it."""
        if not subscription.connection.writable:
            subscription.fall_behind(batch.since)
            self.counters.behind += 1
            return
        try:
            message = deltas.message(subscription.id, subscription.sent_seq, delta)
            subscription.send(message, batch.seq)
        except Exception:  # of this connection; the others are unaffected
            fail(subscription.connection)

    def catch_up(self, base_seq: int) -> CatchUp | None:
        """All changes of the view since `base_seq`. None if the history does not reach back so far.

        It is made once for all subscriptions at the same position. If much has changed, a background job
        works it out, and all subscriptions are woken when it is done.
        """
        catch_up = self._catch_ups.get(base_seq)
        if catch_up is not None and (catch_up.under_way or catch_up.seq == self.graph.seq):
            return catch_up
        steps = self.history.steps_since(base_seq) if base_seq < self.changed else []
        if steps is None:
            return None
        catch_up = self._catch_ups[base_seq] = CatchUp()
        if len(self._catch_ups) > CATCHING_UP:
            del self._catch_ups[next(iter(self._catch_ups))]
        catch_up.begin(self.graph)
        if not steps:
            catch_up.set(Changes(), self._texts)
        elif self._is_little(steps):
            past = self.history.since(base_seq)
            assert past is not None
            catch_up.set(self.view.since(past), self._texts)
        else:
            self._work(self._compare(base_seq, catch_up))
        return catch_up

    def _is_little(self, steps: Sequence[Undo]) -> bool:
        """Whether the changes can be worked out at once."""
        if self.filter.release or len(steps) > MANY:  # a small change may affect many nodes of a release
            return False
        return sum([len(step.nodes) + len(step.edges) for step in steps]) <= MANY

    def bookmark(self, id: str) -> Message:
        """The message that names the current position."""
        epoch, seq = self.graph.epoch, self.graph.seq
        return Message("bookmark", wire.bookmark(id, epoch, seq), f"{epoch}:{seq}")

    def snapshot(self, since: int = 0) -> ViewSnapshot | None:
        """A snapshot of the view, current or a moment old; None until the view is ready.

        All subscriptions are woken when it is complete. since: the lowest seq it may have.
        """
        if not self.ready:
            return None
        if self._snapshot is None or (self._snapshot.complete and not self._is_good(self._snapshot, since)):
            self._forget_snapshot()
            self._old.trim()
            self._snapshot = ViewSnapshot()
            self._work(self._snapshot.collect(self.view, self.graph, self.history))
        return self._snapshot

    def _is_good(self, snapshot: ViewSnapshot, since: int) -> bool:
        if snapshot.seq == self.graph.seq:
            return True
        return snapshot.seq >= since and snapshot.may_be_shared() and self.history.knows(snapshot.seq)

    def _forget_snapshot(self) -> None:
        if self._snapshot is not None:
            snapshot, self._snapshot = self._snapshot, None
            snapshot.stop_sharing()
            self._old.add(snapshot)

    def forget_past(self) -> None:
        """Discard the view's past: snapshots and catch-ups that are under way start again."""
        if self._snapshot is not None:
            snapshot, self._snapshot = self._snapshot, None
            snapshot.abandon()
        for catch_up in self._catch_ups.values():
            catch_up.lost = catch_up.lost or catch_up.under_way
        self._catch_ups = {}
        self._wake()

    # Background jobs

    def _work(self, steps: Steps) -> None:
        for job in [job for job in self._jobs if job.done]:
            del self._jobs[job]
        job = self._job_queue.start(self._guard(steps))
        if not job.done:
            self._jobs[job] = None

    def _guard(self, steps: Steps) -> Steps:
        try:
            yield from steps
        except Exception:
            self._give_up(self)
            return
        self._wake()

    def _wake(self) -> None:
        for subscription in self.subscriptions:
            subscription.wake()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    def _build(self, views: ViewIndex) -> Steps:
        if self.filter:
            yield from views.build(self.view)
        else:
            for _ in views.build(self.view):  # without a filter there is nothing to visit
                pass
        self.ready, self.changed = True, self.graph.seq

    def _compare(self, since: int, catch_up: CatchUp) -> Steps:
        """Ends at the position at which the job starts, which may be late."""
        steps = self.history.steps_since(since)
        if steps is None or self._texts.full:
            catch_up.lost = True
            return
        catch_up.begin(self.graph)
        current, before = self.history.hold(), Undo()
        try:
            members = self.view.uids()
            yield len(members) // UIDS_PER_NODE
            for step in steps:
                merge(before, step)
                yield len(step.nodes) + len(step.edges)
            changes = yield from self.view.compare(GraphAt(current, before), current, members)
            yield from catch_up.set_in_steps(changes, self._texts)
        finally:
            self.history.let_go(current)


def _some(subscriptions: Sequence[ClientSubscription]) -> Iterator[Sequence[ClientSubscription]]:
    for start in range(0, len(subscriptions), TOGETHER):
        yield subscriptions[start : start + TOGETHER]


def _dismiss(some: Sequence[ClientSubscription]) -> None:
    for subscription in some:
        dismiss(subscription.connection)
