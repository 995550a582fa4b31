"""How to continue after a failure, and how long to wait before the next attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from astrolabe.engine.inbox import UnavailableCause
from astrolabe.kube.errors import ApiError, ConnectionBroken, RequestFailed, WatchEnded


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How to continue after a failure. The default is to back off and resume at the same resourceVersion.

    wait: `backoff`, `slowly` (about a minute), or `no` wait at all.
    relist: the position is lost, so list again.
    plain_list: the server does not support watch-lists. Use LIST and WATCH from now on.
    cause: why the kind is unavailable; "" if it is available.
    reload: reload the credentials first.
    routine: happens to every watch now and then, and is not worth a log line. During a list it is.
    """

    wait: Literal["backoff", "slowly", "no"] = "backoff"
    relist: bool = False
    plain_list: bool = False
    cause: UnavailableCause = ""
    reload: bool = False
    routine: bool = False

    @property
    def unavailable(self) -> bool:
        """Whether the kind is unavailable until further notice."""
        return bool(self.cause)


def retry_policy_of(error: RequestFailed, *, watch_list: bool) -> RetryPolicy:
    """What to do after this error.

    watch_list: whether it happened in a watch-list before its initial-events-end bookmark.
    """
    match error:
        case ApiError():
            return _policy_of_code(error, watch_list=watch_list)
        case ConnectionBroken(tls=True):
            return RetryPolicy(reload=True)
        case WatchEnded() if watch_list:
            # The server seems to ignore sendInitialEvents. Fall back to a plain list.
            return RetryPolicy(relist=True, plain_list=True)
        case _:
            return RetryPolicy()


def _policy_of_code(error: ApiError, *, watch_list: bool) -> RetryPolicy:
    match error.code:
        case 400 | 422:
            # Servers without watch-lists reject sendInitialEvents. Otherwise the position or the continue
            # token is invalid.
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
            # A restored etcd has lost our position, or this API server has not reached it yet. A list without
            # resourceVersion works in both cases.
            return RetryPolicy(relist=True)
        case _:
            return RetryPolicy()


#: Seconds. A longer Retry-After is cut to this.
MAX_RETRY_AFTER = 300.0


class RetryBackoff:
    """Exponential backoff with full jitter, from 0.8 s to 30 s like client-go's reflector.

    Each kind has its own backoff. Full jitter (between zero and the bound) keeps a hundred watches from
    reconnecting at once after the API server restarted.
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
        """first, longest: upper bounds of the first delay and of any delay, in seconds.

        healthy_after: seconds without a failure after which the backoff starts over.
        """
        self._random = random
        self._clock = clock
        self._first = first
        self._longest = longest
        self._healthy_after = healthy_after
        self._bound = first
        self._over_at = float("-inf")

    def delay(self, retry_after: float | None = None) -> float:
        """Seconds to wait after a failure, at least as long as the server asked for."""
        now = self._clock()
        if now - self._over_at >= self._healthy_after:
            self._bound = self._first
        delay = self._random.uniform(0, self._bound) + min(retry_after or 0.0, MAX_RETRY_AFTER)
        self._bound = min(self._bound * 2, self._longest)
        self._over_at = now + delay
        return delay
