"""How one replica stands, as plain attributes that /health reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from astrolabe.bus.redis.reachability import Reachability
from astrolabe.bus.redis.timing import RedisTiming

Role = Literal["leader", "follower"]

#: What keeps a replica from serving what is stored: nothing; there is nothing; it is of another version;
#: it cannot be read; it is older than what is served here; it is of another cluster.
Blocker = Literal["", "empty", "foreign", "damaged", "behind", "another"]


#: Ticks without a sign of the leader after which what a follower serves is stale.
STALE_AFTER_TICKS = 3


@dataclass
class ReplicationStatus:
    """clock: monotonic seconds, of which the times are. timing: of the ticks.

    blocker, blocker_text: what keeps this replica from serving what is stored, and the same for people.
    cannot_lead: why this process could not lead when it last tried to; "" once it can.

    joined: whether what is served was read from Redis, or written there.
    completed: set while what is served is of an epoch that was complete once, and so worth serving.
    reachability: whether Redis answers.
    detached: whether this leader goes on with its own clients only.
    commits: batches that this process stored, since the start.
    read: when what is served was last found to be what is stored, whoever wrote that, and whenever.
    ticked: when a tick came (or was sent) last. heard: when a leader gave a sign of life last, a tick or a
        commit. in_step: the latest time at which what is served is known to have been the leader's graph:
        no later than `heard`, for what is stored may be old.
    leader_report: JSON that the leader told last of its watches; b"" before.
    """

    clock: Callable[[], float]
    timing: RedisTiming
    role: Role = "follower"
    blocker: Blocker = ""
    blocker_text: str = ""
    cannot_lead: str = ""
    joined: bool = False
    detached: bool = False
    commits: int = 0
    read: float | None = None
    ticked: float | None = None
    heard: float | None = None
    in_step: float | None = None
    leader_report: bytes = b""
    completed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    reachability: Reachability = field(init=False, repr=False)
    _began: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        self._began = self.clock()
        self.reachability = Reachability(self.clock)

    @property
    def complete(self) -> bool:
        return self.completed.is_set()

    @complete.setter
    def complete(self, complete: bool) -> None:
        if complete:
            self.completed.set()
        else:
            self.completed.clear()

    @property
    def reachable(self) -> bool:
        """Whether Redis answered the last time."""
        return self.reachability.reachable

    @property
    def why(self) -> str:
        """What Redis, or the network, said if it did not."""
        return self.reachability.why

    def note_heartbeat(self) -> None:
        """A leader gave a sign of life."""
        self.heard = self.clock()

    def note_in_sync(self) -> None:
        """What is served is what is stored, and so what the leader had when it was heard last."""
        self.blocker, self.blocker_text = "", ""
        self.read, self.in_step = self.clock(), self.heard

    def note_written(self) -> None:
        """As the leader: what is served is what is stored now."""
        self.note_heartbeat()
        self.note_in_sync()

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
        """Whether nobody keeps the graph up to date that is served here: for three ticks no leader said that
        its graph is the one that is served. A leader serves its own, also while Redis does not take it."""
        if self.role == "leader":
            return False
        return self.in_step is None or self._is_long_ago(self.in_step)

    @property
    def stale_since(self) -> float | None:
        """The time from which on what is served may be old; None while it is not stale."""
        if not self.stale:
            return None
        return self._began if self.in_step is None else self.in_step

    @property
    def stale_why(self) -> str:
        """Why it is stale, in one line; "" while it is not."""
        if not self.stale:
            return ""
        if not self.reachable:
            return f"Redis is away: {self.why}"
        if self.heard is not None and not self._is_long_ago(self.heard):
            return self.blocker_text or "the leader is ahead, and this process cannot keep up"
        parts = (
            "no leader writes to Redis",
            self.blocker_text,
            self.cannot_lead and f"this process cannot: {self.cannot_lead}",
        )
        return "; ".join(filter(None, parts))

    def _is_long_ago(self, time: float) -> bool:
        return self.clock() - time > STALE_AFTER_TICKS * self.timing.tick
