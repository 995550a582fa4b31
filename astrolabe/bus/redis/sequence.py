"""Sequence numbers: those that are stored in Redis, and those that only a detached leader uses.

`graph.state.batch.is_detached` tells them apart.
"""

from __future__ import annotations

from astrolabe.graph.state.batch import BAND, is_detached

#: The smallest jump: more batches than any process makes before the clock is ahead again.
MIN_SKIP = 1_000_000


def next_seq(seq: int, *, detached: bool) -> int:
    """The next seq, among the stored ones or among the detached ones."""
    following = seq + 1
    if is_detached(following) is detached:
        return following
    return (following | (BAND - 1)) + 1


def skip_ahead(seq: int, *, microseconds: int, detached: bool) -> int:
    """A seq that no other process uses.

    microseconds: the Unix time. There are a few dozen batches per second, so an epoch whose seq was set to
        the clock never catches up with the clock, and every later jump reaches unused numbers. Other
        processes may continue at `seq` one by one, and would need MIN_SKIP batches to get here.
    """
    reached = max(seq + MIN_SKIP, microseconds)
    # Not to the start of a band: the microseconds make the number unique.
    return reached if is_detached(reached) is detached else reached + BAND
