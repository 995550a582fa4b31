"""The catalogue of a union: the kinds that any of its clusters has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from astrolabe.kinds.catalogue import Catalogue, CatalogueError
from astrolabe.kinds.kind import Kind, is_custom

logger = logging.getLogger("astrolabe.app")


class UnionKinds:
    """Keeps a catalogue that has every custom kind of its members' catalogues.

    Members may have a kind in different versions. The first one by name decides how it is shown.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        """catalogue: has Kubernetes' own kinds already, which all members share."""
        self.catalogue = catalogue
        self._members: dict[str, Catalogue] = {}
        self._unobserve: dict[str, Callable[[], None]] = {}
        self._told: set[str] = set()

    def add(self, cluster: str, catalogue: Catalogue) -> None:
        """Add the kinds of a cluster, and follow their changes."""
        self._members[cluster] = catalogue
        self._unobserve[cluster] = catalogue.observe(lambda _: self._follow())
        self._follow()

    def remove(self, cluster: str) -> None:
        """Remove the kinds that only this cluster has."""
        self._unobserve.pop(cluster)()
        del self._members[cluster]
        self._follow()

    def _follow(self) -> None:
        wanted: dict[str, Kind[Any]] = {}
        for cluster in sorted(self._members):
            for kind in self._members[cluster]:
                if is_custom(kind.key):
                    wanted.setdefault(kind.key, kind)
        known = {kind.key: kind for kind in self.catalogue if is_custom(kind.key)}
        added = [kind for key, kind in wanted.items() if known.get(key) is not kind]
        removed = [kind.id for key, kind in known.items() if key not in wanted]
        if not added and not removed:
            return
        try:
            self.catalogue.change(added=added, removed=removed)
        except CatalogueError:
            self.catalogue.change(removed=removed)
            for kind in added:
                self._add(kind)

    def _add(self, kind: Kind[Any]) -> None:
        """Add one kind. If it conflicts with another cluster's, it is served by its key, without columns."""
        try:
            self.catalogue.change(added=(kind,))
        except CatalogueError as error:
            if kind.key not in self._told:
                self._told.add(kind.key)
                logger.warning("%s is not in the list of kinds: clusters disagree: %s", kind.key, error)
