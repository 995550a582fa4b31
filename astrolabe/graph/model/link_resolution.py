"""Which resources links mean: what a holder's links contribute, and which of them resolve to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from astrolabe.graph.model.contributions import (
    Contribution,
    FieldsFound,
    add_field,
    is_permitted,
    may_own,
    owner_uids,
    selects,
    settled,
    unmet,
)
from astrolabe.graph.model.label_index import LabelIndex
from astrolabe.graph.model.links import BY_UID, Link, NameKey, Permit, Ref, RefByUid, Select
from astrolabe.graph.model.many_links import ManyLinks
from astrolabe.graph.model.name_index import NameIndex
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.identity import NAMESPACE


class LinkResolver:
    """Resolves links by the indices of names and labels. It changes no edge.

    names, labels: the indices. many: the links of holders that have many. leaving: resources that are being
    removed in steps, to which no link resolves.
    """

    def __init__(
        self,
        names: NameIndex,
        labels: LabelIndex,
        *,
        many: Mapping[Record, ManyLinks],
        leaving: Mapping[Record, object],
    ) -> None:
        self._names = names
        self._labels = labels
        self._many = many
        self._leaving = leaving
        #: The kinds whose objects permit references.
        self.permitting: set[str] = set()

    def resolve(
        self,
        holder: Record,
        note_name: Callable[[NameKey, str, Record], Record | None],
        note_selection: Callable[[Record, Select], None],
        links: tuple[Link, ...] | None = None,
    ) -> tuple[dict[Contribution, tuple[str, ...]], tuple[Ref | RefByUid, ...]]:
        """What the holder's links contribute, and which required ones resolve to nothing.

        The same pass adds each link to its index, or removes it. links: only these of them.
        """
        found: FieldsFound = {}
        unresolved_candidates: list[Ref | RefByUid] = []
        for link in holder.links if links is None else links:
            permit: Permit | None = None
            if isinstance(link, Ref):
                name_key, permit = (link.kind, link.namespace), link.permit
                found_there = note_name(name_key, link.name, holder)
                if permit is not None:
                    self.permitting.add(permit.kind)
                    for permission in permit.names:
                        note_name((permit.kind, link.namespace), permission, holder)
            elif isinstance(link, RefByUid):
                found_there = note_name(BY_UID, link.uid, holder)
            else:
                note_selection(holder, link)
                for target in self._labels.matching(link):
                    if link.among is None or self._is_among(link, target):
                        add_field(found, (link.type, False, target), link.field)
                continue
            other = self._accepted(holder, link, found_there) if found_there is not None else None
            if other is not None:
                add_field(found, (link.type, link.reverse, other), link.field)
            elif not link.optional:
                unresolved_candidates.append(link if permit is None else unmet(link, self._names))
        return settled(found), tuple(unresolved_candidates)

    def fields(self, holder: Record, type_: str, reverse: bool, other: Record) -> tuple[str, ...]:
        """The fields by which the holder makes this edge; empty if it does not, or no longer."""
        found: FieldsFound = {}
        many = self._many.get(holder) if self._many else None
        for link in holder.links if many is None else many.about(other):
            if link.type != type_:
                continue
            if isinstance(link, Select):
                if not reverse and selects(link, other) and self._is_among(link, other):
                    add_field(found, (type_, reverse, other), link.field)
            elif link.reverse is reverse and (
                self._accepted(holder, link, self._names.find(link.name_key, link.target)) is other
            ):
                add_field(found, (type_, reverse, other), link.field)
        return tuple(found.get((type_, reverse, other), ()))

    def _accepted(self, holder: Record, link: Ref | RefByUid, found: Record | None) -> Record | None:
        """The record that has the name, if the link means it."""
        if found is None or (self._leaving and found in self._leaving):
            return None
        if isinstance(link, RefByUid):
            return found if not link.reverse or may_own(found, holder) else None
        if link.permit is not None and not is_permitted(link, self._names):
            return None
        if link.uid or link.owned:
            if link.uid and found.uid != link.uid:
                return None
            if link.owned and holder.uid not in owner_uids(found):
                return None
        return found

    def _is_among(self, link: Select, record: Record) -> bool:
        """Whether a record is in one of the namespaces of a selection that says by labels in which."""
        if link.among is None or not link.among.requirements:
            return True
        namespace = self._names.find((NAMESPACE, ""), record.namespace)
        return namespace is not None and link.among.matches(namespace.selectable or {})

    def unresolved_candidates(self, holder: Record) -> tuple[Ref | RefByUid, ...]:
        """The required references of the holder that resolve to nothing."""
        return tuple(
            [
                unmet(link, self._names)
                for link in holder.links
                if not isinstance(link, Select)
                and not link.optional
                and self._accepted(holder, link, self._names.find(link.name_key, link.target)) is None
            ]
        )
