"""All the waiting between replicas, in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RedisTiming:
    """tick: between two signs of life of the leader, which keep the lock as well.

    lock: after which a leader that gives none has lost the lock. Another takes it within `poll` more.
    silence: after which a follower that hears none holds its connection to be half-open.
    poll: between two attempts to take the lock, roughly.
    retry: between two attempts to reach a Redis that is away.
    connect, answer: after which a connection, or an answer, is given up. Redis is beside us, and no script
        of ours is long.
    grace: for which a process that only followed leaves an empty Redis to the leader, which knows more,
        beyond `lock`.
    pause: for which a process that could not lead leaves it to the others.
    """

    tick: float = 2.0
    lock: float = 6.0
    silence: float = 6.0
    poll: float = 1.0
    retry: float = 0.5
    connect: float = 1.0
    answer: float = 1.0
    grace: float = 3.0
    pause: float = 10.0
