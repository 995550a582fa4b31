"""The numbers that positions get: which are stored in Redis, and which only a detached leader gives away.

`graph.batch.is_detached` tells them apart.
"""

from __future__ import annotations

from astrolabe.graph.batch import BAND, is_detached

#: A leap is at least this far: more batches than anyone makes before the clock is ahead again.
MIN_SKIP = 1_000_000


def next_seq(seq: int, *, detached: bool) -> int:
    """The seq after this one, of the stored positions or of the detached ones."""
    following = seq + 1
    if is_detached(following) is detached:
        return following
    return (following | (BAND - 1)) + 1


def skip_ahead(seq: int, *, microseconds: int, detached: bool) -> int:
    """A seq that nobody else gives away, so that what is served there is nobody else's position.

    microseconds: the time, since 1970. Batches are made some dozen times a second, so an epoch whose seq
    once was the clock never catches up with it: every later leap lands where nobody has been. Other
    processes may go on from `seq` one by one, and would need LEAP batches to get here.
    """
    reached = max(seq + MIN_SKIP, microseconds)
    # Not to the start of a band: the microseconds are what makes it nobody else's.
    return reached if is_detached(reached) is detached else reached + BAND
