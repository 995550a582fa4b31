"""Keeps the Events of the cluster within their limits, and knows which Warnings count now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from time import monotonic, time

from astrolabe.engine.inbox import Deleted, EventChange
from astrolabe.graph.model.event_index import EventIndex
from astrolabe.graph.model.facts import WarningEvent
from astrolabe.graph.state.object_event import ObjectEvent

logger = logging.getLogger("astrolabe.engine")

#: Events to keep, in all and of one object.
MAX_EVENTS = 20_000
MAX_EVENTS_PER_OBJECT = 20
#: Seconds for which a Warning counts since it was last seen.
WARNING_LASTS = 3600.0
#: Seconds by which a time of an Event may be ahead of our clock and still be believed.
LONGEST_AHEAD = 300.0


class EventKeeper:
    """The Events, and the time by the clock of those who report them.

    That is the newest time seen in an Event, and what passed since on our clock. So neither a wrong clock
    here nor a quiet hour there makes old Warnings count. A time far in the future does not move it.
    """

    def __init__(
        self,
        *,
        most: int = MAX_EVENTS,
        most_each: int = MAX_EVENTS_PER_OBJECT,
        clock: Callable[[], float] = monotonic,
        time: Callable[[], float] = time,
    ) -> None:
        self._index = EventIndex(most=most, most_each=most_each)
        self._clock = clock
        self._time = time
        self._is_full = False
        self._unshared: dict[str, None] | None = None
        #: The newest believable time in an Event, the same in Unix seconds, and when it was seen.
        self._newest, self._newest_at, self._seen_at = "", 0.0, 0.0

    def __len__(self) -> int:
        return len(self._index)

    @property
    def dropped(self) -> int:
        """How many Events found no room, since the start."""
        return self._index.dropped

    @property
    def objects(self) -> list[str]:
        """The objects that have Events."""
        return self._index.objects

    def apply(self, change: EventChange) -> set[str]:
        """Apply a change of one Event. Returns the objects whose Events changed."""
        changed: set[str] = set()
        if isinstance(change, ObjectEvent):
            self._note_time(change.last)
            changed = self._index.put(change)
            if not changed and not self._is_full:
                self._is_full = True
                logger.warning(
                    "more Events than --max-events=%d; new ones are dropped until some expire", len(self)
                )
        elif isinstance(change, Deleted):
            changed = {self._index.remove(change.uid)} - {""}
        if self._unshared is not None:
            self._unshared.update(dict.fromkeys(changed))
        return changed

    def share(self) -> None:
        """From now on, note which objects' Events change; now, that all have."""
        self._unshared = dict.fromkeys(self._index.objects)

    def take_unshared(self, most: int) -> list[str]:
        """Some objects whose Events changed since they were taken, the first ones first."""
        unshared = self._unshared or {}
        taken = list(islice(unshared, most))
        for object in taken:
            del unshared[object]
        return taken

    def note_unshared(self, objects: Iterable[str]) -> None:
        """Take these again."""
        if self._unshared is not None:
            self._unshared.update(dict.fromkeys(objects))

    def replace(self, namespace: str, listed: list[ObjectEvent]) -> Iterator[set[str]]:
        """Apply a complete list, Event by Event. Yields the objects whose Events changed.

        If there are too many, those that were seen last stay.
        """
        known = {event.uid for event in listed}
        for event in self._index:
            if event.uid not in known and namespace in ("", event.namespace):
                yield self.apply(Deleted(event.uid))
        listed.sort(key=lambda event: event.last)
        while listed:
            yield self.apply(listed.pop())

    def expire(self) -> set[str]:
        """Let old Warnings count no longer. Returns the objects that have one."""
        if not self._newest:
            return set()
        now = self._newest_at + self._clock() - self._seen_at
        return self._index.advance(_text(now - WARNING_LASTS))

    def warnings(self, object: str) -> tuple[WarningEvent, ...]:
        """See `EventIndex.warnings`."""
        return self._index.warnings(object)

    def of(self, *objects: str) -> list[ObjectEvent]:
        """See `EventIndex.of`."""
        return self._index.of(*objects)

    def _note_time(self, last: str) -> None:
        if last <= self._newest:
            return
        try:
            seconds = datetime.fromisoformat(last).timestamp()
        except (ValueError, OverflowError):
            return
        if seconds <= self._time() + LONGEST_AHEAD:
            self._newest, self._newest_at, self._seen_at = last, seconds, self._clock()


@contextmanager
def repeated(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Call this at intervals, in seconds, inside the block. It must not raise."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def again() -> None:
        nonlocal timer
        timer = loop.call_later(seconds, again)
        call()

    timer = loop.call_later(seconds, again)
    try:
        yield
    finally:
        timer.cancel()


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
