from random import Random

import pytest

from astrolabe.kube.errors import ApiError, ConnectionBroken, NotTheApi, RequestFailed, WatchEnded
from astrolabe.kube.retry import RetryBackoff, RetryPolicy, retry_policy_of
from tests.support.timing import ManualClock

SAME_VERSION_LATER = RetryPolicy(wait="backoff")
RELIST_LATER = RetryPolicy(wait="backoff", relist=True)
TOO_OLD = RetryPolicy(wait="backoff", relist=True, routine=True)
FORBIDDEN = RetryPolicy(wait="slowly", relist=True, cause="forbidden")
NOT_SERVED = RetryPolicy(wait="slowly", relist=True, cause="not-served")


@pytest.mark.parametrize(
    ("error", "policy"),
    [
        (ApiError(400, "BadRequest", "found ','"), RELIST_LATER),
        (ApiError(401, "Unauthorized", "Unauthorized"), RetryPolicy(reload=True)),
        (ApiError(403, "Forbidden", "pods is forbidden"), FORBIDDEN),
        (ApiError(404, "", ""), NOT_SERVED),
        (ApiError(406, "NotAcceptable", "only application/json"), NOT_SERVED),
        (ApiError(410, "Expired", "too old resource version: 500 (2355)"), TOO_OLD),
        (ApiError(410, "Gone", ""), TOO_OLD),
        (ApiError(422, "Invalid", "sendInitialEvents"), RELIST_LATER),
        (ApiError(429, "TooManyRequests", ""), SAME_VERSION_LATER),
        (ApiError(500, "InternalError", ""), SAME_VERSION_LATER),
        (ApiError(503, "", ""), SAME_VERSION_LATER),
        (ApiError(504, "Timeout", "Timeout: Too large resource version: 9, current: 2"), RELIST_LATER),
        (ApiError(504, "", ""), SAME_VERSION_LATER),
        (ConnectionBroken("no connection"), SAME_VERSION_LATER),
        (ConnectionBroken("its certificate is not trusted", tls=True), RetryPolicy(reload=True)),
        (NotTheApi("HTML"), SAME_VERSION_LATER),
        (WatchEnded("at once"), SAME_VERSION_LATER),
    ],
)
def test_the_policy_of_a_watch(error: RequestFailed, policy: RetryPolicy) -> None:
    assert retry_policy_of(error, watch_list=False) == policy


@pytest.mark.parametrize("code", [400, 422])
def test_a_refused_watch_list_becomes_a_list_without_delay(code: int) -> None:
    assert retry_policy_of(ApiError(code, "Invalid", ""), watch_list=True) == RetryPolicy(
        wait="no", relist=True, plain_list=True
    )


def test_a_watch_list_that_never_ends_becomes_a_list() -> None:
    assert retry_policy_of(WatchEnded("no bookmark"), watch_list=True) == RetryPolicy(
        relist=True, plain_list=True
    )


@pytest.mark.parametrize("error", [ApiError(429, "", ""), ApiError(500, "", ""), ConnectionBroken("cut")])
def test_a_failed_watch_list_is_retried(error: RequestFailed) -> None:
    assert retry_policy_of(error, watch_list=True) == SAME_VERSION_LATER


class Highest(Random):
    """Draws the upper bound, which full jitter never exceeds."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_delay_doubles_from_0_8_to_30_seconds() -> None:
    backoff = RetryBackoff(random=Highest(), clock=ManualClock(1000.0))
    assert [backoff.delay() for _ in range(8)] == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_the_jitter_is_full() -> None:
    backoff = RetryBackoff(random=Random(7), clock=ManualClock(1000.0), first=30.0)
    delays = [backoff.delay() for _ in range(200)]
    assert 0 <= min(delays) < 1
    assert 29 < max(delays) <= 30


def test_two_minutes_of_health_reset_it() -> None:
    clock = ManualClock(1000.0)
    backoff = RetryBackoff(random=Highest(), clock=clock)
    assert [backoff.delay(), backoff.delay()] == [0.8, 1.6]
    clock.now += 1.6 + 119.9
    assert backoff.delay() == 3.2
    clock.now += 3.2 + 120
    assert backoff.delay() == 0.8


def test_retry_after_is_the_least() -> None:
    backoff = RetryBackoff(random=Highest(), clock=ManualClock(1000.0))
    assert backoff.delay(5.0) == 5.8
    assert backoff.delay(None) == 1.6


def test_an_absurd_retry_after_is_bounded() -> None:
    assert RetryBackoff(random=Highest(), clock=ManualClock(1000.0)).delay(86400.0) == 300.8
