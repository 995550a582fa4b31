"""Releases as Helm keeps them: one Secret a revision, of which the newest counts."""

from __future__ import annotations

from astrolabe.graph.facts import HelmRevision, Release


class Revisions:
    """release → its revisions that are known."""

    def __init__(self) -> None:
        self._known: dict[Release, list[HelmRevision]] = {}
        self._before: dict[Release, HelmRevision | None] = {}

    def replace(self, old: HelmRevision | None, new: HelmRevision | None) -> None:
        """A Secret tells `new` where it told `old`."""
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
