"""What went wrong with one resource during a commit: a value, because the core does not log."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import msgspec

#: The reason of a status that could not be derived from neighbours. Its severity is the resource's own.
RULE_FAILED = "RuleFailed"


class InvalidObjectError(ValueError):
    """An object cannot be part of the graph. The message names the rule or the limit, never a value."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """A rule raised an exception for one resource. The resource stays in the graph."""

    kind: str
    namespace: str
    name: str
    why: str


class Faults:
    """The rules that fail now: at most one per resource."""

    def __init__(self) -> None:
        self._failing: dict[str, Fault] = {}
        self._new: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._failing.values())

    def __contains__(self, uid: str) -> bool:
        return uid in self._failing

    def note(self, uid: str, fault: Fault) -> None:
        """A rule raised for the resource with this uid."""
        self._failing[uid] = fault
        self._new.append(fault)

    def clear(self, uid: str) -> None:
        """The rule succeeded, or the resource is gone."""
        if self._failing:
            self._failing.pop(uid, None)

    def take(self) -> list[Fault]:
        """The faults noted since the last call."""
        taken, self._new = self._new, []
        return taken


def where(error: Exception) -> str:
    """The type of an error and the line that raised it; not its text, which may quote the manifest."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno} of {frame.filename}"
