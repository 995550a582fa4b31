"""Lines that others can cause as often as they like."""

from __future__ import annotations

import logging
from collections.abc import Callable

#: Seconds after a line in which the next ones about the same are only counted.
QUIET = 60.0


class Damped:
    """Errors about one thing: the first is told at once, then one now and then, with how many there were.

    clock: monotonic seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float]) -> None:
        self._logger = logger
        self._clock = clock
        self._told_at: float | None = None
        self._untold = 0

    def error(self, message: str) -> None:
        now = self._clock()
        if self._told_at is not None and now - self._told_at < QUIET:
            self._untold += 1
            return
        self._told_at = now
        self._logger.error("%s%s", message, untold(self._untold))
        self._untold = 0


def untold(count: int) -> str:
    """What a line has to add of those that were not written."""
    return f" ({count} more times since the last such line)" if count else ""
