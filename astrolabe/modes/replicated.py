"""Replicated mode: equal processes share one graph through Redis, and one of them leads."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from astrolabe.bus.redis.errors import BusError
from astrolabe.bus.redis.replica import Replica
from astrolabe.bus.redis.writer import LeaderWriter
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
from astrolabe.graph.state.graph import Graph
from astrolabe.http.ops.health import kinds_of, waiting_for
from astrolabe.http.source import LeaderReport, ReplicationHealth
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import ClusterError
from astrolabe.kube.health import WatchHealth
from astrolabe.kube.watches import Watches, scopes_of
from astrolabe.modes.supervisor import Supervisor
from astrolabe.settings import Settings

logger = logging.getLogger("astrolabe.app")


_REPORT = msgspec.json.Decoder(LeaderReport)


class WatchFailed(Exception):
    """A watch has ended for good; the log says which."""


async def replicated(
    settings: Settings,
    catalogue: Catalogue,
    cluster: Cluster,
    *,
    info: ClusterInfo,
    supervisor: Supervisor,
) -> ReplicatedMode:
    """Serve the stored graph, then follow or lead. Closes the connection: the leader opens its own.

    Raises BusError if Redis cannot be used or holds the graph of another cluster under this name, and
    ClusterError if the API server cannot be used and Redis holds no complete graph.
    """
    mode = ReplicatedMode(settings, catalogue, info)
    supervisor.on_close(mode.close)
    await mode.open(await cluster.identity())
    try:
        await cluster.verify()
    except ClusterError as error:
        if not mode.replication().complete:
            raise
        logger.warning("%s Serving what is stored.", error)
    await cluster.close()
    supervisor.spawn(mode.run(), name="replica")
    return mode


class ReplicatedMode:
    """A graph source that follows the leader through Redis, or leads.

    readiness: which kinds are synced while this process leads; it restarts with each lead.
    state: how far the served graph can be trusted.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, info: ClusterInfo) -> None:
        self.catalogue = catalogue
        self.readiness = Readiness(scopes_of(settings, catalogue))
        self.hub = Hub(Graph(secrets.token_hex(4)), settings.limits)
        self._settings = settings
        self._engine: Engine | None = None
        self._watches: Watches | None = None
        self._replica = Replica(
            settings,
            self.hub,
            lead=self._lead,
            leader_report=self._leader_report,
            cannot_lead=ClusterError,
            clock=asyncio.get_running_loop().time,
        )
        self.state = StateTracker(self._assess, info, clock=time.monotonic, time=time.time)

    async def open(self, identity: str) -> None:
        """Serve what is stored. identity: the cluster's, "" if unknown.

        Raises BusError if Redis cannot be used or holds the graph of another cluster under this name.
        """
        await self._replica.open(identity)

    async def run(self) -> NoReturn:
        """Follow and lead until cancelled."""
        await self._replica.run()

    async def close(self) -> None:
        """Stop taking part: release the lead and disconnect from Redis."""
        await self._replica.close()

    async def ready(self) -> None:
        """Wait until the graph of the whole cluster is served."""
        await self._replica.status.completed.wait()

    def _assess(self) -> Assessment:
        status = self._replica.status
        if self._watches is not None and self._engine is not None:
            return assess_watches(
                self.readiness,
                self._watches.health,
                count=self.count,
                restored=status.complete,
                rebuilding=self._engine.rebuilding or self.hub.rebuilding,
                now=time.monotonic(),
            )
        told = self._told()
        return assess_follower(
            told.state if told is not None else None,
            joined=status.joined,
            stale=status.stale,
            why=status.stale_why,
            began=status.stale_since,
        )

    def _told(self) -> LeaderReport | None:
        """The leader's last report. None if this process leads, or no readable report has come."""
        status = self._replica.status
        if status.role != "follower" or status.ticked is None:
            return None
        try:
            return _REPORT.decode(status.leader_report)
        except (msgspec.MsgspecError, RecursionError):  # of another version of Astrolabe
            return None

    def role(self) -> str:
        """`leader` or `follower`."""
        return self._replica.status.role

    def count(self, kind: str) -> int:
        """How many objects of this kind the watches of this process know; 0 while it follows."""
        return self._engine.count(kind) if self._engine is not None else 0

    def disconnected(self) -> Mapping[str, str]:
        """The kinds whose watch is disconnected, and why; none while this process follows."""
        return self._watches.lost() if self._watches is not None else {}

    def watches(self) -> Sequence[WatchHealth]:
        """How each watch is doing; none while this process follows."""
        return self._watches.health if self._watches is not None else ()

    def replication(self) -> ReplicationHealth:
        """How this process and Redis are doing, for /health and /readyz."""
        status = self._replica.status
        age = None if status.ticked is None else round(status.clock() - status.ticked, 1)
        document: dict[str, Any] = {
            "reachable": status.reachable,
            "lag": None if status.lag is None else round(status.lag, 1),
            "tickAge": age,
            "stale": status.stale,
        }
        if status.why:
            document["why"] = status.why
        if status.blocker:
            document["obstacle"] = status.blocker
        if status.stale:
            document["staleWhy"] = status.stale_why
        if status.cannot_lead:
            document["cannotLead"] = status.cannot_lead
        if status.detached:
            document["alone"] = True
        return ReplicationHealth(
            complete=status.complete,
            stale=status.stale,
            document=document,
            report=self._told(),
            reachable=status.reachable,
            detached=status.detached,
            lag=status.lag,
            commits=status.commits,
        )

    def _leader_report(self) -> bytes:
        """The report to the followers: only the leader has watches."""
        now = asyncio.get_running_loop().time()
        readiness = self.readiness
        return msgspec.json.encode(
            LeaderReport(
                synced=readiness.ready and not readiness.unready(),
                waiting=waiting_for(readiness),
                kinds=kinds_of(self, now=now),
                state=self.state.refresh(),
            )
        )

    async def _lead(self, writer: LeaderWriter) -> NoReturn:
        """Watch the cluster and publish its changes. Raises ClusterError, WatchFailed, LeadershipLost."""
        settings, hub = self._settings, self.hub
        self.readiness.restart()
        cluster = await Cluster.connect(settings)
        try:
            await self._replica.set_cluster_identity(await cluster.identity())
        except BusError as error:
            await cluster.close()
            raise ClusterError(str(error)) from error
        engine = create_engine(
            settings,
            self.catalogue,
            writer,
            self.readiness,
            epoch="",
            served=lambda: hub.graph,
            restored=bool(hub.graph.nodes),
        )
        watches = Watches(settings, self.catalogue, cluster, engine)
        self._engine, self._watches = engine, watches
        try:
            await watches.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(engine.run(), name="engine")
                group.create_task(self._complete(writer), name="completeness")
                await watches.guard()
                raise WatchFailed("a watch has ended; the log says which")
        finally:
            self._engine = self._watches = None
            self.readiness.failing = tuple  # it belonged to the engine that has just ended
            await watches.stop()

    async def _complete(self, writer: LeaderWriter) -> None:
        await self.readiness.wait()
        writer.mark_complete()
