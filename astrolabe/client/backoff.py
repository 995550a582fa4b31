"""How long to wait before connecting again."""

from __future__ import annotations

from random import Random

#: Seconds. Beyond this a Retry-After is not believed.
LONGEST_RETRY_AFTER = 300.0


class Backoff:
    """Exponential with full jitter: anything between nothing and a bound that doubles with each failure.

    So the clients of a server that restarts come back one by one.
    """

    def __init__(
        self,
        *,
        base: float = 0.1,
        longest: float = 30.0,
        healthy_after: float = 10.0,
        random: Random | None = None,
    ) -> None:
        """base, longest: the first bound and the largest, seconds.

        healthy_after: seconds for which a connection must have been in step to count as no failure.
        """
        self._base = base
        self._longest = longest
        self._healthy_after = healthy_after
        self._random = random or Random()
        self._failures = 0

    def delay(self, *, healthy: float, retry_after: float = 0.0) -> float:
        """Seconds to wait.

        healthy: for how long the connection that was lost had been in step, 0 when there was none.
        retry_after: what the server asked for, which is waited for in any case.
        """
        if healthy >= self._healthy_after:
            self._failures = 0
        bound = min(self._longest, self._base * 2.0 ** min(self._failures, 60))
        self._failures += 1
        return min(retry_after, LONGEST_RETRY_AFTER) + self._random.uniform(0, bound)
