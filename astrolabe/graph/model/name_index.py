"""Which resource has a name (a uid, a name in a namespace, an alias), and which holders name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from astrolabe.graph.model.few import Few, each_record, with_record, without_record
from astrolabe.graph.model.links import BY_UID, NameKey
from astrolabe.graph.model.record import Record

#: Nearly always one record. Several if a name is claimed more than once for a while, or an alias is shared.
_Claims = Record | tuple[Record, ...]


class _NamesOf:
    """The names in one scope, and which holders want them."""

    __slots__ = ("targets", "wants")

    def __init__(self) -> None:
        self.targets: dict[str, _Claims] = {}
        self.wants: dict[str, Few] = {}


class NameIndex:
    """Targets by scope and name, and their referrers. A reference may come before its target."""

    def __init__(self) -> None:
        self._uids = _NamesOf()
        self._by_key: dict[NameKey, _NamesOf] = {BY_UID: self._uids}

    @property
    def by_uid(self) -> Mapping[str, Record]:
        """The resources by uid, which no two have at the same time."""
        return cast("dict[str, Record]", self._uids.targets)

    def find(self, name_key: NameKey, name: str) -> Record | None:
        """The target with this name; if there are several, the one that was created last,
        then the first by name."""
        names = self._by_key.get(name_key)
        found = names.targets.get(name) if names is not None else None
        return _newest(found) if isinstance(found, tuple) else found

    def find_all(self, name_key: NameKey, name: str) -> tuple[Record, ...]:
        """All records that claim this name."""
        names = self._by_key.get(name_key)
        found = names.targets.get(name) if names is not None else None
        if found is None:
            return ()
        return found if isinstance(found, tuple) else (found,)

    def claim(self, name_key: NameKey, name: str, record: Record) -> Record | None:
        """Let the record be found under the name. Returns what was found before."""
        targets = self._open(name_key).targets
        found = targets.get(name)
        if found is None:
            targets[name] = record
        elif isinstance(found, tuple):
            targets[name] = (*found, record)
        else:
            targets[name] = (found, record)
        return _newest(found)

    def release(self, name_key: NameKey, name: str, record: Record) -> Record | None:
        """Stop finding the record under the name. Returns what was found before."""
        names = self._open(name_key)
        found = names.targets.get(name)
        if isinstance(found, tuple):
            rest = list(found)
            rest.remove(record)  # once: its name may be its alias, too
            names.targets[name] = tuple(rest) if len(rest) > 1 else rest[0]
        elif found is record:
            del names.targets[name]
        self._close(name_key, names)
        return _newest(found)

    def want(self, name_key: NameKey, name: str, holder: Record) -> Record | None:
        """The holder has a link to this name. Returns what `find` does."""
        names = self._by_key.get(name_key) or self._open(name_key)
        wants = names.wants
        holders = wants.get(name)
        wants[name] = holder if holders is None else with_record(holders, holder)
        found = names.targets.get(name)
        return found if found is None else _newest(found)

    def unwant(self, name_key: NameKey, name: str, holder: Record) -> Record | None:
        """The holder no longer has a link to this name. Returns what `find` does."""
        names = self._by_key.get(name_key)
        if names is None:
            return None
        wants = names.wants
        rest = without_record(wants.get(name), holder)
        if rest is None:
            wants.pop(name, None)
        else:
            wants[name] = rest
        found = names.targets.get(name)
        if found is not None:
            return _newest(found)
        if not wants:
            self._close(name_key, names)
        return None

    def count_wanting(self, name_key: NameKey, name: str) -> int:
        """How many holders have a link to this name."""
        names = self._by_key.get(name_key)
        return len(each_record(names.wants.get(name))) if names is not None else 0

    def is_wanted(self, name_key: NameKey, name: str) -> bool:
        """Whether any holder has a link to this name."""
        names = self._by_key.get(name_key)
        return names is not None and name in names.wants

    def wanting(self, name_key: NameKey, name: str) -> tuple[Record, ...]:
        """The holders of links to this name; a copy, safe to walk while links change."""
        names = self._by_key.get(name_key)
        return tuple(each_record(names.wants.get(name))) if names is not None else ()

    def _open(self, name_key: NameKey) -> _NamesOf:
        names = self._by_key.get(name_key)
        if names is None:
            names = self._by_key[name_key] = _NamesOf()
        return names

    def _close(self, name_key: NameKey, names: _NamesOf) -> None:
        """Drop a scope that is empty, since namespaces come and go."""
        if not names.targets and not names.wants and names is not self._uids:
            self._by_key.pop(name_key, None)


def _newest(claims: _Claims | None) -> Record | None:
    return _choose(claims) if isinstance(claims, tuple) else claims


def _choose(claims: tuple[Record, ...]) -> Record:
    """The one that was created last, of several the first by name, as Kubernetes takes the default class."""
    created = max([each.created for each in claims])
    return min([each for each in claims if each.created == created], key=lambda each: (each.name, each.uid))
