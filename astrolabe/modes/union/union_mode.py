"""A graph source of several clusters."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.serving_state import Assessment, ClusterInfo, StateTracker
from astrolabe.engine.union_state import assess_union
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.http.source import ReplicationHealth, WatchStats
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.modes.supervisor import Supervisor
from astrolabe.modes.union.access import UnionAccess
from astrolabe.modes.union.cluster_files import ClusterFiles, KubeconfigContexts
from astrolabe.modes.union.cluster_list import ClusterEntry
from astrolabe.modes.union.crossings import ClusterNames, Crossings
from astrolabe.modes.union.helm import UnionHelm
from astrolabe.modes.union.kinds import UnionKinds
from astrolabe.modes.union.kubernetes_member import KubernetesMember
from astrolabe.modes.union.member import Member, MemberSetup
from astrolabe.modes.union.readiness import UnionReadiness
from astrolabe.modes.union.upstream_member import UpstreamMember
from astrolabe.modes.union.writer import UnionWriter
from astrolabe.settings import DEFAULT_CLUSTER, Settings

logger = logging.getLogger("astrolabe.app")

#: Seconds until a member that ended, which only a bug can cause, runs again.
RESTART_AFTER = 1.0
#: Seconds between two looks at edges between clusters that no change of the graph has made.
CROSS_EVERY = 0.1


async def union(settings: Settings, catalogue: Catalogue, *, supervisor: Supervisor) -> UnionMode:
    """Start to follow the clusters that the settings name, and the list of them.

    Raises ClusterListError if the list cannot be used. A cluster that cannot be used is told by its state.
    """
    mode = UnionMode(settings, catalogue)
    supervisor.on_close(mode.close)
    supervisor.spawn(mode.cross(), name="edges between clusters")
    if settings.clusters:
        files = ClusterFiles(settings.clusters, mode.become)
        await files.begin()
        supervisor.spawn(files.run(), name="list of clusters")
    else:
        contexts = KubeconfigContexts(settings.kubeconfig, settings.contexts, mode.become)
        await contexts.begin()
        supervisor.spawn(contexts.run(), name="contexts of the kubeconfig")
    return mode


class UnionMode:
    """Implements `GraphSource`: one hub for what all clusters write.

    state: that of the worst cluster, and each one's. helm: what Helm keeps. access: what users may see;
        None: everybody sees everything.
    """

    def __init__(self, settings: Settings, catalogue: Catalogue) -> None:
        epoch = secrets.token_hex(4)
        self.catalogue = catalogue
        self.hub = Hub(ServedGraph(epoch), settings.limits)
        self._names = ClusterNames()
        self._crossings = Crossings(lambda: self.hub.graph, self._names)
        self.writer = UnionWriter(
            MemoryBus(self.hub), lambda: self.hub.graph, epoch=epoch, crossings=self._crossings
        )
        self.access = UnionAccess(settings, self.hub) if settings.asks_for_rights else None
        self.helm = UnionHelm()
        self._settings = settings
        self._kinds = UnionKinds(catalogue)
        self._entries: dict[str, ClusterEntry] = {}
        self._members: dict[str, Member] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.readiness = UnionReadiness(lambda: self._members, clock=time.monotonic)
        name = settings.cluster_name if settings.cluster_name != DEFAULT_CLUSTER else ""
        self.state = StateTracker(self._assess, ClusterInfo(name=name), clock=time.monotonic, time=time.time)

    async def become(self, entries: Mapping[str, ClusterEntry]) -> None:
        """Have these clusters. Those that stay do not notice.

        A cluster with another address keeps its nodes until its lists are known, and is compared with them.
        """
        for name in [name for name in self._entries if name not in entries]:
            await self._remove(name)
        for name, entry in entries.items():
            if self._entries.get(name) != entry:
                is_known = name in self._entries
                if is_known:
                    await self._stop(name)
                    self._kinds.remove(name)
                self._add(entry, restored=is_known)
        self._members = {name: self._members[name] for name in sorted(self._members)}
        self.readiness.listed = True
        self.state.refresh()

    def _add(self, entry: ClusterEntry, *, restored: bool) -> None:
        setup: MemberSetup = UpstreamMember if entry.url else KubernetesMember
        member = setup(
            self._settings,
            entry,
            self.writer.member(entry.name),
            rebuilding=lambda: self.hub.rebuilding,
            restored=restored,
        )
        if self.access is not None:
            self.access.add(entry)
        if isinstance(member, KubernetesMember):
            member.access = self.access
            member.helm = self.helm if self._settings.helm_details else None
        self._entries[entry.name], self._members[entry.name] = entry, member
        self._kinds.add(entry.name, member.catalogue)
        self._tasks[entry.name] = asyncio.create_task(self._keep(member), name=f"member {entry.name}")
        logger.info("cluster %s is %s", entry.name, "followed elsewhere" if restored else "followed")

    async def _keep(self, member: Member) -> None:
        """Run a member; a bug in it ends neither the process nor the others."""
        while True:
            try:
                await member.run()
            except Exception:
                logger.exception("following the cluster failed")
            await asyncio.sleep(RESTART_AFTER)

    async def _remove(self, name: str) -> None:
        await self._stop(name)
        if self.access is not None:
            self.access.remove(name)
        await self.writer.remove(name)
        self._kinds.remove(name)
        del self._entries[name], self._members[name]
        self.state.refresh()

    async def _stop(self, name: str) -> None:
        task = self._tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Stop following all clusters."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        if self.access is not None:
            await self.access.close()

    async def cross(self) -> NoReturn:
        """Keep the edges between clusters up to date, until cancelled."""
        while True:
            await asyncio.sleep(CROSS_EVERY)
            if self._names.become([each.state.current.cluster for each in self._members.values()]):
                self._crossings.rename()
            if self._crossings.is_due:
                await self.writer.settle()

    async def ready(self) -> None:
        """Wait until the graph has all clusters that can be reached."""
        await self.readiness.wait()

    def _assess(self) -> Assessment:
        verdict = assess_union([each.state.refresh() for each in self._members.values()])
        self.readiness.update(verdict.clusters or ())
        return verdict

    # GraphSource

    def clusters(self) -> Mapping[str, Member]:
        """The clusters by name, in order."""
        return self._members

    def role(self) -> str:
        """`leader`: no other process writes this graph."""
        return "leader"

    def count(self, kind: str) -> int:
        """How many objects of this kind the watches of all clusters know."""
        return sum([each.count(kind) for each in self._members.values()])

    def watches(self) -> Sequence[WatchStats]:
        """How each watch of each cluster is doing."""
        return [watch for each in self._members.values() for watch in each.watches()]

    def disconnected(self) -> Mapping[str, str]:
        """The kinds with a watch that is disconnected in some cluster, and why."""
        lost: dict[str, str] = {}
        for name, member in self._members.items():
            for kind, why in member.disconnected().items():
                lost.setdefault(kind, f"{name}: {why}")
        return lost

    async def events(self, node: Node) -> Sequence[ObjectEvent] | None:
        """The Events about a resource that its cluster keeps, newest first; None if nobody knows them now."""
        member = self._members.get(node.cluster)
        return await member.events(node) if member is not None else None

    def replication(self) -> ReplicationHealth | None:
        """None: there are no other processes."""
        return None
