"""Asks many questions at a time, the urgent ones first."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Iterable
from contextvars import Context
from itertools import count

from astrolabe.users import Question, Reviewer, ReviewUnavailable, User

#: Questions that are under way: of all users, and of one. An API server's own flow control lets many more of
#: one client pass (https://kubernetes.io/docs/concepts/cluster-administration/flow-control).
ALL_ABREAST, ABREAST = 64, 32
#: Of those that nobody waits for, so that they come as a trickle and not as a wave.
CALM_ABREAST = 16
#: Seconds for one answer.
TIMEOUT = 10.0

#: How urgent questions are: somebody waits for the answer; an open stream may show too much or too little;
#: somebody was here lately; answers become old.
WAITED_FOR, STREAMED, REMEMBERED, CALM = range(4)


class QuestionDesk:
    """Puts questions to the API server. questions: how many were put so far."""

    def __init__(self, reviewer: Reviewer) -> None:
        self.questions = 0
        self._reviewer = reviewer
        #: Those with questions left, the most urgent first.
        self._jobs: list[_QuestionBatch] = []
        self._numbers = count()
        self._under_way = 0
        self._calm = 0

    async def answers(
        self, user: User, questions: Iterable[Question], *, urgency: int, rank: int = 0
    ) -> dict[Question, bool]:
        """All answers. Raises ReviewUnavailable with the first failure.

        rank: orders what is equally urgent.
        """
        job = _QuestionBatch(user, questions, (urgency, rank, next(self._numbers)))
        if not job.waiting:
            return {}
        insort(self._jobs, job, key=_order_of)
        self._pump()
        try:
            return await job.done
        finally:
            self._end(job)

    def hurry(self, user: User) -> None:
        """Somebody waits for what is being asked about this user."""
        for job in [job for job in self._jobs if job.user == user and job.order[0] > WAITED_FOR]:
            self._jobs.remove(job)
            job.order = (WAITED_FOR, *job.order[1:])
            insort(self._jobs, job, key=_order_of)
        self._pump()

    def _pump(self) -> None:
        while self._under_way < ALL_ABREAST:
            job = next((job for job in self._jobs if self._has_room(job)), None)
            if job is None:
                return
            self._start(job, job.waiting.pop())
            if not job.waiting:
                self._jobs.remove(job)

    def _has_room(self, job: _QuestionBatch) -> bool:
        is_calm = job.order[0] == CALM
        return len(job.under_way) < ABREAST and not (is_calm and self._calm >= CALM_ABREAST)

    def _start(self, job: _QuestionBatch, question: Question) -> None:
        is_calm = job.order[0] == CALM
        # Not in the context of the request, which would be kept alive as long.
        asking = self._ask(job, question)
        task = asyncio.create_task(asking, name="astrolabe.http.review", context=Context())
        self._under_way += 1
        self._calm += is_calm
        job.under_way.add(task)

        def end(task: asyncio.Task[None]) -> None:
            self._under_way -= 1
            self._calm -= is_calm
            job.under_way.discard(task)
            self._pump()

        task.add_done_callback(end)

    async def _ask(self, job: _QuestionBatch, question: Question) -> None:
        self.questions += 1
        try:
            async with asyncio.timeout(TIMEOUT):
                allowed = await self._reviewer.permits(job.user, question)
        except TimeoutError:
            job.fail(ReviewUnavailable(f"no answer within {TIMEOUT:.0f} s"))
        except Exception as error:
            job.fail(error)
        else:
            job.take(question, allowed)

    def _end(self, job: _QuestionBatch) -> None:
        """Drop a batch that is complete, or that nobody waits for any more."""
        if job in self._jobs:
            self._jobs.remove(job)
        for task in job.under_way:
            task.cancel()


class _QuestionBatch:
    """Questions about one user. done: their answers."""

    def __init__(self, user: User, questions: Iterable[Question], order: tuple[int, int, int]) -> None:
        self.user = user
        self.waiting = list(dict.fromkeys(questions))[::-1]
        self.order = order
        self.under_way: set[asyncio.Task[None]] = set()
        self.done: asyncio.Future[dict[Question, bool]] = asyncio.get_running_loop().create_future()
        self._left = len(self.waiting)
        self._answers: dict[Question, bool] = {}

    def take(self, question: Question, allowed: bool) -> None:
        self._answers[question] = allowed
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(self._answers)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def _order_of(job: _QuestionBatch) -> tuple[int, int, int]:
    return job.order
