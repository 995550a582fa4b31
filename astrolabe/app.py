"""The composition root: what one process consists of, in the order in which it starts.

What starts last stops first. Every task has a name; one that ends unexpectedly is logged with its
traceback and ends the process.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from astrolabe import __version__, telemetry
from astrolabe.bus.memory import MemoryBus
from astrolabe.bus.redis.connection import address_of
from astrolabe.engine.assembly import create_engine
from astrolabe.engine.readiness import Readiness
from astrolabe.engine.serving_state import Assessment, ClusterInfo, StateTracker, assess_watches
from astrolabe.graph.graph import Graph
from astrolabe.http.ops.health import Replication
from astrolabe.http.server import create_server
from astrolabe.http.stream.hub import Hub
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import ClusterError
from astrolabe.kube.health import WatchHealth
from astrolabe.kube.watches import Watches, scopes_of
from astrolabe.memory import keep_small
from astrolabe.settings import DEFAULT_CLUSTER, Settings
from astrolabe.shared import Shared

logger = logging.getLogger("astrolabe.app")

#: Seconds that stopping may take before the process ends all the same.
LONGEST_STOP = 8.0

#: A collection of the oldest generation looks at every object: it holds the loop for 0.2 s at 100,000
#: Pods (CPython 3.11, measured), and by default comes five times while they are listed. The young ones
#: take 2 ms at most, and 1 % of the time, so only the oldest is made rare.
GC_THRESHOLDS = (700, 10, 1000)

#: What a task does.
Work = Callable[[], Coroutine[Any, Any, None]]


class TaskFailed(Exception):
    """A task that should run as long as the process does has ended; the log says why."""


@dataclass(frozen=True)
class Source:
    """What keeps the hub up to date, as the server asks it: see `create_server`.

    state: how far what is served may be trusted. ready: waits until the graph of the whole cluster is served.
    """

    hub: Hub
    state: StateTracker
    count: Callable[[str], int]
    role: Callable[[], str]
    lost: Callable[[], Mapping[str, str]]
    watches: Callable[[], Sequence[WatchHealth]]
    replication: Callable[[], Replication | None]
    ready: Callable[[], Coroutine[Any, Any, None]]


class Application:
    """Serves one cluster.

    beside: what else runs as long as it does, by name. listener: where it listens, instead of the host and
        port of the settings. opened: is told the URL once the graph of the whole cluster is served.
    port: where it listens once started; another than the settings' when that is 0.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        beside: Mapping[str, Work] = MappingProxyType({}),
        listener: socket.socket | None = None,
        opened: Callable[[str], None] | None = None,
    ) -> None:
        self.port = settings.port
        self._settings = settings
        self._beside = beside
        self._listener = listener
        self._opened = opened
        self._running = AsyncExitStack()
        self._catalogue = builtin_catalogue().only(settings.kinds)
        self._readiness = Readiness(scopes_of(settings, self._catalogue))
        self._ready = self._readiness.wait
        self._failed = asyncio.Event()
        self._why = ""

    async def start(self) -> None:
        """Serve, and sync in the background.

        Raises ClusterError, BusError or ServerError; nothing runs then.
        """
        settings, readiness = self._settings, self._readiness
        began = asyncio.get_running_loop().time()
        async with AsyncExitStack() as running:
            cluster = await Cluster.connect(settings)
            running.push_async_callback(cluster.close)
            _log_start(settings, cluster)
            source = await (
                self._share(running, cluster)
                if settings.enable_persistence
                else self._embed(running, cluster)
            )
            self._ready = source.ready
            self._spawn(running, source.state.run(), name="state")
            server = create_server(
                settings,
                source.hub,
                readiness,
                self._catalogue,
                state=source.state,
                count=source.count,
                role=source.role,
                lost=source.lost,
                watches=source.watches,
                replication=source.replication,
                listener=self._listener,
            )
            running.push_async_callback(server.stop)
            self.port = await server.start()
            self._spawn(running, self._announce(source, began), name="announcer", ends=True)
            self._spawn(running, keep_small(), name="memory")
            for name, work in self._beside.items():
                self._spawn(running, work(), name=name)
            self._running = running.pop_all()

    async def _embed(self, running: AsyncExitStack, cluster: Cluster) -> Source:
        """One process with its own graph."""
        settings, readiness = self._settings, self._readiness
        await cluster.verify()
        epoch = secrets.token_hex(4)
        hub = Hub(Graph(epoch), settings.limits)
        bus = MemoryBus(hub)
        engine = create_engine(
            settings, self._catalogue, bus, readiness, epoch=epoch, served=lambda: hub.graph
        )
        self._spawn(running, engine.run(), name="engine")
        watches = Watches(settings, self._catalogue, cluster, engine)
        running.push_async_callback(watches.stop)
        await watches.start()
        self._spawn(running, watches.guard(), name="watches")

        def look() -> Assessment:
            return assess_watches(
                readiness,
                watches.health,
                count=engine.count,
                restored=False,
                rebuilding=engine.rebuilding or hub.rebuilding,
                now=time.monotonic(),
            )

        return Source(
            hub,
            state=StateTracker(look, _info_of(settings, cluster), clock=time.monotonic, time=time.time),
            count=engine.count,
            role=lambda: "leader",
            lost=watches.lost,
            watches=lambda: watches.health,
            replication=lambda: None,
            ready=readiness.wait,
        )

    async def _share(self, running: AsyncExitStack, cluster: Cluster) -> Source:
        """One of those that share a Redis; it connects to the cluster again when it leads."""
        hub = Hub(Graph(secrets.token_hex(4)), self._settings.limits)
        shared = Shared(
            self._settings, self._catalogue, hub, self._readiness, _info_of(self._settings, cluster)
        )
        running.push_async_callback(shared.close)
        await shared.open(await cluster.identity())
        try:
            await cluster.verify()
        except ClusterError as error:
            if not shared.replication().complete:
                raise
            logger.warning("%s Serving what is stored.", error)
        await cluster.close()
        self._spawn(running, shared.run(), name="replica")
        return Source(
            hub,
            state=shared.state,
            count=shared.count,
            role=shared.role,
            lost=shared.lost,
            watches=shared.watches,
            replication=shared.replication,
            ready=shared.ready,
        )

    async def ready(self) -> None:
        """Wait until the graph of the whole cluster is served."""
        await self._ready()

    async def stop(self) -> None:
        """Say good-bye to the clients and end everything; without effect when nothing runs."""
        await self._running.aclose()

    async def run_until_signal(self) -> None:
        """Start, serve until SIGTERM or SIGINT, and stop. Raises what `start` raises, and TaskFailed."""
        loop = asyncio.get_running_loop()
        signalled = _first_signal(loop)
        work = asyncio.create_task(self._work(), name="application")
        try:
            await asyncio.wait((work, signalled), return_when=asyncio.FIRST_COMPLETED)
            began = loop.time()
            if not work.done():
                logger.info("%s: stopping", signalled.result().name)
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        finally:
            await self._stop_in_time()
        logger.info("stopped in %.1f s", loop.time() - began)

    async def _work(self) -> None:
        await self.start()
        freezing = asyncio.create_task(self._freeze(), name="freezer")
        try:
            await self._failed.wait()
        finally:
            freezing.cancel()
        raise TaskFailed(f"the {self._why} ended unexpectedly; the log says why")

    async def _freeze(self) -> None:
        """Spare collections what stays: modules at once, the graph once it is there."""
        gc.collect()
        gc.freeze()
        await self.ready()
        gc.freeze()

    async def _stop_in_time(self) -> None:
        try:
            async with asyncio.timeout(LONGEST_STOP):
                await self.stop()
        except TimeoutError:
            logger.error("stopping takes longer than %.0f s; ending all the same", LONGEST_STOP)

    async def _announce(self, source: Source, began: float) -> None:
        await source.ready()
        source.state.refresh()  # nobody waits for the next look to hear that it is complete
        seconds = asyncio.get_running_loop().time() - began
        given = self._settings.host
        host = "localhost" if given in ("", "0.0.0.0", "::") else given
        place = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        graph = source.hub.graph
        counts = f"{len(graph.nodes)} nodes, {graph.edge_count} edges"
        scheme = "https" if self._settings.tls_cert_file else "http"
        logger.info("serving %s://%s, %s, synced in %.1f s", scheme, place, counts, seconds)
        if self._opened is not None:
            self._opened(f"{scheme}://{place}")

    def _spawn(
        self, running: AsyncExitStack, work: Coroutine[Any, Any, None], *, name: str, ends: bool = False
    ) -> None:
        """Run a task until `running` is closed. ends: whether it may end by itself."""
        task = asyncio.create_task(work, name=name)

        async def end() -> None:
            task.remove_done_callback(judge)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        def judge(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if ends and error is None:
                return
            logger.critical("the %s ended unexpectedly", name, exc_info=error)
            self._why = self._why or name
            self._failed.set()

        task.add_done_callback(judge)
        running.push_async_callback(end)


async def serve(
    settings: Settings,
    *,
    beside: Mapping[str, Work] = MappingProxyType({}),
    listener: socket.socket | None = None,
    opened: Callable[[str], None] | None = None,
) -> None:
    """Serve the cluster of the settings until a signal. For the arguments, see `Application`.

    Raises ClusterError, BusError, ServerError, TaskFailed.
    """
    telemetry.configure(
        verbosity=settings.verbosity, log_format=settings.log_format, several=settings.workers > 1
    )
    gc.set_threshold(*GC_THRESHOLDS)
    await Application(settings, beside=beside, listener=listener, opened=opened).run_until_signal()


def _first_signal(loop: asyncio.AbstractEventLoop) -> asyncio.Future[signal.Signals]:
    """That asks to stop; it is waited for from now on, and those after it change nothing."""
    first: asyncio.Future[signal.Signals] = loop.create_future()

    def note(number: signal.Signals) -> None:
        if not first.done():
            first.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, note, number)
    return first


def _log_start(settings: Settings, cluster: Cluster) -> None:
    selector = (
        f"{settings.label_selector} ({settings.selector_mode})" if settings.label_selector else "everything"
    )
    logger.info(
        "astrolabe %s: graph in %s, cluster %s by %s, selector %s, namespaces %s, kinds %s, clients %s",
        __version__,
        _place_of(settings),
        cluster.host,
        cluster.origin,
        selector,
        ",".join(settings.namespaces) or "all",
        ",".join(settings.kinds) or "all",
        "by token" if settings.auth == "token" else "without a token",
    )


def _info_of(settings: Settings, cluster: Cluster) -> ClusterInfo:
    """Its name is what the operator calls it; else what the kubeconfig does."""
    named = settings.cluster_name != DEFAULT_CLUSTER
    name = settings.cluster_name if named else cluster.name
    return ClusterInfo(name=name, context=cluster.context, server=cluster.host)


def _place_of(settings: Settings) -> str:
    if not settings.enable_persistence:
        return "memory"
    return f"Redis at {address_of(settings)} as {settings.cluster_name}"
