"""A cluster of a union that this process watches itself, by its API server."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import NoReturn

from astrolabe import telemetry
from astrolabe.engine.readiness import ReadinessTracker, WatchReadiness
from astrolabe.engine.serving_state import LOST_GRACE, Assessment, ClusterInfo, Progress, StateTracker
from astrolabe.graph.model.faults import where
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kinds.custom.custom_kinds import CustomKinds
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kube.client import Cluster
from astrolabe.kube.credentials import ADVICE, POD_ADVICE
from astrolabe.kube.errors import ClusterError
from astrolabe.kube.health import WatchHealth
from astrolabe.kube.timing import WatchTiming
from astrolabe.kube.watches import watched_scopes
from astrolabe.modes.rule_files import LOOK_EVERY, RuleFiles
from astrolabe.modes.supervisor import Supervisor, TaskFailed
from astrolabe.modes.union.access import UnionAccess
from astrolabe.modes.union.cluster_list import ClusterEntry
from astrolabe.modes.union.helm import UnionHelm
from astrolabe.modes.union.kubeconfig_watch import KubeconfigWatch
from astrolabe.modes.union.writer import MemberWriter
from astrolabe.modes.watched_cluster import WatchedCluster, watch
from astrolabe.settings import Settings

logger = logging.getLogger("astrolabe.app")


class KubernetesMember:
    """Implements `Member`.

    access: asks its API server what users may see; None: everybody sees everything. helm: reads what Helm
    keeps; None: nothing is read.
    """

    def __init__(
        self,
        settings: Settings,
        entry: ClusterEntry,
        writer: MemberWriter,
        *,
        rebuilding: Callable[[], bool],
        restored: bool,
    ) -> None:
        """See `MemberSetup`."""
        self.name = entry.name
        self.catalogue = builtin_catalogue().only(settings.kinds)
        self._settings = _settings_of(settings, entry)
        self._kinds = CustomKinds(self.catalogue, RuleBook.shipped(settings.homes, several=True))
        self._rule_files = RuleFiles(settings.rules, self._kinds)
        self._writer = writer
        self._rebuilding = rebuilding
        self._restored = restored
        self.access: UnionAccess | None = None
        self.helm: UnionHelm | None = None
        self._watched: WatchedCluster | None = None
        self._unwatched = ReadinessTracker(watched_scopes(settings, self.catalogue))
        #: Why nothing is watched, and since when; "" before the first attempt has failed.
        self._why, self._lost_since = "", 0.0
        self._cluster: Cluster | None = None
        self._kubeconfig = KubeconfigWatch(entry.kubeconfig, entry.context)
        self._moved = asyncio.Event()
        #: Since when none of its watches gets an answer.
        self._unanswered_since: float | None = None
        self._progress = Progress()
        info = ClusterInfo(name=entry.name, context=entry.context)
        self.state = StateTracker(self._assess, info, clock=time.monotonic, time=time.time)

    async def run(self) -> NoReturn:
        """See `Member`."""
        telemetry.CLUSTER.set(self.name)
        await self._rule_files.look()
        await self._kubeconfig.look()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rule_files.run(), name=f"rules of {self.name}")
            group.create_task(self._follow_kubeconfig(), name=f"kubeconfig of {self.name}")
            group.create_task(self._follow(), name=f"cluster {self.name}")
        raise AssertionError("none of the tasks ends")

    async def _follow(self) -> NoReturn:
        backoff = WatchTiming().backoff(random=Random(), clock=time.monotonic)
        while True:
            supervisor = Supervisor()
            try:
                await self._watch(supervisor)
                await self._until_moved(supervisor)
            except ClusterError as error:
                self._note_lost(_brief(error))
            except TaskFailed as error:
                self._note_lost(str(error))
            except Exception as error:
                logger.exception("the cluster cannot be watched")
                self._note_lost(where(error))
            finally:
                self._watched = self._cluster = None
                await supervisor.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff.delay()):
                    await self._moved.wait()
            self._moved.clear()

    async def _until_moved(self, supervisor: Supervisor) -> None:
        """Wait until the kubeconfig leads to another server. Raises TaskFailed."""
        waiting = [
            asyncio.create_task(supervisor.wait_for_failure(), name="failure"),
            asyncio.create_task(self._moved.wait(), name="kubeconfig"),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting[0].done():
                await waiting[0]
            logger.info("the kubeconfig leads to another server, which is followed now")
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _follow_kubeconfig(self) -> NoReturn:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            change, cluster = await self._kubeconfig.look(), self._cluster
            if change == "server" or (change and cluster is None):
                self._moved.set()
            elif change and cluster is not None:
                try:
                    await cluster.reload()
                    logger.info("the credentials of the kubeconfig are loaded again")
                except ClusterError as error:
                    logger.warning("%s", _brief(error))

    async def _watch(self, supervisor: Supervisor) -> None:
        """Connect, and start to watch. Raises ClusterError."""
        cluster = await Cluster.connect(self._settings)
        supervisor.on_close(cluster.close)
        self._cluster = cluster
        context = "" if self._settings.in_cluster else cluster.context
        self.state.cluster = ClusterInfo(self.name, context, cluster.host)
        if self.access is not None:
            await self.access.open(self.name, self._settings, self.catalogue, supervisor)
        if self.helm is not None:
            self.helm.open(self.name, self._settings, lambda: self._writer.part.releases, supervisor)
        watched = await watch(
            self._settings,
            self._kinds,
            cluster,
            self._writer,
            supervisor=supervisor,
            epoch=self._writer.epoch,
            served=lambda: self._writer.part,
            rebuilding=self._rebuilding,
            name=self.name,
            elsewhere=self._writer.elsewhere,
            restored=self._restored,
        )
        self._writer.rebuilt = watched.engine.tell_rebuilt
        self._watched, self._restored, self._unanswered_since = watched, True, None
        if self._why:
            logger.info("the cluster can be reached again")
            self._why = ""

    def _note_lost(self, why: str) -> None:
        if why != self._why:
            logger.warning("%s", why)
        if not self._why:
            self._lost_since = time.monotonic()
        self._why = why

    # ClusterSource

    @property
    def readiness(self) -> WatchReadiness:
        return self._watched.readiness if self._watched is not None else self._unwatched

    def count(self, kind: str) -> int:
        return self._watched.count(kind) if self._watched is not None else 0

    def watches(self) -> Sequence[WatchHealth]:
        return self._watched.watches() if self._watched is not None else ()

    def disconnected(self) -> Mapping[str, str]:
        if self._watched is not None:
            return self._watched.disconnected()
        return dict.fromkeys(self.catalogue.keys, self._why) if self._why else {}

    async def events(self, node: Node) -> Sequence[ObjectEvent] | None:
        return self._watched.events(node) if self._watched is not None else None

    def _assess(self) -> Assessment:
        if self._watched is None:
            if not self._why:
                return Assessment("syncing", "the connection is being made", self._progress)
            return Assessment("stale", self._why, self._progress, began=self._lost_since)
        verdict = self._watched.assess()
        self._progress = verdict.progress
        unanswered = self._unanswered(self._watched.watches())
        if verdict.state == "syncing" and unanswered:
            # Its lists may come at any time, or never: the others do not wait for them.
            return Assessment(
                "stale",
                f"the API server cannot be reached: {unanswered}",
                verdict.progress,
                verdict.partial,
                began=self._unanswered_since,
            )
        return verdict

    def _unanswered(self, watches: Sequence[WatchHealth]) -> str:
        """Why no watch has got an answer for longer than the grace period; "" if any has."""
        failing = [watch for watch in watches if watch.failures and not watch.connected]
        if not failing or any(watch.connected for watch in watches):
            self._unanswered_since = None
            return ""
        now = time.monotonic()
        if self._unanswered_since is None:
            self._unanswered_since = now
        return failing[0].last_error if now - self._unanswered_since >= LOST_GRACE else ""


def _settings_of(settings: Settings, entry: ClusterEntry) -> Settings:
    """The settings of a server of this cluster alone."""
    if entry.in_cluster:
        return replace(settings, in_cluster=True, context="")
    return replace(settings, in_cluster=False, kubeconfig=entry.kubeconfig, context=entry.context)


def _brief(error: ClusterError) -> str:
    """What is wrong, without the advice for a server of one cluster."""
    text = str(error)
    for advice in (ADVICE, POD_ADVICE):
        text = text.replace(advice, "")
    return text.strip().rstrip(".")
