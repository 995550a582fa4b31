"""How the process is, as it is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET

from astrolabe.engine.inbox import UnavailableCause, WatchState
from astrolabe.engine.serving_state import PartialReason, StateName
from astrolabe.http.openapi.terms import Absent, Count, Epoch, Seq, Shape, Time, WatchedName, about


class AmissObject(Shape):
    """An object that was skipped, or whose rule failed."""

    name: Annotated[str, about("Namespace and name.", "shop/web-1")]
    why: str


class Watch(Shape):
    """The watch of a kind. With several namespaces, the worst one."""

    state: WatchState
    age: Annotated[float | None, about("Seconds since the last message; null before the first one.")]
    objects: Count
    connected: Annotated[bool, about("False while the watch is not connected.")] | Absent = UNSET
    why: Annotated[str, about("What is wrong, if anything.")] | Absent = UNSET
    cause: Annotated[UnavailableCause, about("Why it is unavailable, for programs.")] | Absent = UNSET
    skipped: Annotated[int, about("How many objects were skipped because they cannot be read.")] | Absent = (
        UNSET
    )
    skipped_objects: Annotated[list[AmissObject], about("Some of these.")] | Absent = UNSET
    rule_failed: (
        Annotated[int, about("How many objects keep their own status because a rule failed.")] | Absent
    ) = UNSET
    rule_failed_objects: Annotated[list[AmissObject], about("Some of these.")] | Absent = UNSET


class Replication(Shape):
    """The role of this process among the replicas that share a Redis."""

    reachable: bool
    lag: Annotated[float | None, about("How many seconds old the served graph may be; null while unknown.")]
    tick_age: Annotated[float | None, about("Seconds since the last tick of the leader.")]
    stale: Annotated[bool, about("Whether no replica keeps the graph up to date.")]
    why: str | Absent = UNSET
    obstacle: Annotated[str, about("Why this process cannot serve the stored graph.")] | Absent = UNSET
    alone: Annotated[bool, about("Whether this leader continues without Redis.")] | Absent = UNSET


class ServedCluster(Shape):
    """Which cluster this is. Unknown values are empty."""

    name: str
    context: Annotated[str, about("The context of the kubeconfig.")]
    server: Annotated[str, about("The URL of its API server.")]


class ListingProgress(Shape):
    """The progress of the first list."""

    kinds: Annotated[Count, about("How many kinds are listed, or known to be unreadable.")]
    of: Annotated[Count, about("How many kinds there are.")]
    objects: Count


class MissingPart(Shape):
    """A part of the cluster that is not in the graph."""

    kind: WatchedName
    reason: PartialReason
    why: str
    objects: Annotated[int, about("How many objects were skipped.")] | Absent = UNSET
    cluster: Annotated[str, about("Its name, if several clusters are served.")] | Absent = UNSET


class UnitedCluster(Shape):
    """One of several clusters that are served together."""

    name: Annotated[str, about("", "prod-eu")]
    state: StateName
    since: Annotated[Time, about("When this state began.")]
    why: Annotated[str, about("Why, in a sentence. Empty if the state is live.")]
    server: Annotated[str, about("The URL of its API server, or empty.")]
    progress: ListingProgress


class CountedCluster(UnitedCluster):
    """A cluster that is served."""

    counts: Annotated[dict[Literal["Ready", "Pending", "Error", "Unknown"], Count], about("Nodes by status.")]


class ShownPart(Shape):
    """What a user may see, if that is not everything; see `--auth=kubernetes`."""

    hidden: Annotated[list[str], about("Kinds that they may not see at all.")]
    limited: Annotated[
        list[str], about("The kinds that they may see in some namespaces, or in some clusters, only.")
    ]
    namespaces: Annotated[list[str], about("These namespaces.")]
    complete: Annotated[
        bool,
        about("Whether that is all; false while the API server is still asked about more namespaces."),
    ]


class ShownCluster(ShownPart):
    """What a user may see of one of several clusters."""

    name: Annotated[str, about("", "prod-eu")]
    why: Annotated[str, about("Why they may see nothing of it. Empty if its API server says what they may.")]


class ShownCoverage(ShownPart):
    """What a user may see, if that is not everything; see `--auth=kubernetes`."""

    clusters: (
        Annotated[
            list[ShownCluster],
            about("Only if several clusters are served: those of which they may not see everything."),
        ]
        | Absent
    ) = UNSET


class Trust(Shape):
    """How complete and how fresh the served graph is."""

    state: Annotated[
        StateName,
        about(
            "syncing: not everything is listed yet. live: every kind is listed and watched. "
            "partial: live, but something cannot be read. stale: the graph may be outdated."
        ),
    ]
    since: Annotated[Time, about("When this state began.")]
    why: Annotated[str, about("Why, in a sentence. Empty if the state is live.")]
    cluster: ServedCluster
    progress: ListingProgress
    partial: list[MissingPart]
    coverage: Annotated[ShownCoverage, about("Only if the user may not see everything.")] | Absent = UNSET
    clusters: (
        Annotated[
            list[UnitedCluster],
            about("Only if several clusters are served: each one's state. The state above is the worst one."),
        ]
        | Absent
    ) = UNSET


class CallingUser(Shape):
    """A user as the API server knows them."""

    name: Annotated[str, about("", "jane")]
    groups: Annotated[list[str], about("", ["developers", "system:authenticated"])]


class KnownAs(Shape):
    """As whom one of several clusters knows the user."""

    name: Annotated[str, about("The cluster.", "prod-eu")]
    user: CallingUser


class ShownRights(Shape):
    """What a user may see, one by one. `*` stands for all kinds, also those that come later."""

    everywhere: Annotated[list[str], about("Kinds of which they may see everything.", ["Node"])]
    within: Annotated[dict[str, list[str]], about("By namespace: the kinds that they may see there.")]
    complete: Annotated[bool, about("Whether that is all; see `coverage`.")]


class Caller(Shape):
    """The user who asks, and what they may see."""

    user: Annotated[CallingUser | None, about("Null without `--auth`, and with a token of the file.")]
    coverage: Annotated[ShownCoverage | None, about("Null if they may see everything.")]
    clusters: (
        Annotated[
            list[KnownAs],
            about(
                "Only if several clusters are served, and the user comes with a token: those that know it."
            ),
        ]
        | Absent
    ) = UNSET
    rights: Annotated[ShownRights, about("Only if `rights=true` asks for it.")] | Absent = UNSET


class ServedState(Trust, tag_field="type", tag="state"):
    """How complete and how fresh the served graph is. Sent when a stream begins, and at each change."""


class Health(Trust, kw_only=True):
    """The health of this process."""

    status: Literal["healthy"]
    nodes: Count
    edges: Count
    synced: Annotated[bool, about("Whether every required kind is completely known.")]
    epoch: Epoch
    seq: Seq
    role: Literal["leader", "follower"]
    kinds: dict[WatchedName, Watch]
    redis: Replication | Absent = UNSET


class Life(Shape):
    """The process answers."""

    status: Literal["alive"]


class Readiness(Shape):
    """Whether the process is ready to serve its graph."""

    status: Literal["ready", "not-ready"]
    waiting: Annotated[list[str], about("The kinds that are not synced yet.")] | Absent = UNSET
    stale: Annotated[bool, about("Whether no replica keeps the graph up to date.")] | Absent = UNSET
