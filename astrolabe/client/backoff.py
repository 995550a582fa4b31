"""How long to wait before reconnecting.

The followers of the graph and of problems share it, and so does the load test.
"""

from __future__ import annotations

from random import Random

#: Seconds. A longer Retry-After is cut to this.
LONGEST_RETRY_AFTER = 300.0


class Backoff:
    """Exponential backoff with full jitter: a random delay up to a bound that doubles with each failure.

    So the clients of a restarting server do not all come back at once.
    """

    def __init__(
        self,
        *,
        base: float = 0.1,
        longest: float = 30.0,
        healthy_after: float = 10.0,
        random: Random | None = None,
    ) -> None:
        """base, longest: the first and the largest bound, in seconds.

        healthy_after: seconds that a connection must be in sync before its loss does not count as a failure.
        """
        self._base = base
        self._longest = longest
        self._healthy_after = healthy_after
        self._random = random or Random()
        self._failures = 0

    def delay(self, *, healthy: float, retry_after: float = 0.0) -> float:
        """Seconds to wait.

        healthy: seconds for which the lost connection was in sync; 0 if there was none.
        retry_after: seconds that the server asked for; they are added to the delay.
        """
        if healthy >= self._healthy_after:
            self._failures = 0
        bound = min(self._longest, self._base * 2.0 ** min(self._failures, 60))
        self._failures += 1
        return min(retry_after, LONGEST_RETRY_AFTER) + self._random.uniform(0, bound)
