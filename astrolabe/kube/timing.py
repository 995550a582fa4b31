"""All the waiting that a watch does, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from astrolabe.kube.retry import RetryBackoff


@dataclass(frozen=True, kw_only=True)
class WatchTiming:
    """Of one watch; the defaults are client-go's where it has them.

    watch_shortest, watch_longest: bounds of the random timeoutSeconds of a watch (whole seconds).
    read_margin: silence beyond timeoutSeconds after which the connection is held to be half-open.
    list_silence: silence within a list, after which it is given up.
    initial_silence: time without a further object after which a watch-list is given up for a plain
        list. Aggregated APIs are known to ignore sendInitialEvents and never send the end bookmark.
    short_watch: a watch that ends sooner, and brought nothing, has failed.
    silence: time without a word after which a watch that has had bookmarks is cut; three times their
        interval when that is longer. A proxy between may keep a connection whose other half is gone.
    version_check: mean time between two lists of one object, which tell whether the API server is behind what
        it told before, as when it was restored from a backup.
    version_check_after: longest time to such a list after a lost connection; random, so that a hundred
        watches do not ask at once.
    refusal_grace: time for which a kind that is forbidden or absent is asked for as after other failures;
        until then, what was known of it still counts.
    slow_retry: mean pause afterwards.
    absence: time for which a kind that is not served (404) keeps what was known of it; then it is gone.
    backoff_first, backoff_longest, healthy_after: see `RetryBackoff`.
    """

    watch_shortest: float = 300.0
    watch_longest: float = 600.0
    read_margin: float = 30.0
    list_silence: float = 60.0
    initial_silence: float = 60.0
    short_watch: float = 1.0
    silence: float = 180.0
    version_check: float = 600.0
    version_check_after: float = 5.0
    refusal_grace: float = 60.0
    slow_retry: float = 60.0
    absence: float = 600.0
    backoff_first: float = 0.8
    backoff_longest: float = 30.0
    healthy_after: float = 120.0

    def backoff(self, *, random: Random, clock: Callable[[], float]) -> RetryBackoff:
        """A new backoff of these bounds."""
        return RetryBackoff(
            random=random,
            clock=clock,
            first=self.backoff_first,
            longest=self.backoff_longest,
            healthy_after=self.healthy_after,
        )
