"""The state of the server: whether its graph is complete and up to date."""

from __future__ import annotations

import msgspec


class ClusterName(msgspec.Struct, frozen=True):
    """The cluster that the graph shows. Unknown fields are empty."""

    name: str = ""
    context: str = ""
    server: str = ""


class SyncProgress(msgspec.Struct, frozen=True):
    """kinds: listed so far. of: all kinds. objects: received so far."""

    kinds: int = 0
    of: int = 0
    objects: int = 0


class PartialKind(msgspec.Struct, frozen=True):
    """A kind that is missing or incomplete.

    reason: `forbidden`, `not-served` or `skipped`; a newer server may have more. why: for people.
    objects: how many objects of the kind are left out. cluster: where, if several are served.
    """

    kind: str
    reason: str = ""
    why: str = ""
    objects: int = 0
    cluster: str = ""


class MemberState(msgspec.Struct, frozen=True):
    """One of several clusters that are served together. state, since, why: as of `ServerState`."""

    name: str
    state: str
    since: str = ""
    why: str = ""
    server: str = ""
    progress: SyncProgress = SyncProgress()


class MemberCoverage(msgspec.Struct, frozen=True):
    """What the user may see of one of several clusters: see `UserCoverage`.

    why: why they may see nothing of it; "" if its API server says what they may see.
    """

    name: str
    hidden: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    complete: bool = True
    why: str = ""


class UserCoverage(msgspec.Struct, frozen=True):
    """What the user may see, where that is not everything (see `--auth=kubernetes`).

    hidden: kinds that they may not see at all. limited: kinds that they may see in some namespaces only.
    namespaces: these. complete: whether that is all; False while the server is still asking about more
        namespaces. clusters: those of which they may not see everything, if several are served.
    """

    hidden: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    complete: bool = True
    clusters: tuple[MemberCoverage, ...] | None = None


class ServerState(msgspec.Struct, frozen=True, tag_field="type", tag="state"):
    """How far the graph can be trusted.

    state: `live`; `syncing`: incomplete so far; `partial`: up to date, but some kinds are missing or
        incomplete; `stale`: not kept up to date at the moment. A newer server may have more: trust only
        `live` fully.
    coverage: which parts the user sees; None: everything.
    since: RFC 3339, when this state began. why: one sentence, empty when live.
    clusters: each one's state, if several are served; the state above is then that of the worst one.
    """

    state: str
    since: str = ""
    why: str = ""
    cluster: ClusterName = ClusterName()
    progress: SyncProgress = SyncProgress()
    partial: tuple[PartialKind, ...] = ()
    coverage: UserCoverage | None = None
    clusters: tuple[MemberState, ...] | None = None
