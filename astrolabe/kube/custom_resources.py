"""Keeps the custom kinds of a catalogue as the cluster has them.

They are known by discovery, and by their CustomResourceDefinitions (CRDs), which are watched and say more. An
account that may not read CRDs learns of changes by discovery alone, a little later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import NoReturn

from astrolabe.engine.inbox import Deleted, InboxMessage, ObjectChanges, Replace, WatchStatus
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.state.identity import OWN_GROUPS, GroupKind
from astrolabe.kinds.custom.crd import CRDS
from astrolabe.kinds.custom.custom_kinds import CustomKinds, KindsNews, WantedKind
from astrolabe.kinds.custom.definition import Definition
from astrolabe.kinds.custom.selection import NONE, Choice, Selection, bounded
from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import RequestFailed
from astrolabe.kube.reflector import Reflector
from astrolabe.kube.served_kinds import Discovery, discover
from astrolabe.kube.timing import WatchTiming
from astrolabe.settings import Settings
from astrolabe.timeslice import TimeSlice

log = logging.getLogger("astrolabe.kube")

#: Seconds in which changes of definitions are taken together: an operator brings many at once.
SETTLE = 0.2
#: Seconds between two discoveries if CRDs are watched, so that only aggregated APIs come unnoticed; and if
#: they are not.
DISCOVER_SELDOM, DISCOVER_OFTEN = 300.0, 15.0
#: Seconds to wait for the CRDs at the start, and for everything.
PATIENCE = 5.0
LONGEST_DISCOVERY = 10.0
#: Kinds to name in one line of the log.
MOST_NAMED = 5
#: Seconds between two looks at how many objects there are.
COUNT_EVERY = 15.0


def selection_of(settings: Settings) -> Selection:
    """Which custom resources the settings ask for. If they name kinds to watch, others are not wanted."""
    few = any(not word.startswith("+") for word in settings.kinds)
    return Selection.of(settings.custom_resources or ((NONE,) if few else ()))


class _DefinitionSink:
    """Implements `inbox.Sink` for the watch of CRDs.

    by_uid: what each CRD defines; None as long as it is not served. ever: all that were defined at any time.
    listed: whether they are all known. told: whether the watch has listed them, or could not.
    """

    def __init__(self, changed: asyncio.Event) -> None:
        self.by_uid: dict[str, Definition | None] = {}
        self.ever: set[GroupKind] = set()
        self.listed = self.told = False
        self._changed = changed

    async def put(self, message: InboxMessage) -> None:
        match message:
            case Replace():
                self.by_uid = {facts.uid: facts.details for facts in message.listed}
                self.listed = True
            case ObjectChanges():
                for change in message.changes:
                    if isinstance(change, Facts):
                        self.by_uid[change.uid] = change.details
                    elif isinstance(change, Deleted):
                        self.by_uid.pop(change.uid, None)
            case WatchStatus(state="unavailable"):
                self.listed = False
            case WatchStatus(why=""):
                return
        self.ever.update(each.id for each in self.by_uid.values() if each is not None)
        self.told = True
        self._changed.set()


class CustomResources:
    """The custom kinds of one cluster, and which of them are in the catalogue.

    complete: whether the catalogue has had all of them, so that one that it lacks is none, or is not wanted.
    choices: of each kind that can be watched, whether it is. left_out: the kinds for which there are no
        watches left, and why.
    """

    def __init__(
        self,
        settings: Settings,
        kinds: CustomKinds,
        cluster: Cluster,
        *,
        timing: WatchTiming | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """kinds: of the catalogue that follows."""
        self.complete = False
        self.choices: dict[GroupKind, Choice] = {}
        self.left_out: dict[str, str] = {}
        self._selection = selection_of(settings)
        self._most = settings.max_custom_objects
        self._most_watches = settings.max_custom_watches
        self._places = len(settings.namespaces)
        self._kinds = kinds
        self._cluster = cluster
        self._count: Callable[[str], int] = lambda _: 0
        self._clock = clock
        self._changed = asyncio.Event()
        self._known = asyncio.Event()
        self._crds = _DefinitionSink(self._changed)
        self._discovered: dict[GroupKind, Definition] = {}
        self._broken: frozenset[str] = frozenset()
        self._has_discovered = False
        self._discover_at = clock()
        self._serves_crds = True
        self._too_many: set[str] = {each.definition.id.key for each in kinds.wanted if each.most}
        self._on_complete: Callable[[], None] = lambda: None
        self._task: asyncio.Task[NoReturn] | None = None
        self._reflector = Reflector(
            CRDS,
            cluster,
            self._crds,
            random=random or Random(),
            clock=clock,
            timing=timing,
            expected=False,  # the catalogue's own watch of CRDs says it
        )

    def serve(self, *, count: Callable[[str], int], on_complete: Callable[[], None]) -> None:
        """The catalogue is watched from now on.

        count: returns how many objects of a kind are known. on_complete: call when `complete` becomes true.
        """
        self._count = count
        self._on_complete = on_complete

    def start(self) -> None:
        """Begin to keep the catalogue up to date, until `stop`."""
        self._task = asyncio.create_task(self._run(), name="custom resources")

    async def guard(self) -> NoReturn:
        """Wait. Raises what ended it, if anything does."""
        assert self._task is not None
        await asyncio.wait((self._task,))
        self._task.result()
        raise AssertionError("custom resources are followed until `stop`")

    async def stop(self) -> None:
        """End it. The catalogue stays as it is. Does nothing the second time."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def wait_known(self, seconds: float) -> None:
        """Wait until the catalogue has all custom kinds, but no longer than this."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._known.wait(), seconds)

    def limit(self, kind: str) -> None:
        """There are too many objects of this kind: read only their metadata from now on."""
        if kind not in self._too_many:
            log.warning(
                "%s: there are more than %d objects (--max-custom-objects); only their metadata is read",
                *(kind, self._most),
            )
            self._too_many.add(kind)
            self._changed.set()

    async def _run(self) -> NoReturn:
        if self._selection.is_none:
            await self._apply()
            self._finish()
            await asyncio.Event().wait()
        await self._discover()
        async with asyncio.TaskGroup() as group:
            if self._serves_crds:
                group.create_task(self._reflector.run(), name="watch definitions")
            group.create_task(self._follow(), name="custom kinds")
        raise AssertionError("none of the tasks ends")

    async def _follow(self) -> NoReturn:
        late = self._clock() + PATIENCE
        while True:
            self._changed.clear()
            if self._clock() >= self._discover_at:
                await self._discover()
            # With CRDs, entries have columns: not to make all of them twice, they are waited for.
            told = self._crds.told or not self._serves_crds or self._clock() >= late
            if told and (self._has_discovered or self._crds.listed):
                self._look_for_many()
                await self._apply()
                self._finish()
            with suppress(TimeoutError):
                until = min(self._discover_at - self._clock(), COUNT_EVERY if told else late - self._clock())
                await asyncio.wait_for(self._changed.wait(), max(0.01, until))
                if told:
                    await asyncio.sleep(SETTLE)

    def _finish(self) -> None:
        """Note that all kinds that there are have come."""
        self._known.set()
        if not self.complete:
            self.complete = True
            self._on_complete()

    async def _discover(self) -> None:
        """Ask what is served. For groups that do not answer, keep what is known."""
        try:
            found = await discover(self._cluster)
        except RequestFailed as error:
            log.debug("discovery failed: %s", error)
            self._discover_at = self._clock() + DISCOVER_OFTEN
            return
        self._broken = found.broken
        self._fall_back(found)
        kept = {id: each for id, each in self._discovered.items() if id.group in found.broken}
        self._discovered = kept | {each.id: each for each in found.kinds if each.group not in OWN_GROUPS}
        self._has_discovered = True
        self._serves_crds = any(each.id == CRDS.id for each in found.kinds)
        self._discover_at = self._clock() + (DISCOVER_SELDOM if self._crds.listed else DISCOVER_OFTEN)

    def _fall_back(self, found: Discovery) -> None:
        """Read Kubernetes' own kinds in an older version where the cluster does not serve the one they are
        written for."""
        served = {each.id: [version.name for version in each.versions] for each in found.kinds}
        for kind in self._kinds.catalogue:
            versions = served.get(kind.id, ())
            older = next((version for version in kind.older if version in versions), "")
            if older and kind.version not in versions:
                log.info("%s is read as %s/%s", kind.key, kind.group, older)
                self._kinds.catalogue.change(added=(replace(kind, version=older),))

    def _look_for_many(self) -> None:
        for each in self._kinds.wanted:
            kind = each.definition.id.key
            if self._count(kind) > self._most:
                self.limit(kind)

    async def _apply(self) -> None:
        """Make the catalogue what the definitions, the rules and the selection say."""
        definitions = self._definitions()
        self.choices = bounded(
            {id: self._selection.choose(each) for id, each in definitions.items()},
            definitions,
            places=self._places,
            most=self._most_watches,
            has_rule=lambda id: self._kinds.rules.find(id) is not None,
        )
        self._note_left_out()
        wanted = {id: self._wanted(each) for id, each in definitions.items() if self.choices[id].watched}
        self._too_many &= {id.key for id in wanted}
        slice = TimeSlice()
        for news in self._kinds.become(wanted, stays=self._may_be_served):
            if news is not None:
                _log_news(news)
            await slice.pause()

    def _note_left_out(self) -> None:
        """Note the kinds for which there are no watches left; log them if they are others than before."""
        before = self.left_out
        limited = [(id.key, each.about) for id, each in self.choices.items() if each.reason == "limit"]
        self.left_out = dict(sorted(limited))
        if self.left_out.keys() - before.keys():
            log.warning(
                "%d custom kind%s left out: %s. Custom kinds may have %d watches (--max-custom-watches), "
                "one for each kind and namespace; allow more, or choose kinds with --custom-resources",
                *(len(limited), "s are" if len(limited) > 1 else " is", named(list(self.left_out))),
                self._most_watches,
            )

    def _wanted(self, definition: Definition) -> WantedKind:
        id = definition.id
        most = self._most if id.key in self._too_many else 0
        return WantedKind(definition, expected=self.choices[id].reason == "asked", most=most)

    def _may_be_served(self, id: GroupKind) -> bool:
        """Whether a kind may exist although discovery does not list it: an aggregated API does not answer."""
        return id.group in self._broken and id not in self.choices and not self._selection.is_none

    def _definitions(self) -> dict[GroupKind, Definition]:
        """All kinds that are served. A CRD says more than discovery, and its end is known earlier."""
        crds = {each.id: each for each in self._crds.by_uid.values() if each is not None}
        if not self._crds.listed:
            return {id: crds.get(id, each) for id, each in self._discovered.items()}
        return {id: each for id, each in self._discovered.items() if id not in self._crds.ever} | crds


def _log_news(news: KindsNews) -> None:
    for each in news.refused:
        log.warning("%s is not watched: %s", each.id.key, each.why)
    for keys, verb in ((news.added, "watched"), (news.removed, "gone")):
        if keys:
            log.info("%d custom kind%s %s: %s", len(keys), "s" * (len(keys) > 1), verb, named(keys))


def named(keys: Sequence[str]) -> str:
    """The first keys, and the number of the others."""
    more = len(keys) - MOST_NAMED
    return ", ".join(keys[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
