"""How long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

#: Seconds. Beyond this a Retry-After is not believed.
LONGEST_RETRY_AFTER = 300.0


class Backoff:
    """Exponential, with full jitter, as client-go's reflector has it: 0.8 s doubling to 30 s.

    Each kind has its own, so full jitter (anything between nothing and the bound) keeps a hundred watches
    from coming back at once after the API server restarted.
    """

    def __init__(
        self,
        *,
        random: Random,
        clock: Callable[[], float],
        first: float = 0.8,
        longest: float = 30.0,
        healthy_after: float = 120.0,
    ) -> None:
        """first, longest: bounds of the first delay and of any, seconds.

        healthy_after: seconds without a failure after which the doubling begins anew.
        """
        self._random = random
        self._clock = clock
        self._first = first
        self._longest = longest
        self._healthy_after = healthy_after
        self._bound = first
        self._over_at = float("-inf")

    def delay(self, retry_after: float | None = None) -> float:
        """Seconds to wait after a failure, never less than what the server asked for."""
        now = self._clock()
        if now - self._over_at >= self._healthy_after:
            self._bound = self._first
        delay = self._random.uniform(0, self._bound) + min(retry_after or 0.0, LONGEST_RETRY_AFTER)
        self._bound = min(self._bound * 2, self._longest)
        self._over_at = now + delay
        return delay
