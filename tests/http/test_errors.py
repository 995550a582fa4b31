import pytest
from sanic.exceptions import MethodNotAllowed, NotFound, ServiceUnavailable
from sanic.exceptions import ServerError as SanicServerError

from astrolabe.graph.views.filter import FilterError
from astrolabe.http.errors import Refusal, as_refusal


@pytest.mark.parametrize(
    ("exception", "status", "error", "message"),
    [
        (Refusal(404, "not-found", "no such thing"), 404, "not-found", "no such thing"),
        (FilterError("unknown kind 'X'"), 400, "bad-filter", "unknown kind 'X'"),
        (NotFound("nothing here"), 404, "not-found", "nothing here"),
        (MethodNotAllowed("no", method="POST", allowed_methods=["GET"]), 405, "method-not-allowed", "no"),
        (ServiceUnavailable("busy"), 503, "unavailable", "busy"),
        (SanicServerError("detail"), 500, "internal-error", "the server failed; its log says why"),
        (RuntimeError("detail"), 500, "internal-error", "the server failed; its log says why"),
    ],
)
def test_responses_to_exceptions(exception: Exception, status: int, error: str, message: str) -> None:
    refusal = as_refusal(exception)
    assert (refusal.status, refusal.error, refusal.message) == (status, error, message)


def test_allowed_methods_are_named() -> None:
    refusal = as_refusal(MethodNotAllowed("no", method="POST", allowed_methods=["GET", "HEAD"]))
    assert refusal.headers == {"Allow": "GET, HEAD"}
