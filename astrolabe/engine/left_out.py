"""Objects that the graph leaves out, or on which a rule failed: logged once, named in `/health`."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from astrolabe.engine.inbox import Deleted, InvalidObject, label_of
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.skips import SkipLog
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.faults import Fault
from astrolabe.graph.model.record import Record


class LeftOutObjects:
    """Remembers the objects that were rejected, until they are deleted, and reports every skipped one."""

    def __init__(self, readiness: ReadinessTracker, log: logging.Logger) -> None:
        self._readiness = readiness
        self._log = log
        self._logs: dict[tuple[str, str], SkipLog] = {}
        #: Objects that broke the model or the served graph, with the reason.
        self._rejected: dict[str, str] = {}

    def skip(self, object: Facts | Record, why: str) -> None:
        """Leave an object out for now. Its next version is tried again."""
        self._report(object.kind, InvalidObject(object.namespace, object.name, why, object.uid))

    def reject(self, kind: str, namespace: str, name: str, uid: str, why: str) -> None:
        """Leave an object out until it is deleted."""
        self._rejected[uid] = why
        self._report(kind, InvalidObject(namespace, name, why, uid))

    def is_rejected(self, facts: Facts) -> bool:
        """Whether the object was rejected before. If so, report its new version."""
        why = self._rejected.get(facts.uid) if self._rejected else None
        if why is not None:
            self.skip(facts, why)
        return why is not None

    def forget(self, kind: str, change: Facts | Deleted) -> None:
        """The object is gone, or has a new version to try."""
        skipped = self._readiness.skipped.get(kind)
        if skipped:
            skipped.pop(change.uid, None)
            if isinstance(change, Facts):  # under which it is skipped if its uid was unreadable
                skipped.pop(label_of(change.namespace, change.name), None)
        if isinstance(change, Deleted):
            self._rejected.pop(change.uid, None)

    def log_faults(self, faults: Iterable[Fault]) -> None:
        """Log each resource on which a rule failed, once."""
        for fault in faults:
            invalid = InvalidObject(fault.namespace, fault.name, fault.why)
            self._log_of(fault.kind, "keeps its own status because its rule failed").add(invalid)

    def _report(self, kind: str, invalid: InvalidObject) -> None:
        self._log_of(kind).add(invalid)
        self._readiness.skip(kind, invalid)

    def _log_of(self, kind: str, what: str = "is left out") -> SkipLog:
        return self._logs.setdefault((kind, what), SkipLog(self._log, kind, what))
