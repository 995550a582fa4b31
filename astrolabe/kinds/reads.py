"""Which other kinds the status and metadata of a kind depend on, besides its own manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from astrolabe.graph.state.edge_types import ALLOWS, SELECTS
from astrolabe.graph.visible.visibility import READS_NOTHING, KindReads, Reads
from astrolabe.kinds.kind import ANY_KIND, Kind, is_custom

#: Layers of the kinds that own Pods. A kind that reads Pods may name their topmost owner.
_OWNERS = ("workload", "run")
#: Edges that a manifest makes without naming the object at the other end.
_SELECTING = frozenset((SELECTS, ALLOWS))


def reads_of(kinds: Iterable[Kind[Any]]) -> Reads:
    """By kind, all that its objects' statuses read, and what these read in turn."""
    entries = {kind.key: kind for kind in kinds}
    direct = {key: {read.kind for read in kind.reads} for key, kind in entries.items()}
    owners = {key for key, kind in entries.items() if kind.layer in _OWNERS and not is_custom(key)}
    found: dict[str, KindReads] = {}
    for key, kind in entries.items():
        read = _closure(direct, key)
        if "Pod" in read:
            read |= owners
        named = {other for type, other in kind.makes if type not in _SELECTING and other != ANY_KIND}
        named = {*kind.requires} or (named if kind.derive is not None else set())
        if not is_custom(key):  # such a one only says more about what is missing
            named |= {other for other in read if is_custom(other)}
        targets = {
            each.kind
            for each in kind.reads
            if each.direction == "outgoing" and each.type not in _SELECTING and not direct.get(each.kind)
        }
        if read or named or kind.inherits != READS_NOTHING.inherits:
            found[key] = KindReads(
                kinds=frozenset(read - {key, *targets}),
                targets=frozenset(targets),
                references=frozenset(named),
                metadata=frozenset(kind.derives),
                anywhere=is_custom(key),
                inherits=kind.inherits,
                is_nothing_alone=kind.is_nothing_alone or (is_custom(key) and kind.derive is not None),
            )
    return found


def _closure(direct: Mapping[str, set[str]], key: str) -> set[str]:
    read, waiting = set[str](), [*direct[key]]
    while waiting:
        other = waiting.pop()
        if other not in read:
            read.add(other)
            waiting.extend(direct.get(other, ()))
    return read
