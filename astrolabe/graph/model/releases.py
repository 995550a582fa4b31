"""Helm releases and charts: of each resource by the first that holds of

1. its own annotation, which only what Helm itself applied has;
2. that of the nearest owner that has one (of an EndpointSlice: its Service, see `Rules.inherits`);
3. the labels by which Flux says what made it, its own or those of its nearest owner that has them;
4. its own labels of a chart, which are also copied from templates and mirrored to slices;
5. those of its nearest owner.

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
from astrolabe.graph.state.identity import HelmReleaseName, Release


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
        said, maker, chart = _inherit(record, linker)
        release = index.place(record, said, maker)
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


def _inherit(record: Record, linker: Linker) -> tuple[Release | None, HelmReleaseName | None, str]:
    """What is known about its release: which one, or what made it, and the chart. Go up level by level; of
    several values of one level, take the smallest.

    The namespace of the release is "" if only the labels of something cluster-scoped name it.
    """
    release, label_release, chart = record.own_release, record.label_release, record.own_chart
    maker = record.made_by
    if record.incoming and (release is None or not chart):
        level, seen = [record], {record}
        while level and (release is None or not chart):
            level = _owners(level, seen, linker)
            if release is None:
                release = min([owner.own_release for owner in level if owner.own_release], default=None)
            if maker is None:
                maker = min([owner.made_by for owner in level if owner.made_by], default=None)
            if label_release is None:
                label_release = min(
                    [owner.label_release for owner in level if owner.label_release], default=None
                )
            if not chart:
                chart = min([owner.own_chart for owner in level if owner.own_chart], default="")
    if release is not None:
        return release, None, chart
    if maker is not None and maker.name:
        return None, maker, chart
    return label_release, None, chart


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
