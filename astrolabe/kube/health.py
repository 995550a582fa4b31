"""How watches are doing: as attributes that /health and the metrics read, and in the log."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from astrolabe.engine.inbox import UnavailableCause, WatchState


@dataclass
class WatchHealth:
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
    state: WatchState = "listing"
    why: str = ""
    cause: UnavailableCause = ""
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


log = logging.getLogger("astrolabe.kube")


class OutageLog:
    """Which watches have lost their connection, and why; shared by all watches of one cluster."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}
        self._most = 0

    def begin(self, watch: str, why: str, *, news: bool) -> None:
        """This watch has a trouble. A warning when that is news, but for the third with the same and on."""
        self._why.pop(watch, None)
        others = list(self._why.values()).count(why)
        self._why[watch] = why
        self._most = max(self._most, len(self._why))
        log.log(
            logging.WARNING if news and others < 2 else logging.DEBUG,
            "%s: %s",
            "more watches" if others == 1 else watch,
            why,
        )

    def end(self, watch: str) -> None:
        """It is over for this watch; said of all of them at once, when it is over for the last."""
        if self._why.pop(watch, None) is None:
            return
        if self._why:
            log.debug("%s: connected again", watch)
            return
        log.info("%s: connected again", watch if self._most == 1 else f"{self._most} watches")
        self._most = 0

    def forget(self, watch: str) -> None:
        """Nothing more is said of this watch: what it is waiting for concerns it alone."""
        self._why.pop(watch, None)
        if not self._why:
            self._most = 0
