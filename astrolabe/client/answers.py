"""What a server answers to questions about its graph. Keys that a newer server adds are left out."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from astrolabe.client.message import Node
from astrolabe.client.progress import Position
from astrolabe.client.reported import AnsweredValue, NamedObject, PathName, ReleaseId, ReportedProblem
from astrolabe.client.state import UserCoverage


class LastWarning(AnsweredValue, frozen=True, kw_only=True):
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


class Explanation(AnsweredValue, frozen=True, kw_only=True):
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


class RequestedEviction(AnsweredValue, frozen=True, kw_only=True):
    """What a drain asks for one Pod. outcome: `evicted`, `refused`, `skipped` or `blocked`; why: a sentence.

    by: what decides: a budget or an owner. needs: flags without which `kubectl drain` does not begin.
    """

    pod: NamedObject
    outcome: str
    why: str = ""
    by: NamedObject | None = None
    needs: tuple[str, ...] = ()


class AffectedLevels(AnsweredValue, frozen=True, kw_only=True):
    """stops: stops working. degrades: continues with less. loses_copy: its other copies continue."""

    stops: tuple[NamedObject, ...] = ()
    degrades: tuple[NamedObject, ...] = ()
    loses_copy: tuple[NamedObject, ...] = ()


class LevelCounts(AnsweredValue, frozen=True, kw_only=True):
    """How many of each kind there are at each level; exact, while levels name a thousand at most."""

    stops: dict[str, int] = {}
    degrades: dict[str, int] = {}
    loses_copy: dict[str, int] = {}


class ImpactForecast(AnsweredValue, frozen=True, kw_only=True):
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


class NamedUser(AnsweredValue, frozen=True, kw_only=True):
    """A user as the API server knows them."""

    name: str
    groups: tuple[str, ...] = ()


class OwnAccess(AnsweredValue, frozen=True, kw_only=True):
    """Who asks, and what they may see.

    user: None without `--auth`, and with a token of the server's file. coverage: None for everything.
    """

    user: NamedUser | None = None
    coverage: UserCoverage | None = None


class FoundResources(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found. resources: as in `/api/v1/resources`. state: as of `ProblemList`."""

    resources: tuple[Node, ...]
    position: Position
    state: str = ""

    def __iter__(self) -> Iterator[Node]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)
