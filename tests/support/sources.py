"""A source whose content the test defines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.http.source import ClusterSource, ReplicationHealth, WatchStats
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from tests.support.kinds import CATALOGUE


@dataclass(frozen=True, kw_only=True)
class FixedSource:
    """Implements `http.source.GraphSource`. counted: how many objects of a kind there are.
    kept: the Events about the resource with this uid."""

    hub: Hub = field(default_factory=lambda: Hub(ServedGraph("e", 4)))
    catalogue: Catalogue = CATALOGUE
    readiness: ReadinessTracker
    state: Any = None
    counted: Callable[[str], int] = len
    plays: str = "leader"
    lost: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, ClusterSource] | None = None
    replicates: ReplicationHealth | None = None
    kept: Callable[[str], Sequence[ObjectEvent] | None] = lambda _: ()

    def role(self) -> str:
        return self.plays

    def count(self, kind: str, /) -> int:
        return self.counted(kind)

    def watches(self) -> Sequence[WatchStats]:
        return ()

    def disconnected(self) -> Mapping[str, str]:
        return self.lost

    async def events(self, node: Node, /) -> Sequence[ObjectEvent] | None:
        return self.kept(node.uid)

    def clusters(self) -> Mapping[str, ClusterSource] | None:
        return self.members

    def replication(self) -> ReplicationHealth | None:
        return self.replicates
