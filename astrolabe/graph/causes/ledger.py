"""What became of problems: which are new, which ended a moment ago, and which come and go.

The only part that remembers. All else is a function of the graph and the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import inf

from msgspec.structs import replace

from astrolabe.graph.causes.grouping import GroupKey
from astrolabe.graph.causes.problems import FoundProblem
from astrolabe.graph.causes.standing import RankedProblems

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
        """It is so now. If it has not ended, it keeps its beginning."""
        began = self.problem.since
        if self.ended == inf and began and began < problem.since:
            problem = replace(problem, since=began)
        self.problem, self.absent, self.ended = problem, inf, inf


class Ledger:
    """Follows the problems from one look to the next. A look costs what changed, and what ended lately."""

    def __init__(self) -> None:
        self._ranked = RankedProblems()
        self._entries: dict[GroupKey, LedgerEntry] = {}
        self._absent: dict[GroupKey, None] = {}
        self._ended: dict[GroupKey, None] = {}

    @property
    def active(self) -> list[FoundProblem]:
        """Those that have not ended, the worst first."""
        return self._ranked.listed

    def update(
        self,
        changes: Mapping[GroupKey, FoundProblem | None],
        now: float,
        lingers: Callable[[FoundProblem], bool] = lambda _: False,
    ) -> bool:
        """Take in what changed; None: it stands no more. Returns whether anything is told otherwise now.

        lingers: of one that stands no more, whether what had it is not well yet.
        """
        entries, changed = self._entries, False
        for group, problem in changes.items():
            if problem is not None:
                changed = self._go_on(group, problem) or changed
            elif group in entries and entries[group].ended == inf:
                self._absent[group] = None
                entries[group].absent = min(entries[group].absent, now)
        for group in list(self._absent):
            entry = entries[group]
            if now >= entry.absent + LINGERS or not lingers(entry.problem):
                entry.ended = now
                del self._absent[group]
                self._ended[group] = None
                self._ranked.remove(group)
                changed = True
        return self._forget(now) or changed

    def start_over(self, standing: Mapping[GroupKey, FoundProblem]) -> dict[GroupKey, FoundProblem | None]:
        """What to take in to be up to date with these, whatever was missed."""
        return {**dict.fromkeys(self._entries), **standing}

    def _go_on(self, group: GroupKey, problem: FoundProblem) -> bool:
        entry = self._entries.get(group)
        before = entry.problem if entry is not None and entry.ended == inf else None
        if entry is None:
            entry = self._entries[group] = LedgerEntry(problem)
        elif entry.ended != inf:
            entry.flaps += 1
            del self._ended[group]
        self._absent.pop(group, None)
        entry.go_on(problem)
        if entry.problem == before:
            return False
        self._ranked.put(entry.problem)
        return True

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
        ends = [self._entries[group].absent + LINGERS for group in self._absent]
        ends += [self._entries[group].ended + SHOWN for group in self._ended]
        return min([end for end in ends if end > now], default=inf)
