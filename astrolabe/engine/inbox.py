"""What watches tell the engine. One queue, so the order in which a watch speaks is the order of effect."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from astrolabe.graph.facts import Facts

State = Literal["listing", "synced", "unavailable"]

#: Why a kind is unavailable, for programs: the API server answers 403, or it does not serve it (404).
Cause = Literal["", "forbidden", "not-served"]


class Gone(msgspec.Struct, frozen=True):
    """The object with this uid was deleted."""

    uid: str


class Update(msgspec.Struct, frozen=True):
    """Objects of one kind were set or deleted, in this order."""

    kind: str
    changes: list[Facts | Gone]


class Replace(msgspec.Struct, frozen=True):
    """A complete list of a kind, over all namespaces (`namespace` "") or in one.

    What is known of that scope and not listed is gone; the scope is synced from here on.
    The list is handed over: the engine empties it as it goes.
    """

    kind: str
    namespace: str
    listed: list[Facts]


class Report(msgspec.Struct, frozen=True):
    """A watch tells how it is: `listing` (not yet complete), `synced`, `unavailable` (and `why`)."""

    kind: str
    namespace: str
    state: State
    why: str = ""
    cause: Cause = ""


Message = Update | Replace | Report


class Sink(Protocol):
    """Where watches put what they learn."""

    async def put(self, message: Message) -> None:
        """Hand over one message; waits while the engine is behind (backpressure)."""
        ...
