"""What follows a failure, and how long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from astrolabe.engine.inbox import UnavailableCause
from astrolabe.kube.errors import ApiError, ConnectionBroken, RequestFailed, WatchEnded


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How to go on after a failure; by default from the same resourceVersion, after backing off.

    wait: `backoff`, `slowly` (a minute or so), or `no` wait at all.
    relist: the position is lost; list anew.
    plain_list: the server does not do watch-lists; use LIST and WATCH from here on.
    cause: why the kind cannot be had until further notice; "" when it can.
    reload: load the credentials again first.
    routine: befalls every watch now and then, and is nothing to tell of; in a list it is, which should not
        take that long.
    """

    wait: Literal["backoff", "slowly", "no"] = "backoff"
    relist: bool = False
    plain_list: bool = False
    cause: UnavailableCause = ""
    reload: bool = False
    routine: bool = False

    @property
    def unavailable(self) -> bool:
        """Whether the kind cannot be had until further notice."""
        return bool(self.cause)


def retry_policy_of(error: RequestFailed, *, watch_list: bool) -> RetryPolicy:
    """What to do after this error.

    watch_list: whether it befell a watch-list that had not yet reached its initial-events-end.
    """
    match error:
        case ApiError():
            return _policy_of_code(error, watch_list=watch_list)
        case ConnectionBroken(tls=True):
            return RetryPolicy(reload=True)
        case WatchEnded() if watch_list:
            # It answered as if it did not know sendInitialEvents; progress is better than insisting.
            return RetryPolicy(relist=True, plain_list=True)
        case _:
            return RetryPolicy()


def _policy_of_code(error: ApiError, *, watch_list: bool) -> RetryPolicy:
    match error.code:
        case 400 | 422:
            # Servers without watch-list call sendInitialEvents invalid. Otherwise the position or the
            # continue token is what they dislike.
            return RetryPolicy(wait="no" if watch_list else "backoff", relist=True, plain_list=watch_list)
        case 401:
            return RetryPolicy(reload=True)
        case 403:
            return RetryPolicy(wait="slowly", relist=True, cause="forbidden")
        case 404 | 405 | 406:
            return RetryPolicy(wait="slowly", relist=True, cause="not-served")
        case 410:
            return RetryPolicy(relist=True, routine=True)
        case 504 if "too large resource version" in error.message.lower():
            # Our position lies in a future that a restored etcd no longer has, or that this replica has
            # not reached. A list without resourceVersion is right in both cases.
            return RetryPolicy(relist=True)
        case _:
            return RetryPolicy()


#: Seconds. Beyond this a Retry-After is not believed.
MAX_RETRY_AFTER = 300.0


class RetryBackoff:
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
        delay = self._random.uniform(0, self._bound) + min(retry_after or 0.0, MAX_RETRY_AFTER)
        self._bound = min(self._bound * 2, self._longest)
        self._over_at = now + delay
        return delay
