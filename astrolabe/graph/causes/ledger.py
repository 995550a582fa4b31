"""What became of problems: which are new, which ended a moment ago, and which come and go.

The only part that remembers. All else is a function of the graph and the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf

from msgspec.structs import replace

from astrolabe.graph.causes.grouping import GroupKey
from astrolabe.graph.causes.problems import FoundProblem

#: Seconds for which an ended problem is shown, and within which it is the same one if it comes back.
SHOWN = 60.0
REOPENS = 300.0
#: Seconds for which a problem goes on though its cause is gone, if what had it is not well yet: a container
#: that is started again, or a Pod that takes the place of another one. A kubelet waits no longer than that.
LINGERS = 300.0
#: Ended problems that are remembered; the oldest go first.
MOST_ENDED = 1000


class LedgerEntry:
    """One problem over its life. ended: when; infinity while it lasts. flaps: how often it came back.

    absent: since when its cause is not there; infinity while it is.
    """

    __slots__ = ("absent", "ended", "flaps", "problem")

    def __init__(self, problem: FoundProblem) -> None:
        self.problem = problem
        self.absent = inf
        self.ended = inf
        self.flaps = 0

    def go_on(self, problem: FoundProblem) -> None:
        """It is so now. One that has not ended goes on since it began."""
        began = self.problem.since
        if self.ended == inf and began and began < problem.since:
            problem = replace(problem, since=began)
        self.problem, self.absent, self.ended = problem, inf, inf


class Ledger:
    """Follows the problems from one look to the next. active: those that have not ended."""

    def __init__(self) -> None:
        self.active: list[FoundProblem] = []
        self._entries: dict[GroupKey, LedgerEntry] = {}
        self._ended: dict[GroupKey, None] = {}

    def update(
        self,
        standing: Iterable[FoundProblem],
        now: float,
        lingers: Callable[[FoundProblem], bool] = lambda _: False,
    ) -> bool:
        """Take in the problems of now. Returns whether some began or ended, or are shown no longer.

        lingers: of one that is not among them, whether what had it is not well yet.
        """
        entries, present, changed = self._entries, set(), False
        for problem in standing:
            group = problem.group
            present.add(group)
            entry = entries.get(group)
            if entry is None:
                entry = entries[group] = LedgerEntry(problem)
                changed = True
            elif entry.ended != inf:
                entry.flaps += 1
                del self._ended[group]
                changed = True
            entry.go_on(problem)
        for group, entry in entries.items():
            if group in present or entry.ended != inf:
                continue
            entry.absent = min(entry.absent, now)
            if now >= entry.absent + LINGERS or not lingers(entry.problem):
                entry.ended = now
                self._ended[group] = None
                changed = True
        changed = self._forget(now) or changed
        self.active = [entry.problem for entry in entries.values() if entry.ended == inf]
        return changed

    def _forget(self, now: float) -> bool:
        gone = [group for group in self._ended if self._entries[group].ended + REOPENS <= now]
        gone += list(self._ended)[: max(0, len(self._ended) - len(gone) - MOST_ENDED)]
        for group in gone:
            self._ended.pop(group, None)
            self._entries.pop(group, None)
        return bool(gone)

    def flaps_of(self, group: GroupKey) -> int:
        """How often the problem came back within minutes of its end."""
        entry = self._entries.get(group)
        return entry.flaps if entry is not None else 0

    def ended(self, now: float) -> Iterator[LedgerEntry]:
        """Those that ended a moment ago."""
        for group in self._ended:
            entry = self._entries[group]
            if now < entry.ended + SHOWN:
                yield entry

    def next_change_at(self, now: float) -> float:
        """When one is shown no longer, or has lingered long enough; infinity: never."""
        ends = [entry.absent + LINGERS for entry in self._entries.values() if entry.ended == inf]
        ends += [self._entries[group].ended + SHOWN for group in self._ended]
        return min([end for end in ends if end > now], default=inf)
