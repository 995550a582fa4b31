"""A view that somebody is subscribed to, or was a moment ago."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.batch import Batch, Before, Changes
from astrolabe.graph.state.graph import Graph
from astrolabe.graph.state.history import History, Past, merge
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.view import View
from astrolabe.graph.views.views import Views
from astrolabe.http.counters import Figures
from astrolabe.http.net.message import LongTexts, Message
from astrolabe.http.stream.deltas import Deltas, Difference
from astrolabe.http.stream.jobs import Job, Steps, Workshop
from astrolabe.http.stream.snapshot import COPIED, OldSnapshots, Snapshot
from astrolabe.http.stream.subscription import Subscription, dismiss, fail
from astrolabe.timeslice import Few

#: Differences that are shared, the latest made ones: clients say where they are.
CATCHING_UP = 16
#: Subscriptions that are told something together; and as how many one counts that is ended.
TOGETHER = 50
DISMISSAL = 10
#: Changed nodes and edges from which on a difference is not worked out at once.
MANY = 500


class FeedFailed(RuntimeError):
    """The view could not be made or followed; the log says why."""


class Feed:
    """Implements `subscription.Source`. Shared by all subscriptions with the same filter.

    Its view is built in the background. Until it is `ready` nobody is told anything; then all who are
    subscribed are woken, and so they are whenever something that they wait for is there.

    users: how many wait for it without a subscription.
    changed: the seq of the latest batch that changed the view, or at which it was ready.
    era: how often it has begun.
    crowd: by which all subscriptions have their turn, as there may be thousands.
    give_up: called when it fails, while the exception is handled.
    """

    def __init__(
        self,
        filter: Filter,
        workshop: Workshop,
        old: OldSnapshots,
        texts: LongTexts,
        figures: Figures,
        crowd: Few,
        give_up: Callable[[Feed], None],
    ) -> None:
        self.filter = filter
        self.figures = figures
        self.subscriptions: dict[Subscription, None] = {}
        self.users = self.era = 0
        self.failed = False
        self._workshop = workshop
        self._old = old
        self._texts = texts
        self._crowd = crowd
        self._give_up = give_up
        self._jobs: dict[Job, None] = {}
        self._news: list[asyncio.Future[None]] = []

    def begin(self, graph: Graph, history: History, views: Views) -> None:
        """Follow this graph from now on, with a view that is listed once it is under construction."""
        self.end()
        self.graph = graph
        self.history = history
        self.changed = graph.seq
        self.era += 1
        self.ready = False
        self.view = View(graph, self.filter)
        self._snapshot: Snapshot | None = None
        #: By the seq from which on they are.
        self._differences: dict[int, Difference] = {}
        self._work(self._build(views))

    def end(self) -> None:
        """Leave what is under way."""
        for job in self._jobs:
            job.cancel()
        self._jobs.clear()

    async def news(self) -> None:
        """Wait until something is there that was not. Raises FeedFailed."""
        if self.failed:
            raise FeedFailed
        waiting = asyncio.get_running_loop().create_future()
        self._news.append(waiting)
        await waiting

    def restart(self) -> None:
        """History could not be continued: everyone begins anew."""
        for some in _some(tuple(self.subscriptions)):
            self._crowd.do(partial(self._renew, some), len(some))

    def _renew(self, some: Sequence[Subscription]) -> None:
        for subscription in some:
            if subscription in self.subscriptions:
                subscription.renew()
                subscription.wake()

    def close(self) -> None:
        """It has failed: everyone has to come back."""
        self.failed, self.ready = True, False
        self.end()
        for some in _some(tuple(self.subscriptions)):
            self._crowd.do(partial(_dismiss, some), DISMISSAL * len(some))
        for waiting in self._news:
            if not waiting.done():
                waiting.set_exception(FeedFailed())
        self._news.clear()

    def publish(self, delta: Changes, batch: Batch, deltas: Deltas) -> None:
        """The view took a step that changed it: hand the delta to all that are in step."""
        before, self.changed = self.changed, batch.seq
        if self._snapshot is not None and self._snapshot.taken and not self._snapshot.may_be_shared():
            self._forget_snapshot()
        if self._differences:  # those that are known lead to a place that is past
            self._differences = {held: each for held, each in self._differences.items() if each.under_way}
        in_step = [each for each in self.subscriptions if each.is_told(before)]
        if self._crowd.admits(len(in_step)):
            self._tell(in_step, self.era, before, delta, batch, deltas)
            return
        for some in _some(in_step):
            self._crowd.do(partial(self._tell, some, self.era, before, delta, batch, deltas), len(some))

    def _tell(
        self,
        some: Sequence[Subscription],
        era: int,
        before: int,
        delta: Changes,
        batch: Batch,
        deltas: Deltas,
    ) -> None:
        """Their turn may have come late: who has heard more meanwhile, or is about to, is told nothing."""
        if self.failed or self.era != era:
            return
        late = self.changed != batch.seq
        for subscription in some:
            if subscription not in self.subscriptions or not subscription.awaits(before, batch.seq):
                continue
            if not subscription.connection.writable:
                subscription.fall_behind(batch.since)
                self.figures.behind += 1
            elif late:  # more has changed: it is told all of it at once
                subscription.fall_behind(batch.since)
                subscription.wake()
            else:
                try:
                    message = deltas.message(subscription.id, subscription.told, delta)
                    subscription.tell(message, batch.seq)
                except Exception:  # of this client's connection: the others are none the worse
                    fail(subscription.connection)

    def difference(self, held: int) -> Difference | None:
        """What has changed since the view was as it was at `held`; None when that is not known any more.

        Made once for all who are in the same place. When much has changed it is worked out later, up to the
        place in history that is now; everyone is woken then.
        """
        difference = self._differences.get(held)
        if difference is not None and (difference.under_way or difference.seq == self.graph.seq):
            return difference
        steps = self.history.steps_since(held) if held < self.changed else []
        if steps is None:
            return None
        difference = self._differences[held] = Difference()
        if len(self._differences) > CATCHING_UP:
            del self._differences[next(iter(self._differences))]
        difference.begin(self.graph)
        if not steps:
            difference.set(Changes(), self._texts)
        elif self._is_little(steps):
            past = self.history.since(held)
            assert past is not None
            difference.set(self.view.since(past), self._texts)
        else:
            self._work(self._compare(held, difference))
        return difference

    def _is_little(self, steps: Sequence[Before]) -> bool:
        """Whether what is different can be worked out at once."""
        if self.filter.release or len(steps) > MANY:  # what lies behind what changed may be much more
            return False
        return sum([len(step.nodes) + len(step.edges) for step in steps]) <= MANY

    def bookmark(self, id: str) -> Message:
        """Nothing has changed up to the present."""
        epoch, seq = self.graph.epoch, self.graph.seq
        return Message("bookmark", wire.bookmark(id, epoch, seq), f"{epoch}:{seq}")

    def snapshot(self, since: int = 0) -> Snapshot | None:
        """The view as it is now, or as it was when somebody else asked for it a moment ago; None until it is
        ready. Everyone is woken once it is taken.

        since: the seq that it is of, at least.
        """
        if not self.ready:
            return None
        if self._snapshot is None or (self._snapshot.taken and not self._is_good(self._snapshot, since)):
            self._forget_snapshot()
            self._old.trim()
            self._snapshot = Snapshot()
            self._work(self._snapshot.take(self.view, self.graph, self.history))
        return self._snapshot

    def _is_good(self, snapshot: Snapshot, since: int) -> bool:
        if snapshot.seq == self.graph.seq:
            return True
        return snapshot.seq >= since and snapshot.may_be_shared() and self.history.knows(snapshot.seq)

    def _forget_snapshot(self) -> None:
        if self._snapshot is not None:
            snapshot, self._snapshot = self._snapshot, None
            snapshot.keep_nothing()
            self._old.add(snapshot)

    # What is done in the background

    def _work(self, steps: Steps) -> None:
        for job in [job for job in self._jobs if job.done]:
            del self._jobs[job]
        job = self._workshop.start(self._guard(steps))
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
        for waiting in self._news:
            if not waiting.done():
                waiting.set_result(None)
        self._news.clear()

    def _build(self, views: Views) -> Steps:
        if self.filter:
            yield from views.build(self.view)
        else:
            for _ in views.build(self.view):  # there is nothing to look at
                pass
        self.ready, self.changed = True, self.graph.seq

    def _compare(self, since: int, difference: Difference) -> Steps:
        """Its turn may come late: it leads up to the place in history that is then."""
        steps = self.history.steps_since(since)
        if steps is None or self._texts.full:
            difference.lost = True
            return
        difference.begin(self.graph)
        held, before = self.history.hold(), Before()
        try:
            members = self.view.uids()
            yield len(members) // COPIED
            for step in steps:
                merge(before, step)
                yield len(step.nodes) + len(step.edges)
            changes = yield from self.view.compare(Past(held, before), held, members)
            yield from difference.take(changes, self._texts)
        finally:
            self.history.let_go(held)


def _some(subscriptions: Sequence[Subscription]) -> Iterator[Sequence[Subscription]]:
    for start in range(0, len(subscriptions), TOGETHER):
        yield subscriptions[start : start + TOGETHER]


def _dismiss(some: Sequence[Subscription]) -> None:
    for subscription in some:
        dismiss(subscription.connection)
