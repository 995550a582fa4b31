"""Problems as subscriptions of the stream: one feed for everyone who follows the problems of a filter.

A feed has positions of its own, since problems change with time as well as with the graph: an `epoch` that no
other feed has, and a `seq` that grows with each change of its list. A subscription has no queue: it knows the
`seq` it was sent last, and asks for its `next` message when its transport accepts data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import NamedTuple

from astrolabe.engine.serving_state import StateTracker
from astrolabe.graph.encoding import wire
from astrolabe.graph.encoding.wire import ResetReason
from astrolabe.graph.views.filter import EVERYTHING, Filter
from astrolabe.http.counters import Counters
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.client import StreamClient
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.problem_watch import ProblemWatch
from astrolabe.http.stream.subscription import StreamConnection

#: Most feeds without subscriptions that are kept, so that clients who come back can resume.
MAX_KEPT = 8
#: Removed problems that a feed remembers for those who come back.
MAX_REMOVED = 1000


class AskedProblems(NamedTuple):
    """What a subscription asks for. detail: whether each problem names what it affects."""

    filter: Filter = EVERYTHING
    detail: bool = False


class ProblemFeed:
    """The problems of one filter, as text, and what changed when. Belongs to one event loop.

    ready: whether the list is as of a look since somebody follows it. texts: by id, the worst first.
    task: looks at the problems; None while nobody follows them.
    """

    def __init__(self, asked: AskedProblems, counters: Counters) -> None:
        self.asked = asked
        self.counters = counters
        self.epoch = token_hex(6)
        self.seq = 1
        self.ready = False
        self.texts: dict[str, str] = {}
        self.subscriptions: dict[ProblemSubscription, Callable[[], None]] = {}
        self.task: asyncio.Task[None] | None = None
        #: The seq at which each problem was set or removed last. Changes before `_floor` are forgotten.
        self._set_at: dict[str, int] = {}
        self._removed_at: dict[str, int] = {}
        self._floor = self.seq
        #: The first seq that clients may come back from; 0: that of the next look.
        self._first = self.seq

    def begin(self, subscription: ProblemSubscription, wake: Callable[[], None]) -> None:
        """Wake this subscription whenever there may be a message for it."""
        self.subscriptions[subscription] = wake
        self.counters.problem_subscriptions += 1

    def end(self, subscription: ProblemSubscription) -> None:
        """Wake it no more."""
        del self.subscriptions[subscription]
        self.counters.problem_subscriptions -= 1

    def take(self, texts: dict[str, str]) -> None:
        """These are the problems now. Followers are woken if that is news."""
        changed = [id for id, text in texts.items() if self.texts.get(id) != text]
        removed = [id for id in self.texts if id not in texts]
        was_ready, self.ready, self.texts = self.ready, True, texts
        is_news = bool(changed or removed)
        if is_news:
            self.seq += 1
            self._note(changed, removed)
        self._first = self._first or self.seq
        if was_ready and not is_news:
            return
        for wake in self.subscriptions.values():
            wake()

    def _note(self, changed: list[str], removed: list[str]) -> None:
        for id in changed:
            self._removed_at.pop(id, None)
            self._set_at[id] = self.seq
        for id in removed:
            del self._set_at[id]
            self._removed_at[id] = self.seq
        while len(self._removed_at) > MAX_REMOVED:
            self._floor = self._removed_at.pop(next(iter(self._removed_at)))

    def forget_past(self) -> None:
        """Say nothing before the next look, and tell nobody who comes back later what there was."""
        self.ready, self._first = False, 0

    def resumes(self, seq: int) -> bool:
        """Whether a client may come back that holds the list as of this seq."""
        return seq >= self._first and self.knows(seq)

    def knows(self, seq: int) -> bool:
        """Whether all changes after this seq are remembered."""
        return self._floor <= seq <= self.seq

    def delta(self, id: str, since: int) -> Message:
        """What changed after a known seq."""
        text = wire.problem_changes(
            id,
            self.epoch,
            since=since,
            seq=self.seq,
            problems_set=[text for each, text in self.texts.items() if self._set_at[each] > since],
            removed=[each for each, seq in self._removed_at.items() if seq > since],
        )
        return Message("problems-delta", text, self.position)

    def snapshot(self, id: str) -> Iterator[Message]:
        """The problems now, in parts. The list may change between them."""
        texts, position, seq = list(self.texts.values()), self.position, self.seq
        start, number, last = 0, 1, False
        while not last:
            text, start = wire.problems_part(id, self.epoch, seq, number, texts, start)
            last = start == len(texts)
            yield Message("problems", text, position if last else "")
            number += 1

    def bookmark(self, id: str) -> Message:
        """The message that names the current position."""
        return Message("bookmark", wire.bookmark(id, self.epoch, self.seq), self.position)

    @property
    def position(self) -> str:
        """`<epoch>:<seq>` of the list as it is."""
        return f"{self.epoch}:{self.seq}"


class ProblemSubscription:
    """Implements `client.Subscription`: decides what one subscription to problems is sent next."""

    __slots__ = ("_connection", "_feed", "_id", "_parts", "_reset", "_sent_seq", "_since")

    def __init__(
        self, id: str, feed: ProblemFeed, connection: StreamConnection, since: StreamPosition | None
    ) -> None:
        self._id = id
        self._feed = feed
        self._connection = connection
        #: Where the client wants to resume, until it is answered.
        self._since = since
        self._reset: Message | None = None
        self._parts: Iterator[Message] | None = None
        #: The last seq that the client was sent; 0 before the end of its first snapshot.
        self._sent_seq = 0

    def next(self) -> Message | None:
        feed = self._feed
        if self._since is not None and feed.ready:
            since, self._since = self._since, None
            return self._resume(since)
        if self._parts is not None and (part := next(self._parts, None)) is not None:
            return part
        self._parts = None
        if not feed.ready or self._since is not None or self._sent_seq == feed.seq:
            return None
        if not self._sent_seq:
            return self._begin()
        if not feed.knows(self._sent_seq):
            return self._restart("lagging")
        since_seq, self._sent_seq = self._sent_seq, feed.seq
        return feed.delta(self._id, since_seq)

    def bookmark(self) -> None:
        feed = self._feed
        if self._connection.writable and self._parts is None and self._sent_seq == feed.seq:
            self._connection.write(feed.bookmark(self._id))

    def _begin(self) -> Message:
        self._sent_seq = self._feed.seq
        self._parts = self._feed.snapshot(self._id)
        return next(self._parts)

    def _resume(self, since: StreamPosition) -> Message:
        feed = self._feed
        if since.epoch != feed.epoch:
            return self._restart("epoch-changed")
        if not feed.resumes(since.seq):
            return self._restart("too-old")
        self._sent_seq = feed.seq
        return feed.bookmark(self._id) if since.seq == feed.seq else feed.delta(self._id, since.seq)

    def _restart(self, reason: ResetReason) -> Message:
        self._feed.counters.resets[reason] += 1
        self._sent_seq = 0
        return Message("reset", wire.reset(self._id, reason))


class ProblemFeeds:
    """The feeds that are followed, by what is asked, and a few that were. Only the former cost anything."""

    def __init__(self, hub: Hub, state: StateTracker) -> None:
        self._hub = hub
        self._watch = ProblemWatch(hub, state)
        self._feeds: dict[AskedProblems, ProblemFeed] = {}
        hub.when_forgetting(self._forget_past)

    def _forget_past(self) -> None:
        self._watch.forget_past()
        for feed in self._feeds.values():
            feed.forget_past()

    def subscribe(
        self, client: StreamClient, id: str, asked: AskedProblems, since: StreamPosition | None = None
    ) -> None:
        """Make a client follow the problems of a filter under an unused id. They go out when they are known.

        Raises Refusal if too many filters are in use.
        """
        feed = self._share(asked)
        subscription = ProblemSubscription(id, feed, client.connection, since)
        feed.begin(subscription, client.wake)
        client.add(id, subscription, lambda: self._leave(feed, subscription))

    def _share(self, asked: AskedProblems) -> ProblemFeed:
        """The feed for a new follower."""
        feed = self._feeds.get(asked) or ProblemFeed(asked, self._hub.counters)
        if feed.task is None:
            feed.task = self._watch.follow(asked.filter, feed.take, detail=asked.detail)
            self._feeds[asked] = feed
        return feed

    def _leave(self, feed: ProblemFeed, subscription: ProblemSubscription) -> None:
        """Follow it no more, and look no more at what nobody follows."""
        feed.end(subscription)
        if feed.subscriptions or feed.task is None:
            return
        feed.task.cancel()
        feed.task, feed.ready = None, False
        self._feeds[feed.asked] = self._feeds.pop(feed.asked)  # the last to be dropped
        kept = [each for each in self._feeds.values() if each.task is None]
        for each in kept[:-MAX_KEPT]:
            del self._feeds[each.asked]
