"""How one replica stands, as plain attributes that /health reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from astrolabe.bus.redis.timing import Timing
from astrolabe.graph.batch import Batch
from astrolabe.graph.graph import Graph

Role = Literal["leader", "follower"]

#: What keeps a replica from serving what is stored: nothing; there is nothing; it is of another version;
#: it cannot be read; it is older than what is served here.
Obstacle = Literal["", "empty", "foreign", "damaged", "behind"]


class Served(Protocol):
    """The graph that clients see: `http.hub.Hub`."""

    graph: Graph

    def receive(self, batch: Batch) -> None:
        """Apply the next batch."""
        ...

    def replace(self, graph: Graph) -> None:
        """Begin anew with this graph."""
        ...


@dataclass
class Standing:
    """clock: monotonic seconds, of which the times are. timing: of the ticks.

    joined: whether what is served was read from Redis, or written there.
    completed: set while what is served is of an epoch that was complete once, and so worth serving.
    reachable, why: whether Redis answered the last time, and what it said if it did not.
    alone: whether this leader goes on with its own clients only.
    commits: batches that this process stored, since the start.
    ticked: when a tick came (or was sent) last. in_step: when the graph was last known to be the leader's.
    condition: JSON that the leader told last of its watches; b"" before.
    """

    clock: Callable[[], float]
    timing: Timing
    role: Role = "follower"
    obstacle: Obstacle = ""
    joined: bool = False
    reachable: bool = True
    why: str = ""
    alone: bool = False
    commits: int = 0
    ticked: float | None = None
    in_step: float | None = None
    condition: bytes = b""
    completed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _reasons: set[str] = field(default_factory=set, init=False, repr=False)

    @property
    def complete(self) -> bool:
        return self.completed.is_set()

    @complete.setter
    def complete(self, complete: bool) -> None:
        if complete:
            self.completed.set()
        else:
            self.completed.clear()

    def reached(self) -> None:
        """Redis answered."""
        self.reachable, self.why = True, ""
        self._reasons.clear()

    def missed(self, why: str) -> bool:
        """Redis did not answer; whether that is news: at first, and for each other reason until it does."""
        news = why not in self._reasons
        self._reasons.add(why)
        self.reachable, self.why = False, why
        return news

    @property
    def lag(self) -> float | None:
        """Seconds by which what is served may be older than the leader's graph; None before it is known."""
        if self.role == "leader":
            return 0.0
        if self.in_step is None:
            return None
        return max(0.0, self.clock() - self.in_step - 1.25 * self.timing.tick)

    @property
    def stale(self) -> bool:
        """Whether nobody keeps the graph up to date that is served here."""
        lag = self.lag
        return lag is None or lag > self.timing.silence
