"""Whether Redis answers, and how much of that is worth a line in the log."""

from __future__ import annotations

from collections.abc import Callable

from astrolabe.bus.redis.damped import QUIET, untold


class Contact:
    """reachable, why: whether Redis answered the last time, and what it said if it did not.

    clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.reachable = True
        self.why = ""
        self._clock = clock
        self._reasons: set[str] = set()
        self._told_at: float | None = None
        #: Whether the log says that it is away now, and how many times it was without a line.
        self._told = False
        self._untold = 0

    def lose(self, why: str) -> bool:
        """It did not answer; whether that is worth a line: at first, and for each other reason until it does.

        When it goes and comes again and again, a line is worth writing only now and then.
        """
        if self.reachable and self._is_quiet():
            self._untold += 1
        self.reachable, self.why = False, why
        if (not self._told and self._is_quiet()) or why in self._reasons:
            return False
        self._reasons.add(why)
        if not self._told:
            self._told, self._told_at = True, self._clock()
        return True

    def find(self) -> bool:
        """It answered; whether that is worth a line."""
        told = self._told
        self.reachable, self.why, self._told = True, "", False
        self._reasons.clear()
        return told

    def untold(self) -> str:
        """What a line has to add of the times that no line told of; they are told then."""
        count, self._untold = self._untold, 0
        return untold(count)

    def _is_quiet(self) -> bool:
        return self._told_at is not None and self._clock() - self._told_at < QUIET
