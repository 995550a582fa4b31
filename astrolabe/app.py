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
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from types import MappingProxyType
from typing import Any

from astrolabe import __version__, telemetry
from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.engine import Engine
from astrolabe.engine.readiness import Readiness
from astrolabe.graph.graph import Graph
from astrolabe.graph.model import Model
from astrolabe.graph.selector import Selector, parse
from astrolabe.http.hub import Hub
from astrolabe.http.server import create_server
from astrolabe.kinds.table import KINDS, choose, verify
from astrolabe.kube.client import Cluster
from astrolabe.kube.watches import Watches, scopes_of
from astrolabe.settings import Settings

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


class Application:
    """Serves one cluster.

    beside: what else runs as long as it does, by name.
    port: where it listens once started; another than the settings' when that is 0.
    """

    def __init__(self, settings: Settings, *, beside: Mapping[str, Work] = MappingProxyType({})) -> None:
        self.port = settings.port
        self._settings = settings
        self._beside = beside
        self._running = AsyncExitStack()
        self._readiness = Readiness(scopes_of(settings))
        self._failed = asyncio.Event()
        self._why = ""

    async def start(self) -> None:
        """Serve, and sync in the background. Raises ClusterError or ServerError; nothing runs then."""
        settings, readiness = self._settings, self._readiness
        verify(KINDS)
        began = asyncio.get_running_loop().time()
        async with AsyncExitStack() as running:
            cluster = await Cluster.connect(settings)
            running.push_async_callback(cluster.close)
            _log_start(settings, cluster)
            await cluster.verify()

            kinds = choose(settings.kinds)
            epoch = secrets.token_hex(4)
            hub = Hub(Graph(epoch), settings.limits)
            bus = MemoryBus()
            bus.subscribe(hub.receive)
            model = Model([kind.rules for kind in kinds], roots=_roots(settings))
            engine = Engine(
                model,
                bus,
                readiness,
                epoch=epoch,
                window=settings.batch_window,
                selected=settings.selector_mode == "strict" and bool(settings.label_selector),
            )
            self._spawn(running, engine.run(), name="engine")

            watches = Watches(settings, cluster, engine)
            running.push_async_callback(watches.stop)
            await watches.start()
            self._spawn(running, watches.guard(), name="watches")

            server = create_server(
                settings,
                hub,
                readiness,
                kinds,
                count=engine.count,
                role=lambda: "leader",
                lost=watches.lost,
            )
            running.push_async_callback(server.stop)
            self.port = await server.start()
            self._spawn(running, self._announce(hub, began), name="announcer", ends=True)
            for name, work in self._beside.items():
                self._spawn(running, work(), name=name)
            self._running = running.pop_all()

    async def ready(self) -> None:
        """Wait until all required kinds are synced."""
        await self._readiness.wait()

    async def stop(self) -> None:
        """Say good-bye to the clients and end everything; without effect when nothing runs."""
        await self._running.aclose()

    async def run_until_signal(self) -> None:
        """Start, serve until SIGTERM or SIGINT, and stop. Raises what `start` raises, and TaskFailed."""
        signalled = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, signalled.set)
        work = asyncio.create_task(self._work(), name="application")
        waiting = asyncio.create_task(signalled.wait(), name="signals")
        try:
            await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                logger.info("stopping")
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        finally:
            waiting.cancel()
            await self._stop_in_time()

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

    async def _announce(self, hub: Hub, began: float) -> None:
        await self.ready()
        seconds = asyncio.get_running_loop().time() - began
        host = "localhost" if self._settings.host in ("0.0.0.0", "::") else self._settings.host
        place = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        counts = f"{len(hub.graph.nodes)} nodes, {hub.graph.edge_count} edges"
        logger.info("serving http://%s, %s, synced in %.1f s", place, counts, seconds)

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


async def serve(settings: Settings, *, beside: Mapping[str, Work] = MappingProxyType({})) -> None:
    """Serve the cluster of the settings until a signal. Raises ClusterError, ServerError, TaskFailed."""
    telemetry.configure(verbosity=settings.verbosity, log_format=settings.log_format)
    gc.set_threshold(*GC_THRESHOLDS)
    await Application(settings, beside=beside).run_until_signal()


def _log_start(settings: Settings, cluster: Cluster) -> None:
    selector = (
        f"{settings.label_selector} ({settings.selector_mode})" if settings.label_selector else "everything"
    )
    logger.info(
        "astrolabe %s: graph in memory, %s by %s, selector %s, namespaces %s, %d kinds",
        __version__,
        cluster.host,
        cluster.origin,
        selector,
        ",".join(settings.namespaces) or "all",
        len(choose(settings.kinds)),
    )


def _roots(settings: Settings) -> Selector | None:
    """In strict mode the API server selects; without a selector everything is in the graph."""
    if settings.selector_mode == "strict" or not settings.label_selector.strip():
        return None
    return parse(settings.label_selector)
