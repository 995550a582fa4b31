"""Helm release and chart: a resource that names none has that of its nearest owner which does.

The owner of an EndpointSlice is its Service (see `Rules.inherits`).

Worked out from the ancestors each time, never from what a neighbour inherited before: so it is exact
in any order of arrival, and owners that own each other do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from astrolabe.graph.edge import each_edge
from astrolabe.graph.edge_types import INHERITANCE_TYPES
from astrolabe.graph.facts import Release
from astrolabe.graph.linker import Linker
from astrolabe.graph.record import Record


def settle(touched: Iterable[Record], linker: Linker) -> Iterator[Record]:
    """Bring up to date the touched records and all they own; yields those that changed.

    touched: records whose own release or chart changed, or that gained or lost an owner.
    """
    waiting = list(touched)
    seen = set(waiting)
    while waiting:
        record = waiting.pop()
        release, chart = _inherit(record, linker)
        if release != record.release or chart != record.chart:
            record.release, record.chart = release, chart
            yield record
        for edge in each_edge(record.out):
            if edge.type in INHERITANCE_TYPES:
                child = linker.find(edge.target)
                if child is not None and child not in seen and edge.type in child.rules.inherits:
                    seen.add(child)
                    waiting.append(child)


def _inherit(record: Record, linker: Linker) -> tuple[Release | None, str]:
    """Level by level upwards; where several owners of one level tell, the first in order."""
    release, chart = record.own_release, record.own_chart
    if not record.into or (release is not None and chart):
        return release, chart
    level, seen = [record], {record}
    while level and (release is None or not chart):
        level = _owners(level, seen, linker)
        if release is None:
            release = min([owner.own_release for owner in level if owner.own_release], default=None)
        if not chart:
            chart = min([owner.own_chart for owner in level if owner.own_chart], default="")
    return release, chart


def _owners(level: list[Record], seen: set[Record], linker: Linker) -> list[Record]:
    owners = []
    for record in level:
        inherits = record.rules.inherits
        for edge in each_edge(record.into):
            if edge.type in inherits:
                owner = linker.find(edge.source)
                if owner is not None and owner not in seen:
                    seen.add(owner)
                    owners.append(owner)
    return owners
