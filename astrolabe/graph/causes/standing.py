"""The current problems while time passes: a change costs only its own work, and each grace ends by itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from math import inf

from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.grouping import GroupKey
from astrolabe.graph.causes.problems import FoundProblem, Rank

#: Entries of the heap that may be over before it is made again.
SLACK = 1000


class RankedProblems:
    """Problems in order, the worst first. listed: that list; it changes in place."""

    def __init__(self) -> None:
        self.listed: list[FoundProblem] = []
        self._order: list[Rank] = []
        self._ranks: dict[GroupKey, Rank] = {}

    def put(self, problem: FoundProblem) -> None:
        """This is one of them, as it is now."""
        self.remove(problem.group)
        rank = problem.rank
        place = bisect_left(self._order, rank)
        self._order.insert(place, rank)
        self.listed.insert(place, problem)
        self._ranks[problem.group] = rank

    def remove(self, group: GroupKey) -> None:
        """Remove it, if it was one of them."""
        rank = self._ranks.pop(group, None)
        if rank is not None:
            place = bisect_left(self._order, rank)
            del self._order[place], self.listed[place]


class StandingProblems:
    """What `Causes.standing` says, kept up to date. by_group: the problems that stand."""

    def __init__(self, causes: Causes) -> None:
        self.by_group: dict[GroupKey, FoundProblem] = {}
        self._causes = causes
        #: By group, when it is to be looked at again; `_ends` has these too, and some that are over.
        self._dues: dict[GroupKey, float] = {}
        self._ends: list[tuple[float, GroupKey]] = []
        self._looked = -inf

    def look(self, now: float) -> dict[GroupKey, FoundProblem | None]:
        """Those that changed since the last look; None for one that is over."""
        causes, ends = self._causes, self._ends
        asked = causes.take_remade()
        if now < self._looked:
            asked.update(dict.fromkeys([*self.by_group, *[problem.group for problem in causes.found()]]))
        self._looked = now
        while ends and ends[0][0] <= now:
            asked[heappop(ends)[1]] = None
        return dict(self._changes(asked, now))

    def _changes(
        self, asked: Iterable[GroupKey], now: float
    ) -> Iterable[tuple[GroupKey, FoundProblem | None]]:
        for group in asked:
            found = self._causes.problem(group)
            self._wait(group, found, now)
            stands = self._causes.grown(found, now) if found is not None and found.due <= now else None
            if stands != self.by_group.get(group):
                if stands is None:
                    del self.by_group[group]
                else:
                    self.by_group[group] = stands
                yield group, stands

    def _wait(self, group: GroupKey, found: FoundProblem | None, now: float) -> None:
        """Note when it is to be looked at again."""
        dues = (found.due, *found.dues) if found is not None else ()
        due = min([each for each in dues if each > now], default=inf)
        if due == self._dues.get(group, inf):
            return
        if due == inf:
            del self._dues[group]
            return
        self._dues[group] = due
        heappush(self._ends, (due, group))
        if len(self._ends) > 2 * len(self._dues) + SLACK:
            self._ends = [(due, group) for group, due in self._dues.items()]
            heapify(self._ends)

    @property
    def next_change_at(self) -> float:
        """When something becomes a problem or joins one, if nothing changes; infinity: never."""
        ends = self._ends
        while ends and self._dues.get(ends[0][1]) != ends[0][0]:
            heappop(ends)
        return ends[0][0] if ends else inf
