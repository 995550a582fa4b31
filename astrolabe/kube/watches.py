"""All watches of one process: starts them, keeps them alive, follows the catalogue, and stops them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from random import Random
from typing import Any, NoReturn

from astrolabe.engine.inbox import KindsChanged, Scope, Sink
from astrolabe.kinds.catalogue import Catalogue, CatalogueChange
from astrolabe.kinds.event import ALL_EVENTS, EVENT, WARNING_EVENTS
from astrolabe.kinds.kind import Kind, is_custom
from astrolabe.kinds.watched import WatchedKind
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


#: Custom kinds are small and numerous. This many of them list at a time.
AT_A_TIME = 8

STARTER = "start of the watches"
FOLLOWER = "changes of the catalogue"


def scopes_of(settings: Settings, kinds: Iterable[Kind[Any]]) -> tuple[Scope, ...]:
    """The watches that the settings ask for, in the order of the kinds.

    If only some namespaces are watched, cluster-scoped kinds are optional: an account that may read a
    namespace can seldom read the cluster.
    """
    namespaces = settings.namespaces
    scopes = []
    for kind in kinds:
        required = not kind.optional and (kind.namespaced or not namespaces)
        for namespace in (namespaces or ("",)) if kind.namespaced else ("",):
            scopes.append(Scope(kind.key, namespace, required, kind.expected))
    return tuple(scopes)


def watched_scopes(settings: Settings, kinds: Iterable[Kind[Any]]) -> tuple[Scope, ...]:
    """The same with the watches of Events, which come first: so the Warnings about an object are known when
    it comes. Nobody waits for them, and nothing is missing without them but words.
    """
    places = (settings.namespaces or ("",)) if settings.events != "off" else ()
    events = [Scope(EVENT, namespace, required=False, expected=False) for namespace in places]
    return (*events, *scopes_of(settings, kinds))


class Watches:
    """Runs one reflector per scope, of Events and of each kind that the catalogue has at the time.

    Owns the cluster connection: `stop` closes it.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        cluster: Cluster,
        sink: Sink,
        *,
        complete: Callable[[], bool] = lambda: True,
        too_many: Callable[[str], None] = lambda _: None,
        timing: WatchTiming | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """complete: returns whether the catalogue has all kinds of the cluster.

        too_many: called with a custom kind that has more objects than the settings allow. Its watch stops
            until the catalogue has another entry for it.
        """
        self._settings = settings
        self._catalogue = catalogue
        self._cluster = cluster
        self._sink = sink
        self._complete = complete
        self._too_many = too_many
        self._timing = timing or WatchTiming()
        self._random = random or Random()
        self._clock = clock
        self._outages = OutageLog()
        self._reflectors: dict[str, list[Reflector]] = {}
        self._add_events()
        self._add(catalogue)
        #: How often kinds came after the start.
        self._started = 0
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self._broken = asyncio.Event()
        self._changes: asyncio.Queue[CatalogueChange] = asyncio.Queue()
        self._unobserve = catalogue.observe(self._changes.put_nowait)

    @property
    def health(self) -> Sequence[WatchHealth]:
        """The health of each watch, in the order of the catalogue."""
        return [reflector.health for some in self._reflectors.values() for reflector in some]

    def lost(self) -> dict[str, str]:
        """The kinds with a watch that has lost its connection, and why."""
        return {h.kind: h.last_error for h in self.health if h.lists and not h.connected}

    def tell_complete(self) -> None:
        """The catalogue has become complete, or is no longer: let the sink know."""
        self._changes.put_nowait(CatalogueChange((), ()))

    async def start(self) -> None:
        """Start all watches, one after another. They list in the background."""
        self._spawn(self._start_all(), STARTER)
        self._spawn(self._follow_changes(), FOLLOWER)

    async def _start_all(self) -> None:
        """Kubernetes' own kinds in turn, then the others, several at a time."""
        some = tuple(self._reflectors.items())
        await self._start_in_turn([each for key, each in some if not is_custom(key)])
        await self._start_together([each for key, each in some if is_custom(key)])

    async def _start_together(self, some: Iterable[Sequence[Reflector]]) -> None:
        free = asyncio.Semaphore(AT_A_TIME)

        async def start(reflectors: Sequence[Reflector]) -> None:
            async with free:
                await self._start_in_turn((reflectors,))

        await asyncio.gather(*[start(reflectors) for reflectors in some])

    async def _start_in_turn(self, some: Sequence[Sequence[Reflector]]) -> None:
        """Start these watches one after another, but for those that have been ended meanwhile."""
        longest = min(MAX_WAIT, MAX_START / max(1, sum(map(len, some))))
        for reflector in chain.from_iterable(some):
            if reflector not in self._reflectors.get(reflector.health.kind, ()):
                continue
            self._spawn(self._keep(reflector), f"watch {reflector.health.label}")
            with suppress(TimeoutError):
                await asyncio.wait_for(reflector.health.tried.wait(), longest)

    def _add(self, kinds: Iterable[Kind[Any]]) -> None:
        # In closure mode the graph applies the selector, because it needs the neighbors as well.
        settings = self._settings
        selector = settings.label_selector if settings.selector_mode == "strict" else ""
        for kind in kinds:
            is_limited = is_custom(kind.key) and not kind.metadata_only
            self._reflectors[kind.key] = [
                self._reflector(
                    kind,
                    scope.namespace,
                    label_selector=selector,
                    most=settings.max_custom_objects if is_limited else None,
                )
                for scope in scopes_of(settings, (kind,))
            ]

    def _add_events(self) -> None:
        """Events have no labels, so no label selector applies to them."""
        entry = ALL_EVENTS if self._settings.events == "all" else WARNING_EVENTS
        events = [self._reflector(entry, scope.namespace) for scope in watched_scopes(self._settings, ())]
        if events:
            self._reflectors[EVENT] = events

    def _reflector(
        self, kind: WatchedKind, namespace: str, *, label_selector: str = "", most: int | None = None
    ) -> Reflector:
        return Reflector(
            kind,
            self._cluster,
            self._sink,
            random=self._random,
            clock=self._clock,
            namespace=namespace,
            label_selector=label_selector,
            timing=self._timing,
            outages=self._outages,
            most=most,
            too_many=self._too_many,
            expected=not isinstance(kind, Kind) or kind.expected,
        )

    async def _follow_changes(self) -> NoReturn:
        """Let watches go and come as the catalogue changes."""
        while True:
            await self._follow(await self._changes.get())

    async def _follow(self, change: CatalogueChange) -> None:
        added = {kind.key: kind for kind in change.added}
        for old in change.removed:
            await self._end(old.key)
        # A kind whose scope changes is another kind: its objects are removed.
        removed = tuple(
            old.key
            for old in change.removed
            if old.key not in added or added[old.key].namespaced is not old.namespaced
        )
        rules = tuple(kind.rules for kind in change.added)
        scopes = scopes_of(self._settings, change.added)
        await self._sink.put(KindsChanged(rules, scopes, removed, self._complete()))
        self._add(change.added)
        if added:
            self._started += 1
            started = [self._reflectors[key] for key in added]
            self._spawn(self._start_together(started), f"{STARTER} {self._started}")

    async def _end(self, kind: str) -> None:
        """End the watches of a kind. The sink receives nothing about it afterwards."""
        tasks = []
        for reflector in self._reflectors.pop(kind, ()):
            self._outages.forget(reflector.health.label)
            task = self._tasks.pop(f"watch {reflector.health.label}", None)
            if task is not None:
                task.remove_done_callback(self._ended)
                task.cancel()
                tasks.append(task)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks[name] = task

    async def stop(self) -> None:
        """End all watches and connections. The sink receives nothing afterwards."""
        self._stopping = True
        self._unobserve()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
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
        if self._stopping:
            return
        if task.get_name().startswith(STARTER) and not task.cancelled() and not task.exception():
            self._tasks.pop(task.get_name(), None)
            return
        error = None if task.cancelled() else task.exception()
        log.error("%s ended unexpectedly", task.get_name(), exc_info=error)
        self._broken.set()

    async def guard(self) -> None:
        """Return when a watch has ended for good, which is a bug in Astrolabe. The log names the watch."""
        await self._broken.wait()
