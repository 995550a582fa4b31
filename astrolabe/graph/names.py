"""Who is found under a key (a uid, a name, an alias), and who wants it."""

from __future__ import annotations

from collections.abc import Iterable

from astrolabe.graph.record import Record

#: One record, nearly always; several when a name is claimed more than once for a while, or an
#: alias is shared. A dict keeps hubs cheap.
_Holders = Record | dict[Record, None]


class Names:
    """Targets by key, and the reverse index of wanted keys: a reference may come before its target."""

    def __init__(self) -> None:
        self._targets: dict[str, Record | tuple[Record, ...]] = {}
        self._wants: dict[str, _Holders] = {}

    def find(self, key: str) -> Record | None:
        """The target of this key; of several the one that was created last."""
        found = self._targets.get(key)
        if isinstance(found, tuple):
            return max(found, key=lambda record: (record.created, record.uid))
        return found

    def find_all(self, key: str) -> tuple[Record, ...]:
        """All that claim this key."""
        found = self._targets.get(key)
        if found is None:
            return ()
        return found if isinstance(found, tuple) else (found,)

    def claim(self, key: str, record: Record) -> None:
        """From now on the record is found under the key."""
        found = self._targets.get(key)
        if found is None:
            self._targets[key] = record
        elif isinstance(found, tuple):
            self._targets[key] = (*found, record)
        else:
            self._targets[key] = (found, record)

    def release(self, key: str, record: Record) -> None:
        """The record is no longer found under the key."""
        found = self._targets.get(key)
        if isinstance(found, tuple):
            rest = tuple([other for other in found if other is not record])
            self._targets[key] = rest if len(rest) > 1 else rest[0]
        elif found is record:
            del self._targets[key]

    def want(self, key: str, holder: Record) -> None:
        """The holder has a link to this key."""
        holders = self._wants.get(key)
        if holders is None:
            self._wants[key] = holder
        elif isinstance(holders, dict):
            holders[holder] = None
        elif holders is not holder:
            self._wants[key] = {holders: None, holder: None}

    def unwant(self, key: str, holder: Record) -> None:
        """The holder has no link to this key any more."""
        holders = self._wants.get(key)
        if holders is holder:
            del self._wants[key]
        elif isinstance(holders, dict):
            holders.pop(holder, None)
            if not holders:
                del self._wants[key]

    def is_wanted(self, key: str) -> bool:
        """Whether any holder has a link to this key."""
        return key in self._wants

    def wanting(self, key: str) -> Iterable[Record]:
        """The holders of links to this key; a copy, safe to walk while links change."""
        holders = self._wants.get(key)
        if holders is None:
            return ()
        return tuple(holders) if isinstance(holders, dict) else (holders,)
