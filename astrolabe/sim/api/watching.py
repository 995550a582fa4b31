"""WATCH: from a version, from now, or with initial events first (watch-list), until its timeout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator

from astrolabe.sim.api.encoding import ObjectEncoder, expired_line
from astrolabe.sim.api.list_options import ListOptions
from astrolabe.sim.store import Collection, Expired, Item, WatchEvent

#: Batches of lines; each batch is one write.
Lines = AsyncGenerator[list[bytes], None]

#: Seconds before the timeout of a watch at which a server sends the last bookmark (cacher.go).
_BEFORE_TIMEOUT = 2.0
_LINES_A_WRITE = 64
_EVENTS_A_TURN = 256


class WatchResponse:
    """The response to one watch request.

    current: returns the version up to which the kind is complete.
    interval: seconds between bookmarks, if the client allows them.
    """

    def __init__(
        self,
        collection: Collection,
        options: ListOptions,
        *,
        encoder: ObjectEncoder,
        current: Callable[[], int],
        interval: float,
    ) -> None:
        self.encoder = encoder
        self.cursor = 0
        self._collection = collection
        self._options = options
        self._current = current
        self._interval = interval
        self._wake = asyncio.Event()
        self._live = False

    def bookmark(self) -> bytes:
        """A BOOKMARK line at the version up to which this watch has sent events."""
        return self.encoder.bookmark(self.cursor)

    def expired(self) -> bytes:
        """The ERROR line for an expired version."""
        return expired_line(self.cursor, self._collection.oldest)

    async def lines(self) -> Lines:
        """The lines of the watch, until its timeout or until its version expires."""
        self._collection.listeners.add(self._wake.set)
        try:
            for batch in self._initial():
                yield batch
            async for batch in self._changes():
                yield batch
        finally:
            self._collection.listeners.discard(self._wake.set)

    def _initial(self) -> Iterator[list[bytes]]:
        """ADDED events for existing objects, if the client asked for them or gave no version."""
        options = self._options
        wants = options.initial_events if options.initial_events is not None else not options.version
        self.cursor = options.version or 0
        if not wants:
            self.cursor = self.cursor or self._current()
            return
        revision = self._current()
        snapshot = self._collection.at(revision)
        items = [snapshot[key] for key in snapshot.keys.within(options.predicate.namespace)]
        self.cursor = max(self.cursor, revision)
        batch = []
        for item in items:
            if options.predicate.matches_selectors(item):
                batch.append(self.encoder.event("ADDED", item))
            if len(batch) == _LINES_A_WRITE:
                yield batch
                batch = []
        if options.initial_events and options.bookmarks:
            batch.append(self.encoder.bookmark(revision, ends_initial_events=True))
        if batch:
            yield batch

    async def _changes(self) -> Lines:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        end = begin + self._options.timeout if self._options.timeout is not None else None
        due = self._bookmark_due(begin, end)
        while not self._collection.gone and (end is None or loop.time() < end):
            self._wake.clear()
            try:
                lines = self._drain()
            except Expired:
                yield [self.expired()]
                return
            if due is not None and loop.time() >= due:
                lines.append(self.bookmark())
                due = self._bookmark_due(loop.time(), end)
            if lines:
                yield lines
            if lines or self._collection.newest > self.cursor:
                continue
            await self._sleep(min((moment for moment in (due, end) if moment is not None), default=None))

    def _drain(self) -> list[bytes]:
        """The next available lines. Advances the cursor."""
        events = self._collection.since(self.cursor, live=self._live)
        self._live = True
        now = events[:_EVENTS_A_TURN]
        self.cursor = now[-1].revision if len(events) > len(now) else max(self.cursor, self._current())
        return [line for line in map(self._line, now) if line]

    def _line(self, event: WatchEvent) -> bytes:
        """The event as seen through this watch's selectors; empty if it does not match."""
        predicate = self._options.predicate
        after = event.type != "DELETED" and predicate.matches(event.item)
        before = event.previous is not None and predicate.matches(event.previous)
        if after:
            return self.encoder.event("MODIFIED" if before else "ADDED", event.item)
        if not before or event.previous is None:
            return b""
        gone = event.item if event.type == "DELETED" else _dated(event.previous, event.revision)
        return self.encoder.event("DELETED", gone)

    def _bookmark_due(self, now: float, end: float | None) -> float | None:
        """When to send the next bookmark, in the loop's time."""
        if not self._options.bookmarks:
            return None
        last = end - _BEFORE_TIMEOUT if end is not None else None
        return last if last is not None and now < last < now + self._interval else now + self._interval

    async def _sleep(self, until: float | None) -> None:
        """Wait for a change of the collection, or until a time of the loop."""
        try:
            async with asyncio.timeout_at(until):
                await self._wake.wait()
        except TimeoutError:
            return


def _dated(item: Item, revision: int) -> Item:
    """The last matching version of an object, with the version at which it stopped matching (cacher.go)."""
    old = f'"resourceVersion":"{item.revision}"'.encode()
    new = f'"resourceVersion":"{revision}"'.encode()
    body = item.body.replace(old, new, 1)
    return Item(item.key, revision, body, item.meta_end + len(body) - len(item.body))
