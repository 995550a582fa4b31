"""Standalone mode: one process watches the cluster and serves the graph that it holds in memory."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.serving_state import ClusterInfo, StateTracker
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.http.source import ReplicationHealth
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.custom.custom_kinds import CustomKinds
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kube.client import Cluster
from astrolabe.kube.health import WatchHealth
from astrolabe.modes.rule_files import RuleFiles
from astrolabe.modes.supervisor import Supervisor
from astrolabe.modes.watched_cluster import WatchedCluster, watch
from astrolabe.settings import Settings


async def standalone(
    settings: Settings,
    catalogue: Catalogue,
    cluster: Cluster,
    *,
    info: ClusterInfo,
    supervisor: Supervisor,
) -> StandaloneMode:
    """Start to watch the cluster. Raises ClusterError if the API server cannot be used."""
    kinds = CustomKinds(catalogue, RuleBook.shipped(settings.homes))
    rule_files = RuleFiles(settings.rules, kinds)
    await rule_files.look()
    epoch = secrets.token_hex(4)
    hub = Hub(ServedGraph(epoch), settings.limits)
    watched = await watch(
        settings,
        kinds,
        cluster,
        MemoryBus(hub),
        supervisor=supervisor,
        epoch=epoch,
        served=lambda: hub.graph,
        rebuilding=lambda: hub.rebuilding,
    )
    supervisor.spawn(rule_files.run(), name="rules")
    return StandaloneMode(catalogue, hub, watched, info)


class StandaloneMode:
    """A graph source that never has to share: this process always leads.

    readiness: which kinds are synced. state: how far the served graph can be trusted.
    """

    def __init__(self, catalogue: Catalogue, hub: Hub, watched: WatchedCluster, info: ClusterInfo) -> None:
        self.catalogue = catalogue
        self.hub = hub
        self._watched = watched
        self.state = StateTracker(watched.assess, info, clock=time.monotonic, time=time.time)

    @property
    def readiness(self) -> ReadinessTracker:
        return self._watched.readiness

    async def ready(self) -> None:
        """Wait until the graph of the whole cluster is served."""
        await self.readiness.wait()

    def count(self, kind: str) -> int:
        """How many objects of this kind the watches know."""
        return self._watched.count(kind)

    def role(self) -> str:
        """`leader`: no other process writes this graph."""
        return "leader"

    def disconnected(self) -> Mapping[str, str]:
        """The kinds whose watch is disconnected, and why."""
        return self._watched.disconnected()

    def watches(self) -> Sequence[WatchHealth]:
        """How each watch is doing."""
        return self._watched.watches()

    async def events(self, node: Node) -> Sequence[ObjectEvent]:
        """The Events about a resource that are kept, newest first."""
        return self._watched.events(node)

    def clusters(self) -> None:
        """None: there is only one."""

    def replication(self) -> ReplicationHealth | None:
        """None: there are no other processes."""
        return None
