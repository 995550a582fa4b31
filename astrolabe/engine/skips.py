"""Objects that are left out: told once each in the log, and by number and name in `/health`."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from astrolabe.engine.inbox import InvalidObject

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
    if not invalid:
        return {}
    named = sorted(invalid, key=lambda each: each.label)[:MOST_NAMED]
    objects = [{"name": each.label, "why": each.why} for each in named]
    return {"skipped": len(invalid), "skippedObjects": objects}
