"""Follows the served graph and knows its problems: one place for all doors.

A batch only notes what it touched. The causes are worked out soon afterwards, in slices, or at once when
somebody asks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextvars import Context
from itertools import islice
from math import inf

from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.ledger import Ledger, LedgerEntry
from astrolabe.graph.causes.problems import FoundProblem
from astrolabe.graph.causes.standing import StandingProblems
from astrolabe.graph.state.batch import Undo
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.http.stream.jobs import JobQueue
from astrolabe.timeslice import Lane, in_slices

logger = logging.getLogger("astrolabe.http")

#: Seconds after a change in which more may come before the causes are worked out.
SOON = 0.25
#: Nodes taken in per step.
STEP = 50
#: Rounds in which a question waits for what changes meanwhile.
MOST_ROUNDS = 20
#: Seconds after which the time is looked at again, at the latest.
LONGEST_SLEEP = 3600.0


class ProblemTracker:
    """The problems of one graph, now. Belongs to one event loop once it is asked or told to `follow`.

    version: grows by one whenever a list of problems may have changed.
    """

    def __init__(self, graph: ServedGraph, jobs: JobQueue, *, clock: Callable[[], float] = time.time) -> None:
        self.version = 0
        self._jobs = jobs
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._follows = self._is_soon = False
        self._settled: Callable[[], bool] = lambda: True
        self.restart(graph)

    def restart(self, graph: ServedGraph) -> None:
        """Follow another graph from now on."""
        self._graph = graph
        self.causes = Causes(graph)
        self._touched: dict[str, None] = {}
        self._adopted: dict[str, None] = {}
        self._is_begun = False
        self._work: Iterator[int] | None = None
        self._standing = StandingProblems(self.causes)
        self._ledger = Ledger()
        self._is_settled = False
        self._looked_at = inf
        self.version += 1
        self._wake_soon()

    def follow(self, settled: Callable[[], bool]) -> None:
        """Work causes out without being asked. settled: whether the graph is complete, so that what ends or
        comes back is news."""
        self._follows = True
        self._settled = settled
        self._wake_soon()

    def rest(self) -> None:
        """Stop looking for problems, except when asked."""
        self._follows = self._is_soon = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def note(self, before: Undo) -> None:
        """The graph applied a batch. before: what it overwrote."""
        if not self._is_begun and self._work is None:
            return
        touched = self._touched
        touched.update(dict.fromkeys(before.nodes))
        for type, source, target in before.edges:
            touched[source] = None
            touched[target] = None
            if type == OWNS:
                self._adopted[target] = None
        self._wake_soon()

    @property
    def active(self) -> list[FoundProblem]:
        """The problems as of the last look, the worst first."""
        if self._is_settled:
            return self._ledger.active
        return sorted(self._standing.by_group.values(), key=lambda each: each.rank)

    @property
    def is_settled(self) -> bool:
        """Whether the graph is complete, so that what ends or comes back is news."""
        return self._settled()

    @property
    def is_behind(self) -> bool:
        """Whether something was touched that is not worked out."""
        return not self._is_begun or bool(self._touched) or self._work is not None

    def steps(self) -> Iterator[int]:
        """Work out all that was touched, in steps."""
        for _ in range(MOST_ROUNDS):
            while self._work is not None or self.is_behind:
                yield self._advance()
                if self._work is None:
                    break
            if not self.is_behind:
                break

    async def problems(self) -> list[FoundProblem]:
        """The problems now, the worst first."""
        if self.is_behind:
            async for _ in in_slices(self.steps(), Lane.ANSWER):
                pass
        self._look()
        return self.active

    def ended(self) -> list[LedgerEntry]:
        """Problems that ended a moment ago."""
        return list(self._ledger.ended(self._clock()))

    def flaps_of(self, problem: FoundProblem) -> int:
        """How often it came back."""
        return self._ledger.flaps_of(problem.group)

    def _advance(self) -> int:
        if self._work is None:
            self._work = self._take_in()
        try:
            count = next(self._work, None)
        except Exception:
            self.restart(self._graph)
            raise
        if count is None:
            self._work = None
            return 0
        return count

    def _take_in(self) -> Iterator[int]:
        causes, touched = self.causes, self._touched
        if not self._is_begun:
            for _ in causes.begin(list(self._graph.nodes.values())):
                yield STEP
            self._is_begun = True
        while touched:
            chunk = list(islice(touched, STEP))
            for uid in chunk:
                del touched[uid]
            adopted = [uid for uid in chunk if self._adopted.pop(uid, 0) is None]
            causes.take(chunk, adopted)
            yield len(chunk)
        for _ in causes.refresh():
            yield 1
        self._looked_at = -inf

    def _look(self) -> None:
        """Look at the time: what is a problem by now?"""
        now = self._clock()
        if now < self._looked_at:
            return
        try:
            self.version += self._take_changes(now)
        except Exception:
            self.restart(self._graph)
            raise
        self._looked_at = min(
            self._standing.next_change_at,
            self._ledger.next_change_at(now),
            now + LONGEST_SLEEP,
        )

    def _take_changes(self, now: float) -> bool:
        """Returns whether any answer has changed."""
        standing, was_settled = self._standing, self._is_settled
        changes = standing.look(now)
        self._is_settled = self._settled()
        if not self._is_settled:
            return bool(changes)
        if not was_settled:
            changes = self._ledger.start_over(standing.by_group)
        return self._ledger.update(
            changes, now, lambda problem: self.causes.lingers(problem, standing.by_group)
        )

    def _wake_soon(self) -> None:
        if self._follows and not self._is_soon:
            self._wake_in(SOON)
            self._is_soon = True

    def _wake_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._wake, context=Context())

    def _wake(self) -> None:
        self._timer = None
        self._is_soon = False
        self._jobs.start(self._in_background())

    def _in_background(self) -> Iterator[int]:
        try:
            yield from self.steps()
            self._look()
        except Exception:
            logger.exception("looking for the causes of problems failed; starting again")
        if self._follows and self._timer is None:
            left = self._looked_at - self._clock()
            self._wake_in(SOON if self.is_behind else max(SOON, min(left, LONGEST_SLEEP)))
