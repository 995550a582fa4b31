"""Rebuilds an inconsistent model, without the objects that break it."""

from __future__ import annotations

from collections.abc import Iterator

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import InconsistentModelError
from astrolabe.graph.model.record import Record

#: Commit after this many changed nodes and edges.
SETTLE_EVERY = 300
#: Records processed or freed per step.
STEP = 100
#: Limits of one call of `steps`: objects left out, and attempts in a row that find no culprit. Beyond,
#: something else is at fault.
MOST_LEFT_OUT = 100
MOST_IN_VAIN = 3

#: An object, as it should be or as it was known.
_Candidate = Facts | Record


class Salvage:
    """An exception in the middle of a change left a model that may contradict itself. What each object says
    by itself is still right, because nothing else writes it. So a new model is built from that.

    Objects that may be at fault are added last, one by one. If one breaks the model again, it is left out.

    model: the new model, complete and committed after the last step.
    left_out: the objects that were left out, by uid.
    """

    def __init__(self, broken: InconsistentModelError) -> None:
        """broken: its model is replaced with the new one, and nothing of the old one is kept."""
        self.model = broken.model
        self.left_out: dict[str, _Candidate] = {}
        self._broken = broken
        self._collected = False
        self._known: dict[str, Record] = {}
        self._suspects: dict[str, _Candidate] = {}
        self._together: dict[str, _Candidate] = {}
        if broken.facts is not None:
            self._suspects[broken.facts.uid] = broken.facts

    def steps(self) -> Iterator[None]:
        """Work in steps. Raises the error if no model can be built; another call then tries again.

        What is left out stays left out.
        """
        if not self._collected:
            yield from self._collect()
        in_vain, most = 0, len(self.left_out) + MOST_LEFT_OUT
        while True:
            yield from _let_go(self._begin_anew())
            try:
                yield from self._fill()
                break
            except Exception:
                in_vain = 0 if self._blame() else in_vain + 1
                if in_vain == MOST_IN_VAIN or len(self.left_out) > most:
                    raise
        known, self._known = list(self._known.values()), {}
        yield from _let_go(known)

    def _collect(self) -> Iterator[None]:
        """Remember the records of the broken model."""
        for count, record in enumerate(self.model.records()):
            if record.uid != self._broken.uid:
                self._known[record.uid] = record
            if not count % STEP:
                yield
        self._collected = True

    def _begin_anew(self) -> list[Record]:
        """Start with an empty model. Returns the records of the previous one."""
        before, self.model = self.model, self.model.empty_copy()
        self._broken.model = self.model
        for error in (self._broken, self._broken.__cause__):
            if error is not None:
                error.__traceback__ = None  # its frames hold the old model
        return list(before.records())

    def _fill(self) -> Iterator[None]:
        model = self.model
        for uid, record in self._known.items():
            self._together[uid] = record
            model.restore(record)
            if model.pending >= SETTLE_EVERY:
                yield from self._settle()
            yield
        yield from self._settle()
        for uid, candidate in list(self._suspects.items()):
            self._together = {uid: candidate}
            model.upsert(candidate) if isinstance(candidate, Facts) else model.restore(candidate)
            yield from self._settle()
            yield

    def _settle(self) -> Iterator[None]:
        """Commit everything; work that concerns very many records takes several commits."""
        self.model.commit(SETTLE_EVERY)
        while self.model.unsettled:
            yield
            self.model.commit(SETTLE_EVERY)
        self._together = {}

    def _blame(self) -> bool:
        """Suspect the objects added since the last commit. A suspect that was added alone is left out.

        Returns whether there are any.
        """
        together, self._together = self._together, {}
        for uid, candidate in together.items():
            self._known.pop(uid, None)
            if self._suspects.pop(uid, None) is not None and len(together) == 1:
                self.left_out[uid] = candidate
            else:
                self._suspects[uid] = candidate
        return bool(together)


def _let_go(records: list[Record]) -> Iterator[None]:
    """Free records in steps, because freeing a large model at once takes long."""
    while records:
        del records[-STEP:]
        yield
