"""A list of things that clients follow by id, with positions of its own, and one subscription to it.

A feed has an `epoch` that no other feed has, and a `seq` that grows with each change of its list. A
subscription has no queue: it knows the `seq` it was sent last, and asks for its `next` message when its
transport accepts data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from secrets import token_hex

from astrolabe.graph.encoding import wire
from astrolabe.graph.encoding.wire import ResetReason
from astrolabe.http.counters import Counters
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.subscription import StreamConnection

#: Removed things that a feed remembers for those who come back.
MAX_REMOVED = 1000


class Feed:
    """A list of JSON texts by id, and what changed when. Belongs to one event loop.

    name: of its messages and of their key with the texts: `<name>` begins, `<name>-delta` goes on.
    ready: whether the list is as of a look since somebody follows it. texts: in the order of the list.
    """

    def __init__(self, name: str, counters: Counters) -> None:
        self.name = name
        self.counters = counters
        self.epoch = token_hex(6)
        self.seq = 1
        self.ready = False
        self.texts: dict[str, str] = {}
        self.subscriptions: dict[FeedSubscription, Callable[[], None]] = {}
        #: The seq at which each was set or removed, the latest last. Changes before `_floor` are forgotten.
        self._set_at: dict[str, int] = {}
        self._removed_at: dict[str, int] = {}
        self._floor = self.seq
        #: The first seq that clients may come back from; 0: that of the next look.
        self._first = self.seq

    def begin(self, subscription: FeedSubscription, wake: Callable[[], None]) -> None:
        """Wake this subscription whenever there may be a message for it."""
        self.subscriptions[subscription] = wake
        self.counters.feed_subscriptions += 1

    def end(self, subscription: FeedSubscription) -> None:
        """Wake it no more."""
        del self.subscriptions[subscription]
        self.counters.feed_subscriptions -= 1

    def take(self, texts: dict[str, str]) -> None:
        """This is the list now. Followers are woken if that is news."""
        changed = [id for id, text in texts.items() if self.texts.get(id) != text]
        removed = [id for id in self.texts if id not in texts]
        self.texts = texts
        self._change(changed, removed)

    def change(self, texts: Mapping[str, str], removed: Iterable[str] = ()) -> None:
        """These were set and removed since the last time."""
        changed = [id for id, text in texts.items() if self.texts.get(id) != text]
        gone = [id for id in removed if self.texts.pop(id, None) is not None]
        self.texts.update(texts)
        self._change(changed, gone)

    def _change(self, changed: list[str], removed: list[str]) -> None:
        was_ready, self.ready = self.ready, True
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
            self._set_at.pop(id, None)
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
        text = wire.list_changes(
            self.name,
            id,
            self.epoch,
            since=since,
            seq=self.seq,
            texts_set=self._set_since(since),
            removed=[each for each, seq in self._removed_at.items() if seq > since],
            place=self.place,
        )
        return Message(f"{self.name}-delta", text, self.position)

    def _set_since(self, since: int) -> list[str]:
        """In the order of the list."""
        return [text for each, text in self.texts.items() if self._set_at[each] > since]

    @property
    def place(self) -> str:
        """The position of the graph that it shows, `<epoch>:<seq>`; "" if it does not say."""
        return ""

    def snapshot(self, id: str) -> Iterator[Message]:
        """The list now, in parts. It may change between them."""
        texts, position, seq, place = list(self.texts.values()), self.position, self.seq, self.place
        start, number, last = 0, 1, False
        while not last:
            text, start = wire.list_part(self.name, id, self.epoch, seq, number, texts, start, place=place)
            last = start == len(texts)
            yield Message(self.name, text, position if last else "")
            number += 1

    def bookmark(self, id: str) -> Message:
        """The message that names the current position."""
        return Message("bookmark", wire.bookmark(id, self.epoch, self.seq), self.position)

    @property
    def position(self) -> str:
        """`<epoch>:<seq>` of the list as it is."""
        return f"{self.epoch}:{self.seq}"


class FeedSubscription:
    """Implements `client.Subscription`: decides what one subscription to a feed is sent next."""

    __slots__ = ("_connection", "_feed", "_id", "_parts", "_reset", "_sent_seq", "_since")

    def __init__(
        self, id: str, feed: Feed, connection: StreamConnection, since: StreamPosition | None
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
