"""The problems of the graph, or of the part that a filter keeps, as JSON objects: one place for all doors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import inf
from typing import Any, NamedTuple

from astrolabe.engine.serving_state import ServingState, StateTracker
from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.documents import SORTS, document_of
from astrolabe.graph.causes.grouping import GroupKey, id_of
from astrolabe.graph.causes.ledger import Ledger
from astrolabe.graph.causes.partial_graph import PartialGraph
from astrolabe.graph.causes.problems import FoundProblem, others_beside
from astrolabe.graph.views.filter import Filter
from astrolabe.http.stream.hub import Hub
from astrolabe.timeslice import Lane, in_slices

#: Problems that are listed unless a limit is given.
DEFAULT_LIMIT = 1000
#: Reasons for which a kind cannot be seen.
_BLIND = ("forbidden",)


def unseen_kinds(state: ServingState) -> list[str]:
    """The kinds that cannot be seen, so that more may be concerned."""
    hidden = state.coverage.hidden if state.coverage is not None else ()
    return sorted({gap.kind for gap in state.partial if gap.reason in _BLIND} | {*hidden})


class FoundProblems(NamedTuple):
    """The problems of one graph, with what is remembered of them.

    next_due: when time alone makes another problem; infinite for the whole graph, whose tracker knows.
    """

    causes: Causes
    problems: Sequence[FoundProblem]
    flaps: dict[GroupKey, int]
    ended: dict[GroupKey, float]
    next_due: float = inf

    def remembered(self, ledger: Ledger, now: float) -> FoundProblems:
        """These and what is remembered of them by a ledger that follows the same part of the graph."""
        standing = {problem.group: problem for problem in self.problems}
        ledger.update(
            ledger.start_over(standing), now, lambda problem: self.causes.lingers(problem, standing)
        )
        ended = list(ledger.ended(now))
        return self._replace(
            problems=[*ledger.active, *[entry.problem for entry in ended]],
            flaps={each.group: flaps for each in ledger.active if (flaps := ledger.flaps_of(each.group))},
            ended={entry.problem.group: entry.ended for entry in ended},
            next_due=min(self.next_due, ledger.next_change_at(now)),
        )


class ProblemLister:
    """Finds problems and describes them. state: how far the graph may be trusted, and its cluster."""

    def __init__(self, hub: Hub, state: StateTracker) -> None:
        self._hub = hub
        self._state = state

    async def everything(self) -> FoundProblems:
        """The problems of the whole graph."""
        tracker = self._hub.problems
        active = await tracker.problems()
        ended = tracker.ended()
        return FoundProblems(
            tracker.causes,
            [*active, *[entry.problem for entry in ended]],
            {problem.group: flaps for problem in active if (flaps := tracker.flaps_of(problem))},
            {entry.problem.group: entry.ended for entry in ended},
        )

    async def part(self, filter: Filter) -> FoundProblems:
        """The problems of what the filter keeps, as if there was nothing else."""
        snapshot = await self._hub.snapshot(filter)
        part = PartialGraph()
        causes = Causes(part)

        def work() -> Iterator[None]:
            yield from part.fill(snapshot.nodes, snapshot.edges)
            yield from causes.begin(snapshot.nodes)
            yield from causes.refresh()

        async for _ in in_slices(work(), Lane.ANSWER):
            pass
        now = time.time()
        return FoundProblems(causes, causes.standing(now), {}, {}, causes.next_change_at(now))

    def documents(
        self,
        found: FoundProblems,
        *,
        sort: str = "severity",
        limit: int = DEFAULT_LIMIT,
        detail: bool = False,
        id: str = "",
    ) -> Iterator[dict[str, Any]]:
        """The problems in order, those that ended last. id: of the only one that is wanted, or ""."""
        problems = list(found.problems)
        if id:
            problems = [each for each in problems if self.id_of(each) == id]
        problems.sort(key=SORTS[sort])
        problems.sort(key=lambda each: each.group in found.ended)
        coverage = unseen_kinds(self._state.refresh())
        groups = {problem.group for problem in found.problems}
        for problem in problems[:limit]:
            yield self._document(found, problem, groups, coverage, detail=detail)

    def id_of(self, problem: FoundProblem) -> str:
        """The id of a problem."""
        return self._id(problem.group)

    def _document(
        self,
        found: FoundProblems,
        problem: FoundProblem,
        groups: set[GroupKey],
        coverage: Sequence[str],
        *,
        detail: bool,
    ) -> dict[str, Any]:
        also = sorted(map(self._id, others_beside(found.causes, problem) & groups))
        document = document_of(
            found.causes,
            problem,
            id=self._id(problem.group),
            also=also,
            coverage=coverage,
            detail=detail,
        )
        if problem.group in found.flaps:
            document["flaps"] = found.flaps[problem.group]
        if problem.group in found.ended:
            ended = datetime.fromtimestamp(found.ended[problem.group], UTC)
            document["ended"] = f"{ended:%Y-%m-%dT%H:%M:%SZ}"
        return document

    def _id(self, group: GroupKey) -> str:
        return id_of(self._state.current.cluster.name, group)
