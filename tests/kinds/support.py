"""Literal manifests in, facts as JSON values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from astrolabe.graph.model.facts import Derived, Facts, Peer
from astrolabe.graph.model.links import Link, Ref, RefByUid, Select
from astrolabe.graph.selector import Requirement, Selector
from astrolabe.graph.state.status import Status
from astrolabe.kinds.kind import Kind
from tests.support.kinds import KINDS_BY_NAME

Json = dict[str, Any]

#: A link's type stands under the name of its form.
FORMS = {Ref: "ref", RefByUid: "refByUid", Select: "select"}


def read(kind: str, manifest: Json) -> Facts:
    """The facts of a manifest, by the way that a manifest from the API takes."""
    entry = KINDS_BY_NAME[kind]
    return entry.facts(entry.decoder.decode(msgspec.json.encode(manifest)))


def make(kind: str, *, metadata: Json | None = None, **parts: Any) -> Facts:
    """The facts of a manifest named `x` in namespace `shop`, of these parts (`spec`, `status`, ...)."""
    meta = {"name": "x", "namespace": "shop", "uid": "u-x", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return read(kind, {"metadata": {**meta, **(metadata or {})}, **parts})


def judge(kind: str, *, metadata: Json | None = None, **parts: Any) -> Status:
    """The status that such a manifest tells of itself."""
    return make(kind, metadata=metadata, **parts).status


def condition(type: str, status: str, reason: str = "", message: str = "", at: str = "T1") -> Json:
    """A condition; `at` is its lastTransitionTime."""
    return {"type": type, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def fields(facts: Facts) -> list[tuple[str, str, str]]:
    """(edge type, name or selection, field) of its links, owners left out."""
    return [(link.type, target(link), link.field) for link in facts.links if link.type != "owns"]


def target(link: Link) -> str:
    """What a link points at, as `Kind/namespace/name`, `Kind uid` or `Kind/namespace?selector`."""
    match link:
        case Ref():
            return "/".join((*link.name_key, link.target)).lstrip("/")
        case RefByUid():
            return f"{link.kind} {link.uid}"
        case Select():
            return f"{link.kind}/{link.namespace}?{show(link.selector)}"


def show(selector: Selector) -> str:
    """A selector as text."""
    return ",".join([_show(requirement) for requirement in selector.requirements])


def _show(requirement: Requirement) -> str:
    values = ",".join(sorted(requirement.values))
    match requirement.operator:
        case "in" if len(requirement.values) == 1:
            return f"{requirement.key}={values}"
        case "exists":
            return requirement.key
        case "!":
            return f"!{requirement.key}"
    return f"{requirement.key} {requirement.operator} ({values})"


def plain(facts: Facts) -> Json:
    """Facts as JSON values; what is empty is left out."""
    values = {name: getattr(facts, name) for name in facts.__struct_fields__}
    values["links"] = [_plain_link(link) for link in facts.links]
    shown = {name: value for name, value in values.items() if value not in (None, "", (), [], False)}
    plain: Json = msgspec.json.decode(msgspec.json.encode(shown))
    return plain


def _plain_link(link: Link) -> Json:
    """A link with the fields that are not at their default."""
    values = {
        field.name: getattr(link, field.name)
        for field in msgspec.structs.fields(type(link))
        if getattr(link, field.name) != field.default
    }
    form = {FORMS[type(link)]: values.pop("type")}
    if isinstance(link, Select):
        values["selector"] = show(link.selector)
    return form | values


class Neighborhood:
    """Implements `facts.Neighborhood` for a kind: literal neighbours, and nothing beyond the declared reads."""

    def __init__(
        self,
        kind: Kind[Any],
        *,
        out: Iterable[tuple[str, Peer]] = (),
        into: Iterable[tuple[str, Peer]] = (),
        unresolved: Iterable[Ref | RefByUid] = (),
        unseen: Iterable[Ref | RefByUid] = (),
        unknown: Iterable[str] = (),
        outdated: Iterable[str] = (),
        origins: Mapping[str, Peer] | None = None,
    ) -> None:
        """unknown: the kinds of which there may be more. outdated: those that are as they were.

        origins: by the names of whom they own.
        """
        self._origins = origins or {}
        self._reads = {(read.direction, read.type, read.kind, read.own) for read in kind.reads}
        self._ends = {"outgoing": list(out), "incoming": list(into)}
        self.unresolved = tuple(unresolved)
        self.unseen = tuple(unseen)
        self._unknown = tuple(unknown)
        self._outdated = tuple(outdated)

    def outgoing(self, type: str, kind: str, *, own: bool = False) -> list[Peer]:
        return self._neighbours("outgoing", type, kind, own)

    def incoming(self, type: str, kind: str, *, own: bool = False) -> list[Peer]:
        return self._neighbours("incoming", type, kind, own)

    def origin(self, peer: Peer) -> Peer | None:
        return self._origins.get(peer.name)

    def fields_behind(self, type: str, peer: Peer) -> None:
        raise NotImplementedError("of no kind that is written")

    def is_complete(self, kind: str) -> bool:
        self._check(kind)
        return kind not in self._unknown

    def is_complete_everywhere(self, kinds: Iterable[str]) -> bool:
        return all(self.is_complete(kind) for kind in kinds)

    def is_outdated(self, kind: str) -> bool:
        self._check(kind)
        return kind in self._outdated

    def _check(self, kind: str) -> None:
        assert kind in {read for _, _, read, _ in self._reads}, (
            "derive asks of what its reads do not say it does"
        )

    def _neighbours(self, direction: str, type: str, kind: str, own: bool) -> list[Peer]:
        assert (direction, type, kind, own) in self._reads, "derive looks where its reads do not say it does"
        return [other for edge, other in self._ends[direction] if (edge, other.kind) == (type, kind)]


class Other(msgspec.Struct, frozen=True):
    """Implements `facts.Peer`."""

    kind: str
    name: str
    status: Status
    details: Any = None
    namespace: str = "shop"


def derive(kind: str, own: Status, *, details: Any = None, **around: Any) -> Derived:
    """What the kind's `derive` makes of a resource named `x` with this status; `around` as in `Neighborhood`."""
    entry = KINDS_BY_NAME[kind]
    assert entry.derive is not None
    return entry.derive(Other(kind, "x", own, details), Neighborhood(entry, **around))
