"""What follows from a failure: the one place that maps an error of the cluster to what is done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from astrolabe.engine.inbox import Cause
from astrolabe.kube.errors import ApiError, ConnectionBroken, RequestFailed, WatchEnded


@dataclass(frozen=True, kw_only=True)
class Outcome:
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
    cause: Cause = ""
    reload: bool = False
    routine: bool = False

    @property
    def unavailable(self) -> bool:
        """Whether the kind cannot be had until further notice."""
        return bool(self.cause)


def outcome_of(error: RequestFailed, *, watch_list: bool) -> Outcome:
    """What to do after this error.

    watch_list: whether it befell a watch-list that had not yet reached its initial-events-end.
    """
    match error:
        case ApiError():
            return _outcome_of_code(error, watch_list=watch_list)
        case ConnectionBroken(tls=True):
            return Outcome(reload=True)
        case WatchEnded() if watch_list:
            # It answered as if it did not know sendInitialEvents; progress is better than insisting.
            return Outcome(relist=True, plain_list=True)
        case _:
            return Outcome()


def _outcome_of_code(error: ApiError, *, watch_list: bool) -> Outcome:
    match error.code:
        case 400 | 422:
            # Servers without watch-list call sendInitialEvents invalid. Otherwise the position or the
            # continue token is what they dislike.
            return Outcome(wait="no" if watch_list else "backoff", relist=True, plain_list=watch_list)
        case 401:
            return Outcome(reload=True)
        case 403:
            return Outcome(wait="slowly", relist=True, cause="forbidden")
        case 404 | 405 | 406:
            return Outcome(wait="slowly", relist=True, cause="not-served")
        case 410:
            return Outcome(relist=True, routine=True)
        case 504 if "too large resource version" in error.message.lower():
            # Our position lies in a future that a restored etcd no longer has, or that this replica has
            # not reached. A list without resourceVersion is right in both cases.
            return Outcome(relist=True)
        case _:
            return Outcome()
