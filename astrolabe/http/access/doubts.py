"""Which answers about a user may be outdated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from astrolabe.graph.visible.visibility import EVERYTHING
from astrolabe.users import Question, RightsChange

#: Single answers that are doubted. From more on all are.
MOST_PLACES = 2_000
_ALL = "*"


class Doubts:
    """all: whether all answers are doubted. wide: kinds whose cluster-wide answer is doubted, perhaps with
    `EVERYTHING`. deep: kinds whose answer for each single namespace is doubted, too.
    places: pairs of namespace and kind.
    """

    def __init__(self, *, all: bool = False) -> None:
        self.all = all
        self.wide: set[str] = set()
        self.deep: set[str] = set()
        self.places: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return self.all or bool(self.wide) or bool(self.places)

    def add(self, kinds: Set[str] | None, namespaces: Iterable[str] | None) -> None:
        """Doubt the answers for these kinds in these namespaces; "": in all of them at once. None: any."""
        if kinds is None:
            self.all = True
        elif namespaces is None:
            self.wide |= kinds
            self.deep |= kinds
        else:
            for namespace in namespaces:
                if namespace:
                    self.places.update([(namespace, kind) for kind in kinds])
                else:
                    self.wide |= kinds
        if len(self.places) > MOST_PLACES:
            self.all = True

    def join(self, others: Doubts) -> None:
        """Doubt what the others doubt, too."""
        self.all |= others.all
        self.wide |= others.wide
        self.deep |= others.deep
        self.places |= others.places

    def covers(self, kind: str, namespace: str) -> bool:
        """Whether the answer for this kind is doubted there; namespace "": in all of them at once."""
        if not namespace:
            return self.all or kind in self.wide
        return self.all or kind in self.deep or (namespace, kind) in self.places


def kinds_listed(change: RightsChange, questions: Mapping[str, Question]) -> Set[str] | None:
    """The kinds that a change of rights may concern; None: any. questions: how each kind is asked about."""
    listed = change.listed
    if listed is None:
        return None
    if (_ALL, _ALL) in listed:
        return questions.keys() | {EVERYTHING}
    groups = {group for group, resource in listed if resource == _ALL}
    resources = {resource for group, resource in listed if group == _ALL}
    return {
        kind
        for kind, asked in questions.items()
        if asked.group in groups or asked.resource in resources or (asked.group, asked.resource) in listed
    }
