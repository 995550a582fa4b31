"""Background jobs: long work that runs in the event loop, one slice of time after another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextvars import Context

from astrolabe.timeslice import Lane, turns

#: Nodes that are visited at once, before the rest waits for later turns: enough for a whole small graph, and
#: a few milliseconds at most.
AT_ONCE = 1000
#: The least number of nodes that a step counts for.
LEAST = 10
#: Jobs that take turns. Others wait until one of these is done.
ABREAST = 4

#: Work in steps. Each step yields the number of nodes that it visited.
Steps = Iterator[int]


class BackgroundJob:
    """One piece of work. Its steps must not raise."""

    def __init__(self, steps: Steps) -> None:
        self._steps: Steps | None = steps

    @property
    def done(self) -> bool:
        """Whether no steps are left."""
        return self._steps is None

    def step(self) -> int:
        """Run one step; returns the number of nodes that it visited."""
        if self._steps is None:
            return 0
        steps, self._steps = self._steps, None  # a step may reach its own job
        count = next(steps, None)
        if count is None:
            return 0
        self._steps = steps
        return count

    def cancel(self) -> None:
        """Drop the remaining steps."""
        self._steps = None


class JobQueue:
    """Runs long work over the graph: a few jobs take turns, and share one slice of time per turn."""

    def __init__(self) -> None:
        self._waiting: deque[BackgroundJob] = deque()
        self._abreast: deque[BackgroundJob] = deque()
        self._running = False
        self._left = AT_ONCE
        self._counting = False

    def start(self, steps: Steps) -> BackgroundJob:
        """Start a job. A small one is done when this returns, unless other jobs are waiting."""
        job = BackgroundJob(steps)
        self._count()
        if not self._running:
            while self._left > 0 and not job.done:
                self._left -= max(job.step(), LEAST)
        if not job.done:
            self._waiting.append(job)
            if not self._running:
                self._running = True
                turns().ask(self._run, Lane.ANSWER)
        return job

    def _count(self) -> None:
        """Limit what is done at once until the end of this turn of the loop."""
        if not self._counting:
            self._counting = True
            asyncio.get_running_loop().call_soon(self._recount, context=Context())

    def _recount(self) -> None:
        self._left, self._counting = AT_ONCE, False

    def _run(self) -> None:
        mine, abreast = turns(), self._abreast
        while True:
            while self._waiting and len(abreast) < ABREAST:
                abreast.append(self._waiting.popleft())
            if not abreast:
                break
            job = abreast.popleft()
            job.step()
            if not job.done:
                abreast.append(job)
            if mine.over:
                break
        self._running = bool(abreast or self._waiting)
        if self._running:
            mine.ask(self._run, Lane.ANSWER)
