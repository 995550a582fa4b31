"""Neighbourhoods as subscriptions of the stream: the nodes around a focus, which may move.

Each subscription has a feed of its own. Its messages are those of a graph, `snapshot` and `delta`, so that a
client of the graph can follow it. When a step of the graph touches the neighbourhood, a task finds it anew in
slices, from the graph as it was when it began.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextvars import Context

import msgspec

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.edge import removal_text
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.views.neighbourhood import AskedNeighbourhood, Neighbourhood, explore
from astrolabe.http.errors import Refusal
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.client import StreamClient
from astrolabe.http.stream.feed import Feed, FeedSubscription
from astrolabe.http.stream.hub import Hub
from astrolabe.timeslice import Lane, in_slices

logger = logging.getLogger("astrolabe.http")

#: Seconds for which a neighbourhood is remembered for a client who may come back; and how many are.
KEEP_SECONDS, MAX_KEPT = 60.0, 64
#: How many times as long as finding it once the pause is before it is found again.
PAUSE_FACTOR = 4
#: The item of the list that tells what is beyond the limit; uids are not empty.
_BEYOND = ""


class NeighbourhoodFeed(Feed):
    """What one subscription follows.

    The items of its list are nodes by uid, and edges by the text of their removal.
    """

    def __init__(self, asked: AskedNeighbourhood, hub: Hub) -> None:
        super().__init__("neighbourhood", hub.counters)
        self.asked = asked
        self.expiry: asyncio.TimerHandle | None = None
        self.idle = asyncio.Event()
        self._hub = hub
        self._found = Neighbourhood({}, [], Counter(), set(asked.focus))
        self._place = ""
        self._task: asyncio.Task[None] | None = None
        self._is_due = asyncio.Event()
        #: What steps touched while it is being found; None when it is not.
        self._missed: set[str] | None = None

    def follow(self) -> None:
        """Find it, and again whenever it may have changed."""
        self.refresh()
        self._task = asyncio.get_running_loop().create_task(
            self._find_on(), name="astrolabe.http.neighbourhood"
        )

    def stop(self) -> None:
        """Find it no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.ready = False

    def refresh(self) -> None:
        """Find it soon, whatever was touched."""
        self._is_due.set()
        self.idle.clear()

    def move(self, focus: tuple[str, ...]) -> None:
        """Show what is around these nodes from now on."""
        self.asked = msgspec.structs.replace(self.asked, focus=focus)
        self.refresh()

    def touch(self, uids: set[str]) -> None:
        """A step of the graph touched these nodes, or edges of theirs."""
        if self._missed is not None:
            self._missed |= uids
        elif not self._found.watched.isdisjoint(uids):
            self.refresh()

    async def _find_on(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            took = 0.0
            try:
                took = await self._find()
            except Exception:
                logger.exception("a neighbourhood could not be found; trying again")
                self.refresh()
                took = 0.25
            if not self._is_due.is_set():
                self.idle.set()
            await asyncio.sleep(PAUSE_FACTOR * took)

    async def _find(self) -> float:
        """Returns the seconds of work."""
        hub, asked = self._hub, self.asked
        found: Neighbourhood | None = None
        graph, history = hub.graph, hub.history
        place, took = f"{graph.epoch}:{graph.seq}", 0.0
        past, self._missed = history.hold(), set()

        def steps() -> Iterator[None]:
            nonlocal found
            found = yield from explore(past, asked)

        try:
            began = time.monotonic()
            async for _ in in_slices(steps(), Lane.ANSWER):
                pass
            took = time.monotonic() - began
        finally:
            history.let_go(past)
            missed, self._missed = self._missed or set(), None
        if found is None or hub.graph is not graph or self.asked != asked or self._is_due.is_set():
            self.refresh()
            return took
        self._found, self._place = found, place
        self.take(_texts(found))
        if not found.watched.isdisjoint(missed):
            self.refresh()
        return took

    @property
    def place(self) -> str:
        return self._place

    def forget_past(self) -> None:
        super().forget_past()
        self._removed_at.clear()
        self._floor = self.seq
        self.refresh()

    def delta(self, id: str, since: int) -> Message:
        set_ids = [each for each in self.texts if self._set_at[each] > since]
        removed = [each for each, seq in self._removed_at.items() if seq > since]
        text = wire.neighbourhood_changes(
            id,
            self.epoch,
            since=since,
            seq=self.seq,
            place=self.place,
            nodes_set=[self.texts[each] for each in set_ids if _is_node(each)],
            nodes_removed=[each for each in removed if _is_node(each)],
            edges_set=[self.texts[each] for each in set_ids if _is_edge(each)],
            edges_removed=[each for each in removed if _is_edge(each)],
            beyond=self.texts[_BEYOND],
        )
        return Message("delta", text, self.position)

    def snapshot(self, id: str) -> Iterator[Message]:
        nodes, edges = list(self._found.nodes.values()), self._found.edges
        position, seq, beyond, place = self.position, self.seq, self.texts[_BEYOND], self.place
        start, number, last = (0, 0), 1, False
        while not last:
            text, start = wire.snapshot_part(id, self.epoch, seq, number, nodes, edges, start)
            last = start == (len(nodes), len(edges))
            yield Message("snapshot", wire.with_beyond(text, place, beyond), position if last else "")
            number += 1


def _texts(found: Neighbourhood) -> dict[str, str]:
    texts = {uid: node.text for uid, node in found.nodes.items()}
    texts |= {removal_text(edge.key): edge.text for edge in found.edges}
    beyond = [{"kind": kind, "count": count} for kind, count in sorted(found.beyond.items()) if count > 0]
    return texts | {_BEYOND: json_text(beyond)}


def _is_edge(id: str) -> bool:
    return id.startswith("{")


def _is_node(id: str) -> bool:
    return bool(id) and not _is_edge(id)


class NeighbourhoodFeeds:
    """The neighbourhoods that are followed, and those that were a moment ago. limit: of the former."""

    def __init__(self, hub: Hub, *, limit: int) -> None:
        self._hub = hub
        self._limit = limit
        self._live: dict[NeighbourhoodFeed, None] = {}
        #: By epoch.
        self._kept: dict[str, NeighbourhoodFeed] = {}
        hub.observe(self)
        hub.when_forgetting(self._forget_past)

    def subscribe(
        self,
        client: StreamClient,
        id: str,
        asked: AskedNeighbourhood,
        since: StreamPosition | None = None,
    ) -> NeighbourhoodFeed:
        """Make a client follow a neighbourhood under an unused id. Raises Refusal if there are too many."""
        if len(self._live) >= self._limit:
            raise Refusal(
                503,
                "too-many-filters",
                f"{self._limit} neighbourhoods are followed, which is all there may be (--max-filters); "
                "come back",
                headers={"Retry-After": "5"},
            )
        feed = self._known(since) or NeighbourhoodFeed(asked, self._hub)
        feed.asked = asked
        subscription = FeedSubscription(id, feed, client.connection, since)
        feed.begin(subscription, client.wake)
        self._live[feed] = None
        feed.follow()

        def end() -> None:
            feed.end(subscription)
            feed.stop()
            del self._live[feed]
            self._keep(feed)

        client.add(id, subscription, end)
        return feed

    def stepped(self, batch: Batch, past: GraphAt) -> None:
        if not self._live:
            return
        touched = set(past.nodes)
        for _, source, target in past.edges:
            touched.add(source)
            touched.add(target)
        for feed in self._live:
            feed.touch(touched)

    def replaced(self) -> None:
        for feed in self._live:
            feed.refresh()

    async def close(self) -> None:
        """Remember nothing more."""
        for feed in list(self._kept.values()):
            self._drop(feed)

    def _known(self, since: StreamPosition | None) -> NeighbourhoodFeed | None:
        feed = self._kept.pop(since.epoch, None) if since is not None else None
        if feed is not None and feed.expiry is not None:
            feed.expiry.cancel()
        return feed

    def _keep(self, feed: NeighbourhoodFeed) -> None:
        loop = asyncio.get_running_loop()
        feed.expiry = loop.call_later(KEEP_SECONDS, self._drop, feed, context=Context())
        self._kept[feed.epoch] = feed
        if len(self._kept) > MAX_KEPT:
            self._drop(next(iter(self._kept.values())))

    def _drop(self, feed: NeighbourhoodFeed) -> None:
        if self._kept.pop(feed.epoch, None) is not None and feed.expiry is not None:
            feed.expiry.cancel()

    def _forget_past(self) -> None:
        for feed in list(self._kept.values()):
            self._drop(feed)
        for feed in self._live:
            feed.forget_past()
