"""One cluster as this process watches it: its kinds, model, engine and watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack

from astrolabe.engine.assembly import create_engine
from astrolabe.engine.engine import Publisher
from astrolabe.engine.qualifying_sink import Elsewhere, QualifyingSink
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.serving_state import Assessment, assess_watches
from astrolabe.graph.state.cluster_part import ServedPart
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent, regarded
from astrolabe.kinds.custom.custom_kinds import CustomKinds
from astrolabe.kube.client import Cluster
from astrolabe.kube.custom_resources import LONGEST_DISCOVERY, CustomResources
from astrolabe.kube.health import WatchHealth
from astrolabe.kube.watches import Watches, watched_scopes
from astrolabe.modes.supervisor import Supervisor
from astrolabe.settings import Settings


async def watch(
    settings: Settings,
    kinds: CustomKinds,
    cluster: Cluster,
    publisher: Publisher,
    *,
    supervisor: Supervisor,
    epoch: str,
    served: Callable[[], ServedPart],
    rebuilding: Callable[[], bool],
    name: str = "",
    elsewhere: Elsewhere | None = None,
    restored: bool = False,
) -> WatchedCluster:
    """Find out what kinds the cluster has, and watch them until the supervisor closes.

    kinds: of its catalogue. epoch, served, restored: see `Engine`. rebuilding: returns whether the served
    graph is being rebuilt. name, elsewhere: of one among several clusters: see `Node.cluster` and
    `QualifyingSink`.
    Raises ClusterError if the API server cannot be used.
    """
    await cluster.verify()
    customs = CustomResources(settings, kinds, cluster)
    async with AsyncExitStack() as failed_start:
        failed_start.push_async_callback(customs.stop)
        customs.start()
        await customs.wait_known(LONGEST_DISCOVERY)
        watched = WatchedCluster(
            settings,
            customs,
            kinds,
            cluster,
            publisher,
            epoch=epoch,
            served=served,
            rebuilding=rebuilding,
            name=name,
            elsewhere=elsewhere,
            restored=restored,
        )
        await watched.start(supervisor)
        failed_start.pop_all()
    return watched


class WatchedCluster:
    """Made by `watch`. readiness: which kinds are synced. engine: writes the cluster's part of the graph."""

    def __init__(
        self,
        settings: Settings,
        customs: CustomResources,
        kinds: CustomKinds,
        cluster: Cluster,
        publisher: Publisher,
        *,
        epoch: str,
        served: Callable[[], ServedPart],
        rebuilding: Callable[[], bool],
        name: str,
        elsewhere: Elsewhere | None,
        restored: bool,
    ) -> None:
        self._rebuilding = rebuilding
        self._restored = restored
        self._customs = customs
        catalogue = kinds.catalogue
        self.readiness = ReadinessTracker(watched_scopes(settings, catalogue))
        self.engine = create_engine(
            settings,
            catalogue,
            publisher,
            self.readiness,
            epoch=epoch,
            served=served,
            restored=restored,
            cluster=name,
        )
        self._watches = Watches(
            settings,
            catalogue,
            cluster,
            QualifyingSink(self.engine, name, elsewhere) if elsewhere is not None else self.engine,
            complete=lambda: customs.complete,
            too_many=customs.limit,
        )
        self.readiness.complete = customs.complete
        customs.serve(count=self.engine.count, on_complete=self._watches.tell_complete)

    async def start(self, supervisor: Supervisor) -> None:
        """Start the engine, then the watches that feed it."""
        supervisor.spawn(self.engine.run(), name="engine")
        supervisor.on_close(self._watches.stop)
        await self._watches.start()
        supervisor.spawn(self._watches.guard(), name="watches")
        supervisor.on_close(self._customs.stop)
        supervisor.spawn(self._customs.guard(), name="custom resources")

    def count(self, kind: str) -> int:
        """How many objects of this kind the watches know."""
        return self.engine.count(kind)

    def disconnected(self) -> Mapping[str, str]:
        """The kinds whose watch is disconnected, and why."""
        return self._watches.lost()

    def watches(self) -> Sequence[WatchHealth]:
        """How each watch is doing."""
        return self._watches.health

    def events(self, node: Node) -> Sequence[ObjectEvent]:
        """The Events about a resource that are kept, newest first."""
        return self.engine.events.of(*regarded(node))

    def assess(self) -> Assessment:
        """How far this part of the graph can be trusted."""
        return assess_watches(
            self.readiness,
            self._watches.health,
            count=self.engine.count,
            restored=self._restored,
            rebuilding=self.engine.rebuilding or self._rebuilding(),
            rebuild_error=self.engine.rebuild_error,
            left_out=self._customs.left_out,
            now=time.monotonic(),
        )
