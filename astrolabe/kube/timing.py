"""All delays and timeouts of a watch, in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from astrolabe.kube.retry import RetryBackoff


@dataclass(frozen=True, kw_only=True)
class WatchTiming:
    """The defaults are those of client-go where it has them.

    watch_shortest, watch_longest: bounds of the random timeoutSeconds of a watch (whole seconds).
    read_margin: silence beyond timeoutSeconds after which the connection counts as half-open.
    list_silence: silence after which a list fails.
    initial_silence: time without another object after which a watch-list is replaced with a plain list.
        Some aggregated APIs ignore sendInitialEvents and never send the end bookmark.
    short_watch: a watch that ends sooner, without an event, has failed.
    silence: time without data after which a watch that has had bookmarks is ended, or three times the
        interval of its bookmarks if that is longer. A proxy may keep a connection whose other side is gone.
    version_check: mean time between two lists of one object. They show whether the API server went back to an
        older version, for instance because it was restored from a backup.
    version_check_after: longest time until such a list after a lost connection. It is random, so that a
        hundred watches do not ask at once.
    refusal_grace: time for which a forbidden or absent kind is retried like after any other failure. Until
        then, its known objects stay.
    slow_retry: mean pause between retries afterwards.
    absence: time for which a kind that is not served (404) keeps its objects. Then they are removed.
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
