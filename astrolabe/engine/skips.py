"""Objects of which something is amiss: told once each in the log, and by number and name in `/health`."""

from __future__ import annotations

import logging
from collections.abc import Collection
from heapq import nsmallest
from typing import Any

from astrolabe.engine.inbox import InvalidObject
from astrolabe.graph.faults import Fault

#: Different ones that are logged, of one kind; beyond, there is something general to repair.
MOST_LOGGED = 100
#: Objects that `/health` names, of one kind.
MOST_NAMED = 5


class SkipLog:
    """Logs each object of which something is amiss once, with its reason; of one kind, or of one watch."""

    def __init__(self, log: logging.Logger, kind: str, what: str = "is left out") -> None:
        """what: is the matter with them."""
        self._log = log
        self._kind = kind
        self._what = what
        self._told: set[tuple[str, str]] = set()

    def add(self, invalid: InvalidObject) -> None:
        told = (invalid.label, invalid.why)
        if told in self._told or len(self._told) >= MOST_LOGGED:
            return
        self._told.add(told)
        self._log.warning("%s %s %s: %s", self._kind, invalid.label, self._what, invalid.why)


def skipped_of(invalid: Collection[InvalidObject]) -> dict[str, Any]:
    """What `/health` shows of the objects of one kind that are left out; {} when there are none."""
    return _some("skipped", [(each.label, each.why) for each in invalid])


def failing_of(faults: Collection[Fault]) -> dict[str, Any]:
    """The same of those of which a rule failed; they are in the graph, with their own status."""
    return _some("ruleFailed", [(f"{each.namespace}/{each.name}".lstrip("/"), each.why) for each in faults])


def _some(key: str, objects: list[tuple[str, str]]) -> dict[str, Any]:
    if not objects:
        return {}
    named = [{"name": name, "why": why} for name, why in nsmallest(MOST_NAMED, objects)]
    return {key: len(objects), f"{key}Objects": named}
