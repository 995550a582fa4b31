"""Which questions have to be asked about a user, and what follows from the answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from astrolabe.graph.visible.visibility import EVENT, EVERYTHING, Visibility
from astrolabe.http.access.doubts import Doubts
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.users import Question

#: Asks about all kinds, also those that come later.
_ALL_KINDS = Question(group="*", resource="*")


class QuestionTable:
    """The questions about all kinds of a catalogue. namespaced: the kinds of which some may be seen by
    namespace."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.version = catalogue.version
        self.questions = {
            EVENT: Question(resource="events"),
            **{kind.key: Question(group=kind.group, resource=kind.plural) for kind in catalogue},
        }
        self.namespaced = frozenset([EVENT, *[kind.key for kind in catalogue if kind.namespaced]])


class Answers(NamedTuple):
    """What the API server has said about a user.

    table: what was asked; None: nothing yet. namespaces: those that were asked about.
    sees_new_kinds: whether they may see kinds that come later.
    """

    visibility: Visibility = Visibility()
    table: QuestionTable | None = None
    namespaces: frozenset[str] = frozenset()
    sees_new_kinds: bool = False


class RightsInquiry:
    """What is asked about a user, in two steps: the cluster-wide answers decide which single namespaces are
    asked about.

    wanted: the namespaces to ask about.
    """

    def __init__(self, before: Answers, doubts: Doubts, table: QuestionTable, wanted: frozenset[str]) -> None:
        self._before = before.visibility
        self._doubts = doubts
        self._table = table
        self._wanted = wanted
        self._namespaces = wanted if doubts.all else wanted | before.namespaces
        self._unasked = wanted if doubts.all else wanted - before.namespaces
        self._sees_new_kinds = before.sees_new_kinds
        asked = {} if doubts.all or before.table is None else before.table.questions
        self._new = {kind for kind, question in table.questions.items() if asked.get(kind) != question}
        self._everywhere = {kind for kind in before.visibility.everywhere if kind in asked}
        self._wide: dict[str, Question] = {}
        self._places: dict[tuple[str, str], Question] = {}

    def wide(self) -> Collection[Question]:
        """About all namespaces at once."""
        kinds = self._new | (self._doubts.wide & self._table.questions.keys())
        self._wide = {kind: self._table.questions[kind] for kind in kinds}
        if self._doubts.all or EVERYTHING in self._doubts.wide:
            self._wide[EVERYTHING] = _ALL_KINDS
        return self._wide.values()

    def places(self) -> Collection[Question]:
        """About single namespaces."""
        lost = self._before.everywhere - self._everywhere
        for kind in self._table.namespaced - self._everywhere:
            if kind in self._new or kind in lost or kind in self._doubts.deep:
                places: Collection[str] = self._wanted
            else:
                places = self._of_doubt(kind)
            question = self._table.questions[kind]
            self._places.update(
                {(namespace, kind): replace(question, namespace=namespace) for namespace in places}
            )
        return self._places.values()

    def _of_doubt(self, kind: str) -> Collection[str]:
        """The namespaces whose answer for the kind is doubted, or not known.

        If a new binding makes a namespace worth asking about, only the kinds that it grants are asked about
        at once. The others follow at the next renewal, within a minute.
        """
        doubted = {namespace for namespace, of in self._doubts.places if of == kind}
        told = {namespace for namespace, _ in self._doubts.places}
        return doubted | (self._unasked - told)

    def take_wide(self, answers: Mapping[Question, bool]) -> None:
        """The answers about all namespaces at once."""
        for kind, question in self._wide.items():
            if kind == EVERYTHING:
                self._sees_new_kinds = answers[question]
            elif answers[question]:
                self._everywhere.add(kind)
            else:
                self._everywhere.discard(kind)

    def take_places(self, answers: Mapping[Question, bool]) -> Answers:
        """The answers about single namespaces, and what is known now."""
        allowed = [place for place, question in self._places.items() if answers[question]]
        kinds = self._table.questions.keys()
        everywhere = frozenset(self._everywhere & kinds)
        if self._sees_new_kinds and len(everywhere) == len(kinds):
            everywhere |= {EVERYTHING}
        kept = [
            (namespace, kind)
            for namespace, kind in self._before.within
            if kind in kinds and kind not in everywhere and (namespace, kind) not in self._places
        ]
        within = frozenset(allowed if self._doubts.all else (*allowed, *kept))
        return Answers(Visibility(everywhere, within), self._table, self._namespaces, self._sees_new_kinds)
