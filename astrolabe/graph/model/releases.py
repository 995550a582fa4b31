"""Helm releases and charts: of each resource by the first that holds of

1. its own annotation, which only what Helm itself applied has;
2. that of the nearest owner that has one (of an EndpointSlice: its Service, see `Rules.inherits`);
3. its own labels, which are also copied from templates and mirrored to slices;
4. those of its nearest owner.

The value is always computed from what the ancestors say themselves, never from what they inherited. So it is
exact in any order of arrival, and owners that own each other do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from astrolabe.graph.model.linker import Linker
from astrolabe.graph.model.record import Record
from astrolabe.graph.model.release_index import ReleaseIndex
from astrolabe.graph.state.edge import each_edge
from astrolabe.graph.state.edge_types import INHERITANCE_TYPES
from astrolabe.graph.state.identity import Release


def settle(touched: Iterable[Record], linker: Linker, index: ReleaseIndex) -> Iterator[Record]:
    """Update the touched records and everything they own. Yields the records that changed, maybe twice.

    touched: records whose own release or chart changed, or that gained or lost an owner.
    """
    waiting = list(touched)
    seen = set(waiting)
    while waiting:
        record = waiting.pop()
        if linker.find(record.uid) is not record:  # it is gone
            continue
        said, chart = _inherit(record, linker)
        release = index.place(record, said)
        if release != record.release or chart != record.chart:
            record.release, record.chart = release, chart
            yield record
        for edge in each_edge(record.outgoing):
            if edge.type in INHERITANCE_TYPES:
                child = linker.find(edge.target)
                if child is not None and child not in seen and edge.type in child.rules.inherits:
                    seen.add(child)
                    waiting.append(child)
    for record, release in index.settle():
        if release != record.release:
            record.release = release
            yield record


def _inherit(record: Record, linker: Linker) -> tuple[Release | None, str]:
    """What is said of it. Go up level by level; of several values of one level, take the smallest.

    The namespace of the release is "" if only the labels of something cluster-scoped name it.
    """
    release, label_release, chart = record.own_release, record.label_release, record.own_chart
    if record.incoming and (release is None or not chart):
        level, seen = [record], {record}
        while level and (release is None or not chart):
            level = _owners(level, seen, linker)
            if release is None:
                release = min([owner.own_release for owner in level if owner.own_release], default=None)
            if label_release is None:
                label_release = min(
                    [owner.label_release for owner in level if owner.label_release], default=None
                )
            if not chart:
                chart = min([owner.own_chart for owner in level if owner.own_chart], default="")
    return label_release if release is None else release, chart


def _owners(level: list[Record], seen: set[Record], linker: Linker) -> list[Record]:
    owners = []
    for record in level:
        inherits = record.rules.inherits
        for edge in each_edge(record.incoming):
            if edge.type in inherits:
                owner = linker.find(edge.source)
                if owner is not None and owner not in seen:
                    seen.add(owner)
                    owners.append(owner)
    return owners
