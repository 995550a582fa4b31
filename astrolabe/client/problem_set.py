"""A client's copy of the problems of one filter, and how each message changes it. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from astrolabe.client.errors import ProtocolError
from astrolabe.client.message import (
    BookmarkMessage,
    ProblemDocument,
    ProblemsDeltaMessage,
    ProblemsMessage,
    ResetMessage,
    ServerMessage,
)
from astrolabe.client.progress import FollowedCopy, Sign
from astrolabe.client.reported import ReportedProblem

#: From the worst to the best. A status that a newer server adds counts as Unknown.
_STATUSES = ("Error", "Pending", "Unknown", "Ready")


class ProblemChange(msgspec.Struct, frozen=True):
    """`+`: added. `~`: changed. `-`: removed; `problem` is its last version.

    before: the previous version; None if added.
    """

    sign: Sign
    problem: ReportedProblem
    before: ReportedProblem | None = None


class HeldProblem(msgspec.Struct, frozen=True):
    """A problem, and the JSON object that it was read from."""

    problem: ReportedProblem
    document: ProblemDocument


class ProblemSet(FollowedCopy):
    """The problems of one subscription. It survives reconnects. Read only.

    Its position is one of this list, which no other server knows.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[str, HeldProblem] = {}
        self._staged: dict[str, HeldProblem] = {}

    @property
    def held(self) -> Mapping[str, HeldProblem]:
        """By id, in no order that means something."""
        return self._held

    def apply(self, message: ServerMessage) -> list[ProblemChange]:
        """As of `LocalCopy`."""
        match message:
            case ProblemsDeltaMessage():
                return self._delta(message)
            case ProblemsMessage():
                return self._snapshot(message)
            case BookmarkMessage() | ResetMessage():
                self._progress.move(message)
        return []

    def _delta(self, delta: ProblemsDeltaMessage) -> list[ProblemChange]:
        self._progress.check_step(delta)
        changes = []
        for each in [_read(document) for document in delta.problems.set]:
            before = self._held.get(each.problem.id)
            if before != each:
                self._held[each.problem.id] = each
                changes.append(_change(each, before))
        for id in delta.problems.remove:
            gone = self._held.pop(id, None)
            if gone is not None:
                changes.append(ProblemChange("-", gone.problem, gone.problem))
        self._progress.advance(delta)
        return changes

    def _snapshot(self, part: ProblemsMessage) -> list[ProblemChange]:
        self._progress.add_part(part)
        if part.part == 1:
            self._staged = {}
        for document in part.problems:
            each = _read(document)
            if each.problem.id in self._staged:
                raise ProtocolError(f"{each.problem.id} is twice in a snapshot")
            self._staged[each.problem.id] = each
        if not part.last:
            return []
        before, self._held, self._staged = self._held, self._staged, {}
        self._progress.finish(part)
        changes = [_change(each, before.get(id)) for id, each in self._held.items() if before.get(id) != each]
        gone = [each.problem for id, each in before.items() if id not in self._held]
        return changes + [ProblemChange("-", each, each) for each in gone]


def _read(document: ProblemDocument) -> HeldProblem:
    try:
        return HeldProblem(msgspec.convert(document, ReportedProblem), document)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"a problem is malformed: {error}") from error


def _change(each: HeldProblem, before: HeldProblem | None) -> ProblemChange:
    if before is None:
        return ProblemChange("+", each.problem)
    return ProblemChange("~", each.problem, before.problem)


def in_order(held: Iterable[HeldProblem], sort: str = "severity") -> list[HeldProblem]:
    """In an order of `/api/v1/problems`, those that ended last. A delta does not say where one belongs."""
    key = _ORDERS[sort]
    return sorted(held, key=lambda each: (bool(each.problem.ended), key(each.problem)))


def _rank(problem: ReportedProblem) -> tuple[Any, ...]:
    status = problem.status if problem.status in _STATUSES else "Unknown"
    return _STATUSES.index(status), -problem.reach, problem.since or "9", problem.id


def _newest(problem: ReportedProblem) -> tuple[int, ...]:
    """Texts of times in reversed order; none comes last."""
    return tuple(-ord(character) for character in problem.since) or (1,)


_ORDERS: dict[str, Callable[[ReportedProblem], Any]] = {
    "severity": _rank,
    "reach": lambda problem: (-problem.reach, _rank(problem)),
    "affected": lambda problem: (-problem.affected.total, _rank(problem)),
    "age": lambda problem: (problem.since or "9", _rank(problem)),
    "newest": lambda problem: (_newest(problem), _rank(problem)),
}
