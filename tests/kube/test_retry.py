import pytest

from astrolabe.kube.errors import ApiError, ConnectionBroken, NotTheApi, RequestFailed, WatchEnded
from astrolabe.kube.retry import RetryPolicy, retry_policy_of

SAME_VERSION_LATER = RetryPolicy(wait="backoff")
ANEW_LATER = RetryPolicy(wait="backoff", relist=True)
TOO_OLD = RetryPolicy(wait="backoff", relist=True, routine=True)
FORBIDDEN = RetryPolicy(wait="slowly", relist=True, cause="forbidden")
NOT_SERVED = RetryPolicy(wait="slowly", relist=True, cause="not-served")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ApiError(400, "BadRequest", "found ','"), ANEW_LATER),
        (ApiError(401, "Unauthorized", "Unauthorized"), RetryPolicy(reload=True)),
        (ApiError(403, "Forbidden", "pods is forbidden"), FORBIDDEN),
        (ApiError(404, "", ""), NOT_SERVED),
        (ApiError(406, "NotAcceptable", "only application/json"), NOT_SERVED),
        (ApiError(410, "Expired", "too old resource version: 500 (2355)"), TOO_OLD),
        (ApiError(410, "Gone", ""), TOO_OLD),
        (ApiError(422, "Invalid", "sendInitialEvents"), ANEW_LATER),
        (ApiError(429, "TooManyRequests", ""), SAME_VERSION_LATER),
        (ApiError(500, "InternalError", ""), SAME_VERSION_LATER),
        (ApiError(503, "", ""), SAME_VERSION_LATER),
        (ApiError(504, "Timeout", "Timeout: Too large resource version: 9, current: 2"), ANEW_LATER),
        (ApiError(504, "", ""), SAME_VERSION_LATER),
        (ConnectionBroken("no connection"), SAME_VERSION_LATER),
        (ConnectionBroken("its certificate is not trusted", tls=True), RetryPolicy(reload=True)),
        (NotTheApi("HTML"), SAME_VERSION_LATER),
        (WatchEnded("at once"), SAME_VERSION_LATER),
    ],
)
def test_the_outcome_of_a_watch(error: RequestFailed, outcome: RetryPolicy) -> None:
    assert retry_policy_of(error, watch_list=False) == outcome


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
def test_a_watch_list_that_fails_is_tried_again(error: RequestFailed) -> None:
    assert retry_policy_of(error, watch_list=True) == SAME_VERSION_LATER
