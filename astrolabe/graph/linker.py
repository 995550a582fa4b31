"""From links to edges: every reference and selection is resolved the moment both its ends are known."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from astrolabe.graph.edge import Edge, EdgeKey, find_edge, with_edge, without_edge
from astrolabe.graph.facts import Facts
from astrolabe.graph.labels import Labels
from astrolabe.graph.links import Link, Ref, RefByUid, Select, name_key
from astrolabe.graph.names import Names
from astrolabe.graph.record import Record

#: What a holder contributes to one edge: (edge type, reverse, the record at the other end).
_Contribution = tuple[str, bool, Record]


class Touched(msgspec.Struct):
    """An edge that may have changed since the last `take`; `before` is None when it was not there."""

    source: Record
    target: Record
    before: Edge | None


class Linker:
    """Keeps edges in the records at both ends, and notes what changed.

    Invariant: an edge exists if and only if a link of one of its ends resolves to the other now.
    """

    def __init__(self) -> None:
        self._names = Names()
        self._labels = Labels()
        self._touched: dict[EdgeKey, Touched] = {}
        self._missing: set[Record] = set()

    def find(self, uid: str) -> Record | None:
        return self._names.find(uid)

    def named(self, kind: str, namespace: str, name: str) -> tuple[Record, ...]:
        """All resources of this name: one, but while a recreated one and its predecessor overlap."""
        return self._names.find_all(name_key(kind, namespace, name))

    def take(self) -> tuple[dict[EdgeKey, Touched], set[Record]]:
        """The edges that were touched and the records whose `misses` changed since the last call."""
        taken = self._touched, self._missing
        self._touched, self._missing = {}, set()
        return taken

    def add(self, record: Record, facts: Facts) -> None:
        """A new record comes with its first facts."""
        record.owners = facts.owners
        self._set_selectable(record, facts)
        self._set_links(record, facts.links)
        for key in (record.uid, name_key(record.kind, record.namespace, record.name)):
            self._appear(key, record)
        self._set_aliases(record, facts.aliases)

    def change(self, record: Record, facts: Facts) -> None:
        """A known record (same uid, kind, namespace and name) has other facts."""
        if facts.selectable != record.selectable:
            self._set_selectable(record, facts)
        if facts.links != record.links:
            self._set_links(record, facts.links)
        if facts.aliases != record.aliases:
            self._set_aliases(record, facts.aliases)
        if facts.owners != record.owners:
            record.owners = facts.owners
            self._reconsider(name_key(record.kind, record.namespace, record.name), {record})

    def remove(self, record: Record) -> None:
        """The record is gone, and its edges with it."""
        self._set_links(record, ())
        self._set_aliases(record, ())
        for key in (record.uid, name_key(record.kind, record.namespace, record.name)):
            self._disappear(key, record)
        if record.selectable is not None:
            selections = self._labels.selecting(record)
            self._labels.discard(record)
            record.selectable = None
            self._reselect(record, selections)

    # Targets

    def _appear(self, key: str, record: Record) -> None:
        before = self._names.find(key)
        self._names.claim(key, record)
        self._moved(key, before)

    def _disappear(self, key: str, record: Record) -> None:
        before = self._names.find(key)
        self._names.release(key, record)
        self._moved(key, before)

    def _moved(self, key: str, before: Record | None) -> None:
        after = self._names.find(key)
        if after is not before:
            self._reconsider(key, {record for record in (before, after) if record is not None})

    def _reconsider(self, key: str, others: Iterable[Record]) -> None:
        """Whoever wants this key may have gained or lost an edge to one of the others."""
        for holder in self._names.wanting(key):
            for type_, reverse in _concerned(holder, key):
                for other in others:
                    fields = self._fields(holder, type_, reverse, other)
                    self._contribute(holder, (type_, reverse, other), fields)
            self._set_misses(holder, self._find_misses(holder))

    def _set_aliases(self, record: Record, aliases: tuple[str, ...]) -> None:
        old, record.aliases = record.aliases, aliases
        for alias in old:
            if alias not in aliases:
                self._disappear(name_key(record.kind, record.namespace, alias), record)
        for alias in aliases:
            if alias not in old:
                self._appear(name_key(record.kind, record.namespace, alias), record)

    # Selections

    def _set_selectable(self, record: Record, facts: Facts) -> None:
        before: list[tuple[Record, Select]] = []
        if record.selectable is not None:
            before = self._labels.selecting(record)
            self._labels.discard(record)
        record.selectable = facts.selectable
        if record.selectable is None:
            self._reselect(record, before)
            return
        self._labels.add(record)
        self._reselect(record, [*before, *self._labels.selecting(record)])

    def _reselect(self, record: Record, selections: list[tuple[Record, Select]]) -> None:
        for holder, select in selections:
            fields = self._fields(holder, select.type, False, record)
            self._contribute(holder, (select.type, False, record), fields)

    # Links of one holder

    def _set_links(self, holder: Record, links: tuple[Link, ...]) -> None:
        before = self._resolve_all(holder) if holder.links else {}
        self._register(holder, links)
        holder.links = links
        after = self._resolve_all(holder) if links else {}
        for contribution in before:
            if contribution not in after:
                self._contribute(holder, contribution, ())
        for contribution, fields in after.items():
            if before.get(contribution) != fields:
                self._contribute(holder, contribution, fields)
        self._set_misses(holder, self._find_misses(holder))

    def _register(self, holder: Record, links: tuple[Link, ...]) -> None:
        for link in holder.links:
            if isinstance(link, Select):
                self._labels.unwatch(holder, link)
            else:
                self._names.unwant(link.key, holder)
        for link in links:
            if isinstance(link, Select):
                self._labels.watch(holder, link)
            else:
                self._names.want(link.key, holder)

    def _resolve_all(self, holder: Record) -> dict[_Contribution, tuple[str, ...]]:
        found: dict[_Contribution, tuple[str, ...]] = {}
        for link in holder.links:
            if isinstance(link, Select):
                for target in self._labels.matching(link):
                    _add_field(found, (link.type, False, target), link.field)
            else:
                other = self._resolve(holder, link)
                if other is not None:
                    _add_field(found, (link.type, link.reverse, other), link.field)
        return found

    def _resolve(self, holder: Record, link: Ref | RefByUid) -> Record | None:
        found = self._names.find(link.key)
        if found is not None and isinstance(link, Ref):
            if link.uid and found.uid != link.uid:
                return None
            if link.owned and holder.uid not in found.owners:
                return None
        return found

    def _fields(self, holder: Record, type_: str, reverse: bool, other: Record) -> tuple[str, ...]:
        """The fields by which the holder makes this one edge; empty when it does not (any more)."""
        found: dict[_Contribution, tuple[str, ...]] = {}
        for link in holder.links:
            if link.type != type_:
                continue
            if isinstance(link, Select):
                if not reverse and _selects(link, other):
                    _add_field(found, (type_, reverse, other), link.field)
            elif link.reverse is reverse and self._resolve(holder, link) is other:
                _add_field(found, (type_, reverse, other), link.field)
        return found.get((type_, reverse, other), ())

    def _find_misses(self, holder: Record) -> tuple[Ref | RefByUid, ...]:
        return tuple(
            [
                link
                for link in holder.links
                if not isinstance(link, Select) and not link.optional and self._resolve(holder, link) is None
            ]
        )

    def _set_misses(self, holder: Record, misses: tuple[Ref | RefByUid, ...]) -> None:
        if misses != holder.misses:
            holder.misses = misses
            self._missing.add(holder)

    def _contribute(self, holder: Record, contribution: _Contribution, fields: tuple[str, ...]) -> None:
        """Set the holder's part of an edge; an edge to which nobody contributes is gone."""
        type_, reverse, other = contribution
        source, target = (other, holder) if reverse else (holder, other)
        key = (type_, source.uid, target.uid)
        old = find_edge(source.out, key)
        forward, backward = (old.field[: old.forward], old.field[old.forward :]) if old else ((), ())
        if reverse:
            backward = fields
        else:
            forward = fields
        if old is not None and (*forward, *backward) == old.field and len(forward) == old.forward:
            return
        if key not in self._touched:
            self._touched[key] = Touched(source, target, old)
        if forward or backward:
            edge = Edge(type_, source.uid, target.uid, (*forward, *backward), len(forward))
            source.out = with_edge(source.out, edge)
            target.into = with_edge(target.into, edge)
        elif old is not None:
            source.out = without_edge(source.out, key)
            target.into = without_edge(target.into, key)


def _concerned(holder: Record, key: str) -> set[tuple[str, bool]]:
    """The (type, reverse) of the holder's references to this key."""
    return {
        (link.type, link.reverse) for link in holder.links if not isinstance(link, Select) and link.key == key
    }


def _selects(link: Select, record: Record) -> bool:
    labels = record.selectable
    return (
        labels is not None
        and link.kind == record.kind
        and link.namespace == record.namespace
        and link.selector.matches(labels)
    )


def _add_field(found: dict[_Contribution, tuple[str, ...]], contribution: _Contribution, field: str) -> None:
    fields = found.get(contribution)
    if fields is None:
        found[contribution] = (field,)
    elif field not in fields:
        found[contribution] = (*fields, field)
