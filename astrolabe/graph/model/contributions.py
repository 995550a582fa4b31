"""What a holder's links contribute to edges: the fields of the manifest that make each edge."""

from __future__ import annotations

from typing import cast

from astrolabe.graph.model.links import NameKey, Select, owners_among
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


def owner_uids(record: Record) -> set[str]:
    """The uids of its ownerReferences."""
    return {owner.uid for owner in owners_among(record.links)}


def may_own(owner: Record, record: Record) -> bool:
    """Whether Kubernetes' garbage collector takes it for an owner: it is in the same namespace, or
    cluster-scoped. It takes any other for an owner that does not exist.
    """
    return not owner.namespace or owner.namespace == record.namespace


def selects(link: Select, record: Record) -> bool:
    """Whether the selection matches the record."""
    labels = record.selectable
    return (
        labels is not None
        and link.kind == record.kind
        and link.namespace == record.namespace
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
