"""Objects of which something is amiss: told once each in the log, and by number and name in `/health`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any, TypeVar

from astrolabe.engine.inbox import InvalidObject, label_of
from astrolabe.graph.faults import Fault

#: Different ones that are logged, of one kind; beyond, there is something general to repair.
MAX_LOGGED = 100
#: Objects that `/health` names, of one kind.
MAX_NAMED = 5


T = TypeVar("T")


class SkipLog:
    """Logs each object of which something is amiss once, with its reason; of one kind, or of one watch."""

    def __init__(self, log: logging.Logger, kind: str, what: str = "is left out") -> None:
        """what: is the matter with them."""
        self._log = log
        self._kind = kind
        self._what = what
        self._logged: set[tuple[str, str]] = set()

    def add(self, invalid: InvalidObject) -> None:
        entry = (invalid.label, invalid.why)
        if entry in self._logged or len(self._logged) >= MAX_LOGGED:
            return
        self._logged.add(entry)
        self._log.warning("%s %s %s: %s", self._kind, invalid.label, self._what, invalid.why)


def sample_of(objects: Iterable[T]) -> list[T]:
    """The first of them: to choose among all would cost the more, the worse it is."""
    return list(islice(objects, MAX_LOGGED))


def skipped_of(invalid: Collection[InvalidObject]) -> dict[str, Any]:
    """What `/health` shows of the objects of one kind that are left out; {} when there are none."""
    return _some("skipped", len(invalid), [(each.label, each.why) for each in sample_of(invalid)])


def failing_of(faults: Collection[Fault]) -> dict[str, Any]:
    """The same of those of which a rule failed; they are in the graph, with their own status."""
    named = [(label_of(each.namespace, each.name), each.why) for each in sample_of(faults)]
    return _some("ruleFailed", len(faults), named)


def _some(key: str, count: int, objects: list[tuple[str, str]]) -> dict[str, Any]:
    if not count:
        return {}
    named = [{"name": name, "why": why} for name, why in sorted(objects)[:MAX_NAMED]]
    return {key: count, f"{key}Objects": named}
