"""The label index: which selections match a resource, and which resources match a selection."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from astrolabe.graph.model.few import Few, each_record, with_record, without_record
from astrolabe.graph.model.links import Select
from astrolabe.graph.model.record import Record
from astrolabe.graph.selector import Selector

Pair = tuple[str, str]
#: The selections of one scope, each under a pair that it wants, or None if it wants no particular one.
_Selections = dict[Pair | None, dict[tuple[Record, Select], None]]


class _LabelScope:
    """One (kind, namespace): its members by label, and the selections over it."""

    __slots__ = ("members", "postings", "selections")

    def __init__(self) -> None:
        self.members: dict[Record, None] = {}
        self.postings: dict[Pair, Few] = {}
        self.selections: _Selections = {}

    def __bool__(self) -> bool:
        return bool(self.members or self.selections)

    def add(self, pair: Pair, record: Record) -> None:
        """The record has this pair."""
        postings = self.postings
        known = postings.get(pair)
        postings[pair] = record if known is None else with_record(known, record)

    def discard(self, pair: Pair, record: Record) -> None:
        """It no longer has it."""
        rest = without_record(self.postings.get(pair), record)
        if rest is None:
            self.postings.pop(pair, None)
        else:
            self.postings[pair] = rest


class LabelIndex:
    """Both directions of selection. Time is proportional to what matches or nearly does."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[str, str], _LabelScope] = {}
        #: By kind: the namespaces that have members.
        self._namespaces: dict[str, dict[str, None]] = {}
        #: By kind: the selections over several namespaces.
        self._wide: dict[str, dict[tuple[Record, Select], None]] = {}

    def add(self, record: Record) -> None:
        """Index a record under its `selectable` labels."""
        scope = self._scope(record.sought_as, record.namespace)
        scope.members[record] = None
        self._namespaces.setdefault(record.sought_as, {})[record.namespace] = None
        for pair in (record.selectable or {}).items():
            scope.add(pair, record)

    def discard(self, record: Record) -> None:
        """Remove it. `selectable` must be the same as when it was added."""
        scope = self._scope(record.sought_as, record.namespace)
        scope.members.pop(record, None)
        if not scope.members:
            namespaces = self._namespaces.get(record.sought_as, {})
            namespaces.pop(record.namespace, None)
            if not namespaces:
                self._namespaces.pop(record.sought_as, None)
        for pair in (record.selectable or {}).items():
            scope.discard(pair, record)
        self._drop_if_empty(record.sought_as, record.namespace, scope)

    def change(self, record: Record, before: Mapping[str, str]) -> None:
        """Index it under its `selectable` labels, of which it had others before."""
        scope = self._scope(record.sought_as, record.namespace)
        old, new = before.items(), (record.selectable or {}).items()
        for pair in old - new:
            scope.discard(pair, record)
        for pair in new - old:
            scope.add(pair, record)

    def watch(self, holder: Record, select: Select) -> None:
        """Register a selection, so that `selecting` finds it."""
        if select.among is not None:
            self._wide.setdefault(select.kind, {})[holder, select] = None
            return
        selections = self._scope(select.kind, select.namespace).selections
        if not _pins_of(holder, select, selections):
            selections.setdefault(_pin(select.selector, selections), {})[holder, select] = None

    def unwatch(self, holder: Record, select: Select) -> None:
        if select.among is not None:
            wide = self._wide.get(select.kind, {})
            wide.pop((holder, select), None)
            if not wide:
                self._wide.pop(select.kind, None)
            return
        scope = self._scope(select.kind, select.namespace)
        for pin in _pins_of(holder, select, scope.selections):
            watchers = scope.selections[pin]
            del watchers[holder, select]
            if not watchers:
                del scope.selections[pin]
        self._drop_if_empty(select.kind, select.namespace, scope)

    def matching(self, select: Select) -> Iterator[Record]:
        """The records that the selection matches; one over several namespaces in any of them."""
        if select.among is not None:
            for namespace in tuple(self._namespaces.get(select.kind, ())):
                yield from self._matching_in(namespace, select)
            return
        yield from self._matching_in(select.namespace, select)

    def wide_members(self, namespace: str) -> list[Record]:
        """The records of a namespace that a selection over several namespaces by their labels may match."""
        found: list[Record] = []
        for kind, selections in self._wide.items():
            scope = self._scopes.get((kind, namespace))
            if scope is not None and any(
                select.among is not None and select.among.requirements for _, select in selections
            ):
                found.extend(scope.members)
        return found

    def _matching_in(self, namespace: str, select: Select) -> Iterator[Record]:
        scope = self._scopes.get((select.kind, namespace))
        if scope is None:
            return
        candidates: Collection[Record] = scope.members
        for pair in select.selector.pinned():
            posting = each_record(scope.postings.get(pair))
            if not posting:
                return
            if len(posting) < len(candidates):
                candidates = posting
        for record in candidates:
            if select.selector.matches(record.selectable or {}):
                yield record

    def selecting(self, record: Record) -> list[tuple[Record, Select]]:
        """The holders and selections that match this record's `selectable` labels."""
        scope = self._scopes.get((record.sought_as, record.namespace))
        wide = self._wide.get(record.sought_as) if self._wide else None
        if not wide and (scope is None or not scope.selections):
            return []
        labels = record.selectable or {}
        some = [entry for entry in wide if entry[1].selector.matches(labels)] if wide else []
        if scope is None or not scope.selections:
            return some
        found = list(scope.selections.get(None, ()))
        for pair in labels.items():
            found.extend(scope.selections.get(pair, ()))
        return [*[entry for entry in found if entry[1].selector.matches(labels)], *some]

    def _scope(self, kind: str, namespace: str) -> _LabelScope:
        key = (kind, namespace)
        scope = self._scopes.get(key)
        if scope is None:
            scope = self._scopes[key] = _LabelScope()
        return scope

    def _drop_if_empty(self, kind: str, namespace: str, scope: _LabelScope) -> None:
        if not scope:
            self._scopes.pop((kind, namespace), None)


def _pin(selector: Selector, selections: _Selections) -> Pair | None:
    """The pair under which to register a selection: the one with the fewest others, so that a label that all
    of a namespace have makes no list of all; of several, the longest value is likely the rarest."""
    return min(
        selector.pinned(),
        key=lambda pair: (len(selections.get(pair, ())), -len(pair[1]), pair),
        default=None,
    )


def _pins_of(holder: Record, select: Select, selections: _Selections) -> list[Pair | None]:
    """The pair under which a selection is registered; empty if it is not."""
    pins: list[Pair | None] = [*select.selector.pinned()]
    entry = (holder, select)
    return [pin for pin in pins or [None] if entry in selections.get(pin, ())]
