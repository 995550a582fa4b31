"""What is known about Helm releases of one name: which exist, which revisions Helm keeps, and where.

Helm keeps the revisions of a release in the release's namespace. Flux may keep them in that of its
HelmRelease, or in any other; what it applied names the HelmRelease, and in an annotation the release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from astrolabe.graph.model.counting import count
from astrolabe.graph.model.flux_index import FluxIndex
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.identity import HelmReleaseName, HelmRevision, Release

#: A revision, or none.
Revision = TypeVar("Revision", HelmRevision, HelmRevision | None)


class _Namesakes:
    """All releases of one name.

    used: how many resources belong to each. applied: how many say so by the annotation that Helm sets.
    flux: how many resources say, by Flux's labels, which HelmRelease made it, as (its namespace, release).
    stored: the revisions, each with the release that its Secret would mean by itself. newest: as of the last
    `settle`. nameless: the resources with only a release's name, and no namespace.
    """

    __slots__ = ("applied", "flux", "nameless", "newest", "only", "stored", "used")

    def __init__(self) -> None:
        self.used: dict[Release, int] = {}
        self.applied: dict[Release, int] = {}
        self.flux: dict[tuple[str, Release], int] = {}
        self.stored: list[HelmRevision] = []
        self.newest: dict[Release, HelmRevision] = {}
        self.nameless: dict[Record, None] = {}
        self.only: Release | None = None

    def __bool__(self) -> bool:
        return bool(self.used or self.applied or self.flux or self.stored or self.newest or self.nameless)

    def find_newest(self) -> dict[Release, HelmRevision]:
        """The newest revision of each release, wherever it is kept."""
        homes = self._find_homes()
        newest: dict[Release, HelmRevision] = {}
        for revision in self.stored:
            release = homes[revision.release]
            if release not in newest or _age(revision) > _age(newest[release]):
                away = "" if release == revision.release else revision.release.namespace
                newest[release] = msgspec.structs.replace(revision, release=release, kept_in=away)
        return newest

    def find_only(self) -> Release | None:
        """The release of this name, if there is exactly one. Labels, which anything may copy, tell of one
        only where Helm's own marks tell of none.
        """
        kept = {release for release, revision in self.newest.items() if revision.is_installed}
        known = kept | self.applied.keys() or self.used.keys()
        return next(iter(known)) if len(known) == 1 else None

    def _find_homes(self) -> dict[Release, Release]:
        """Where the revisions are kept → the release that they are of."""
        places = {revision.release for revision in self.stored}
        homes = {place: place for place in places if place in self.used}
        for place in places - homes.keys():
            made = {
                release
                for namespace, release in self.flux
                if namespace == place.namespace and release not in places
            }
            if len(made) == 1:
                homes[place] = made.pop()
        # Flux keeps them in the namespace `spec.storageNamespace`.
        lost = places - homes.keys()
        homeless = {release for _, release in self.flux} - places - set(homes.values())
        if len(lost) == len(homeless) == 1:
            homes[lost.pop()] = homeless.pop()
        return {place: homes.get(place, place) for place in places}


class ReleaseIndex:
    """The releases by name. Time is proportional to what is known of the names that changed.

    Within, releases have no cluster, since all are of one. What it returns for the graph has that one.
    """

    def __init__(self, cluster: str = "") -> None:
        self._cluster = cluster
        self._names: dict[str, _Namesakes] = {}
        self._changed: set[str] = set()
        self._before: dict[Release, HelmRevision | None] = {}
        #: What is said of the records of whose release only a name is known.
        self._nameless: dict[Record, Release] = {}
        self._flux = FluxIndex(self._is_kept)

    def add(self, record: Record) -> None:
        """What the record says itself is known."""
        self._note_own(record, 1)
        if record.revision is not None:
            self._changed_now(record.revision.release.name).stored.append(record.revision)
            self._flux.note_kept(record.revision.release.name)

    def discard(self, record: Record) -> None:
        """What `add` took in is known no more; the record still says the same."""
        self._note_own(record, -1)
        if record.revision is not None:
            self._changed_now(record.revision.release.name).stored.remove(record.revision)
            self._flux.note_kept(record.revision.release.name)

    def forget(self, record: Record) -> None:
        """The record is gone."""
        self.discard(record)
        self.place(record, None)

    def place(
        self, record: Record, said: Release | None, maker: HelmReleaseName | None = None
    ) -> Release | None:
        """Note what is said of a record. Returns the release that it belongs to, as far as is known by now:
        the caller makes that the record's.

        maker: what made it, if nothing is said.
        """
        before = self._nameless.get(record, record.release)
        self._flux.place(record, maker)
        if maker is not None:
            said = self._flux.release_of(record)
        if said != before:
            if before is not None:
                self._note_use(record, before, -1)
            if said is not None:
                self._note_use(record, said, 1)
        if said is None or said.namespace:
            return said
        return self._names[said.name].only

    @property
    def has_changes(self) -> bool:
        """Whether `settle` has anything to do."""
        return bool(self._changed) or self._flux.has_changes

    def settle(self) -> Iterator[tuple[Record, Release | None]]:
        """Bring everything up to date. Yields records of which only a name is known, or only by which
        HelmRelease they were made, with their releases."""
        for maker, before, now, records in self._flux.settle():
            yield from self._move(maker, before, now, records)
        changed, self._changed = self._changed, set()
        for name in changed:
            known = self._names[name]
            newest = known.find_newest()
            for release in known.newest.keys() | newest.keys():
                if known.newest.get(release) != newest.get(release):
                    self._before.setdefault(release, known.newest.get(release))
            known.newest = newest
            only = known.find_only()
            if only != known.only:
                known.only = only
                for record in known.nameless:
                    yield record, only
            if not known:
                del self._names[name]

    def _move(
        self,
        maker: HelmReleaseName,
        before: Release | None,
        now: Release | None,
        records: tuple[Record, ...],
    ) -> Iterator[tuple[Record, Release | None]]:
        """What a HelmRelease made is of another release than before."""
        for release, by in ((before, -1), (now, 1)):
            if release is not None and count(self._open(release.name).flux, (maker.namespace, release), by):
                self._changed.add(release.name)
        for record in records:
            # One that came since is of none yet.
            if record.release is not None:
                self._note_use(record, record.release, -1)
            if now is not None:
                self._note_use(record, now, 1)
            yield record, now

    def _is_kept(self, name: str, namespaces: tuple[str, str]) -> bool:
        known = self._names.get(name)
        return known is not None and any(each.release.namespace in namespaces for each in known.stored)

    def take(self) -> dict[Release, HelmRevision | None]:
        """The releases whose newest revision changed since the last call."""
        if not self._before:
            return {}
        before, self._before = self._before, {}
        now = {release: self._newest(release) for release in before}
        changed = {release: newest for release, newest in now.items() if newest != before[release]}
        return dict([self._of_cluster(*each) for each in changed.items()]) if self._cluster else changed

    def all(self) -> dict[Release, HelmRevision]:
        """The newest revision of every release."""
        found = {
            release: revision for known in self._names.values() for release, revision in known.newest.items()
        }
        return dict([self._of_cluster(*each) for each in found.items()]) if self._cluster else found

    def _of_cluster(self, release: Release, revision: Revision) -> tuple[Release, Revision]:
        qualified = msgspec.structs.replace(release, cluster=self._cluster)
        if revision is None:
            return qualified, revision
        return qualified, msgspec.structs.replace(revision, release=qualified)

    def _newest(self, release: Release) -> HelmRevision | None:
        known = self._names.get(release.name)
        return known.newest.get(release) if known is not None else None

    def _note_own(self, record: Record, by: int) -> None:
        release, maker = record.own_release, record.made_by
        if release is None or not (release.namespace or maker):
            return
        known = self._open(release.name)
        if release.namespace and count(known.applied, release, by):
            self._changed.add(release.name)
        if maker is not None:
            if count(known.flux, (maker.namespace, release), by):
                self._changed.add(release.name)
            if release.namespace:
                self._flux.note_applied(maker, release, by)

    def _note_use(self, record: Record, said: Release, by: int) -> None:
        known = self._open(said.name)
        if said.namespace:
            if count(known.used, said, by):
                self._changed.add(said.name)
        elif by > 0:
            self._nameless[record] = said
            known.nameless[record] = None
        else:
            del self._nameless[record]
            del known.nameless[record]
            self._changed.add(said.name)

    def _changed_now(self, name: str) -> _Namesakes:
        self._changed.add(name)
        return self._open(name)

    def _open(self, name: str) -> _Namesakes:
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = _Namesakes()
        return known


def _age(entry: HelmRevision) -> tuple[int, str]:
    return (entry.revision, entry.status)
