"""All delays and timeouts between replicas, in seconds.

They are in one place, because each depends on the others.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RedisTiming:
    """tick: interval of the leader's ticks, which also renew the lease.
    lease: lifetime of the lease without renewal. Another process then takes it within `poll`.
    silence: time without a message after which a follower treats its connection as half-open.
    poll: approximate time between two attempts to take the lease.
    retry: time between two attempts to reach Redis.
    connect, answer: timeouts of connections and replies. Redis is close, and our scripts are short.
    grace: time beyond `lease` for which a process that only followed leaves an empty Redis to the leader,
        which knows more.
    pause: time for which a process that could not lead leaves the lease to the others.
    """

    tick: float = 2.0
    lease: float = 6.0
    silence: float = 6.0
    poll: float = 1.0
    retry: float = 0.5
    connect: float = 1.0
    answer: float = 1.0
    grace: float = 3.0
    pause: float = 10.0
