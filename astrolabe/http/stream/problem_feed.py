"""Problems as subscriptions of the stream: one feed for everyone who follows the problems of a filter.

It has positions of its own, since problems change with time as well as with the graph.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from astrolabe.engine.serving_state import StateTracker
from astrolabe.graph.views.filter import EVERYTHING, Filter
from astrolabe.http.counters import Counters
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.client import StreamClient
from astrolabe.http.stream.feed import Feed, FeedSubscription
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.problem_watch import ProblemWatch

#: Most feeds without subscriptions that are kept, so that clients who come back can resume.
MAX_KEPT = 8


class AskedProblems(NamedTuple):
    """What a subscription asks for. detail: whether each problem names what it affects."""

    filter: Filter = EVERYTHING
    detail: bool = False


class ProblemFeed(Feed):
    """The problems of one filter, the worst first.

    task: looks at the problems; None while nobody follows them.
    """

    def __init__(self, asked: AskedProblems, counters: Counters) -> None:
        super().__init__("problems", counters)
        self.asked = asked
        self.task: asyncio.Task[None] | None = None


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
        subscription = FeedSubscription(id, feed, client.connection, since)
        feed.begin(subscription, client.wake)
        client.add(id, subscription, lambda: self._leave(feed, subscription))

    def _share(self, asked: AskedProblems) -> ProblemFeed:
        """The feed for a new follower."""
        feed = self._feeds.get(asked) or ProblemFeed(asked, self._hub.counters)
        if feed.task is None:
            feed.task = self._watch.follow(asked.filter, feed.take, detail=asked.detail)
            self._feeds[asked] = feed
        return feed

    def _leave(self, feed: ProblemFeed, subscription: FeedSubscription) -> None:
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
