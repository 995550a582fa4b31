"""A model made anew from what a broken one knows, without the objects that break it."""

from __future__ import annotations

from collections.abc import Iterator

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import InconsistentModelError
from astrolabe.graph.model.record import Record

#: Changed nodes and edges after which they are settled.
SETTLE_EVERY = 300
#: Records that are looked at, or let go of, in one step.
STEP = 100
#: Objects that are left out at most, and attempts in a row that blame nobody: beyond, no object is to blame.
MOST_LEFT_OUT = 100
MOST_IN_VAIN = 3

#: An object, as it is to be or as it was known.
_Candidate = Facts | Record


class Salvage:
    """Whatever raised in the midst of a change left a model that may contradict itself. But what every object
    said by itself is written by nothing else, so it is all there: a new model is given that, and is right
    because it was never changed halfway.

    Whoever may be to blame is put in last, and alone; who breaks the model then as well is left out.

    model: the new one, when the steps are over; all in it is settled.
    left_out: by their uids.
    """

    def __init__(self, broken: InconsistentModelError) -> None:
        """broken: is given the new model for the old one, of which nothing is kept."""
        self.model = broken.model
        self.left_out: dict[str, _Candidate] = {}
        self._broken = broken
        self._known: dict[str, Record] = {}
        self._suspects: dict[str, _Candidate] = {}
        self._together: dict[str, _Candidate] = {}
        if broken.facts is not None:
            self._suspects[broken.facts.uid] = broken.facts

    def steps(self) -> Iterator[None]:
        """Work, in steps. Raises what no model can be made for."""
        for count, record in enumerate(self.model.records()):
            if record.uid != self._broken.uid:
                self._known[record.uid] = record
            if not count % STEP:
                yield
        in_vain = 0
        while True:
            yield from _let_go(self._begin_anew())
            try:
                yield from self._fill()
                break
            except Exception:
                in_vain = 0 if self._blame() else in_vain + 1
                if in_vain == MOST_IN_VAIN or len(self.left_out) > MOST_LEFT_OUT:
                    raise
        known, self._known = list(self._known.values()), {}
        yield from _let_go(known)

    def _begin_anew(self) -> list[Record]:
        """Returns what the model before was made of."""
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
        """All of it; what concerns many bit by bit."""
        self.model.commit(SETTLE_EVERY)
        while self.model.unsettled:
            yield
            self.model.commit(SETTLE_EVERY)
        self._together = {}

    def _blame(self) -> bool:
        """Those that came since all was well are suspected; one that came alone is found guilty.

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
    """To free all of a large model at once takes long."""
    while records:
        del records[-STEP:]
        yield
