"""Parses paths: kind, namespace, and name of the object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from astrolabe.kinds.kind import Kind
from astrolabe.sim.api.discovery import is_group
from astrolabe.sim.api.errors import no_such_page, no_such_resource


@dataclass(frozen=True)
class Target:
    """A collection, or with `name` one object in it. `namespace` "": all, or cluster-scoped."""

    kind: Kind[Any]
    namespace: str = ""
    name: str = ""


class Routes:
    """Maps paths to targets for the served kinds."""

    def __init__(self, kinds: Sequence[Kind[Any]]) -> None:
        self._kinds = kinds
        self._collections = {kind.path: kind for kind in kinds}

    def target(self, path: str) -> Target:
        """The target of a path. Raises StatusError (404), in the same two forms as a real server."""
        target = self._all(path) or self._in_namespace(path)
        if target is not None:
            return target
        raise no_such_resource() if is_group(path, self._kinds) else no_such_page()

    def _all(self, path: str) -> Target | None:
        if path in self._collections:
            return Target(self._collections[path])
        collection, _, name = path.rpartition("/")
        kind = self._collections.get(collection)
        if kind is None or kind.namespaced:
            return None
        return Target(kind, name=name)

    def _in_namespace(self, path: str) -> Target | None:
        root, found, rest = path.partition("/namespaces/")
        parts = rest.split("/")
        if not found or len(parts) not in (2, 3):
            return None
        namespace, plural, *name = parts
        kind = self._collections.get(f"{root}/{plural}")
        if kind is None or not kind.namespaced:
            return None
        return Target(kind, namespace, *name)
