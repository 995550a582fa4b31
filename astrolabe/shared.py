"""What a process of Redis mode has beside its web server: a replica, and what it does when it leads."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from astrolabe.bus.redis.committer import Committer
from astrolabe.bus.redis.errors import BusError
from astrolabe.bus.redis.replica import Replica
from astrolabe.engine.assembly import create_engine
from astrolabe.engine.engine import Engine
from astrolabe.engine.readiness import Readiness
from astrolabe.engine.serving_state import (
    Assessment,
    ClusterInfo,
    StateTracker,
    assess_follower,
    assess_watches,
)
from astrolabe.http.ops.health import LeaderReport, Replication, kinds_of, waiting_for
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import ClusterError
from astrolabe.kube.health import WatchHealth
from astrolabe.kube.watches import Watches
from astrolabe.settings import Settings

logger = logging.getLogger("astrolabe.app")


_REPORT = msgspec.json.Decoder(LeaderReport)


class WatchFailed(Exception):
    """A watch has ended for good; the log says which."""


class Shared:
    """One of the equal processes that serve one cluster's graph.

    readiness: of the watches, while this process leads; at each beginning it starts anew.
    state: how far what is served may be trusted.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        hub: Hub,
        readiness: Readiness,
        cluster: ClusterInfo,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._hub = hub
        self._readiness = readiness
        self._engine: Engine | None = None
        self._watches: Watches | None = None
        self._replica = Replica(
            settings,
            hub,
            lead=self._lead,
            condition=self._condition,
            unfit=ClusterError,
            clock=asyncio.get_running_loop().time,
        )
        self.state = StateTracker(self._look, cluster, clock=time.monotonic, time=time.time)

    async def open(self, identity: str) -> None:
        """Serve what is stored. identity: of the cluster, "" when not known.

        Raises BusError when Redis cannot be used, or has the graph of another cluster under this name.
        """
        await self._replica.open(identity)

    async def run(self) -> NoReturn:
        """Follow and lead until cancelled."""
        await self._replica.run()

    async def close(self) -> None:
        """Leave the others alone."""
        await self._replica.close()

    async def ready(self) -> None:
        """Wait until the graph of the whole cluster is served."""
        await self._replica.standing.completed.wait()

    def _look(self) -> Assessment:
        """How far what is served may be trusted."""
        standing = self._replica.standing
        if self._watches is not None and self._engine is not None:
            return assess_watches(
                self._readiness,
                self._watches.health,
                count=self.count,
                restored=standing.complete,
                rebuilding=self._engine.rebuilding or self._hub.rebuilding,
                now=time.monotonic(),
            )
        told = self._told()
        return assess_follower(
            told.state if told is not None else None,
            joined=standing.joined,
            stale=standing.stale,
            why=standing.stale_why,
            began=standing.stale_since,
        )

    def _told(self) -> LeaderReport | None:
        """What the leader told last, when this process is none. None: nothing that can be read."""
        standing = self._replica.standing
        if standing.role != "follower" or standing.ticked is None:
            return None
        try:
            return _REPORT.decode(standing.condition)
        except (msgspec.MsgspecError, RecursionError):  # of another version of Astrolabe
            return None

    def role(self) -> str:
        return self._replica.standing.role

    def count(self, kind: str) -> int:
        """How many objects of the kind the watches of this process know."""
        return self._engine.count(kind) if self._engine is not None else 0

    def lost(self) -> Mapping[str, str]:
        """The kinds whose watch has no connection now, and why."""
        return self._watches.lost() if self._watches is not None else {}

    def watches(self) -> Sequence[WatchHealth]:
        """How each watch is doing; none while another process leads."""
        return self._watches.health if self._watches is not None else ()

    def replication(self) -> Replication:
        """How this process stands, for /health and /readyz."""
        standing = self._replica.standing
        age = None if standing.ticked is None else round(standing.clock() - standing.ticked, 1)
        document: dict[str, Any] = {
            "reachable": standing.reachable,
            "lag": None if standing.lag is None else round(standing.lag, 1),
            "tickAge": age,
            "stale": standing.stale,
        }
        if standing.why:
            document["why"] = standing.why
        if standing.obstacle:
            document["obstacle"] = standing.obstacle
        if standing.stale:
            document["staleWhy"] = standing.stale_why
        if standing.unfit:
            document["cannotLead"] = standing.unfit
        if standing.alone:
            document["alone"] = True
        return Replication(
            complete=standing.complete,
            stale=standing.stale,
            document=document,
            told=self._told(),
            reachable=standing.reachable,
            alone=standing.alone,
            lag=standing.lag,
            commits=standing.commits,
        )

    def _condition(self) -> bytes:
        """What followers show of the watches, which only the leader has."""
        now = asyncio.get_running_loop().time()
        readiness = self._readiness
        return msgspec.json.encode(
            LeaderReport(
                synced=readiness.ready and not readiness.unready(),
                waiting=waiting_for(readiness),
                kinds=kinds_of(readiness, count=self.count, lost=self.lost(), now=now),
                state=self.state.refresh(),
            )
        )

    async def _lead(self, committer: Committer) -> NoReturn:
        """Watch the cluster and publish what changes. Raises ClusterError, WatchFailed, Deposed."""
        settings, hub = self._settings, self._hub
        self._readiness.restart()
        cluster = await Cluster.connect(settings)
        try:
            await self._replica.introduce(await cluster.identity())
        except BusError as error:
            await cluster.close()
            raise ClusterError(str(error)) from error
        engine = create_engine(
            settings,
            self._catalogue,
            committer,
            self._readiness,
            epoch="",
            served=lambda: hub.graph,
            restored=bool(hub.graph.nodes),
        )
        watches = Watches(settings, self._catalogue, cluster, engine)
        self._engine, self._watches = engine, watches
        try:
            await watches.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(engine.run(), name="engine")
                group.create_task(self._complete(committer), name="completeness")
                await watches.guard()
                raise WatchFailed("a watch has ended; the log says which")
        finally:
            self._engine = self._watches = None
            self._readiness.failing = tuple  # of a model that nobody needs any more
            await watches.stop()

    async def _complete(self, committer: Committer) -> None:
        await self._readiness.wait()
        committer.complete()
