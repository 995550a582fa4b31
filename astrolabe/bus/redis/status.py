"""The status of one replica, as plain attributes that /health reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from astrolabe.bus.redis.reachability import Reachability
from astrolabe.bus.redis.timing import RedisTiming

Role = Literal["leader", "follower"]

#: What keeps a replica from serving the stored graph: nothing; there is none; it is of another version; it is
#: damaged; it is older than the served graph; it is of another cluster.
Blocker = Literal["", "empty", "foreign", "damaged", "behind", "another"]


#: Ticks without a sign of life from the leader after which a follower is stale.
STALE_AFTER_TICKS = 3


@dataclass
class ReplicationStatus:
    """clock: monotonic seconds, the clock of all times here. timing: of the ticks.

    blocker, blocker_text: what keeps this replica from serving the stored graph, and the same for people.
    cannot_lead: why this process could not lead at its last attempt; "" once it can.
    joined: whether the served graph was read from Redis, or written there.
    completed: set while the served graph is of an epoch that was complete once, so that it may be served.
    reachability: whether Redis answers.
    detached: whether this leader serves its own clients only, because Redis is unavailable.
    commits: batches that this process has stored since the start.
    read: when the served graph was last found to equal the stored one.
    ticked: when the last tick was received, or sent. heard: when the leader last gave a sign of life, by a
        tick or a commit.
    in_step: the latest time at which the served graph is known to equal the leader's. It is not after
        `heard`, because the stored graph may be old.
    leader_report: the leader's last report on its watches, as JSON; b"" before the first.
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
        """Whether Redis answered the last request."""
        return self.reachability.reachable

    @property
    def why(self) -> str:
        """The error of Redis or of the network; "" while Redis answers."""
        return self.reachability.why

    def note_heartbeat(self) -> None:
        """Note a sign of life from the leader."""
        self.heard = self.clock()

    def note_in_sync(self) -> None:
        """Note that the served graph equals the stored one, and so the leader's when it was last heard."""
        self.blocker, self.blocker_text = "", ""
        self.read, self.in_step = self.clock(), self.heard

    def note_written(self) -> None:
        """Note, as the leader, that the served graph is stored."""
        self.note_heartbeat()
        self.note_in_sync()

    @property
    def lag(self) -> float | None:
        """Seconds by which the served graph may be older than the leader's; None while that is unknown."""
        if self.role == "leader":
            return 0.0
        if self.in_step is None:
            return None
        return max(0.0, self.clock() - self.in_step - 1.25 * self.timing.tick)

    @property
    def stale(self) -> bool:
        """Whether the served graph may be outdated: for three ticks, no leader has confirmed it.

        A leader is never stale, because it serves its own graph even if Redis is unavailable.
        """
        if self.role == "leader":
            return False
        return self.in_step is None or self._is_long_ago(self.in_step)

    @property
    def stale_since(self) -> float | None:
        """Since when the served graph may be outdated; None while it is not stale."""
        if not self.stale:
            return None
        return self._began if self.in_step is None else self.in_step

    @property
    def stale_why(self) -> str:
        """Why it is stale, in one line; "" while it is not."""
        if not self.stale:
            return ""
        if not self.reachable:
            return f"Redis is unavailable: {self.why}"
        if self.heard is not None and not self._is_long_ago(self.heard):
            return self.blocker_text or "this process cannot keep up with the leader"
        parts = (
            "no leader writes to Redis",
            self.blocker_text,
            self.cannot_lead and f"this process cannot lead: {self.cannot_lead}",
        )
        return "; ".join(filter(None, parts))

    def _is_long_ago(self, time: float) -> bool:
        return self.clock() - time > STALE_AFTER_TICKS * self.timing.tick
