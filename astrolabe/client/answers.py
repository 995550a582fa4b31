"""What a server answers to questions about its graph. Keys that a newer server adds are left out."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from astrolabe.client.graph import Position
from astrolabe.client.message import Node


class _Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A value that is read from an answer."""


class NamedObject(_Value, frozen=True, kw_only=True):
    """Who something is. What does not exist is `missing`, and has no uid and no status."""

    kind: str
    group: str = ""
    namespace: str = ""
    name: str
    uid: str = ""
    status: str = ""
    missing: bool = False

    @property
    def path(self) -> str:
        """`Pod/shop/web-1`, or `Node/node-2`."""
        return "/".join(filter(None, (self.kind, self.namespace, self.name)))


class CauseName(NamedObject, frozen=True, kw_only=True):
    """What is broken by itself. count: of a group, how many it has; the first hundred are its `members`."""

    count: int = 1
    members: tuple[NamedObject, ...] = ()


class PathName(NamedObject, frozen=True, kw_only=True):
    """A step of a way. type, field: of the edge to the next step; empty at the end."""

    type: str = ""
    field: tuple[str, ...] = ()


class LastWarning(_Value, frozen=True, kw_only=True):
    """The newest Warning about an object. since: RFC 3339."""

    reason: str = ""
    message: str = ""
    since: str = ""


class ChainLink(PathName, frozen=True, kw_only=True):
    """A step of a chain of causes. type, field: of the edge along which it needs the step before it."""

    reason: str = ""
    message: str = ""
    since: str = ""
    warning: LastWarning | None = None


class AffectedObjects(_Value, frozen=True, kw_only=True):
    """What is not well because of a cause. kinds: how many of each. nodes: only if asked for."""

    total: int = 0
    kinds: dict[str, int] = {}
    nodes: tuple[NamedObject, ...] = ()


class ReleaseId(_Value, frozen=True, kw_only=True):
    """A Helm release."""

    namespace: str
    name: str


class ReportedProblem(_Value, frozen=True, kw_only=True):
    """One cause with all that it breaks.

    id: the same from beginning to end. since: RFC 3339, or "" if nothing tells. entries: what users notice.
    path: from an entry to the cause. also: ids of problems that concern some of the same objects. flaps: how
    often it came back. ended: when it ended, or "". coverage: kinds that the server cannot see, so that more
    may be affected.
    """

    id: str
    status: str
    reason: str
    message: str = ""
    since: str = ""
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


class ProblemList(msgspec.Struct, frozen=True, kw_only=True):
    """The problems of a graph, also those that ended a moment ago (`ended`).

    state: `live`, `syncing`, `partial` or `stale`: trust an empty list only if it is `live`.
    """

    problems: tuple[ReportedProblem, ...]
    position: Position
    state: str = ""

    def __iter__(self) -> Iterator[ReportedProblem]:
        return iter(self.problems)

    def __len__(self) -> int:
        return len(self.problems)


class Explanation(_Value, frozen=True, kw_only=True):
    """Why an object is as it is.

    chain: from a root cause to the object; empty when it is well. others: the same from other causes.
    needs: what it needs, the worst first. problems: the ids of those that concern it.
    """

    node: ChainLink
    chain: tuple[ChainLink, ...] = ()
    others: tuple[tuple[ChainLink, ...], ...] = ()
    needs: tuple[PathName, ...] = ()
    problems: tuple[str, ...] = ()
    coverage: tuple[str, ...] = ()


class NamedObstacle(NamedObject, frozen=True, kw_only=True):
    """What is in the way."""

    why: str = ""


class RequestedEviction(_Value, frozen=True, kw_only=True):
    """What a drain asks for one Pod. outcome: `evicted`, `refused`, `skipped` or `blocked`; why: a sentence.

    by: what decides: a budget or an owner. needs: flags without which `kubectl drain` does not begin.
    """

    pod: NamedObject
    outcome: str
    why: str = ""
    by: NamedObject | None = None
    needs: tuple[str, ...] = ()


class AffectedLevels(_Value, frozen=True, kw_only=True):
    """stops: does nothing any more. degrades: goes on with less. loses_copy: others of its copies go on."""

    stops: tuple[NamedObject, ...] = ()
    degrades: tuple[NamedObject, ...] = ()
    loses_copy: tuple[NamedObject, ...] = ()


class LevelCounts(_Value, frozen=True, kw_only=True):
    """How many of each kind there are at each level; exact, while levels name a thousand at most."""

    stops: dict[str, int] = {}
    degrades: dict[str, int] = {}
    loses_copy: dict[str, int] = {}


class ImpactForecast(_Value, frozen=True, kw_only=True):
    """What would happen.

    later: what goes on, and fails when it is started again. blocks: what is in the way, such as an attached
    volume. evictions: of a drain, in the order in which it asks. entries: what users would notice.
    """

    action: str
    target: NamedObject
    levels: AffectedLevels = AffectedLevels()
    counts: LevelCounts = LevelCounts()
    later: tuple[NamedObject, ...] = ()
    blocks: tuple[NamedObstacle, ...] = ()
    evictions: tuple[RequestedEviction, ...] = ()
    entries: tuple[NamedObject, ...] = ()
    releases: tuple[ReleaseId, ...] = ()
    namespaces: tuple[str, ...] = ()
    coverage: tuple[str, ...] = ()


class FoundResources(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found. resources: as in `/api/v1/resources`. state: as of `ProblemList`."""

    resources: tuple[Node, ...]
    position: Position
    state: str = ""

    def __iter__(self) -> Iterator[Node]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)
