"""The Events that are kept: bounded, by the object that they regard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from astrolabe.graph.model.facts import WarningEvent
from astrolabe.graph.state.object_event import WARNING, ObjectEvent

#: What an event recorder of client-go puts before the message when many similar Events become one.
_COMBINED = "(combined from similar events): "
#: A generated name in quotes; the characters of the suffix are those of apimachinery's rand.go. An API server
#: quotes the name without its suffix where it refuses to generate one.
_GENERATED = re.compile(r'"([a-z0-9.-]*-)[bcdfghjklmnpqrstvwxz2456789]{5}"')


class EventIndex:
    """Events by uid and by object.

    When it is full, a Normal Event or one from before the horizon makes room for another. If there is none,
    the newcomer is dropped: were Warnings to drive out each other, nodes would change with each repetition.

    most: in all; most_each: of one object.
    horizon: Warnings that were last seen before this time do not count.
    dropped: how many Events found no room.
    """

    def __init__(self, *, most: int, most_each: int) -> None:
        self.horizon = ""
        self.dropped = 0
        self._most = most
        self._most_each = most_each
        #: In the order in which they were last put, so that the first one is the stalest.
        self._warnings: dict[str, ObjectEvent] = {}
        self._others: dict[str, ObjectEvent] = {}
        self._by_object: dict[str, dict[str, ObjectEvent]] = {}

    def __len__(self) -> int:
        return len(self._warnings) + len(self._others)

    def __iter__(self) -> Iterator[ObjectEvent]:
        return iter([*self._others.values(), *self._warnings.values()])

    @property
    def objects(self) -> list[str]:
        """The objects that have Events (see `ObjectEvent.regarding`)."""
        return list(self._by_object)

    def put(self, event: ObjectEvent) -> set[str]:
        """Add or replace an Event. Returns the objects whose Events changed."""
        before = self._pop(event.uid)
        changed = {before.regarding} if before is not None else set()
        if len(self) >= self._most:
            stalest = next(iter(self._others.values()), None) or next(iter(self._warnings.values()))
            if stalest.type == WARNING and (event.type != WARNING or stalest.last >= self.horizon):
                self.dropped += 1
                return changed
            self._pop(stalest.uid)
            changed.add(stalest.regarding)
        (self._warnings if event.type == WARNING else self._others)[event.uid] = event
        kept = self._by_object.setdefault(event.regarding, {})
        kept[event.uid] = event
        if len(kept) > self._most_each:
            self._pop(_most_dispensable(kept.values()).uid)
        return changed | {event.regarding}

    def remove(self, uid: str) -> str:
        """Forget an Event. Returns the object that it regarded; "" if it was not kept."""
        before = self._pop(uid)
        return before.regarding if before is not None else ""

    def of(self, *objects: str) -> list[ObjectEvent]:
        """The Events of an object, newest first. objects: its uid, and its name if it is a Node."""
        found = [event for each in objects for event in self._by_object.get(each, {}).values()]
        return sorted(found, key=lambda event: (event.last, event.first, event.uid), reverse=True)

    def warnings(self, object: str) -> tuple[WarningEvent, ...]:
        """The distinct Warnings of an object, the one that began last first.

        A repetition changes only `last`, and neither the order nor the words. Those whose words change with
        each repetition come last.
        """
        told: dict[tuple[str, str], tuple[bool, str, str]] = {}
        for event in self._by_object.get(object, {}).values():
            if event.type != WARNING:
                continue
            key = event.reason, words_of(event)
            combined = event.message.startswith(_COMBINED)
            first, last = event.first, event.last
            if key in told:
                before = told[key]
                combined, first, last = before[0] and combined, min(before[1], first), max(before[2], last)
            told[key] = combined, first, last
        ordered = sorted(
            [
                (not combined, first, *key, last)
                for key, (combined, first, last) in told.items()
                if last >= self.horizon
            ],
            reverse=True,
        )
        return tuple(WarningEvent(reason, words, first, last) for _, first, reason, words, last in ordered)

    def advance(self, horizon: str) -> set[str]:
        """Move the horizon on. Returns the objects with a Warning that counts no longer."""
        before, self.horizon = self.horizon, horizon
        return {event.regarding for event in self._warnings.values() if before <= event.last < horizon}

    def _pop(self, uid: str) -> ObjectEvent | None:
        event = self._warnings.pop(uid, None) or self._others.pop(uid, None)
        if event is not None:
            kept = self._by_object[event.regarding]
            del kept[uid]
            if not kept:
                del self._by_object[event.regarding]
        return event


def words_of(event: ObjectEvent) -> str:
    """The message without what differs at each attempt: a generated name's suffix, and the note that similar
    Events became one."""
    message = event.message.removeprefix(_COMBINED)
    return _GENERATED.sub(r'"\1"', message) if "-" in message and '"' in message else message


def _most_dispensable(events: Iterable[ObjectEvent]) -> ObjectEvent:
    """The one to forget: a Normal one before a Warning, then one that says what an earlier one says, then the
    one that was seen longest ago.

    So the first of many that say the same stays, and with it since when.
    """
    firsts: dict[tuple[str, str, str], ObjectEvent] = {}
    for event in events:
        key = event.type, event.reason, words_of(event)
        known = firsts.get(key)
        if known is None or (event.first, event.uid) < (known.first, known.uid):
            firsts[key] = event
    original = {event.uid for event in firsts.values()}
    return min(events, key=lambda each: (each.type == WARNING, each.uid in original, each.last, each.uid))
