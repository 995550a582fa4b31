"""What is counted of reviews, and what the log says."""

from __future__ import annotations

import logging

import pytest

from astrolabe.http.access.measured_reviews import ACCESS, TOKEN, MeasuredReviews
from astrolabe.users import Question, ReviewUnavailable, User

JANE = User("jane")
PODS = Question(resource="pods")


class Api:
    """Answers, or fails with what is set. seconds: until an answer."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds = 0.0
        self.error = ""

    async def identify(self, token: str) -> User | None:
        return JANE if await self.permits(JANE, PODS) else None

    async def permits(self, user: User, question: Question) -> bool:
        self.now += self.seconds
        if self.error:
            raise ReviewUnavailable(self.error, f"{self.error} of kubernetes.example")
        return True


async def test_reviews_are_counted_by_sort() -> None:
    api = Api()
    reviews = MeasuredReviews(api, clock=lambda: api.now)
    api.seconds = 0.3
    assert await reviews.identify("t") == JANE
    api.error = "TokenReview answers 500"
    with pytest.raises(ReviewUnavailable):
        await reviews.permits(JANE, PODS)
    token, access = reviews.counters[TOKEN], reviews.counters[ACCESS]
    assert (token.asked, token.failed, sum(token.duration.counts)) == (1, 0, 1)
    assert token.duration.sum == pytest.approx(0.3)
    assert (access.asked, access.failed, sum(access.duration.counts)) == (1, 1, 0)


async def test_a_lasting_failure_is_logged_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="astrolabe.http")
    api = Api()
    reviews = MeasuredReviews(api, clock=lambda: api.now)

    async def fail(times: int) -> None:
        api.error = "TokenReview answers 500"
        for _ in range(times):
            with pytest.raises(ReviewUnavailable):
                await reviews.identify("a-token")

    async def answer() -> None:
        api.error = ""
        await reviews.identify("a-token")

    api.seconds = 1.0
    await fail(20)
    await answer()
    await fail(1)  # soon after: not worth a line
    await answer()
    api.now += 60.0
    await fail(1)
    warning = (
        "the API server does not tell whose tokens are sent: who is not known yet gets 503, and open streams "
        "continue: TokenReview answers 500 of kubernetes.example"
    )
    assert caplog.messages == [
        warning,
        "the API server answers token reviews again, after 20 s",
        "the API server answers token reviews again, after 1 s",
        warning,
    ]
    assert "a-token" not in caplog.text
