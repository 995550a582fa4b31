"""What went wrong with one resource while the graph was settled: a value, since the graph keeps no log."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import msgspec

#: The reason of a status that could not be derived from the neighbours: the level is the resource's own.
RULE_FAILED = "RuleFailed"


class InvalidObjectError(ValueError):
    """What an object says fits into no graph; the message names the rule or the limit, never a value."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """A rule that raised, for one resource; the resource is in the graph all the same."""

    kind: str
    namespace: str
    name: str
    why: str


class Faults:
    """The rules that raise now: at most one a resource."""

    def __init__(self) -> None:
        self._failing: dict[str, Fault] = {}
        self._new: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._failing.values())

    def note(self, uid: str, fault: Fault) -> None:
        """A rule raised for the resource with this uid."""
        self._failing[uid] = fault
        self._new.append(fault)

    def clear(self, uid: str) -> None:
        """It did not, or the resource is gone."""
        if self._failing:
            self._failing.pop(uid, None)

    def take(self) -> list[Fault]:
        """What was noted since the last call."""
        taken, self._new = self._new, []
        return taken


def where(error: Exception) -> str:
    """The type of an error and the line that raised it; not its text, which may quote the manifest."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno} of {frame.filename}"
