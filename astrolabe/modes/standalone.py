"""Standalone mode: one process watches the cluster and serves the graph that it holds in memory."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.assembly import create_engine
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.serving_state import Assessment, ClusterInfo, StateTracker, assess_watches
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent, regarded
from astrolabe.http.source import ReplicationHealth
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.custom.custom_kinds import CustomKinds
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kube.client import Cluster
from astrolabe.kube.custom_resources import LONGEST_DISCOVERY, CustomResources
from astrolabe.kube.health import WatchHealth
from astrolabe.kube.watches import Watches, watched_scopes
from astrolabe.modes.rule_files import RuleFiles
from astrolabe.modes.supervisor import Supervisor
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
    await cluster.verify()
    kinds = CustomKinds(catalogue, RuleBook.shipped(settings.homes))
    rule_files = RuleFiles(settings.rules, kinds)
    await rule_files.look()
    customs = CustomResources(settings, kinds, cluster)
    async with AsyncExitStack() as failed_start:
        failed_start.push_async_callback(customs.stop)
        customs.start()
        await customs.wait_known(LONGEST_DISCOVERY)
        mode = StandaloneMode(settings, catalogue, cluster, info, customs)
        await mode.start(supervisor)
        supervisor.spawn(rule_files.run(), name="rules")
        failed_start.pop_all()
    return mode


class StandaloneMode:
    """A graph source that never has to share: this process always leads.

    readiness: which kinds are synced. state: how far the served graph can be trusted.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        cluster: Cluster,
        info: ClusterInfo,
        customs: CustomResources,
    ) -> None:
        epoch = secrets.token_hex(4)
        self.catalogue = catalogue
        self.readiness = ReadinessTracker(watched_scopes(settings, catalogue))
        self.hub = Hub(ServedGraph(epoch), settings.limits)
        self._engine = create_engine(
            settings,
            catalogue,
            MemoryBus(self.hub),
            self.readiness,
            epoch=epoch,
            served=lambda: self.hub.graph,
        )
        self._customs = customs
        self._watches = Watches(
            settings,
            catalogue,
            cluster,
            self._engine,
            complete=lambda: customs.complete,
            too_many=customs.limit,
        )
        self.readiness.complete = customs.complete
        customs.serve(count=self._engine.count, on_complete=self._watches.tell_complete)
        self.state = StateTracker(self._assess, info, clock=time.monotonic, time=time.time)

    async def start(self, supervisor: Supervisor) -> None:
        """Start the engine, then the watches that feed it."""
        supervisor.spawn(self._engine.run(), name="engine")
        supervisor.on_close(self._watches.stop)
        await self._watches.start()
        supervisor.spawn(self._watches.guard(), name="watches")
        supervisor.on_close(self._customs.stop)
        supervisor.spawn(self._customs.guard(), name="custom resources")

    async def ready(self) -> None:
        """Wait until the graph of the whole cluster is served."""
        await self.readiness.wait()

    def count(self, kind: str) -> int:
        """How many objects of this kind the watches know."""
        return self._engine.count(kind)

    def role(self) -> str:
        """`leader`: no other process writes this graph."""
        return "leader"

    def disconnected(self) -> Mapping[str, str]:
        """The kinds whose watch is disconnected, and why."""
        return self._watches.lost()

    def watches(self) -> Sequence[WatchHealth]:
        """How each watch is doing."""
        return self._watches.health

    async def events(self, node: Node) -> Sequence[ObjectEvent]:
        """The Events about a resource that are kept, newest first."""
        return self._engine.events.of(*regarded(node.kind, node.uid, node.name))

    def replication(self) -> ReplicationHealth | None:
        """None: there are no other processes."""
        return None

    def _assess(self) -> Assessment:
        return assess_watches(
            self.readiness,
            self._watches.health,
            count=self._engine.count,
            restored=False,
            rebuilding=self._engine.rebuilding or self.hub.rebuilding,
            rebuild_error=self._engine.rebuild_error,
            left_out=self._customs.left_out,
            now=time.monotonic(),
        )
