"""What went wrong with one resource while the graph was settled: a value, since the graph keeps no log."""

from __future__ import annotations

import traceback

import msgspec

#: The reason of a status that could not be derived from the neighbours: the level is the resource's own.
RULE_FAILED = "RuleFailed"


class Fault(msgspec.Struct, frozen=True, gc=False):
    """A rule that raised, for one resource; the resource is in the graph all the same."""

    kind: str
    namespace: str
    name: str
    why: str


def where(error: Exception) -> str:
    """The type of an error and the line that raised it; not its text, which may quote the manifest."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name}, line {frame.lineno} of {frame.filename}"
