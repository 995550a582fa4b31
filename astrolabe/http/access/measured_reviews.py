"""Counts reviews, and says in the log when the API server stops answering them, and when it answers again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from astrolabe.http.counters import ReviewCounters
from astrolabe.users import Question, Reviewer, ReviewUnavailable, User

logger = logging.getLogger("astrolabe.http")

#: What is reviewed: whose a token is, and what a user may do.
TOKEN, ACCESS = "token", "access"

#: Seconds between two warnings about reviews of one sort.
QUIET_SECONDS = 60.0

A = TypeVar("A")


def new_counters() -> Mapping[str, ReviewCounters]:
    """By what is reviewed."""
    return {TOKEN: ReviewCounters(), ACCESS: ReviewCounters()}


class MeasuredReviews:
    """Implements `users.Reviewer` by another one. clock: monotonic seconds.

    counters: may be those of several; see `new_counters`.
    """

    def __init__(
        self,
        reviewer: Reviewer,
        *,
        clock: Callable[[], float],
        counters: Mapping[str, ReviewCounters] | None = None,
    ) -> None:
        self._reviewer = reviewer
        self._clock = clock
        self.counters = counters or new_counters()
        #: Since when each sort fails, and when that was last said.
        self._failing: dict[str, float] = {}
        self._warned: dict[str, float] = {}

    async def identify(self, token: str) -> User | None:
        return await self._measure(TOKEN, self._reviewer.identify(token))

    async def permits(self, user: User, question: Question) -> bool:
        return await self._measure(ACCESS, self._reviewer.permits(user, question))

    async def _measure(self, sort: str, asking: Awaitable[A]) -> A:
        counters, began = self.counters[sort], self._clock()
        counters.asked += 1
        try:
            answer = await asking
        except ReviewUnavailable as error:
            counters.failed += 1
            self._warn(sort, error)
            raise
        counters.duration.observe(self._clock() - began)
        self._end(sort)
        return answer

    def _warn(self, sort: str, error: ReviewUnavailable) -> None:
        now = self._clock()
        is_news = sort not in self._failing
        self._failing.setdefault(sort, now)
        if not is_news or now - self._warned.get(sort, -QUIET_SECONDS) < QUIET_SECONDS:
            logger.debug("%s", error.detail)
            return
        self._warned[sort] = now
        what = "whose tokens are sent" if sort == TOKEN else "what users may see"
        logger.warning(
            "the API server does not tell %s: who is not known yet gets 503, and open streams continue: %s",
            what,
            error.detail,
        )

    def _end(self, sort: str) -> None:
        since = self._failing.pop(sort, None)
        if since is not None:
            seconds = self._clock() - since
            logger.info("the API server answers %s reviews again, after %.0f s", sort, seconds)
