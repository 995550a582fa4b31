"""Objects with a problem: logged once each, and counted and named in `/health`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any, TypeVar

from astrolabe.engine.inbox import InvalidObject, label_of
from astrolabe.graph.model.faults import Fault

#: Objects to log per kind. More than that have a common cause.
MAX_LOGGED = 100
#: Objects to name in `/health` per kind.
MAX_NAMED = 5


T = TypeVar("T")


class SkipLog:
    """Logs each object with a problem once, with the reason. One log serves one kind or one watch."""

    def __init__(self, log: logging.Logger, kind: str, what: str = "is left out") -> None:
        """what: the predicate of the log message."""
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
    """The first objects. Choosing among all of them would cost more, the more there are."""
    return list(islice(objects, MAX_LOGGED))


def skipped_of(invalid: Collection[InvalidObject]) -> dict[str, Any]:
    """What `/health` shows of the skipped objects of one kind; {} if there are none."""
    return _some("skipped", len(invalid), [(each.label, each.why) for each in sample_of(invalid)])


def failing_of(faults: Collection[Fault]) -> dict[str, Any]:
    """The same for objects on which a rule failed. They are in the graph, with their own status."""
    named = [(label_of(each.namespace, each.name), each.why) for each in sample_of(faults)]
    return _some("ruleFailed", len(faults), named)


def _some(key: str, count: int, objects: list[tuple[str, str]]) -> dict[str, Any]:
    if not count:
        return {}
    named = [{"name": name, "why": why} for name, why in sorted(objects)[:MAX_NAMED]]
    return {key: count, f"{key}Objects": named}
