"""Helm releases and charts. A resource that names none inherits from its nearest owner that does.

The owner of an EndpointSlice is its Service (see `Rules.inherits`).

The value is always computed from the ancestors' own values, never from inherited ones. So it is exact in any
order of arrival, and owners that own each other do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from astrolabe.graph.model.linker import Linker
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.edge import each_edge
from astrolabe.graph.state.edge_types import INHERITANCE_TYPES
from astrolabe.graph.state.identity import HelmRevision, Release


def settle(touched: Iterable[Record], linker: Linker) -> Iterator[Record]:
    """Update the touched records and everything they own. Yields the records that changed.

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
        for edge in each_edge(record.outgoing):
            if edge.type in INHERITANCE_TYPES:
                child = linker.find(edge.target)
                if child is not None and child not in seen and edge.type in child.rules.inherits:
                    seen.add(child)
                    waiting.append(child)


def _inherit(record: Record, linker: Linker) -> tuple[Release | None, str]:
    """Go up level by level. If several owners of one level have a value, take the smallest."""
    release, chart = record.own_release, record.own_chart
    if not record.incoming or (release is not None and chart):
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
        for edge in each_edge(record.incoming):
            if edge.type in inherits:
                owner = linker.find(edge.source)
                if owner is not None and owner not in seen:
                    seen.add(owner)
                    owners.append(owner)
    return owners


class Revisions:
    """The known revisions of each release. Helm keeps one Secret per revision; the newest counts."""

    def __init__(self) -> None:
        self._known: dict[Release, list[HelmRevision]] = {}
        self._before: dict[Release, HelmRevision | None] = {}

    def replace(self, old: HelmRevision | None, new: HelmRevision | None) -> None:
        """A Secret says `new` instead of `old`."""
        if old is not None:
            self._note(old.release)
            revisions = self._known[old.release]
            revisions.remove(old)
            if not revisions:
                del self._known[old.release]
        if new is not None:
            self._note(new.release)
            self._known.setdefault(new.release, []).append(new)

    def take(self) -> dict[Release, HelmRevision | None]:
        """The releases whose newest revision changed since the last call."""
        before, self._before = self._before, {}
        return {
            release: self._newest(release) for release in before if self._newest(release) != before[release]
        }

    def all(self) -> dict[Release, HelmRevision]:
        """The newest revision of every release."""
        return {release: max(known, key=_age) for release, known in self._known.items()}

    def _note(self, release: Release) -> None:
        self._before.setdefault(release, self._newest(release))

    def _newest(self, release: Release) -> HelmRevision | None:
        revisions = self._known.get(release)
        return max(revisions, key=_age) if revisions else None


def _age(entry: HelmRevision) -> tuple[int, str]:
    return (entry.revision, entry.status)
