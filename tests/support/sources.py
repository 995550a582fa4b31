"""A source whose content the test defines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.http.source import ReplicationHealth, WatchStats
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from tests.support.kinds import CATALOGUE


@dataclass(frozen=True, kw_only=True)
class FixedSource:
    """Implements `http.source.GraphSource`. counted: how many objects of a kind there are."""

    hub: Hub = field(default_factory=lambda: Hub(ServedGraph("e", 4)))
    catalogue: Catalogue = CATALOGUE
    readiness: ReadinessTracker
    state: Any = None
    counted: Callable[[str], int] = len
    plays: str = "leader"
    lost: Mapping[str, str] = field(default_factory=dict)
    replicates: ReplicationHealth | None = None

    def role(self) -> str:
        return self.plays

    def count(self, kind: str, /) -> int:
        return self.counted(kind)

    def watches(self) -> Sequence[WatchStats]:
        return ()

    def disconnected(self) -> Mapping[str, str]:
        return self.lost

    def replication(self) -> ReplicationHealth | None:
        return self.replicates
