"""What the graph must be, worked out from the facts the slow and obvious way.

Shares no code with the model beyond the value types: every pair of resources is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from astrolabe.graph.model.facts import Facts, Rules
from astrolabe.graph.model.links import Ref, RefByUid, Select
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.identity import GroupKind, HelmReleaseName, Release

CLOSURE = {
    "owns", "endpoints", "mounts", "binds", "uses-configmap", "uses-secret", "uses-sa", "uses-class", "runs-on",
    "governed-by", "makes", "manages",
}  # fmt: skip
Key = tuple[str, str, str]


class Expected:
    """nodes: uid → facts that are in the graph; edges: key → fields; the rest by uid."""

    def __init__(
        self,
        facts: Iterable[Facts],
        rules: Iterable[Rules],
        *,
        roots: Selector | None = None,
        synced: Mapping[str, set[str]] | None = None,
        outdated: Mapping[str, set[str]] | None = None,
    ) -> None:
        self.facts = {entry.uid: entry for entry in facts}
        self.rules = {entry.kind: entry for entry in rules}
        self.synced = synced or {}
        self.outdated = outdated or {}
        self.all_edges = self._edges()
        self.kept = self._kept()
        self.makers = {uid: self._maker(uid) for uid in self.facts}
        made = {maker: self._made(maker) for maker in self.makers.values() if maker}
        said = {
            uid: self._inherit(uid, lambda f: f.release)
            or (made[maker] if maker else self._inherit(uid, lambda f: f.label_release))
            for uid, maker in self.makers.items()
        }
        self.used = {release for release in said.values() if release and release.namespace}
        self.flux = {(maker.namespace, release) for maker, release in made.items()}
        self.flux |= {
            (f.made_by.namespace, f.release) for f in self.facts.values() if f.made_by and f.release
        }
        self.releases = {
            uid: release if release is None or release.namespace else self._only(release.name)
            for uid, release in said.items()
        }
        self.charts = {uid: self._inherit(uid, lambda f: f.chart or None) or "" for uid in self.facts}
        self.unresolved = {uid: self._unresolved(f) for uid, f in self.facts.items()}
        members = set(self.facts) if roots is None else self._closure(roots)
        self.nodes = {uid: f for uid, f in self.facts.items() if uid in members}
        self.edges = {
            k: v
            for k, v in self.all_edges.items()
            if k[0] != "would-select" and k[1] in members and k[2] in members
        }
        self._derived: dict[str, Any] = {}

    def status(self, uid: str) -> Any:
        return self._derive(uid)[0]

    def extra(self, uid: str) -> Any:
        return self._derive(uid)[2]

    def revisions(self) -> dict[Release, tuple[int, str]]:
        found: dict[Release, tuple[int, str]] = {}
        for place, entries in self.kept.items():
            release = self._home(place)
            found[release] = max([*entries, found.get(release, (-1, ""))])
        return found

    # Releases

    def _maker(self, uid: str) -> HelmReleaseName | None:
        """What made it, if no annotation says of which release it is."""
        if self._inherit(uid, lambda f: f.release) is not None:
            return None
        maker: HelmReleaseName | None = self._inherit(uid, lambda f: f.made_by)
        return maker if maker and maker.name else None

    def _made(self, maker: HelmReleaseName) -> Release:
        """The release that a HelmRelease makes."""
        own = [f for f in self.facts.values() if f.made_by == maker]
        applied = {f.release for f in own if f.release and f.release.namespace}
        if applied:
            return min(applied)
        hinting = [f for f in own if self.makers[f.uid] == maker]
        target = _usual([f.namespace for f in hinting if f.namespace]) or maker.namespace
        named = _usual([f.label_release.name for f in hinting if f.label_release]) or maker.name
        for name in (named, maker.name, f"{target}-{maker.name}"):
            if any(Release(namespace, name) in self.kept for namespace in (maker.namespace, target)):
                return Release(target, name)
        return Release(target, named)

    def _kept(self) -> dict[Release, list[tuple[int, str]]]:
        """The revisions, by what the namespace and the name of a Secret say."""
        found: dict[Release, list[tuple[int, str]]] = {}
        for facts in self.facts.values():
            if facts.revision:
                entry = (facts.revision.revision, facts.revision.status)
                found.setdefault(facts.revision.release, []).append(entry)
        return found

    def _home(self, place: Release) -> Release:
        """Of which release the revisions are that are kept in this place."""
        if place in self.used:
            return place
        by_namespace = self._of_flux(place)
        if by_namespace is not None:
            return by_namespace
        lost = {
            other
            for other in self.kept
            if other.name == place.name and other not in self.used and self._of_flux(other) is None
        }
        found = {self._of_flux(other) for other in self.kept}
        homeless = {release for _, release in self.flux if release.name == place.name}
        homeless -= self.kept.keys() | found
        return homeless.pop() if lost == {place} and len(homeless) == 1 else place

    def _of_flux(self, place: Release) -> Release | None:
        """The only release that Flux made from there, that is nowhere else kept."""
        if place in self.used:
            return None
        made = {
            release
            for namespace, release in self.flux
            if (namespace, release.name) == (place.namespace, place.name) and release not in self.kept
        }
        return made.pop() if len(made) == 1 else None

    def _only(self, name: str) -> Release | None:
        """The only release of this name; labels tell of one only where Helm's own marks tell of none."""
        kept = {release for release, (_, status) in self.revisions().items() if status != "uninstalled"}
        own = [facts.release for facts in self.facts.values()]
        applied = {release for release in own if release and release.namespace}
        marked = {release for release in applied | kept if release.name == name}
        known = marked or {release for release in self.used if release.name == name}
        return known.pop() if len(known) == 1 else None

    # Edges

    def _named(self, kind: str, namespace: str, name: str) -> Facts | None:
        found = [
            f
            for f in self.facts.values()
            if f.kind == kind and f.namespace == namespace and (f.name == name or name in f.aliases)
        ]
        newest = max([f.metadata["creationTimestamp"] for f in found], default="")
        last = [f for f in found if f.metadata["creationTimestamp"] == newest]
        return min(last, key=lambda f: (f.name, f.uid), default=None)

    def _target(self, holder: Facts, link: Ref | RefByUid) -> Facts | None:
        if isinstance(link, RefByUid):
            owner = self.facts.get(link.uid)
            foreign = owner is not None and owner.namespace not in ("", holder.namespace)
            return None if link.reverse and foreign else owner
        found = self._named(link.kind, link.namespace, link.name)
        if found is None or (link.uid and found.uid != link.uid):
            return None
        owned = any(
            isinstance(other, RefByUid) and other.reverse and other.uid == holder.uid for other in found.links
        )
        return found if owned or not link.owned else None

    def _edges(self) -> dict[Key, tuple[str, ...]]:
        forward: dict[Key, list[str]] = {}
        backward: dict[Key, list[str]] = {}
        for holder in self.facts.values():
            for link in holder.links:
                if isinstance(link, Select):
                    for target in self.facts.values():
                        if (
                            target.selectable is not None
                            and (self._sought_as(target), target.namespace) == (link.kind, link.namespace)
                            and link.selector.matches(target.selectable)
                        ):
                            _add(forward, (link.type, holder.uid, target.uid), link.field)
                    continue
                found = self._target(holder, link)
                if found is None:
                    continue
                if link.reverse:
                    _add(backward, (link.type, found.uid, holder.uid), link.field)
                else:
                    _add(forward, (link.type, holder.uid, found.uid), link.field)
        return {
            key: (*forward.get(key, ()), *backward.get(key, ())) for key in forward.keys() | backward.keys()
        }

    def _sought_as(self, facts: Facts) -> str:
        return self.rules[facts.kind].sought_as or facts.kind

    def _unresolved(self, holder: Facts) -> list[Ref | RefByUid]:
        found = []
        for link in holder.links:
            if isinstance(link, Select) or link.optional or self._target(holder, link) is not None:
                continue
            group = getattr(link, "group", None)
            kind = link.kind if group is None else GroupKind(group, link.kind).key
            scopes = self.synced.get(kind, set())
            rules = self.rules.get(kind)
            if rules is None or (group is not None and group != rules.api_version.rpartition("/")[0]):
                continue
            if "" in scopes or link.namespace in scopes:
                found.append(link)
        return found

    def unseen(self, uid: str) -> list[Ref | RefByUid]:
        """The references that nobody knows whether they resolve."""
        holder = self.facts[uid]
        return [
            link
            for link in holder.links
            if not (isinstance(link, Select) or link.optional)
            and self._target(holder, link) is None
            and link not in self.unresolved[uid]
        ]

    # Derived

    def _inherit(self, uid: str, own: Any) -> Any:
        level, seen = [uid], {uid}
        while level:
            values = [own(self.facts[u]) for u in level if own(self.facts[u]) is not None]
            if values:
                return min(values)
            above = {k[1] for k in self.all_edges if k[2] in level and k[0] in self._inherits(k[2])} - seen
            seen |= above
            level = sorted(above)
        return None

    def _inherits(self, uid: str) -> frozenset[str]:
        return self.rules[self.facts[uid].kind].inherits

    def _closure(self, roots: Selector) -> set[str]:
        members = {uid for uid, f in self.facts.items() if roots.matches(f.labels)}
        while True:
            ends = {uid for uid in members if self.facts[uid].closure_ends}
            more = {k[2] for k in self.all_edges if k[0] in CLOSURE and k[1] in members - ends} - members
            if not more:
                break
            members |= more
        names = {self.facts[uid].namespace for uid in members}
        return members | {uid for uid, f in self.facts.items() if f.kind == "Namespace" and f.name in names}

    def _derive(self, uid: str) -> tuple[Any, Any, Any]:
        if uid not in self._derived:
            facts = self.facts[uid]
            rules = self.rules[facts.kind]
            if rules.derive is None:
                self._derived[uid] = (facts.status, facts.details, None)
            else:
                derived = rules.derive(facts, _Around(self, uid))
                details = derived.details if derived.details is not None else facts.details
                self._derived[uid] = (derived.status, details, derived.metadata)
        return self._derived[uid]


class _Seen:
    def __init__(self, expected: Expected, uid: str) -> None:
        facts = expected.facts[uid]
        self.uid, self.kind, self.name, self.namespace = uid, facts.kind, facts.name, facts.namespace
        self.status, self.details, _ = expected._derive(uid)


class _Around:
    def __init__(self, expected: Expected, uid: str) -> None:
        self._expected, self._uid = expected, uid

    def outgoing(self, type: str, kind: str, *, own: bool = False) -> list[Any]:
        found = [k[2] for k in self._expected.all_edges if k[0] == type and k[1] == self._uid]
        return self._peers(found, kind, own)

    def incoming(self, type: str, kind: str, *, own: bool = False) -> list[Any]:
        found = [k[1] for k in self._expected.all_edges if k[0] == type and k[2] == self._uid]
        return self._peers(found, kind, own)

    def _peers(self, found: list[str], kind: str, own: bool) -> list[Any]:
        facts = self._expected.facts
        return [facts[u] if own else _Seen(self._expected, u) for u in found if facts[u].kind == kind]

    def origin(self, peer: _Seen) -> Any:
        way: list[str] = []
        uid: str | None = peer.uid
        while uid is not None and uid not in way and len(way) < 8:
            way.append(uid)
            uid = min(
                (k[1] for k in self._expected.all_edges if k[0] == "owns" and k[2] == uid), default=None
            )
        return self._expected.facts[way[-1]] if len(way) > 1 else None

    def fields_behind(self, type: str, peer: _Seen) -> set[str] | None:
        edges = self._expected.all_edges
        selected = {k[2] for k in edges if k[0] == "selects" and k[1] == peer.uid}
        own = [k for k in edges if k[0] == type and k[1] == self._uid and k[2] in selected]
        return {field for key in own for field in edges[key]} if selected else None

    def is_complete(self, kind: str) -> bool:
        scopes = self._expected.synced.get(kind, set())
        return "" in scopes or self._expected.facts[self._uid].namespace in scopes

    def is_complete_everywhere(self, kinds: Collection[str]) -> bool:
        watched = [kind for kind in kinds if kind in self._expected.rules]
        return bool(watched) and all("" in self._expected.synced.get(kind, set()) for kind in watched)

    def is_outdated(self, kind: str) -> bool:
        scopes = self._expected.outdated.get(kind, set())
        return "" in scopes or self._expected.facts[self._uid].namespace in scopes

    @property
    def unresolved(self) -> list[Ref | RefByUid]:
        return self._expected.unresolved[self._uid]

    @property
    def unseen(self) -> list[Ref | RefByUid]:
        return self._expected.unseen(self._uid)


def _usual(words: list[str]) -> str:
    """The most frequent, of several the first."""
    return min(words, key=lambda word: (-words.count(word), word), default="")


def _add(found: dict[Key, list[str]], key: Key, field: str) -> None:
    fields = found.setdefault(key, [])
    if field not in fields:
        fields.append(field)
