"""A problem as the server reports it. Keys that a newer server adds are left out."""

from __future__ import annotations

import msgspec


class AnsweredValue(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A value that is read from an answer."""


class NamedObject(AnsweredValue, frozen=True, kw_only=True):
    """The identity of an object. If it does not exist, it is `missing` and has no uid and no status.

    cluster: its name, if the server has several.
    """

    kind: str
    group: str = ""
    namespace: str = ""
    name: str
    cluster: str = ""
    uid: str = ""
    status: str = ""
    missing: bool = False

    @property
    def path(self) -> str:
        """`Pod/shop/web-1`, or `Node/node-2`; of one among several clusters `Pod/shop/web-1 in prod-eu`."""
        path = "/".join(filter(None, (self.kind, self.namespace, self.name)))
        return f"{path} in {self.cluster}" if self.cluster else path


class CauseName(NamedObject, frozen=True, kw_only=True):
    """The cause. count: the size of a group; `members` are its first hundred."""

    count: int = 1
    members: tuple[NamedObject, ...] = ()


class PathName(NamedObject, frozen=True, kw_only=True):
    """A step of a way. type, field: of the edge to the next step; empty at the end."""

    type: str = ""
    field: tuple[str, ...] = ()


class AffectedObjects(AnsweredValue, frozen=True, kw_only=True):
    """What is not well because of a cause. kinds: how many of each. nodes: only if asked for."""

    total: int = 0
    kinds: dict[str, int] = {}
    nodes: tuple[NamedObject, ...] = ()


class ReleaseId(AnsweredValue, frozen=True, kw_only=True):
    """A Helm release. cluster: its name, if the server has several."""

    namespace: str
    name: str
    cluster: str = ""


class ReportedProblem(AnsweredValue, frozen=True, kw_only=True):
    """One cause with all that it breaks.

    id: the same from beginning to end. since: RFC 3339, or "" if nothing tells. reach: how far it is felt,
    for sorting. entries: what users notice. path: from an entry to the cause. also: ids of problems that
    concern some of the same objects. flaps: how often it came back. ended: when it ended, or "". coverage:
    kinds that the server cannot see, so that more may be affected.
    """

    id: str
    status: str
    reason: str
    message: str = ""
    since: str = ""
    reach: int = 0
    cause: CauseName
    affected: AffectedObjects = AffectedObjects()
    entries: tuple[NamedObject, ...] = ()
    releases: tuple[ReleaseId, ...] = ()
    namespaces: tuple[str, ...] = ()
    path: tuple[PathName, ...] = ()
    also: tuple[str, ...] = ()
    flaps: int = 0
    ended: str = ""
    coverage: tuple[str, ...] = ()
