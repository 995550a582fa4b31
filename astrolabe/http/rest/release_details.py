"""A release as Helm keeps it, compared with what is in the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from astrolabe.graph.state.identity import GroupKind, Release
from astrolabe.graph.state.node import Node
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.helm_release import DeclaredObject, ReleaseDetails

#: Returns whether the graph has every object of a kind that Helm applied, in a namespace ("": in none) of a
#: cluster ("": of the only one).
Sees = Callable[[str, str, str], bool]

_MANAGED = "app.kubernetes.io/managed-by"


class HelmKnowledge(Protocol):
    """What is known about releases beyond their labels. version: grows with each change."""

    @property
    def version(self) -> int: ...
    def get(self, release: Release, /) -> ReleaseDetails | None: ...


class NoKnowledge:
    """Implements `HelmKnowledge` where nothing but labels is read."""

    version = 0

    def get(self, _: Release) -> ReleaseDetails | None:
        return None


class ObjectPlace(NamedTuple):
    """An object, by its names."""

    kind: str
    namespace: str
    name: str


class ReleaseComparison:
    """What a release declares, compared with what exists. Take in all nodes, then ask for `document`."""

    def __init__(self, release: Release, details: ReleaseDetails, catalogue: Catalogue, sees: Sees) -> None:
        self._release = release
        self._complete = details.complete
        self._declared = {place: each for each in details.objects if (place := self._place(each, catalogue))}
        self._seen = {place for place in self._declared if sees(place.kind, place.namespace, release.cluster)}
        self._hooks = {(hook.kind, hook.name) for hook in details.hooks}
        self._missing = set(self._seen)
        self._undeclared: list[ObjectPlace] = []

    def add(self, nodes: Iterable[Node]) -> None:
        """Take in some of the nodes of the graph."""
        for node in nodes:
            if node.cluster != self._release.cluster:
                continue
            place = ObjectPlace(node.kind, node.namespace, node.name)
            if place in self._declared:
                self._missing.discard(place)
            elif self._is_own(node) and (node.kind, node.name) not in self._hooks:
                self._undeclared.append(place)

    def document(self) -> dict[str, Any]:
        """`missing`: with what is there instead, if it seems to differ in kind or name only. `undeclared`:
        what has the release's mark, and is in no manifest of it; null if not all manifests are known.
        """
        undeclared = sorted(self._undeclared)
        missing = []
        for place in sorted(self._missing):
            instead = self._instead(place, undeclared)
            found = {"found": _tell(instead)} if instead is not None else {}
            missing.append({**_tell(place), **found})
        return {
            "missing": missing,
            "undeclared": [_tell(place) for place in undeclared] if self._complete else None,
        }

    def _place(self, declared: DeclaredObject, catalogue: Catalogue) -> ObjectPlace | None:
        kind = catalogue.get(GroupKind.of(declared.api_version, declared.kind))
        if kind is None:
            return None
        namespace = (declared.namespace or self._release.namespace) if kind.namespaced else ""
        return ObjectPlace(kind.key, namespace, declared.name)

    def _is_own(self, node: Node) -> bool:
        """Whether Helm applied it for this release. An object with an owner only belongs to it."""
        if Release(node.release_namespace, node.release, node.cluster) != self._release:
            return False
        return node.labels().get(_MANAGED) == "Helm" and not node.document().get("ownerReferences")

    def _instead(self, place: ObjectPlace, undeclared: list[ObjectPlace]) -> ObjectPlace | None:
        """What has the same name and another kind, or is the only one of its kind that nobody declares."""
        for other in undeclared:
            if (other.namespace, other.name) == (place.namespace, place.name):
                return other
        alike = [other for other in undeclared if other[:2] == place[:2]]
        lacking = [other for other in self._missing if other[:2] == place[:2]]
        return alike[0] if len(alike) == len(lacking) == 1 else None


def describe_details(details: ReleaseDetails | None) -> dict[str, Any]:
    """What a list of releases says about one."""
    if details is None:
        return {}
    return {
        "appVersion": details.app_version,
        "description": details.description,
        "lastAction": details.last_action,
        "firstDeployed": details.first_deployed,
        "lastDeployed": details.last_deployed,
    }


def describe_whole(details: ReleaseDetails, comparison: ReleaseComparison) -> dict[str, Any]:
    """What is said about one release beyond its entry in the list."""
    return {
        "notes": details.notes,
        "hooks": msgspec.to_builtins(details.hooks),
        "objects": msgspec.to_builtins(details.objects),
        **comparison.document(),
    }


def chart_of(details: ReleaseDetails | None) -> str:
    """The chart with its version, as the label has it; "" if it is not known."""
    if details is None or not details.chart_name:
        return ""
    return f"{details.chart_name}-{details.chart_version}" if details.chart_version else details.chart_name


def _tell(place: ObjectPlace) -> Mapping[str, str]:
    return {"kind": place.kind, "namespace": place.namespace, "name": place.name}
