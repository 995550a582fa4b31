"""Which release each HelmRelease of Flux makes, as far as the objects tell that it made.

Flux labels all that it applies with the HelmRelease, also what Helm gives no annotation to, as the
definitions in a chart's folder `crds`. What has the annotation, too, tells of which release the others are.
Where nothing has it, the release is named as Flux does by default, or as a revision that Helm keeps there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from astrolabe.graph.model.counting import count
from astrolabe.graph.model.record import Record
from astrolabe.graph.state.identity import HelmReleaseName, Release

#: (namespace, name of a release) of what a HelmRelease made, as the object itself says.
_Hint = tuple[str, str]


class _FluxRelease:
    """One HelmRelease.

    applied: how many objects say by annotation of which release they are. made: the records of which only
    the HelmRelease is known, each with what it hints at; None for those that inherit the label. release: as
    of the last `settle`. sought: the names of releases whose revisions decide.
    """

    __slots__ = ("applied", "made", "release", "sought")

    def __init__(self) -> None:
        self.applied: dict[Release, int] = {}
        self.made: dict[Record, _Hint | None] = {}
        self.release: Release | None = None
        self.sought: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.applied or self.made)


class FluxIndex:
    """The HelmReleases. is_kept: whether Helm keeps a revision of this name in one of these namespaces."""

    def __init__(self, is_kept: Callable[[str, tuple[str, str]], bool]) -> None:
        self._is_kept = is_kept
        self._known: dict[HelmReleaseName, _FluxRelease] = {}
        self._changed: set[HelmReleaseName] = set()
        #: By the name of a release, the HelmReleases for which it matters whether a revision is kept.
        self._seeking: dict[str, dict[HelmReleaseName, None]] = {}
        self._makers: dict[Record, HelmReleaseName] = {}

    @property
    def has_changes(self) -> bool:
        """Whether `settle` has anything to do."""
        return bool(self._changed)

    def note_applied(self, maker: HelmReleaseName, release: Release, by: int) -> None:
        """This many more objects of this HelmRelease name their release by annotation."""
        if count(self._open(maker).applied, release, by):
            self._changed.add(maker)

    def note_kept(self, name: str) -> None:
        """Other revisions of releases of this name are kept."""
        self._changed.update(self._seeking.get(name, ()))

    def release_of(self, record: Record) -> Release | None:
        """The release of a record that was placed, as far as is known by now."""
        maker = self._makers.get(record)
        return self._known[maker].release if maker is not None else None

    def place(self, record: Record, maker: HelmReleaseName | None) -> None:
        """Note by which HelmRelease a record was made, if nothing else is known of its release."""
        before = self._makers.get(record)
        if before is not None:
            self._changed.add(before)
            del self._known[before].made[record]
            del self._makers[record]
        if maker is None:
            return
        self._changed.add(maker)
        hint = (record.namespace, record.label_release.name if record.label_release else "")
        self._open(maker).made[record] = hint if record.made_by == maker else None
        self._makers[record] = maker

    def settle(self) -> Iterator[tuple[HelmReleaseName, Release | None, Release | None, tuple[Record, ...]]]:
        """Bring everything up to date. Yields what became of another release: the HelmRelease, the release
        before and now, and its records."""
        changed, self._changed = self._changed, set()
        for maker in changed:
            known = self._known[maker]
            before = known.release
            if known.made:
                known.release = self._find(maker, known)
            else:
                known.release = None
                self._seek(maker, known, ())
            if known.release != before:
                yield maker, before, known.release, tuple(known.made)
            if not known:
                del self._known[maker]

    def _find(self, maker: HelmReleaseName, known: _FluxRelease) -> Release:
        if known.applied:
            self._seek(maker, known, ())
            return min(known.applied)
        hints = [hint for hint in known.made.values() if hint is not None]
        namespaces: dict[str, int] = {}
        names: dict[str, int] = {}
        for namespace, name in hints:
            if namespace:
                count(namespaces, namespace, 1)
            if name:
                count(names, name, 1)
        target = min(namespaces, key=lambda each: (-namespaces[each], each), default=maker.namespace)
        named = min(names, key=lambda each: (-names[each], each), default=maker.name)
        candidates = tuple(dict.fromkeys((named, maker.name, f"{target}-{maker.name}")))
        self._seek(maker, known, candidates)
        places = (maker.namespace, target)
        return Release(target, next((each for each in candidates if self._is_kept(each, places)), named))

    def _seek(self, maker: HelmReleaseName, known: _FluxRelease, names: tuple[str, ...]) -> None:
        for name in known.sought:
            seeking = self._seeking[name]
            del seeking[maker]
            if not seeking:
                del self._seeking[name]
        for name in names:
            self._seeking.setdefault(name, {})[maker] = None
        known.sought = names

    def _open(self, maker: HelmReleaseName) -> _FluxRelease:
        known = self._known.get(maker)
        if known is None:
            known = self._known[maker] = _FluxRelease()
        return known
