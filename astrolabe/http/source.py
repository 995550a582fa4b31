"""What the front doors serve: one object, however the process comes by its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sanic.request import Request

from astrolabe.engine.inbox import WatchState
from astrolabe.engine.readiness import WatchReadiness
from astrolabe.engine.serving_state import ServingState, StateTracker
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue


class WatchStats(Protocol):
    """How one watch is doing, and what it did since it began.

    last_event: on the clock time.monotonic; None before the first.
    """

    kind: str
    state: WatchState
    connected: bool
    events: int
    lists: int
    failures: int
    restarts: int
    last_event: float | None


class LeaderReport(msgspec.Struct, frozen=True):
    """What a leader sends its followers with each tick, as JSON.

    synced, waiting, kinds: as `/health` and `/readyz` show them. state: None from a leader that sends none.
    custom_kinds: the digest of the custom kinds that it has stored; "" if it has stored none.
    """

    synced: bool = False
    waiting: list[str] = []
    kinds: dict[str, dict[str, Any]] = {}
    state: ServingState | None = None
    custom_kinds: str = ""


class ReplicationHealth(msgspec.Struct, frozen=True):
    """How this process is doing among those that share a Redis.

    complete: whether the graph that is served was complete once. stale: whether nobody keeps it up to date.
    reachable: whether Redis answers. detached: whether this leader continues without it.
    lag: seconds by which what is served may be old; None while that is not known.
    commits: batches that this process stored.
    document: what `/health` shows as `redis`.
    report: the leader's last one, if this process follows; else None.
    """

    complete: bool
    stale: bool
    document: dict[str, Any]
    report: LeaderReport | None
    reachable: bool = True
    detached: bool = False
    lag: float | None = None
    commits: int = 0


class ClusterSource(Protocol):
    """What is known of a cluster besides its part of the graph.

    catalogue: the kinds it may have. readiness: of the watches. Of a process that does not watch it knows
    nothing.
    """

    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def state(self) -> StateTracker: ...
    @property
    def readiness(self) -> WatchReadiness: ...

    def count(self, kind: str, /) -> int:
        """How many objects of the kind the watches of this process know."""
        ...

    def watches(self) -> Sequence[WatchStats]:
        """The watches of this process; none while another one leads."""
        ...

    def disconnected(self) -> Mapping[str, str]:
        """The kinds whose watch has no connection now, and why. Their last known objects are still served."""
        ...

    async def events(self, node: Node, /) -> Sequence[ObjectEvent] | None:
        """The Events about a resource that are kept, newest first; None if nobody knows them now."""
        ...


class GraphSource(ClusterSource, Protocol):
    """The graph of one cluster, or of several, with its history, and how far it may be trusted.

    hub: has the served graph, its history, its counts and its subscribers.
    """

    @property
    def hub(self) -> Hub: ...

    def role(self) -> str:
        """`leader` or `follower`."""
        ...

    def clusters(self) -> Mapping[str, ClusterSource] | None:
        """The clusters of a union by name, in order; None where there is only one, without a name."""
        ...

    def replication(self) -> ReplicationHealth | None:
        """How this process is doing among others; None in standalone mode."""
        ...


def source_of(request: Request) -> GraphSource | None:
    """What the user of the request sees; None before that is known, or if everybody sees everything."""
    source: GraphSource | None = getattr(request.ctx, "source", None)
    return source
