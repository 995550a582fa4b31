"""A cluster of a union that another Astrolabe watches: its public stream is followed as any client does."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import msgspec

from astrolabe import telemetry
from astrolabe.client.errors import ClientError, ProtocolError
from astrolabe.client.follower import Access, FollowEvent, StreamFollower
from astrolabe.client.rest import RestClient
from astrolabe.client.state import PartialKind, ServerState
from astrolabe.client.token import TokenFile
from astrolabe.engine.inbox import InvalidObject, Scope
from astrolabe.engine.readiness import ScopeState, WatchReadiness
from astrolabe.engine.serving_state import (
    LOST_GRACE,
    PARTIAL_REASONS,
    REBUILDING,
    STATE_NAMES,
    Assessment,
    ClusterInfo,
    PartialEntry,
    PartialReason,
    Progress,
    StateName,
    StateTracker,
    tell_gaps,
)
from astrolabe.graph.model.faults import Fault, where
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import Node
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.http.source import WatchStats
from astrolabe.kinds.builtin import builtin_catalogue
from astrolabe.kinds.custom.custom_kinds import CustomKinds
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.modes.union.cluster_list import ClusterEntry
from astrolabe.modes.union.upstream_copy import Steps, UpstreamCopy
from astrolabe.modes.union.upstream_facts import UpstreamFacts
from astrolabe.modes.union.writer import MemberWriter
from astrolabe.settings import Settings
from astrolabe.timeslice import TimeSlice

logger = logging.getLogger("astrolabe.app")

#: Seconds between two attempts after a refusal, which may be mended meanwhile: a token, a certificate.
REFUSED_PAUSE = 10.0
#: Seconds between two questions about kinds and releases, which the stream does not tell.
FACTS_EVERY = 15.0
#: A Secret or a ConfigMap may be what Helm keeps of a release.
_KEPT_IN = frozenset(("Secret", "ConfigMap"))


class UpstreamReadiness:
    """Implements `WatchReadiness`: another process watches, and the graph is there once it was received."""

    def __init__(self) -> None:
        self.ready = self.complete = False
        self.rebuilds = 0
        self.states: Mapping[Scope, ScopeState] = {}
        self.skipped: Mapping[str, Mapping[str, InvalidObject]] = {}
        self.failing: Callable[[], Sequence[Fault]] = tuple

    def waiting(self) -> list[Scope]:
        """Nothing is listed here."""
        return []

    def unready(self) -> list[Scope]:
        """The same."""
        return []


class UpstreamMember:
    """Implements `Member`."""

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
        self.readiness: WatchReadiness = UpstreamReadiness()
        self._kinds = CustomKinds(self.catalogue, RuleBook.shipped(settings.homes))
        self._entry = entry
        self._writer = writer
        self._rebuilding = rebuilding
        self._copy = UpstreamCopy(writer.part)
        self._follower: StreamFollower[Steps] | None = None
        self._facts: UpstreamFacts | None = None
        self._facts_due = asyncio.Event()
        #: What the server said last of its own state.
        self._told: ServerState | None = None
        #: Why nothing comes from there, and since when; "" while something does.
        self._why, self._lost_since = "", time.monotonic()
        self._counts: Counter[str] = Counter()
        self.state = StateTracker(
            self._assess,
            ClusterInfo(name=entry.name, server=entry.url),
            clock=time.monotonic,
            time=time.time,
        )
        writer.rebuilt = self._start_over

    async def run(self) -> NoReturn:
        """See `Member`."""
        telemetry.CLUSTER.set(self.name)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name=f"cluster {self.name}")
            group.create_task(self._ask_facts(), name=f"facts of {self.name}")
        raise AssertionError("none of the tasks ends")

    async def _follow(self) -> NoReturn:
        # Whoever was stopped may have published a part of a message.
        self._copy.restart()
        while True:
            try:
                await self._follow_once()
            except ClientError as error:
                self._note_lost(str(error))
            except ProtocolError as error:
                self._copy.restart()
                self._note_lost(str(error))
            except Exception as error:
                logger.exception("the server cannot be followed")
                self._copy.restart()
                self._note_lost(where(error))
            await asyncio.sleep(REFUSED_PAUSE)

    async def _follow_once(self) -> NoReturn:
        """Follow until the server refuses. Raises ClientError, ProtocolError."""
        access = self._access()
        self._facts = UpstreamFacts(RestClient(access.url, token=access.token, ssl=access.ssl), self.name)
        follower = self._follower = StreamFollower(access, self._copy, {"filter": {}})
        try:
            while True:
                event = await follower.next()
                if event.event == "state":
                    self._told = follower.state
                await self._take(event)
        finally:
            self._follower = None
            await follower.close()

    def _access(self) -> Access:
        """How to connect, from the files as they are now. Raises ClientError."""
        entry, context = self._entry, None
        try:
            token = TokenFile(entry.token_file) if entry.token_file else None
        except (OSError, ValueError) as error:
            raise _unusable("tokenFile", entry.token_file, error) from error
        try:
            if entry.ca_file:
                context = ssl.create_default_context(cafile=entry.ca_file)
        except OSError as error:  # an SSLError is one, too
            raise _unusable("caFile", entry.ca_file, error) from error
        return Access(url=entry.url, token=token, ssl=context)

    async def _take(self, event: FollowEvent[Steps]) -> None:
        match event.event:
            case "connected":
                self._facts_due.set()
            case "disconnected" | "violated":
                self._told = None
                self._note_lost(event.reason)
            case "part" | "snapshot" | "delta":
                await self._publish(event)
        if event.event in ("snapshot", "delta", "bookmark") and self._copy.complete:
            self._note_followed()

    async def _publish(self, event: FollowEvent[Steps]) -> None:
        slice, arrived = TimeSlice(), int(event.time or time.time() * 1000)
        for steps in event.changes:
            for changes in steps:
                if changes is not None:
                    self._count(changes)
                    await self._commit(changes, arrived)
                await slice.pause()

    async def _commit(self, changes: Changes, time: int) -> None:
        if not await self._writer.publish(Batch(self._writer.epoch, 0, changes, time)):
            self._start_over()

    def _start_over(self) -> bool:
        """The served graph may lack something: it is compared with a snapshot."""
        self._copy.restart()
        if self._follower is not None:
            self._follower.drop()
        return True

    def _count(self, changes: Changes) -> None:
        part = self._writer.part
        for node in changes.nodes_set:
            self._counts[node.kind] += part.node(node.uid) is None
            if node.kind in _KEPT_IN or node.kind not in self.catalogue.by_key:
                self._facts_due.set()
        for uid in changes.nodes_removed:
            node_before = part.node(uid)
            if node_before is not None:
                self._counts[node_before.kind] -= 1
                if node_before.kind in _KEPT_IN:
                    self._facts_due.set()

    def _note_lost(self, why: str) -> None:
        if why != self._why:
            logger.warning("%s", why)
        if not self._why:
            self._lost_since = time.monotonic()
        self._why = why

    def _note_followed(self) -> None:
        readiness = self.readiness
        assert isinstance(readiness, UpstreamReadiness)
        if self._why:
            logger.info("%s is followed again", self._entry.url)
        self._why = ""
        readiness.ready = readiness.complete = True

    # What the stream does not tell

    async def _ask_facts(self) -> NoReturn:
        while True:
            await self._facts_due.wait()
            self._facts_due.clear()
            facts = self._facts
            try:
                if facts is not None:
                    await self._have_kinds(facts)
                    await self._have_releases(facts)
            except ClientError as error:
                logger.debug("kinds and releases cannot be had: %s", error)
                self._facts_due.set()
            await asyncio.sleep(FACTS_EVERY)

    async def _have_kinds(self, facts: UpstreamFacts) -> None:
        wanted, slice = await facts.kinds(), TimeSlice()
        for _ in self._kinds.become(wanted):
            await slice.pause()

    async def _have_releases(self, facts: UpstreamFacts) -> None:
        now, before = await facts.releases(), self._writer.part.releases
        changed: dict[Release, HelmRevision | None] = {
            release: revision for release, revision in now.items() if before.get(release) != revision
        }
        changed.update(dict.fromkeys([release for release in before if release not in now]))
        if changed:
            await self._commit(Changes(releases=changed), int(time.time() * 1000))

    # ClusterSource

    def count(self, kind: str) -> int:
        return self._counts[kind]

    def watches(self) -> Sequence[WatchStats]:
        return ()

    def disconnected(self) -> Mapping[str, str]:
        return dict.fromkeys(self.catalogue.keys, self._why) if self._why else {}

    async def events(self, node: Node) -> Sequence[ObjectEvent] | None:
        return await self._facts.events(node) if self._facts is not None else None

    def _assess(self) -> Assessment:
        told = self._told
        progress = Progress(*msgspec.structs.astuple(told.progress)) if told is not None else Progress()
        is_late = time.monotonic() - self._lost_since >= LOST_GRACE
        if self._why and (is_late or not self.readiness.ready):
            objects = Progress(objects=self._counts.total())
            return Assessment("stale", self._why, objects, began=self._lost_since)
        if told is None or not self._copy.complete:
            return Assessment("syncing", f"the graph of {self._entry.url} is being received", progress)
        if self._rebuilding():
            return Assessment("stale", REBUILDING, progress)
        gaps = (*map(_entry_of, told.partial), *_unseen(told))
        state: StateName = "stale"
        for name in STATE_NAMES:
            if name == told.state:
                state = name
        if state == "live" and gaps:
            return Assessment("partial", tell_gaps(gaps), progress, gaps)
        return Assessment(state, told.why, progress, gaps, since=told.since)


def _unusable(key: str, path: str, error: Exception) -> ClientError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    return ClientError(f"{key} {path} cannot be used: {why}", code="bad-file")


def _entry_of(gap: PartialKind) -> PartialEntry:
    reason: PartialReason = "skipped"
    for known in PARTIAL_REASONS:
        if known == gap.reason:
            reason = known
    return PartialEntry(gap.kind, reason, gap.why, gap.objects)


def _unseen(told: ServerState) -> list[PartialEntry]:
    """What the user of the token may not see there."""
    coverage = told.coverage
    if coverage is None:
        return []
    user = "the user of the token may see"
    where = ", ".join(coverage.namespaces)
    limited = f"{user} it only in {where}" if where else f"{user} only a part of it"
    return [
        *[PartialEntry(kind, "forbidden", f"{user} none of it") for kind in coverage.hidden],
        *[PartialEntry(kind, "forbidden", limited) for kind in coverage.limited],
    ]
