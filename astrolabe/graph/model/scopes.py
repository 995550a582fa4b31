"""Which kinds are completely known, and where. Only there, a missing target is a fact."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from astrolabe.graph.model.facts import Rules
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.state.identity import GroupKind

#: The scope that is a whole cluster.
EVERYWHERE = ""


class Scopes:
    """For each kind, the namespaces in which it is synced. Elsewhere it causes no false alarm."""

    def __init__(self, rules: Mapping[str, Rules]) -> None:
        self._rules = rules
        self._synced: dict[str, set[str]] = {}
        self._outdated: dict[str, set[str]] = {}

    def copy_from(self, other: Scopes) -> None:
        """Take over what the other one knows."""
        self._synced = {kind: set(known) for kind, known in other._synced.items()}
        self._outdated = {kind: set(known) for kind, known in other._outdated.items()}

    def forget(self, kind: str) -> bool:
        """Forget a kind. Returns whether anything was known about it."""
        known = (self._synced.pop(kind, None), self._outdated.pop(kind, None))
        return any(known)

    def mark(self, kind: str, namespace: str, synced: bool) -> bool:
        """Returns whether this changes anything."""
        return _mark(self._synced.setdefault(kind, set()), namespace, synced)

    def mark_outdated(self, kind: str, namespace: str, outdated: bool) -> bool:
        """Say whether the kind can no longer be read. Returns whether this changes anything."""
        return _mark(self._outdated.setdefault(kind, set()), namespace, outdated)

    def is_outdated(self, kind: str, namespace: str) -> bool:
        """Whether the kind can no longer be read in this namespace, so that what is known may be outdated."""
        return _holds(self._outdated.get(kind, ()), namespace)

    def is_complete(self, kind: str, namespace: str) -> bool:
        """Whether all resources of the kind in this namespace are known."""
        return _holds(self._synced.get(kind, ()), namespace)

    def is_watched(self, kind: str) -> bool:
        """Whether it is a kind of the catalogue."""
        return kind in self._rules

    def namespaced(self, kind: str) -> bool:
        rules = self._rules.get(kind)
        return rules is not None and rules.namespaced

    def find_unresolved(
        self, unresolved_candidates: tuple[Ref | RefByUid, ...]
    ) -> tuple[Ref | RefByUid, ...]:
        """Those of the candidates whose target would be known if it existed."""
        if not unresolved_candidates or not self._synced:
            return ()
        return tuple([candidate for candidate in unresolved_candidates if self._is_unresolved(candidate)])

    def _is_unresolved(self, candidate: Ref | RefByUid) -> bool:
        namespace = candidate.namespace
        if isinstance(candidate, RefByUid):
            kind, group = kind_of(candidate), candidate.group
            return self.is_complete(kind, namespace) and (group is None or group == self._group(kind))
        if candidate.refused and candidate.permit is not None:
            return self.is_complete(candidate.permit.kind, namespace)
        if not candidate.scoped and self.namespaced(candidate.kind) is (not namespace):
            return False
        return self.is_complete(candidate.kind, namespace)

    def _group(self, kind: str) -> str:
        return self._rules[kind].api_version.rpartition("/")[0]


def kind_of(reference: Ref | RefByUid) -> str:
    """The key of the kind that a reference names. One by uid has it in parts, as the manifest does."""
    if isinstance(reference, Ref) or reference.group is None:
        return reference.kind
    return _key(reference.group, reference.kind)


@lru_cache(maxsize=1024)
def _key(group: str, kind: str) -> str:
    return GroupKind(group, kind).key


def _mark(scopes: set[str], namespace: str, is_so: bool) -> bool:
    if (namespace in scopes) is is_so:
        return False
    if is_so:
        scopes.add(namespace)
    else:
        scopes.discard(namespace)
    return True


def _holds(scopes: Collection[str], namespace: str) -> bool:
    return EVERYWHERE in scopes or namespace in scopes
