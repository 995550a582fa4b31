"""From links to edges: every reference and selection is resolved the moment both its ends are known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import cast

import msgspec

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.labels import Labels
from astrolabe.graph.model.links import BY_UID, Link, Place, Ref, RefByUid, Select, owners_among
from astrolabe.graph.model.names import Names
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.edge import Edge, EdgeKey, each_edge, find_edge, with_new_edge, without_edge

#: How many lists of fields are remembered, to be shared between edges.
FIELD_LISTS = 2_000

#: Holders of a name from which on they are not all looked at when its resource comes: an IngressClass that
#: comes after its Ingresses may be named by all of them.
MANY = 500
#: Those who name a resource from which on it goes bit by bit.
LEAVING = 500

#: What a holder contributes to one edge: (edge type, reverse, the record at the other end).
_Contribution = tuple[str, bool, Record]
#: The fields of each, as they are found: a tuple while they are few, which is nearly always.
_Found = dict[_Contribution, tuple[str, ...] | dict[str, None]]
_FEW = 8


class Touched(msgspec.Struct):
    """An edge that may have changed since the last `take`, and the records at its ends at that time.

    before: as it was then; None when it was not there. now: as it is at the commit.
    shown: as the graph holds it; None when it does not, because an end is not in the graph.
    """

    source: Record
    target: Record
    before: Edge | None
    now: Edge | None = None
    shown: Edge | None = None


class Linker:
    """Keeps edges in the records at both ends, and notes what changed.

    Invariant: an edge exists if and only if a link of one of its ends resolves to the other now; but for
    those to a resource that has just come and is named by many, which are made by `take`, and those to one
    that goes and is (see `loosen`), which `let_go` removes.
    """

    def __init__(self) -> None:
        self._names = Names()
        self._labels = Labels()
        self._touched: dict[EdgeKey, Touched] = {}
        self._missing: set[Record] = set()
        #: Resources that came under a name, and those who name it and were not looked at yet.
        self._newcomers: list[tuple[Place, str, Record, list[Record]]] = []
        #: Resources that are loosened, with those who name them and were not looked at yet.
        self._loose: dict[Record, list[tuple[Place, str, list[Record]]]] = {}
        self._field_lists: dict[tuple[str, ...], tuple[str, ...]] = {}

    def find(self, uid: str) -> Record | None:
        return self._names.find(BY_UID, uid)

    def named(self, kind: str, namespace: str, name: str) -> tuple[Record, ...]:
        """All resources of this name: one, but while a recreated one and its predecessor overlap."""
        return self._names.find_all((kind, namespace), name)

    @property
    def pending(self) -> int:
        """How many edges the next `take` returns."""
        return len(self._touched)

    @property
    def behind(self) -> bool:
        """Whether there are edges that `take` has not made yet."""
        return bool(self._newcomers)

    def take(self, most: int | None = None) -> tuple[dict[EdgeKey, Touched], set[Record]]:
        """The edges that were touched and the records whose `misses` changed since the last call.

        most: of those who name a newcomer, at most so many are looked at, and no more than MANY; the others
        are left (`behind`).
        """
        left = sys.maxsize if most is None else min(most, MANY)
        while self._newcomers and left > 0:
            place, name, record, holders = self._newcomers[-1]
            if record not in self._names.find_all(place, name):  # it went, and all were looked at then
                self._newcomers.pop()
                continue
            some = holders[-min(MANY, left) :]
            del holders[-len(some) :]
            if not holders:
                self._newcomers.pop()
            for holder in some:
                self._reconsider_one(holder, place, name, {record})
            left -= len(some)
        taken = self._touched, self._missing
        self._touched, self._missing = {}, set()
        return taken

    def add(self, record: Record, facts: Facts) -> None:
        """A new record comes with its first facts."""
        self._set_selectable(record, facts)
        self._set_links(record, facts.links)
        self._appear(BY_UID, record.uid, record)
        self._appear((record.kind, record.namespace), record.name, record)
        self._set_aliases(record, facts.aliases)

    def change(self, record: Record, facts: Facts) -> None:
        """A known record has other facts (see `Record.is_of`)."""
        if facts.selectable != record.selectable:
            self._set_selectable(record, facts)
        if facts.links != record.links:
            owners = _owners(record)
            self._set_links(record, facts.links)
            if owners != _owners(record):  # references may ask for a target that is owned by their holder
                for name in (record.name, *record.aliases):
                    self._reconsider((record.kind, record.namespace), name, {record})
        if facts.aliases != record.aliases:
            self._set_aliases(record, facts.aliases)

    def loosen(self, record: Record) -> bool:
        """Whether so many name the record that it should go bit by bit: then it is found by its uid alone
        from now on, and has to be `let_go` before it is removed."""
        place, names = (record.kind, record.namespace), {record.name, *record.aliases}
        waiting = [(place, name, list(self._names.wanting(place, name))) for name in names]
        if sum([len(holders) for _, _, holders in waiting]) <= LEAVING:
            return False
        for name in (record.name, *record.aliases):
            self._names.release(place, name, record)
        record.aliases = ()
        self._loose[record] = [each for each in waiting if each[2]]
        return True

    def let_go(self, record: Record, most: int | None = None) -> bool:
        """Look at some of those who name a loosened record, at most so many, and no more than MANY; whether
        these were the last."""
        waiting = self._loose[record]
        left = sys.maxsize if most is None else min(most, MANY)
        while waiting and left > 0:
            place, name, holders = waiting[-1]
            some = holders[-left:]
            del holders[-len(some) :]
            if not holders:
                waiting.pop()
            others = {record, *self._names.find_all(place, name)}
            for holder in some:
                self._reconsider_one(holder, place, name, others)
            left -= len(some)
        return not waiting

    def remove(self, record: Record) -> None:
        """The record is gone, and its edges with it."""
        self._set_links(record, ())
        self._set_aliases(record, ())
        self._disappear(BY_UID, record.uid, record)
        if record in self._loose:
            self.let_go(record)
            del self._loose[record]
        else:
            self._disappear((record.kind, record.namespace), record.name, record)
        if record.selectable is not None:
            selections = self._labels.selecting(record)
            self._labels.discard(record)
            record.selectable = None
            self._reselect(record, selections)
        self._cut(record)

    def _cut(self, record: Record) -> None:
        """Remove what edges are left: one end has lost its link, or goes, while the other one is loosened."""
        for edge in (*each_edge(record.out), *each_edge(record.into)):
            source = record if edge.source == record.uid else self.find(edge.source)
            target = record if edge.target == record.uid else self.find(edge.target)
            assert source is not None
            assert target is not None
            self._replace(source, target, edge, Edge(*edge.key, ()))

    # Targets

    def _appear(self, place: Place, name: str, record: Record) -> None:
        before = self._names.claim(place, name, record)
        if self._names.is_wanted(place, name):
            self._moved(place, name, before)

    def _disappear(self, place: Place, name: str, record: Record) -> None:
        before = self._names.release(place, name, record)
        if self._names.is_wanted(place, name):
            self._moved(place, name, before)

    def _moved(self, place: Place, name: str, before: Record | None) -> None:
        after = self._names.find(place, name)
        if after is not None and before is None and not self._put_off(place, name, after):
            self._reconsider(place, name, {after})
        elif before is not None and after is not before:
            self._reconsider(place, name, {record for record in (before, after) if record is not None})

    def _reconsider(self, place: Place, name: str, others: Iterable[Record]) -> None:
        """Whoever wants this name may have gained or lost an edge to one of the others."""
        for holder in self._names.wanting(place, name):
            self._reconsider_one(holder, place, name, others)

    def _reconsider_one(self, holder: Record, place: Place, name: str, others: Iterable[Record]) -> None:
        for type_, reverse in _concerned(holder, place, name):
            for other in others:
                fields = self._fields(holder, type_, reverse, other)
                self._contribute(holder, (type_, reverse, other), fields)
        self._set_misses(holder, self._find_misses(holder))

    def _put_off(self, place: Place, name: str, record: Record) -> bool:
        """Whether so many name the newcomer that they are looked at later, as they are then; all of them at
        once when it goes before."""
        holders = self._names.wanting(place, name)
        if len(holders) <= MANY:
            return False
        self._newcomers.append((place, name, record, list(holders)))
        return True

    def _set_aliases(self, record: Record, aliases: tuple[str, ...]) -> None:
        old, record.aliases = record.aliases, aliases
        place = (record.kind, record.namespace)
        for alias in old:
            if alias not in aliases:
                self._disappear(place, alias, record)
        for alias in aliases:
            if alias not in old:
                self._appear(place, alias, record)

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
        if not links and not holder.links:
            return
        before: Mapping[_Contribution, tuple[str, ...]] = {}
        if holder.links:
            before, _ = self._resolve(holder, self._names.unwant, self._labels.unwatch)
        holder.links = links
        after, misses = self._resolve(holder, self._names.want, self._labels.watch)
        self._set_misses(holder, misses)
        for contribution in before:
            if contribution not in after:
                self._contribute(holder, contribution, ())
        for contribution, fields in after.items():
            if before.get(contribution) != fields:
                self._contribute(holder, contribution, fields)

    def _resolve(
        self,
        holder: Record,
        note_name: Callable[[Place, str, Record], None],
        note_selection: Callable[[Record, Select], None],
    ) -> tuple[dict[_Contribution, tuple[str, ...]], tuple[Ref | RefByUid, ...]]:
        """What the links of the holder contribute, and which required ones resolve to nothing.

        In the same pass each is noted in its index: it is wanted from now on, or no more.
        """
        found: _Found = {}
        misses: list[Ref | RefByUid] = []
        for link in holder.links:
            if isinstance(link, Select):
                note_selection(holder, link)
                for target in self._labels.matching(link):
                    _add_field(found, (link.type, False, target), link.field)
                continue
            place, name = link.place, link.target
            note_name(place, name, holder)
            other = self._meant(holder, link, place, name)
            if other is not None:
                _add_field(found, (link.type, link.reverse, other), link.field)
            elif not link.optional:
                misses.append(link)
        return _settled(found), tuple(misses)

    def _meant(self, holder: Record, link: Ref | RefByUid, place: Place, name: str) -> Record | None:
        """The record that the link, to this name in this place, resolves to."""
        found = self._names.find(place, name)
        if found is not None and isinstance(link, Ref):
            if link.uid and found.uid != link.uid:
                return None
            if link.owned and holder.uid not in _owners(found):
                return None
        return found

    def _fields(self, holder: Record, type_: str, reverse: bool, other: Record) -> tuple[str, ...]:
        """The fields by which the holder makes this one edge; empty when it does not (any more)."""
        found: _Found = {}
        for link in holder.links:
            if link.type != type_:
                continue
            if isinstance(link, Select):
                if not reverse and _selects(link, other):
                    _add_field(found, (type_, reverse, other), link.field)
            elif link.reverse is reverse and self._meant(holder, link, link.place, link.target) is other:
                _add_field(found, (type_, reverse, other), link.field)
        return tuple(found.get((type_, reverse, other), ()))

    def _find_misses(self, holder: Record) -> tuple[Ref | RefByUid, ...]:
        return tuple(
            [
                link
                for link in holder.links
                if not isinstance(link, Select)
                and not link.optional
                and self._meant(holder, link, link.place, link.target) is None
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
        if old is None:
            if fields:
                if key not in self._touched:
                    self._touched[key] = Touched(source, target, None)
                edge = Edge(type_, key[1], key[2], self._shared(fields), 0 if reverse else len(fields))
                source.out = with_new_edge(source.out, edge)
                target.into = with_new_edge(target.into, edge, into=True)
            return
        forward, backward = old.field[: old.forward], old.field[old.forward :]
        forward, backward = (forward, fields) if reverse else (fields, backward)
        self._replace(source, target, old, Edge(type_, key[1], key[2], (*forward, *backward), len(forward)))

    def _shared(self, fields: tuple[str, ...]) -> tuple[str, ...]:
        """The one copy of these fields: millions of edges are made by a few hundred lists of them."""
        if len(self._field_lists) > FIELD_LISTS:
            self._field_lists.clear()
        return self._field_lists.setdefault(fields, fields)

    def _replace(self, source: Record, target: Record, old: Edge, new: Edge) -> None:
        if new == old:
            return
        key = old.key
        if key not in self._touched:
            self._touched[key] = Touched(source, target, old)
        source.out = without_edge(source.out, key)
        target.into = without_edge(target.into, key, into=True)
        if new.field:
            source.out = with_new_edge(source.out, new)
            target.into = with_new_edge(target.into, new, into=True)


def _concerned(holder: Record, place: Place, name: str) -> set[tuple[str, bool]]:
    """The (type, reverse) of the holder's references to this name."""
    return {
        (link.type, link.reverse)
        for link in holder.links
        if not isinstance(link, Select) and link.target == name and link.place == place
    }


def _owners(record: Record) -> set[str]:
    """The uids of its ownerReferences."""
    return {owner.uid for owner in owners_among(record.links)}


def _selects(link: Select, record: Record) -> bool:
    labels = record.selectable
    return (
        labels is not None
        and link.kind == record.kind
        and link.namespace == record.namespace
        and link.selector.matches(labels)
    )


def _add_field(found: _Found, contribution: _Contribution, field: str) -> None:
    fields = found.get(contribution)
    if fields is None:
        found[contribution] = (field,)
    elif isinstance(fields, dict):
        fields[field] = None
    elif field not in fields:
        found[contribution] = (*fields, field) if len(fields) < _FEW else dict.fromkeys((*fields, field))


def _settled(found: _Found) -> dict[_Contribution, tuple[str, ...]]:
    """What was found, each with its fields in order."""
    for each, fields in found.items():
        if isinstance(fields, dict):
            found[each] = tuple(fields)
    return cast("dict[_Contribution, tuple[str, ...]]", found)
