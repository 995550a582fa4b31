"""Messages from the watches to the engine. They share one queue, so each watch's messages apply in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

import msgspec

from astrolabe.graph.model.facts import Facts, Rules
from astrolabe.graph.state.object_event import ObjectEvent

WatchState = Literal["listing", "synced", "unavailable"]

#: Why a kind is unavailable: the API server answers 403 (forbidden), or does not serve the kind (404).
UnavailableCause = Literal["", "forbidden", "not-served"]


class Deleted(msgspec.Struct, frozen=True):
    """The object with this uid was deleted."""

    uid: str


class InvalidObject(msgspec.Struct, frozen=True, gc=False):
    """An object that cannot be decoded. Its last known state stays until it is repaired or deleted.

    why: names the field or the rule, never a value. uid: "" if it cannot be read.
    """

    namespace: str
    name: str
    why: str
    uid: str = ""

    @property
    def label(self) -> str:
        """Its name in logs and in `/health`."""
        return label_of(self.namespace, self.name)


def label_of(namespace: str, name: str) -> str:
    """The readable name of an object."""
    return f"{namespace}/{name}".lstrip("/") or "an object"


#: A change of one object, and of one Event.
ObjectChange = Facts | Deleted | InvalidObject
EventChange = ObjectEvent | Deleted | InvalidObject


class ObjectChanges(msgspec.Struct, frozen=True):
    """Objects of one kind were set or deleted, in this order."""

    kind: str
    changes: list[ObjectChange]


class Replace(msgspec.Struct, frozen=True):
    """A complete list of a kind, over all namespaces (`namespace` "") or in one.

    Known objects of that scope that are not in the list are removed. The scope is synced from then on.
    The engine owns the list and empties it. invalid: listed objects that cannot be decoded.
    """

    kind: str
    namespace: str
    listed: list[Facts]
    invalid: list[InvalidObject] = []

    def drain(self) -> Iterator[Facts]:
        """Yield the facts in order and release each one, so that a large list is never in memory twice."""
        self.listed.reverse()
        while self.listed:
            yield self.listed.pop()


class EventChanges(msgspec.Struct, frozen=True):
    """Events were set or deleted, in this order."""

    changes: list[EventChange]


class ReplaceEvents(msgspec.Struct, frozen=True):
    """A complete list of the Events, in one namespace or in all (""). The engine owns the list."""

    namespace: str
    listed: list[ObjectEvent]


class ExpireEvents(msgspec.Struct, frozen=True):
    """Time has passed: Warnings may count no longer."""


class GraphRebuilt(msgspec.Struct, frozen=True):
    """The served graph was rebuilt, and may lack something that was published."""


class WatchStatus(msgspec.Struct, frozen=True):
    """The state of a watch: `listing` (not complete yet), `synced`, or `unavailable` (with `why`)."""

    kind: str
    namespace: str
    state: WatchState
    why: str = ""
    cause: UnavailableCause = ""


class KindRemoved(msgspec.Struct, frozen=True):
    """The API server has answered 404 for so long that all objects of the kind count as deleted."""

    kind: str
    namespace: str


class Scope(msgspec.Struct, frozen=True):
    """One watch: a kind everywhere (`namespace` "") or in one namespace.

    required: whether readiness waits for it. expected: whether it is a gap, of which readers are told, if the
        kind is forbidden.
    """

    kind: str
    namespace: str = ""
    required: bool = True
    expected: bool = True


class KindsChanged(msgspec.Struct, frozen=True):
    """Some kinds come, and some go with all their objects.

    It comes before the first message of a kind's watch, and after the last one. First the removed kinds go.

    rules, scopes: of the kinds that come, or come in place of what was known of the same kind, whose objects
        stay until its next complete list.
    complete: whether these are all kinds that the cluster is known to have.
    """

    rules: tuple[Rules, ...] = ()
    scopes: tuple[Scope, ...] = ()
    removed: tuple[str, ...] = ()
    complete: bool = True


InboxMessage = (
    ObjectChanges
    | Replace
    | EventChanges
    | ReplaceEvents
    | ExpireEvents
    | GraphRebuilt
    | WatchStatus
    | KindRemoved
    | KindsChanged
)


class Sink(Protocol):
    """Receives the messages of the watches."""

    async def put(self, message: InboxMessage) -> None:
        """Hand over one message. Waits while the engine is behind (backpressure)."""
        ...
