"""What watches tell the engine. One queue, so the order in which a watch speaks is the order of effect."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from astrolabe.graph.facts import Facts

WatchState = Literal["listing", "synced", "unavailable"]

#: Why a kind is unavailable, for programs: the API server answers 403, or it does not serve it (404).
UnavailableCause = Literal["", "forbidden", "not-served"]


class Deleted(msgspec.Struct, frozen=True):
    """The object with this uid was deleted."""

    uid: str


class InvalidObject(msgspec.Struct, frozen=True, gc=False):
    """An object that cannot be taken in: what was known of it stays as it was, until it is mended or deleted.

    why: names the field or the rule, never a value. uid: "" where not even that can be read.
    """

    namespace: str
    name: str
    why: str
    uid: str = ""

    @property
    def label(self) -> str:
        """How logs and `/health` call it."""
        return label_of(self.namespace, self.name)


def label_of(namespace: str, name: str) -> str:
    """What an object is called where its uid says nothing to people."""
    return f"{namespace}/{name}".lstrip("/") or "an object"


#: What befell one object.
ObjectChange = Facts | Deleted | InvalidObject


class ObjectChanges(msgspec.Struct, frozen=True):
    """Objects of one kind were set or deleted, in this order."""

    kind: str
    changes: list[ObjectChange]


class Replace(msgspec.Struct, frozen=True):
    """A complete list of a kind, over all namespaces (`namespace` "") or in one.

    What is known of that scope and not listed is gone; the scope is synced from here on.
    The list is handed over: the engine empties it as it goes. invalid: those that are listed and cannot be
    taken in.
    """

    kind: str
    namespace: str
    listed: list[Facts]
    invalid: list[InvalidObject] = []


class WatchStatus(msgspec.Struct, frozen=True):
    """A watch tells how it is: `listing` (not yet complete), `synced`, `unavailable` (and `why`)."""

    kind: str
    namespace: str
    state: WatchState
    why: str = ""
    cause: UnavailableCause = ""


class KindRemoved(msgspec.Struct, frozen=True):
    """The API server has not served the kind (404) for so long that its objects are held to be gone."""

    kind: str
    namespace: str


InboxMessage = ObjectChanges | Replace | WatchStatus | KindRemoved


class Sink(Protocol):
    """Where watches put what they learn."""

    async def put(self, message: InboxMessage) -> None:
        """Hand over one message; waits while the engine is behind (backpressure)."""
        ...
