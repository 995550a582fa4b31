import json
from pathlib import Path
from typing import Any

import pytest

from astrolabe.kube.errors import error_of_answer, error_of_status

RECORDED = json.loads((Path(__file__).parents[1] / "recordings/apiserver-behaviour.json").read_text())


def recorded(title: str) -> dict[str, Any]:
    return next(pair["response"] for pair in RECORDED if pair["title"] == title)


@pytest.mark.parametrize(
    ("title", "text", "retry_after"),
    [
        ("bad token", "401 Unauthorized: Unauthorized", None),
        (
            "no token",
            '403 Forbidden: pods is forbidden: User "system:anonymous" cannot list resource "pods" in API'
            ' group "" at the cluster scope',
            None,
        ),
        ("unknown resource", "404 NotFound: the server could not find the requested resource", None),
        ("unknown group", "404", None),
        (
            "list at a resourceVersion of the future",
            "504 Timeout: Timeout: Too large resource version: 99999999, current: 2322",
            1.0,
        ),
        (
            "list at an exact resourceVersion that was compacted",
            "410 Expired: The resourceVersion for the provided list is too old.",
            None,
        ),
    ],
)
def test_the_recorded_refusals(title: str, text: str, retry_after: float | None) -> None:
    answer = recorded(title)
    error = error_of_answer(answer["status"], answer["headers"], answer["body_start"].encode())
    assert str(error) == text
    assert error.code == answer["status"]
    assert error.retry_after == retry_after


def test_html_pages_are_not_quoted() -> None:
    assert str(error_of_answer(502, {}, b"<html>Bad Gateway</html>")) == "502"


def test_retry_after_of_the_header_is_preferred_and_a_date_ignored() -> None:
    body = b'{"message":"slow down","reason":"TooManyRequests","code":429,"details":{"retryAfterSeconds":2}}'
    assert error_of_answer(429, {"Retry-After": "7"}, body).retry_after == 7.0
    assert error_of_answer(429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, body).retry_after == 2.0
    assert error_of_answer(429, {}, b"").retry_after is None


def test_a_status_without_a_code_is_an_internal_error() -> None:
    assert error_of_status(b'{"kind":"Status","status":"Failure","message":"oops"}').code == 500


def test_a_long_message_is_cut() -> None:
    assert len(error_of_answer(500, {}, b'{"message":"' + b"x" * 5000 + b'"}').message) == 300
