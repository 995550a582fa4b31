"""Whether Redis answers, and how much of that is worth a line in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable

#: Seconds after a line in which the next ones about the same are only counted.
THROTTLE_SECONDS = 60.0


class ThrottledLogger:
    """Errors about one thing: the first is told at once, then one now and then, with how many there were.

    clock: monotonic seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float]) -> None:
        self._logger = logger
        self._clock = clock
        self._logged_at: float | None = None
        self._suppressed = 0

    def error(self, message: str) -> None:
        now = self._clock()
        if self._logged_at is not None and now - self._logged_at < THROTTLE_SECONDS:
            self._suppressed += 1
            return
        self._logged_at = now
        self._logger.error("%s%s", message, suppressed_note(self._suppressed))
        self._suppressed = 0


def suppressed_note(count: int) -> str:
    """What a line has to add of those that were not written."""
    return f" ({count} more times since the last such line)" if count else ""


class Reachability:
    """reachable, why: whether Redis answered the last time, and what it said if it did not.

    clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.reachable = True
        self.why = ""
        self._clock = clock
        self._reasons: set[str] = set()
        self._logged_at: float | None = None
        #: Whether the log says that it is away now, and how many times it was without a line.
        self._logged_lost = False
        self._suppressed = 0

    def mark_lost(self, why: str) -> bool:
        """It did not answer; whether that is worth a line: at first, and for each other reason until it does.

        When it goes and comes again and again, a line is worth writing only now and then.
        """
        if self.reachable and self._is_quiet():
            self._suppressed += 1
        self.reachable, self.why = False, why
        if (not self._logged_lost and self._is_quiet()) or why in self._reasons:
            return False
        self._reasons.add(why)
        if not self._logged_lost:
            self._logged_lost, self._logged_at = True, self._clock()
        return True

    def mark_reachable(self) -> bool:
        """It answered; whether that is worth a line."""
        was_logged = self._logged_lost
        self.reachable, self.why, self._logged_lost = True, "", False
        self._reasons.clear()
        return was_logged

    def suppressed_note(self) -> str:
        """What a line has to add of the times that no line told of; they are told then."""
        count, self._suppressed = self._suppressed, 0
        return suppressed_note(count)

    def _is_quiet(self) -> bool:
        return self._logged_at is not None and self._clock() - self._logged_at < THROTTLE_SECONDS
