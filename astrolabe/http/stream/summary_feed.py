"""Summaries as subscriptions of the stream: one feed for everyone who asks for the same groups and filter.

A step of the graph only counts the nodes that it touched. When that is much, a task counts them in slices,
and the feed says nothing until it is done: what it says is always the graph as of one position.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextvars import Context
from itertools import islice
from typing import NamedTuple

from astrolabe.graph.encoding.wire import encode
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.views.filter import EVERYTHING, Filter
from astrolabe.graph.views.summary import GroupName, Summary, id_of, regrouped
from astrolabe.http.errors import Refusal
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.client import StreamClient
from astrolabe.http.stream.feed import Feed, FeedSubscription
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.shared_subscription import SharedSubscription, SubscriptionFailed
from astrolabe.timeslice import Lane, in_slices

logger = logging.getLogger("astrolabe.http")

#: Nodes that are counted at once. More are counted in slices, so many per step.
AT_ONCE, STEP = 300, 50
#: Seconds for which a summary that nobody follows is kept up to date, for those who ask again.
KEEP_SECONDS = 60.0
#: Seconds between two looks at the problems, at least; and until a view that failed is tried again.
LOOK_EVERY = 1.0


class AskedSummary(NamedTuple):
    """What a subscription asks for. by: see `summary.DIMENSIONS`."""

    by: tuple[str, ...]
    filter: Filter = EVERYTHING


class SummaryFeed(Feed):
    """The groups of one part of the graph.

    followers: those who are not subscriptions.
    """

    def __init__(self, asked: AskedSummary, hub: Hub) -> None:
        super().__init__("summary", hub.counters)
        self.asked = asked
        self.followers = 0
        self.expiry: asyncio.TimerHandle | None = None
        self._hub = hub
        self._shared = self._share()
        self._problems: Mapping[str, int] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self.restart()

    def restart(self) -> None:
        """Count everything again: another graph is served, or the view failed."""
        if self._task is not None:
            self._task.cancel()
        self.ready, self._fresh = False, True
        self.summary = Summary(self._hub.graph, self.asked.by)
        self.summary.set_problems(self._problems)
        self._place = ""
        #: Nodes to be counted, groups to be told, and what will be told.
        self._pending: dict[str, None] = {}
        self._dirty: dict[GroupName, None] = {}
        self._staged: dict[str, str | None] = {}
        self._start(self._build())

    def stop(self) -> None:
        """Follow the graph no more."""
        if self._task is not None:
            self._task.cancel()
        if self.expiry is not None:
            self.expiry.cancel()
        self._leave()

    def stepped(self, moved: Iterable[str]) -> None:
        """The graph has made a step. moved: nodes whose group may be another."""
        if self._shared.failed:
            self.restart()
            return
        summary = self.summary
        self._pending.update([(uid, None) for uid in moved if uid in summary])
        if self._task is None and self._pending:
            self._work_off()

    def set_problems(self, problems: Mapping[str, int]) -> None:
        """How many problems each node is the cause of."""
        self._problems = problems
        self._dirty.update(dict.fromkeys(self.summary.set_problems(problems)))
        if self._task is None and self._dirty:
            self._work_off()

    async def complete(self) -> None:
        """Wait until it shows the graph as it is."""
        while self._task is not None or not self.ready:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting

    @property
    def place(self) -> str:
        return self._place

    def forget_past(self) -> None:
        """Let nobody resume from before, and who is behind begins again."""
        self._removed_at.clear()
        self._floor = self._first = self.seq

    def _set_since(self, since: int) -> list[str]:
        found = []
        for id, seq in reversed(self._set_at.items()):
            if seq <= since:
                break
            found.append(self.texts[id])
        return found

    def _listen(self, delta: Changes) -> None:
        self._pending.update([(node.uid, None) for node in delta.nodes_set])
        self._pending.update(dict.fromkeys(delta.nodes_removed))

    def _share(self) -> SharedSubscription:
        shared = self._hub.share(self.asked.filter)
        shared.users += 1
        shared.listeners.append(self._listen)
        return shared

    def _leave(self) -> None:
        self._shared.users -= 1
        self._shared.listeners.remove(self._listen)
        self._hub.release(self._shared)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work, name="astrolabe.http.summary")

    async def _build(self) -> None:
        while True:
            try:
                if self._shared.failed:
                    shared = self._share()
                    self._leave()
                    self._shared = shared
                while not self._shared.ready:
                    await self._shared.wait_for_change()
                break
            except (Refusal, SubscriptionFailed) as error:
                logger.warning("a summary cannot be made now; trying again: %s", error)
            await asyncio.sleep(LOOK_EVERY)
        self._pending.update(dict.fromkeys(self._shared.view.uids()))
        await self._work_in_slices()

    def _work_off(self) -> None:
        if len(self._pending) > AT_ONCE or len(self._dirty) > AT_ONCE:
            self._start(self._work_in_slices())
            return
        for _ in self._steps():
            pass
        self._tell()

    async def _work_in_slices(self) -> None:
        async for _ in in_slices(self._steps(), Lane.ANSWER):
            pass
        # No other step of the loop is in between: all is counted.
        self._task = None
        self._tell()

    def _steps(self) -> Iterator[None]:
        pending, dirty, summary = self._pending, self._dirty, self.summary
        while pending or dirty:
            view = self._shared.view
            if pending:
                for uid in list(islice(pending, STEP)):
                    del pending[uid]
                    dirty.update(dict.fromkeys(summary.take(uid, kept=uid in view)))
            else:
                for name in list(islice(dirty, STEP)):
                    del dirty[name]
                    document = summary.document(name)
                    self._staged[id_of(name)] = None if document is None else encode(document)
            if pending or dirty:
                yield

    def _tell(self) -> None:
        graph, staged = self._hub.graph, self._staged
        self._staged = {}
        self._place = f"{graph.epoch}:{graph.seq}"
        texts = {id: text for id, text in staged.items() if text is not None}
        if self._fresh:
            self._fresh = False
            self.take(texts)
        else:
            self.change(texts, [id for id, text in staged.items() if text is None])
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()


class SummaryFeeds:
    """The summaries that are followed, by what is asked, and those that were a moment ago.

    limit: how many there may be.
    """

    def __init__(self, hub: Hub, *, limit: int) -> None:
        self._hub = hub
        self._limit = limit
        self._feeds: dict[AskedSummary, SummaryFeed] = {}
        self._problems: dict[str, int] = {}
        self._looking: asyncio.Task[None] | None = None
        hub.observe(self)
        hub.when_forgetting(self._forget_past)

    def subscribe(
        self, client: StreamClient, id: str, asked: AskedSummary, since: StreamPosition | None = None
    ) -> None:
        """Make a client follow a summary under an unused id. Raises Refusal if there are too many."""
        feed = self._share(asked)
        subscription = FeedSubscription(id, feed, client.connection, since)
        feed.begin(subscription, client.wake)

        def end() -> None:
            feed.end(subscription)
            self._release(feed)

        client.add(id, subscription, end)

    async def read(self, asked: AskedSummary) -> tuple[str, int, list[str]]:
        """The epoch and seq of the graph, and the groups as JSON texts. Raises Refusal."""
        feed = self._share(asked)
        feed.followers += 1
        try:
            await feed.complete()
            graph = self._hub.graph
            return graph.epoch, graph.seq, [text for _, text in sorted(feed.texts.items())]
        finally:
            feed.followers -= 1
            self._release(feed)

    def stepped(self, _: Batch, past: GraphAt) -> None:
        moved: set[str] | None = None
        for feed in list(self._feeds.values()):
            if not feed.summary.follows_edges:
                feed.stepped(())
                continue
            if moved is None:
                moved = regrouped(past, self._hub.graph) if past.edges else set()
            feed.stepped(moved)

    def replaced(self) -> None:
        for feed in self._feeds.values():
            feed.restart()

    async def close(self) -> None:
        """Follow nothing more."""
        for feed in list(self._feeds.values()):
            self._drop(feed)

    def _forget_past(self) -> None:
        for feed in self._feeds.values():
            feed.forget_past()

    def _share(self, asked: AskedSummary) -> SummaryFeed:
        feed = self._feeds.get(asked)
        if feed is None:
            self._make_room()
            feed = self._feeds[asked] = SummaryFeed(asked, self._hub)
            feed.set_problems(self._problems)
        if feed.expiry is not None:
            feed.expiry.cancel()
            feed.expiry = None
        if self._looking is None:
            look = self._look_on()
            self._looking = asyncio.get_running_loop().create_task(
                look, name="astrolabe.http.summary-problems"
            )
        return feed

    def _make_room(self) -> None:
        if len(self._feeds) < self._limit:
            return
        unused = [feed for feed in self._feeds.values() if feed.expiry is not None]
        if not unused:
            raise Refusal(
                503,
                "too-many-filters",
                f"{self._limit} different summaries are in use, which is all there may be (--max-filters); "
                "come back",
                headers={"Retry-After": "5"},
            )
        self._drop(unused[0])

    def _release(self, feed: SummaryFeed) -> None:
        if feed.subscriptions or feed.followers or self._feeds.get(feed.asked) is not feed:
            return
        loop = asyncio.get_running_loop()
        feed.expiry = loop.call_later(KEEP_SECONDS, self._drop, feed, context=Context())

    def _drop(self, feed: SummaryFeed) -> None:
        if self._feeds.get(feed.asked) is feed:
            del self._feeds[feed.asked]
            feed.stop()
        if not self._feeds and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look_on(self) -> None:
        seen: object = None
        while True:
            try:
                tracker = self._hub.problems
                if tracker.is_behind or seen != (tracker.version, self._hub.graph.epoch):
                    found = await tracker.problems()
                    seen = tracker.version, self._hub.graph.epoch
                    self._take_problems(
                        [cause for each in found if (cause := _where(each.members, each.affected))]
                    )
            except Exception:
                logger.exception("the problems of summaries could not be counted; trying again")
            await asyncio.sleep(LOOK_EVERY)

    def _take_problems(self, causes: Iterable[str]) -> None:
        self._problems = {}
        for uid in causes:
            self._problems[uid] = self._problems.get(uid, 0) + 1
        for feed in self._feeds.values():
            feed.set_problems(self._problems)


def _where(members: tuple[str, ...], affected: tuple[str, ...]) -> str:
    """The node that a problem is counted at: its cause, or what it affects if the cause does not exist."""
    return next(iter((*members, *affected)), "")
