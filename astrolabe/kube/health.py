"""The health of the watches: attributes for /health and the metrics, and log lines about outages."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from astrolabe.engine.inbox import UnavailableCause, WatchState


@dataclass
class WatchHealth:
    """The health of one watch: of one kind, in one namespace or in all (""). Only its reflector writes it.

    state, why, cause: the last reported status. It is `synced` after a complete list.
    connected: whether the last request was answered.
    lost_since: when the connection was lost, on the clock of the watches. None while connected, and before
        the first connection.
    events: lines of watches and items of lists, since the start.
    objects: objects in the last complete list.
    lists: complete lists since the start. Each after the first is a resynchronisation.
    failures: failed requests and watches since the start.
    restarts: how often the loop itself failed and was started again.
    last_event: when the last event came, on the clock of the watches (time.monotonic); None before the first.
    last_error: text of the last failure. It stays after the failure is over.
    tried: set once the first list is complete or has failed.
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
        """Its name in logs."""
        return f"{self.kind} in {self.namespace}" if self.namespace else self.kind


log = logging.getLogger("astrolabe.kube")


class OutageLog:
    """Logs an outage of many watches once, not once per watch. All watches of one cluster share it."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}
        self._most = 0

    def begin(self, watch: str, why: str, *, news: bool) -> None:
        """Note that a watch fails.

        Warns if that is news, unless two other watches fail for the same reason.
        """
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
        """Note that a watch has recovered. Logs once when the last one has."""
        if self._why.pop(watch, None) is None:
            return
        if self._why:
            log.debug("%s: connected again", watch)
            return
        log.info("%s: connected again", watch if self._most == 1 else f"{self._most} watches")
        self._most = 0

    def forget(self, watch: str) -> None:
        """Drop a watch from the outage: its failure concerns this watch only."""
        self._why.pop(watch, None)
        if not self._why:
            self._most = 0
