"""All watches of one process: starts them, keeps them alive, and stops them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from random import Random
from typing import Any, NoReturn

from astrolabe.engine.inbox import Sink
from astrolabe.engine.readiness import Scope
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kube.client import Cluster
from astrolabe.kube.health import OutageLog, WatchHealth
from astrolabe.kube.reflector import Reflector
from astrolabe.kube.timing import WatchTiming
from astrolabe.settings import Settings

log = logging.getLogger("astrolabe.kube")

#: Seconds that a watch waits at most for the first list of the watch before it. One list at a time, in the
#: order of the catalogue, costs a third less than all at once: the targets of references exist already, and
#: only one large list is in memory. A slow API delays the others no longer than this.
MAX_WAIT = 1.0
#: Seconds that all these waits may take together, if many namespaces make many watches.
MAX_START = 30.0


STARTER = "start of the watches"


def scopes_of(settings: Settings, catalogue: Catalogue) -> tuple[Scope, ...]:
    """The watches that the settings ask for, in the order of the catalogue.

    If only some namespaces are watched, cluster-scoped kinds are optional: an account that may read a
    namespace can seldom read the cluster.
    """
    namespaces = settings.namespaces
    scopes = []
    for kind in catalogue:
        if kind.namespaced:
            scopes += [Scope(kind.key, namespace, not kind.optional) for namespace in namespaces or ("",)]
        else:
            scopes.append(Scope(kind.key, "", not kind.optional and not namespaces))
    return tuple(scopes)


class Watches:
    """Runs one reflector per scope. Owns the cluster connection: `stop` closes it."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        cluster: Cluster,
        sink: Sink,
        *,
        timing: WatchTiming | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._timing = timing or WatchTiming()
        self._random = random or Random()
        self._clock = clock
        # In closure mode the graph applies the selector, because it needs the neighbors as well.
        selector = settings.label_selector if settings.selector_mode == "strict" else ""
        outages = OutageLog()
        self._reflectors = [
            Reflector(
                catalogue[scope.kind],
                cluster,
                sink,
                random=self._random,
                clock=clock,
                namespace=scope.namespace,
                label_selector=selector,
                timing=self._timing,
                outages=outages,
            )
            for scope in scopes_of(settings, catalogue)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._broken = asyncio.Event()

    @property
    def health(self) -> Sequence[WatchHealth]:
        """The health of each watch, in the order of the catalogue."""
        return [reflector.health for reflector in self._reflectors]

    def lost(self) -> dict[str, str]:
        """The kinds with a watch that has lost its connection, and why."""
        return {h.kind: h.last_error for h in self.health if h.lists and not h.connected}

    async def start(self) -> None:
        """Start all watches, one after another. They list in the background."""
        self._spawn(self._start_in_turn(), STARTER)

    async def _start_in_turn(self) -> None:
        longest = min(MAX_WAIT, MAX_START / max(1, len(self._reflectors)))
        for reflector in self._reflectors:
            self._spawn(self._keep(reflector), f"watch {reflector.health.label}")
            with suppress(TimeoutError):
                await asyncio.wait_for(reflector.health.tried.wait(), longest)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def stop(self) -> None:
        """End all watches and connections. The sink receives nothing afterwards."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._cluster.close()

    async def _keep(self, reflector: Reflector) -> NoReturn:
        """Run the reflector, and restart it if it ends, which only a bug in Astrolabe can cause."""
        backoff = self._timing.backoff(random=self._random, clock=self._clock)
        while True:
            try:
                await reflector.run()
            except Exception as error:
                reflector.health.restarts += 1
                reflector.health.last_error = f"{type(error).__name__}: {error}"
                log.exception("%s: the watch failed; restarting it", reflector.health.label)
            await asyncio.sleep(backoff.delay())

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._stopping or (task.get_name() == STARTER and not task.cancelled() and not task.exception()):
            return
        error = None if task.cancelled() else task.exception()
        log.error("%s ended unexpectedly", task.get_name(), exc_info=error)
        self._broken.set()

    async def guard(self) -> None:
        """Return when a watch has ended for good, which is a bug in Astrolabe. The log names the watch."""
        await self._broken.wait()
