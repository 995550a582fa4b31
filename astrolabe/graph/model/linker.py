"""Turns links into edges. References and selections resolve as soon as both ends are known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping

from astrolabe.graph.model.contributions import (
    Contribution,
    alias_key,
    concerned,
    have_other_owners,
    named_by,
    names_of,
    permitted_by,
)
from astrolabe.graph.model.edge_edit import EdgeEdit, EdgeEdits
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.label_index import LabelIndex
from astrolabe.graph.model.link_resolution import LinkResolver
from astrolabe.graph.model.links import BY_UID, Link, NameKey, Ref, RefByUid, Select
from astrolabe.graph.model.many_links import ManyLinks, differing
from astrolabe.graph.model.name_index import NameIndex
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.edge import EdgeKey
from astrolabe.graph.state.identity import NAMESPACE

#: If more holders than this name a resource, they are not all processed at once when it appears. An
#: IngressClass that comes after its Ingresses may be named by all of them.
MANY = 500
#: If more holders than this name a resource, its edges are removed bit by bit.
LEAVING = 500
#: Links of a holder with many of them that are looked at in the time in which one is made an edge.
LOOKS = 25


class Linker:
    """Keeps edges in the records at both ends, and notes what changed.

    Invariant: an edge exists if and only if a link of one end resolves to the other end. There are two
    exceptions for resources that many others name, or that name many others: `take` makes the edges of a new
    one, and of links that changed, and `continue_removal` removes the edges of one that goes.
    """

    def __init__(self) -> None:
        self._names = NameIndex()
        #: The resource with a uid, if it is known. The dict's own method, as nothing is called as often.
        self.find: Callable[[str], Record | None] = self._names.by_uid.get
        self._labels = LabelIndex()
        self._edits = EdgeEdits()
        self._contribute = self._edits.contribute
        self._missing: set[Record] = set()
        #: New resources, with the holders that name them and were not processed yet.
        self._deferred: list[tuple[NameKey, str, Record, list[Record]]] = []
        #: Resources that are going, with the holders that name them and were not processed yet.
        self._being_removed: dict[Record, list[tuple[NameKey, str, list[Record]]]] = {}
        #: The links of holders that have many, and those of these whose links changed or lead elsewhere.
        self._many: dict[Record, ManyLinks] = {}
        self._reviewed: dict[Record, None] = {}
        resolver = LinkResolver(self._names, self._labels, many=self._many, leaving=self._being_removed)
        self._permitting = resolver.permitting
        self._resolve = resolver.resolve
        self._fields = resolver.fields
        self._find_unresolved_candidates = resolver.unresolved_candidates

    def known(self, uid: str) -> Record:
        """The resource with this uid, which an edge connects, and which therefore exists."""
        record = self.find(uid)
        assert record is not None
        return record

    def named(self, kind: str, namespace: str, name: str) -> tuple[Record, ...]:
        """All resources with this name: one, unless a recreated one and its predecessor overlap."""
        return self._names.find_all((kind, namespace), name)

    @property
    def touched(self) -> list[EdgeKey]:
        """The edges that came, went or changed so far, which the next `take` returns."""
        return list(self._edits.touched)

    @property
    def pending(self) -> int:
        """How many edges the next `take` returns."""
        return len(self._edits.touched)

    @property
    def has_changes(self) -> bool:
        """Whether `take` has anything to do or to return."""
        return bool(self._edits.touched or self._missing or self._deferred or self._reviewed)

    @property
    def has_deferred(self) -> bool:
        """Whether `take` has not made all edges yet."""
        return bool(self._deferred or self._reviewed)

    def take(self, most: int | None = None) -> tuple[dict[EdgeKey, EdgeEdit], set[Record]]:
        """The edges touched since the last call, and the records whose unresolved candidates changed.

        most: how many holders that name a new resource are processed, at most MANY; the others remain
        (`has_deferred`).
        """
        left = sys.maxsize if most is None else min(most, MANY)
        while self._deferred and left > 0:
            name_key, name, record, holders = self._deferred[-1]
            if record not in self._names.find_all(name_key, name):  # it went, and all were looked at then
                self._deferred.pop()
                continue
            some = holders[-min(MANY, left) :]
            del holders[-len(some) :]
            if not holders:
                self._deferred.pop()
            for holder in some:
                self._reconsider_one(holder, name_key, name, {record})
            left -= len(some)
        self._review_some(left)
        taken = self._edits.take(), self._missing
        self._missing = set()
        return taken

    def add(self, record: Record, facts: Facts) -> None:
        """Add a new record with its first facts."""
        self._set_selectable(record, facts.selectable)
        self._set_links(record, facts.links)
        self._appear(BY_UID, record.uid, record)
        self._appear((record.kind, record.namespace), record.name, record)
        self._set_aliases(record, facts.aliases)
        if record.kind == NAMESPACE:
            self._namespace_changed(record.name)

    def change(self, record: Record, facts: Facts) -> None:
        """Apply new facts to a known record (see `Record.is_of`)."""
        if facts.selectable != record.selectable:
            self._set_selectable(record, facts.selectable)
            if record.kind == NAMESPACE:
                self._namespace_changed(record.name)
        if facts.links != record.links:
            before = record.links
            self._set_links(record, facts.links)
            if have_other_owners(
                before, facts.links
            ):  # references may ask for a target that is owned by their holder
                for name_key, name in names_of(record):
                    self._reconsider(name_key, name, {record})
        if facts.aliases != record.aliases:
            self._set_aliases(record, facts.aliases)

    def relink(self, record: Record, links: tuple[Link, ...]) -> None:
        """Give a known record other links, whose owners are the same."""
        self._set_links(record, links)

    def begin_removal(self, record: Record) -> bool:
        """Whether so many holders name the record, or it so many others, that it goes bit by bit. If so, no
        link resolves to it from now on, only `find` finds it, and `continue_removal` must finish before
        `remove`."""
        names = [*names_of(record), (BY_UID, record.uid)]
        wanting = sum([self._names.count_wanting(key, name) for key, name in names])
        if wanting <= LEAVING and record not in self._many:
            return False
        waiting = [(key, name, list(self._names.wanting(key, name))) for key, name in names]
        self._names.release((record.kind, record.namespace), record.name, record)
        for alias in record.aliases:  # one may be its name, too
            self._names.release(alias_key(record), alias, record)
        record.aliases = ()
        self._being_removed[record] = [each for each in waiting if each[2]]
        if record in self._many:
            self._reviewed.pop(record, None)
            self._exchange_many(record, ())
        return True

    def continue_removal(self, record: Record, most: int | None = None) -> bool:
        """Process some of the holders that name a record whose removal began, at most `most` and MANY.

        Returns whether these were the last.
        """
        waiting = self._being_removed[record]
        left = sys.maxsize if most is None else min(most, MANY)
        while waiting and left > 0:
            name_key, name, holders = waiting[-1]
            some = holders[-left:]
            del holders[-len(some) :]
            if not holders:
                waiting.pop()
            others = {record, *self._names.find_all(name_key, name)}
            for holder in some:
                self._reconsider_one(holder, name_key, name, others)
            left -= len(some)
        many = self._many.get(record)
        if many is not None and left > 0:
            self._review(record, many, left)
        return not waiting and (many is None or not many.waiting)

    def remove(self, record: Record) -> None:
        """Remove the record and its edges."""
        self._set_links(record, ())
        if record in self._many:
            self._review(record, self._many.pop(record), sys.maxsize)
            self._reviewed.pop(record, None)
            self._set_unresolved_candidates(record, ())
        self._set_aliases(record, ())
        if record in self._being_removed:
            self.continue_removal(record)
            del self._being_removed[record]
            self._names.release(BY_UID, record.uid, record)
        else:
            self._disappear(BY_UID, record.uid, record)
            self._disappear((record.kind, record.namespace), record.name, record)
        self._set_selectable(record, None)
        self._edits.remove_all(record, self.find)
        if record.kind == NAMESPACE:
            self._namespace_changed(record.name)

    # Targets

    def _appear(self, name_key: NameKey, name: str, record: Record) -> None:
        before = self._names.claim(name_key, name, record)
        if self._names.is_wanted(name_key, name):
            self._moved(name_key, name, before)

    def _disappear(self, name_key: NameKey, name: str, record: Record) -> None:
        before = self._names.release(name_key, name, record)
        if self._names.is_wanted(name_key, name):
            self._moved(name_key, name, before)

    def _moved(self, name_key: NameKey, name: str, before: Record | None) -> None:
        after = self._names.find(name_key, name)
        if after is not None and before is None and not self._defer(name_key, name, after):
            self._reconsider(name_key, name, {after})
        elif before is not None and after is not before:
            self._reconsider(name_key, name, {record for record in (before, after) if record is not None})

    def _reconsider(self, name_key: NameKey, name: str, others: Iterable[Record]) -> None:
        """Update the edges between the holders that name this, and the other records."""
        for holder in self._names.wanting(name_key, name):
            self._reconsider_one(holder, name_key, name, others)

    def _reconsider_one(self, holder: Record, name_key: NameKey, name: str, others: Iterable[Record]) -> None:
        many = self._many.get(holder) if self._many else None
        some = concerned(holder, name_key, name) if many is None else many.concerned(name_key, name)
        for type_, reverse in some:
            for other in others:
                fields = self._fields(holder, type_, reverse, other)
                self._contribute(holder, (type_, reverse, other), fields)
        for link in permitted_by(holder, name_key, name) if name_key[0] in self._permitting else ():
            for other in self._names.find_all(link.name_key, link.name):
                fields = self._fields(holder, link.type, link.reverse, other)
                self._contribute(holder, (link.type, link.reverse, other), fields)
        if many is None:
            self._set_unresolved_candidates(holder, self._find_unresolved_candidates(holder))
        elif holder not in self._being_removed:
            self._reviewed[holder] = None  # all at once, however many of its targets come or go

    def _defer(self, name_key: NameKey, name: str, record: Record) -> bool:
        """Whether so many holders name the new resource that they are processed later.

        If it goes before that, they are all processed at once.
        """
        holders = self._names.wanting(name_key, name)
        if len(holders) <= MANY:
            return False
        self._deferred.append((name_key, name, record, list(holders)))
        return True

    def _set_aliases(self, record: Record, aliases: tuple[str, ...]) -> None:
        old, record.aliases = record.aliases, aliases
        name_key = alias_key(record)
        for alias in old:
            if alias not in aliases:
                self._disappear(name_key, alias, record)
        for alias in aliases:
            if alias not in old:
                self._appear(name_key, alias, record)

    # Selections

    def _set_selectable(self, record: Record, labels: Mapping[str, str] | None) -> None:
        before, index = record.selectable, self._labels
        selections = index.selecting(record) if before is not None else []
        if before is not None and labels is not None:
            record.selectable = labels
            index.change(record, before)
        elif labels is not None:
            record.selectable = labels
            index.add(record)
        elif before is not None:
            index.discard(record)
            record.selectable = None
        if labels is not None:
            selections += index.selecting(record)
        if selections:
            self._reselect(record, selections)

    def _reselect(self, record: Record, selections: list[tuple[Record, Select]]) -> None:
        for holder, select in selections:
            fields = self._fields(holder, select.type, False, record)
            self._contribute(holder, (select.type, False, record), fields)

    def _namespace_changed(self, name: str) -> None:
        """A Namespace came, went or has other labels: what selects by these is looked at again."""
        for record in self._labels.wide_members(name):
            self._reselect(record, self._labels.selecting(record))

    # Links of one holder

    def _set_links(self, holder: Record, links: tuple[Link, ...]) -> None:
        if not links and not holder.links:
            return
        old = holder.links
        if len(old) + len(links) > MANY or holder in self._many:
            self._exchange_many(holder, links)
            return
        if old and links and (old[0] == links[0] or old[-1] == links[-1]):
            self._exchange_links(holder, links)
            return
        before: Mapping[Contribution, tuple[str, ...]] = {}
        if holder.links:
            before, _ = self._resolve(holder, self._names.unwant, self._labels.unwatch)
        holder.links = links
        after, unresolved_candidates = self._resolve(holder, self._names.want, self._labels.watch)
        self._set_unresolved_candidates(holder, unresolved_candidates)
        for contribution in before:
            if contribution not in after:
                self._contribute(holder, contribution, ())
        for contribution, fields in after.items():
            if before.get(contribution) != fields:
                self._contribute(holder, contribution, fields)

    def _exchange_links(self, holder: Record, links: tuple[Link, ...]) -> None:
        """The same for only those between the first and the last that differ."""
        old = holder.links
        begin, end = differing(old, links)
        if begin == len(old):  # a scheduled Pod has its Node as well
            self._append_links(holder, links)
            return
        before, _ = self._resolve(
            holder, self._names.unwant, self._labels.unwatch, old[begin : len(old) - end]
        )
        holder.links = links
        changed = links[begin : len(links) - end]
        after, _ = self._resolve(holder, self._names.want, self._labels.watch, changed)
        # What a link that goes names may be named by one that stays.
        gone = {named for link in old[begin : len(old) - end] for named in named_by(link)}
        selections = {link for link in old[begin : len(old) - end] if isinstance(link, Select)}
        for link in (*links[:begin], *links[len(links) - end :]) if gone or selections else ():
            if isinstance(link, Select) and link in selections:
                self._labels.watch(holder, link)
            for name_key, name in named_by(link):
                if (name_key, name) in gone:
                    self._names.want(name_key, name, holder)
        self._set_unresolved_candidates(holder, self._find_unresolved_candidates(holder))
        for type_, reverse, other in {**before, **after}:
            self._contribute(holder, (type_, reverse, other), self._fields(holder, type_, reverse, other))

    def _append_links(self, holder: Record, links: tuple[Link, ...]) -> None:
        """The same for those that follow what there was."""
        added = links[len(holder.links) :]
        holder.links = links
        found, unresolved = self._resolve(holder, self._names.want, self._labels.watch, added)
        if unresolved:
            self._set_unresolved_candidates(holder, (*holder.unresolved_candidates, *unresolved))
        for type_, reverse, other in found:
            self._contribute(holder, (type_, reverse, other), self._fields(holder, type_, reverse, other))

    def _exchange_many(self, holder: Record, links: tuple[Link, ...]) -> None:
        """The same for a holder with many links. Most of them wait for `take`, or for `continue_removal`."""
        old, holder.links = holder.links, links
        begin, end = differing(old, links)
        many = self._many.get(holder)
        if many is None:
            many = self._many[holder] = ManyLinks(old)
        many.exchange(old[begin : len(old) - end], links[begin : len(links) - end], links)
        if holder not in self._being_removed:
            self._reviewed[holder] = None
            self._review(holder, many, MANY)

    def _review(self, holder: Record, many: ManyLinks, most: int) -> int:
        """Look at some links that came or went: which names are wanted, and which edges there are now.

        Returns how many they were.
        """
        links = many.take(most)
        for link in links:
            if isinstance(link, Select):
                note_selection = self._labels.watch if many.has(link) else self._labels.unwatch
                note_selection(holder, link)
                for target in self._labels.matching(link):
                    self._contribute(
                        holder, (link.type, False, target), self._fields(holder, link.type, False, target)
                    )
                continue
            for name_key, name in named_by(link):
                note_name = self._names.want if many.wants(name_key, name) else self._names.unwant
                note_name(name_key, name, holder)
            if isinstance(link, Ref) and link.permit is not None:
                self._permitting.add(link.permit.kind)
            for other in self._names.find_all(link.name_key, link.target):
                fields = self._fields(holder, link.type, link.reverse, other)
                self._contribute(holder, (link.type, link.reverse, other), fields)
        return len(links)

    def _review_some(self, left: int) -> None:
        """Make and remove edges of holders with many links, about so many, and find what does not resolve."""
        for holder in list(self._reviewed):
            if left <= 0:
                return
            many = self._many[holder]
            left -= self._review(holder, many, left) + len(holder.links) // LOOKS
            if not many.waiting:
                del self._reviewed[holder]
                self._set_unresolved_candidates(holder, self._find_unresolved_candidates(holder))
                if len(holder.links) <= MANY // 2:
                    del self._many[holder]

    def _set_unresolved_candidates(
        self, holder: Record, unresolved_candidates: tuple[Ref | RefByUid, ...]
    ) -> None:
        if unresolved_candidates != holder.unresolved_candidates:
            holder.unresolved_candidates = unresolved_candidates
            self._missing.add(holder)
