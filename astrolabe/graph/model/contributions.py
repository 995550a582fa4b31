"""What a holder's links contribute to edges: the fields of the manifest that make each edge."""

from __future__ import annotations

from typing import cast

from msgspec.structs import replace

from astrolabe.graph.model.links import Link, NameKey, Ref, RefByUid, Select, owners_among
from astrolabe.graph.model.name_index import NameIndex
from astrolabe.graph.model.record import Record

#: Identifies what a holder contributes to one edge: (edge type, reverse, the record at the other end).
Contribution = tuple[str, bool, Record]
#: The fields of each contribution: a tuple while there are few, which is nearly always.
FieldsFound = dict[Contribution, tuple[str, ...] | dict[str, None]]
_FEW = 8


def concerned(holder: Record, name_key: NameKey, name: str) -> set[tuple[str, bool]]:
    """The (type, reverse) of the holder's references to this name."""
    return {
        (link.type, link.reverse)
        for link in holder.links
        if not isinstance(link, Select) and link.target == name and link.name_key == name_key
    }


def permitted_by(holder: Record, name_key: NameKey, name: str) -> list[Ref]:
    """The holder's references that need a permission of this name."""
    return [
        link
        for link in holder.links
        if isinstance(link, Ref)
        and link.permit is not None
        and name in link.permit.names
        and permit_key(link) == name_key
    ]


def permit_key(link: Ref) -> NameKey:
    """Where what permits a reference is found under its names."""
    assert link.permit is not None
    return (link.permit.kind, link.namespace)


def is_permitted(link: Ref | RefByUid, names: NameIndex) -> bool:
    """Whether a reference that needs a permission has one."""
    if not isinstance(link, Ref) or link.permit is None:
        return True
    return any(names.find(permit_key(link), name) is not None for name in link.permit.names)


def unmet(link: Ref | RefByUid, names: NameIndex) -> Ref | RefByUid:
    """A reference that does not resolve, marked if only a permission is missing."""
    if not isinstance(link, Ref) or is_permitted(link, names):
        return link
    exists = names.find(link.name_key, link.name) is not None
    return replace(link, refused=True) if exists else link


def owner_uids(record: Record) -> set[str]:
    """The uids of its ownerReferences."""
    return {owner.uid for owner in owners_among(record.links)}


def have_other_owners(before: tuple[Link, ...], links: tuple[Link, ...]) -> bool:
    """Whether the uids of the ownerReferences among these links are others than before."""
    old, new = owners_among(before), owners_among(links)
    return old != new and {owner.uid for owner in old} != {owner.uid for owner in new}


def may_own(owner: Record, record: Record) -> bool:
    """Whether Kubernetes' garbage collector takes it for an owner: it is in the same namespace, or
    cluster-scoped. It takes any other for an owner that does not exist.
    """
    return not owner.namespace or owner.namespace == record.namespace


def selects(link: Select, record: Record) -> bool:
    """Whether the selection matches the record, if it does not say by labels in which namespaces."""
    labels = record.selectable
    return (
        labels is not None
        and link.kind == record.sought_as
        and (link.namespace == record.namespace or link.among is not None)
        and link.selector.matches(labels)
    )


def add_field(found: FieldsFound, contribution: Contribution, field: str) -> None:
    """Add a field to a contribution, once."""
    fields = found.get(contribution)
    if fields is None:
        found[contribution] = (field,)
    elif isinstance(fields, dict):
        fields[field] = None
    elif field not in fields:
        found[contribution] = (*fields, field) if len(fields) < _FEW else dict.fromkeys((*fields, field))


def settled(found: FieldsFound) -> dict[Contribution, tuple[str, ...]]:
    """The contributions, each with its fields in order."""
    for each, fields in found.items():
        if isinstance(fields, dict):
            found[each] = tuple(fields)
    return cast("dict[Contribution, tuple[str, ...]]", found)


def alias_key(record: Record) -> NameKey:
    """Where a record is found under its aliases."""
    return (record.kind, "" if record.rules.wide_aliases else record.namespace)


def names_of(record: Record) -> list[tuple[NameKey, str]]:
    """Everything by which references find a record, except its uid; each once."""
    own = ((record.kind, record.namespace), record.name)
    if not record.aliases:
        return [own]
    return list({own: None, **{(alias_key(record), alias): None for alias in record.aliases}})


def named_by(link: Link) -> list[tuple[NameKey, str]]:
    """What a link looks for by name."""
    if isinstance(link, Select):
        return []
    names = [(link.name_key, link.target)]
    if isinstance(link, Ref) and link.permit is not None:
        names += [(permit_key(link), name) for name in link.permit.names]
    return names
