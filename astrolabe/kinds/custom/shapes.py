"""The usual shapes of references, which objects may have by the thousand: each is one loop, with few calls.

get: reads from an item its name, its namespace (or its name again), and what says which kind is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from sys import intern
from typing import Any

from astrolabe.graph.model.links import Link, Permit, Ref
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.custom import packed
from astrolabe.kinds.custom.rule import ReferenceRule
from astrolabe.kinds.manifest import LONGEST_NAME

Read = Callable[[Any], Iterable[Link]]
Get = Callable[[Any], tuple[Any, ...]]
#: (links found, item, namespace of the object, field)
Add = Callable[[list[Link], Any, str, str], None]
#: The kind that is meant, its key, and whether it is in namespaces.
End = tuple[GroupKind, str, bool | None]

#: Kinds that one reference remembers.
MOST_ENDS = 1_000


def one(add: Add, read: Callable[[Any], Any], field: str) -> Read:
    """Of an object that says all of one reference."""

    def read_one(manifest: Any) -> Iterable[Link]:
        item = read(manifest)
        if item is None:
            return ()
        found: list[Link] = []
        add(found, item, manifest.metadata.namespace, field)
        return found

    return read_one


def each(add: Add, read: Callable[[Any], Any], fixed: str, before: str, tail: str) -> Read:
    """Of a list of such objects. fixed: what the field is called if not by its place."""

    def read_each(manifest: Any) -> Iterable[Link]:
        items = read(manifest)
        if type(items) is not list:
            return ()
        found: list[Link] = []
        own = intern(manifest.metadata.namespace)
        for at, item in enumerate(items):
            add(found, item, own, fixed or intern(f"{before}[{at}]{tail}"))
        return found

    return read_each


def adder(
    reference: ReferenceRule,
    holder: GroupKind,
    ends: dict[tuple[Any, ...], End | None],
    learn: Callable[[tuple[Any, ...]], End | None],
    get: Get,
) -> Add:
    """Adds the references of one item.

    ends: by what says which kind is meant. learn: finds the end that is not among them.
    """
    edge, optional, reverse = reference.edge, reference.optional, reference.reverse
    says_namespace, needs_permit = bool(reference.namespace), reference.permit

    def add(found: list[Link], item: Any, own: str, field: str) -> None:
        try:
            values = get(item)
        except AttributeError:
            return  # it is no object
        name, named, said = values[0], values[1], values[2:]
        if type(name) is not str or not name or len(name) > LONGEST_NAME:
            return
        try:
            end = ends[said]
        except (KeyError, TypeError):
            end = learn(said)
        if end is None:
            return
        kind, key, namespaced = end
        permit = None
        scoped = True
        if says_namespace and type(named) is str and named:
            if needs_permit and named != own:
                permit = Permit(packed.REFERENCE_GRANT.key, packed.permit(holder, own, kind, name))
            place, scoped = "" if namespaced is False else intern(named), namespaced is not None
        elif namespaced is False or (namespaced is None and not own):
            place = ""
        elif own:
            place, scoped = own, namespaced is True
        else:
            return  # in a namespace that only the controller knows
        found.append(Ref(edge, key, place, name, field, optional, reverse, "", False, scoped, permit))
        if not scoped:
            found.append(Ref(edge, key, "", name, field, optional, reverse, "", False, False, permit))

    return add


def inventory(reference: ReferenceRule, field: str, read: Callable[[Any], Any], get: Get) -> Read:
    """Of what Flux applied: thousands of texts in one object; see `packed`."""
    edge, optional, reverse = reference.edge, reference.optional, reference.reverse
    keys: dict[tuple[str, str], str] = {}

    def read_inventory(manifest: Any) -> Iterable[Link]:
        items = read(manifest)
        if type(items) is not list:
            return ()
        found: list[Link] = []
        for item in items:
            try:
                text = get(item)[0]
            except AttributeError:
                continue
            target = packed.inventory_entry(text) if type(text) is str else None
            if target is None or len(target[1]) > LONGEST_NAME:
                continue
            namespace, name, said = target
            if (key := keys.get(said)) is None:
                key = intern(GroupKind(*said).key)
                if len(keys) < MOST_ENDS:
                    keys[said] = key
            found.append(Ref(edge, key, intern(namespace), name, field, optional, reverse))
        return found

    return read_inventory
