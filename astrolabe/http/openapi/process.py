"""How the process is, as it is answered."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET

from astrolabe.engine.inbox import UnavailableCause, WatchState
from astrolabe.engine.serving_state import PartialReason, StateName
from astrolabe.http.openapi.terms import Absent, Count, Epoch, Kind, Seq, Shape, Time, about


class AmissObject(Shape):
    """An object that is left out, or of which a rule failed."""

    name: Annotated[str, about("With its namespace.", "shop/web-1")]
    why: str


class Watch(Shape):
    """How a kind is watched; of several namespaces the worst is shown."""

    state: WatchState
    age: Annotated[float | None, about("Seconds since the last news; null before the first.")]
    objects: Count
    connected: Annotated[bool, about("False while the watch has no connection.")] | Absent = UNSET
    why: Annotated[str, about("What is the matter, when something is.")] | Absent = UNSET
    cause: Annotated[UnavailableCause, about("Why it is unavailable, for programs.")] | Absent = UNSET
    skipped: Annotated[int, about("Objects that cannot be taken in, and are left out.")] | Absent = UNSET
    skipped_objects: Annotated[list[AmissObject], about("Some of these.")] | Absent = UNSET
    rule_failed: Annotated[int, about("Objects with their own status: a rule failed.")] | Absent = UNSET
    rule_failed_objects: Annotated[list[AmissObject], about("Some of these.")] | Absent = UNSET


class Replication(Shape):
    """How the process stands among those that share a Redis."""

    reachable: bool
    lag: Annotated[float | None, about("Seconds by which what is served may be old; null while unknown.")]
    tick_age: Annotated[float | None, about("Seconds since the leader was heard of.")]
    stale: Annotated[bool, about("Whether nobody keeps the graph up to date.")]
    why: str | Absent = UNSET
    obstacle: Annotated[str, about("What keeps it from serving what is stored.")] | Absent = UNSET
    alone: Annotated[bool, about("Whether this leader goes on without Redis.")] | Absent = UNSET


class ServedCluster(Shape):
    """Which cluster this is; an empty text where that is not known."""

    name: str
    context: Annotated[str, about("Of the kubeconfig.")]
    server: Annotated[str, about("The URL of its API server.")]


class ListingProgress(Shape):
    """How much has been listed so far."""

    kinds: Annotated[Count, about("Kinds that were listed, or cannot be read.")]
    of: Annotated[Count, about("All kinds that are asked for.")]
    objects: Count


class MissingPart(Shape):
    """What of the cluster is not in the graph."""

    kind: Kind
    reason: PartialReason
    why: str
    objects: Annotated[int, about("How many objects are left out.")] | Absent = UNSET


class Trust(Shape):
    """How far what is served may be trusted."""

    state: Annotated[
        StateName,
        about(
            "syncing: not everything is listed yet. live: every kind is listed and watched. "
            "partial: live, but something cannot be read. stale: it may not be true any more."
        ),
    ]
    since: Annotated[Time, about("When it became so.")]
    why: Annotated[str, about("In a sentence; empty when there is nothing to say.")]
    cluster: ServedCluster
    progress: ListingProgress
    partial: list[MissingPart]


class ServedState(Trust, tag_field="type", tag="state"):
    """How far what is served may be trusted: at the beginning of a stream, and at each change."""


class Health(Trust, kw_only=True):
    """How the process is."""

    status: Literal["healthy"]
    nodes: Count
    edges: Count
    synced: Annotated[bool, about("Whether every required kind is completely known.")]
    epoch: Epoch
    seq: Seq
    role: Literal["leader", "follower"]
    kinds: dict[Kind, Watch]
    redis: Replication | Absent = UNSET


class Life(Shape):
    """It answers."""

    status: Literal["alive"]


class Readiness(Shape):
    """Whether the graph is one to be served."""

    status: Literal["ready", "not-ready"]
    waiting: Annotated[list[str], about("The kinds that are not synced yet.")] | Absent = UNSET
    stale: Annotated[bool, about("Whether nobody keeps the graph up to date.")] | Absent = UNSET
