"""The numbers that positions get."""

from __future__ import annotations

#: A leap is at least this far: more batches than anyone makes before the clock is ahead again.
LEAP = 1_000_000


def leap(seq: int, *, microseconds: int) -> int:
    """A seq that nobody else gives away, so that what is served there is nobody else's position.

    microseconds: the time, since 1970. Batches are made some dozen times a second, so an epoch whose seq
    once was the clock never catches up with it: every later leap lands where nobody has been. Other
    processes may go on from `seq` one by one, and would need LEAP batches to get here.
    """
    return max(seq + LEAP, microseconds)
