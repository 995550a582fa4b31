"""Work that is done in the event loop a slice of time at a time, however much there is of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextvars import Context

from astrolabe.timeslice import Lane, turns

#: Nodes that are looked at within the turn in which somebody asks, before the rest has to wait for the next
#: turns: enough for all of a small graph, and at most some milliseconds.
AT_ONCE = 1000
#: Nodes that a step is counted for at least.
LEAST = 10
#: Jobs that are worked on by turns; others wait until one of these is done.
ABREAST = 4

#: A piece of work in steps, each of which tells how many nodes it looked at.
Steps = Iterator[int]


class Job:
    """One piece of work. steps: they must not raise."""

    def __init__(self, steps: Steps) -> None:
        self._steps: Steps | None = steps

    @property
    def done(self) -> bool:
        """Whether there is nothing left of it."""
        return self._steps is None

    def step(self) -> int:
        """Go on; returns how many nodes were looked at."""
        if self._steps is None:
            return 0
        steps, self._steps = self._steps, None  # a step that comes back to its own job finds it at work
        count = next(steps, None)
        if count is None:
            return 0
        self._steps = steps
        return count

    def cancel(self) -> None:
        """Leave it."""
        self._steps = None


class Workshop:
    """Long work over the graph: some jobs by turns, in one slice of time a turn for all of them."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()
        self._abreast: deque[Job] = deque()
        self._running = False
        self._left = AT_ONCE
        self._counting = False

    def start(self, steps: Steps) -> Job:
        """Begin; what is little is done when this returns, unless there is more to do already."""
        job = Job(steps)
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
        """From now on until the end of this turn of the loop."""
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
