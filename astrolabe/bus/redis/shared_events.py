"""Events in Redis: a hash next to the graph. The leader writes it now and then, followers read it on demand.

They are no part of the graph, its positions or its log, so a repetition reaches no client.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from astrolabe.bus.redis.codec import DECODE_ERRORS
from astrolabe.graph.state.object_event import ObjectEvent

#: Seconds between two writes, and objects whose Events are written at a time. In a storm, others wait.
SHARE_EVERY = 2.0
SHARED_AT_A_TIME = 200

_EVENTS = msgspec.json.Decoder(list[ObjectEvent])

#: (Events by object, None if there are none left; whether all others are to be removed) → whether it is done.
StoreEvents = Callable[[Mapping[str, bytes | None], bool], Awaitable[bool]]


class SharedKeeper(Protocol):
    """Has the Events: `engine.event_keeper.EventKeeper`."""

    def share(self) -> None: ...
    def take_unshared(self, most: int, /) -> list[str]: ...
    def note_unshared(self, objects: Iterable[str], /) -> None: ...
    def of(self, *objects: str) -> list[ObjectEvent]: ...


class EventShare:
    """Brings the Events of one term of the leader to Redis. What an earlier one left goes with the first."""

    def __init__(self, keeper: SharedKeeper, store: StoreEvents) -> None:
        self._keeper = keeper
        self._store = store
        self._begun = False
        keeper.share()

    async def flush(self) -> None:
        """Write some of what changed. Raises LeadershipLost."""
        objects = self._keeper.take_unshared(SHARED_AT_A_TIME)
        if not objects and self._begun:
            return
        changed = {each: encode_events(self._keeper.of(each)) for each in objects}
        if await self._store(changed, not self._begun):
            self._begun = True
        else:
            self._keeper.note_unshared(objects)


def encode_events(events: list[ObjectEvent]) -> bytes | None:
    """The Events of one object as they are stored; None if there are none."""
    return msgspec.json.encode(events) if events else None


def decode_events(stored: Iterable[bytes | None]) -> list[ObjectEvent]:
    """The Events of an object, newest first. What cannot be read is left out: the leader writes it again."""
    found: list[ObjectEvent] = []
    for each in stored:
        if each is not None:
            try:
                found += _EVENTS.decode(each)
            except DECODE_ERRORS:
                continue
    return sorted(found, key=lambda event: (event.last, event.first, event.uid), reverse=True)
