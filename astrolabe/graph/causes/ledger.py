"""What became of problems: which are new, which ended a moment ago, and which come and go.

The only part that remembers. All else is a function of the graph and the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

from astrolabe.graph.causes.grouping import GroupKey
from astrolabe.graph.causes.problems import FoundProblem

#: Seconds for which an ended problem is shown, and within which it is the same one if it comes back.
SHOWN = 60.0
REOPENS = 300.0
#: Seconds that a problem must have lasted to be shown after its end: what goes at once was none.
LASTED = 10.0
#: Ended problems that are remembered; the oldest go first.
MOST_ENDED = 1000


class LedgerEntry:
    """One problem over its life. ended: when; infinity while it lasts. flaps: how often it came back."""

    __slots__ = ("began", "ended", "flaps", "problem")

    def __init__(self, problem: FoundProblem, now: float) -> None:
        self.problem = problem
        self.began = now
        self.ended = inf
        self.flaps = 0


class Ledger:
    """Follows the problems from one look to the next."""

    def __init__(self) -> None:
        self._entries: dict[GroupKey, LedgerEntry] = {}
        self._ended: dict[GroupKey, None] = {}

    def update(self, active: Iterable[FoundProblem], now: float) -> bool:
        """Take in the problems of now. Returns whether some began or ended, or are shown no longer."""
        entries, present, changed = self._entries, set(), False
        for problem in active:
            group = problem.group
            present.add(group)
            entry = entries.get(group)
            if entry is None:
                entries[group] = LedgerEntry(problem, now)
                changed = True
                continue
            entry.problem = problem
            if entry.ended != inf:
                entry.ended, entry.began = inf, now
                entry.flaps += 1
                del self._ended[group]
                changed = True
        for group in [group for group in entries if group not in present and group not in self._ended]:
            entries[group].ended = now
            self._ended[group] = None
            changed = True
        return self._forget(now) or changed

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
            if now < entry.ended + SHOWN and entry.ended - entry.began >= LASTED:
                yield entry

    def next_change_at(self, now: float) -> float:
        """When one is shown no longer; infinity: never."""
        ends = [self._entries[group].ended + SHOWN for group in self._ended]
        return min([end for end in ends if end > now], default=inf)
