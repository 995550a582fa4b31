"""How one watch is doing, as plain attributes that /health and the metrics read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from astrolabe.engine.inbox import Cause, State


@dataclass
class Health:
    """Of one kind, in one namespace or ("") in all. Written by its reflector only.

    state, why, cause: the last report; `synced` after a complete list.
    connected: whether the last request was answered.
    lost_since: when the connection was lost, on the clock of the watches; None while `connected`, and before
        the first connection.
    events: lines of watches and items of lists since the start.
    objects: in the last complete list.
    lists: complete lists since the start; each after the first is a resynchronisation.
    failures: requests and watches that did not end well, since the start.
    restarts: times that the loop itself ended unexpectedly and was started again.
    last_event: when the last of `events` came, on the clock of the watches (time.monotonic); None before.
    last_error: text of the last failure; stays when it is over.
    tried: set once the first list is complete, or failed.
    """

    kind: str
    namespace: str = ""
    state: State = "listing"
    why: str = ""
    cause: Cause = ""
    connected: bool = False
    lost_since: float | None = None
    events: int = 0
    objects: int = 0
    lists: int = 0
    failures: int = 0
    restarts: int = 0
    last_event: float | None = None
    last_error: str = ""
    tried: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def label(self) -> str:
        """How logs call it."""
        return f"{self.kind} in {self.namespace}" if self.namespace else self.kind
