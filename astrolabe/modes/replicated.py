"""Replicated mode: equal processes share one graph through Redis, and one of them leads."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import NoReturn

import msgspec

from astrolabe.bus.redis.errors import BusError
from astrolabe.bus.redis.replica import Replica
from astrolabe.bus.redis.shared_events import SHARE_EVERY, EventShare
from astrolabe.bus.redis.writer import LeaderWriter
from astrolabe.engine.assembly import create_engine
from astrolabe.engine.engine import Engine
from astrolabe.engine.event_keeper import EventKeeper
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.serving_state import (
    Assessment,
    ClusterInfo,
    StateTracker,
    assess_follower,
    assess_watches,
)
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent, regarded
from astrolabe.http.ops.health import kinds_of, waiting_for
from astrolabe.http.source import LeaderReport, ReplicationHealth
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.custom.custom_kinds import CustomKinds
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.event import EVENT
from astrolabe.kube.client import Cluster
from astrolabe.kube.custom_resources import LONGEST_DISCOVERY, CustomResources
from astrolabe.kube.errors import ClusterError
from astrolabe.kube.health import WatchHealth
from astrolabe.kube.watches import Watches, watched_scopes
from astrolabe.modes.kind_store import KindStore
from astrolabe.modes.replication import leader_report, replication_health
from astrolabe.modes.rule_files import RuleFiles
from astrolabe.modes.supervisor import Supervisor
from astrolabe.settings import Settings

logger = logging.getLogger("astrolabe.app")


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
    supervisor.spawn(mode.follow_kinds(), name="kinds of the leader")
    supervisor.spawn(mode.follow_rules(), name="rules")
    supervisor.spawn(mode.run(), name="replica")
    return mode


class ReplicatedMode:
    """A graph source that follows the leader through Redis, or leads.

    readiness: which kinds are synced while this process leads; it restarts with each lead.
    state: how far the served graph can be trusted.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue, info: ClusterInfo) -> None:
        self.catalogue = catalogue
        self._kinds = CustomKinds(catalogue, RuleBook.shipped(settings.homes))
        self._rule_files = RuleFiles(settings.rules, self._kinds)
        self._kind_store = KindStore(self._kinds)
        self.readiness = ReadinessTracker(watched_scopes(settings, catalogue))
        self.hub = Hub(ServedGraph(secrets.token_hex(4)), settings.limits)
        self._settings = settings
        self._engine: Engine | None = None
        self._watches: Watches | None = None
        self._customs: CustomResources | None = None
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
        await self._rule_files.look()
        await self._replica.open(identity)
        await self._kind_store.read(self._replica.stored_kinds)

    async def run(self) -> NoReturn:
        """Follow and lead until cancelled."""
        await self._replica.run()

    async def follow_kinds(self) -> NoReturn:
        """Have the custom kinds of the leader, until cancelled."""
        await self._kind_store.follow(self._told_kinds, self._replica.stored_kinds)

    async def follow_rules(self) -> NoReturn:
        """Read the rules again when their files change, until cancelled."""
        await self._rule_files.run()

    def _told_kinds(self) -> str:
        report = leader_report(self._replica.status)
        return report.custom_kinds if report is not None else ""

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
                rebuild_error=self._engine.rebuild_error,
                left_out=self._customs.left_out if self._customs is not None else {},
                now=time.monotonic(),
            )
        report = leader_report(status)
        return assess_follower(
            report.state if report is not None else None,
            joined=status.joined,
            stale=status.stale,
            why=status.stale_why,
            began=status.stale_since,
        )

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

    async def events(self, node: Node) -> Sequence[ObjectEvent] | None:
        """The Events about a resource that are kept, newest first; None if Redis does not answer."""
        objects = regarded(node)
        if self._engine is not None:
            return self._engine.events.of(*objects)
        return await self._replica.events(objects)

    def clusters(self) -> None:
        """None: there is only one."""

    def replication(self) -> ReplicationHealth:
        """How this process and Redis are doing, for /health and /readyz."""
        return replication_health(self._replica.status)

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
                custom_kinds=self._kind_store.digest,
            )
        )

    async def _lead(self, writer: LeaderWriter) -> NoReturn:
        """Watch the cluster and publish its changes. Raises ClusterError, WatchFailed, LeadershipLost."""
        self.readiness.restart(watched_scopes(self._settings, self.catalogue), complete=False)
        async with AsyncExitStack() as term:
            cluster = await Cluster.connect(self._settings)
            term.push_async_callback(cluster.close)
            try:
                await self._replica.set_cluster_identity(await cluster.identity())
            except BusError as error:
                raise ClusterError(str(error)) from error
            customs = CustomResources(self._settings, self._kinds, cluster)
            term.push_async_callback(customs.stop)
            customs.start()
            await customs.wait_known(LONGEST_DISCOVERY)
            scopes = watched_scopes(self._settings, self.catalogue)
            self.readiness.restart(scopes, complete=customs.complete)
            engine = self._create_engine(writer)
            watches = Watches(
                self._settings,
                self.catalogue,
                cluster,
                engine,
                complete=lambda: customs.complete,
                too_many=customs.limit,
            )
            customs.serve(count=engine.count, on_complete=watches.tell_complete)
            term.push_async_callback(watches.stop)
            term.push_async_callback(customs.stop)
            term.callback(self._end_term)
            self._engine, self._watches, self._customs = engine, watches, customs
            await watches.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(engine.run(), name="engine")
                group.create_task(self._complete(writer), name="completeness")
                group.create_task(self._share_events(writer, engine.events), name="events")
                group.create_task(customs.guard(), name="custom resources")
                group.create_task(
                    self._kind_store.keep(writer.store_kinds, writer.tick_wanted.set), name="kinds"
                )
                await watches.guard()
                raise WatchFailed("a watch has ended; the log says which")

    def _create_engine(self, writer: LeaderWriter) -> Engine:
        """An engine that continues from the graph that is served."""
        return create_engine(
            self._settings,
            self.catalogue,
            writer,
            self.readiness,
            epoch="",  # the writer gives batches that of the stored graph
            served=lambda: self.hub.graph,
            restored=bool(self.hub.graph.nodes),
        )

    def _end_term(self) -> None:
        self._engine = self._watches = self._customs = None
        self.readiness.failing = tuple  # it belonged to the engine that has just ended

    async def _share_events(self, writer: LeaderWriter, events: EventKeeper) -> NoReturn:
        """Keep the Events in Redis, which followers read on demand. Raises LeadershipLost."""
        share = EventShare(events, writer.store_events)
        while True:
            await asyncio.sleep(SHARE_EVERY)
            if not any(scope.kind == EVENT for scope in self.readiness.still_listing()):
                await share.flush()

    async def _complete(self, writer: LeaderWriter) -> None:
        await self.readiness.wait()
        writer.mark_complete()
