"""Whether Redis answers, and which log lines about that to write."""

from __future__ import annotations

import logging
from collections.abc import Callable

#: Seconds after a log line in which further ones about the same are only counted.
THROTTLE_SECONDS = 60.0


class ThrottledLogger:
    """Logs the first error about something at once, and then one per minute with the number of errors.

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
    """The note about suppressed lines to append to a line."""
    return f" ({count} more times since the last such line)" if count else ""


class Reachability:
    """reachable, why: whether Redis answered the last request, and the error if it did not.

    clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.reachable = True
        self.why = ""
        self._clock = clock
        self._reasons: set[str] = set()
        self._logged_at: float | None = None
        #: Whether the current outage is logged, and how many outages were not.
        self._logged_lost = False
        self._suppressed = 0

    def mark_lost(self, why: str) -> bool:
        """Note that Redis did not answer. Returns whether to log it: once per reason and outage.

        If Redis is reachable only intermittently, one outage per minute is logged.
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
        """Note that Redis answered. Returns whether to log it."""
        was_logged = self._logged_lost
        self.reachable, self.why, self._logged_lost = True, "", False
        self._reasons.clear()
        return was_logged

    def suppressed_note(self) -> str:
        """The note about outages that were not logged. Resets their number."""
        count, self._suppressed = self._suppressed, 0
        return suppressed_note(count)

    def _is_quiet(self) -> bool:
        return self._logged_at is not None and self._clock() - self._logged_at < THROTTLE_SECONDS
