"""The engine: one task that turns facts into batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from time import time
from typing import Protocol

from astrolabe.engine.event_keeper import EventKeeper, repeated
from astrolabe.engine.inbox import (
    Deleted,
    EventChanges,
    ExpireEvents,
    GraphRebuilt,
    InboxMessage,
    InvalidObject,
    KindRemoved,
    KindsChanged,
    ObjectChange,
    ObjectChanges,
    Replace,
    ReplaceEvents,
    WatchStatus,
)
from astrolabe.engine.left_out import LeftOutObjects
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.takeover import Takeover, knows_all
from astrolabe.graph.model.derivation import RulesError
from astrolabe.graph.model.faults import InvalidObjectError, where
from astrolabe.graph.model.model import InconsistentModelError, Model
from astrolabe.graph.model.salvage import Salvage
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.cluster_part import ServedPart
from astrolabe.kinds.event import EVENT
from astrolabe.timeslice import TimeSlice, turns

logger = logging.getLogger("astrolabe.engine")

#: Messages in the inbox. When it is full, the watches wait.
INBOX_LIMIT = 256
#: Changed nodes and edges after which the engine commits, so that no commit blocks the event loop for long.
COMMIT_LIMIT = 1500
#: Uids of a list to collect between two looks at the clock.
UIDS_PER_SLICE = 1_000
#: Seconds between attempts to rebuild a model whose fault is no object's: the first, and the longest.
FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0

#: Objects whose Warnings changed, after which the engine commits. Each may have to be derived again.
WARNED_PER_COMMIT = 200
#: Seconds between two looks at which Warnings have become old.
EXPIRE_EVERY = 30.0

#: Why an object is skipped: the graph fails on it.
CANNOT_APPLY = "it cannot be added to the graph: "
#: The same, if the model holds the object and only the served graph fails.
CANNOT_SERVE = "the served graph cannot hold it"


class Publisher(Protocol):
    """Takes the batches of the engine."""

    async def publish(self, batch: Batch) -> bool:
        """Returns False if the served graph was rebuilt meanwhile and may lack earlier batches."""
        ...


class Engine:
    """Implements `inbox.Sink`. The only writer of its model.

    window: seconds. The first change is published at once, the changes of the next window together.
    selected: whether the API server filters by a label selector. A missing object may exist then, so no
        reference counts as unresolved.
    served: returns the served graph, to which everything was published, or the part of it that this engine
        writes. If None, a fault of the model ends the engine.
    restored: whether the served graph was restored from storage. The engine then publishes only differences.
    events: keeps the Events.
    rebuilding: whether the model is being rebuilt after a fault. The graph is served as it was before, and
        the watches wait.
    rebuild_error: why the model cannot be rebuilt at the moment; "" if it can.
    """

    def __init__(
        self,
        model: Model,
        publisher: Publisher,
        readiness: ReadinessTracker,
        *,
        epoch: str,
        window: float,
        selected: bool = False,
        served: Callable[[], ServedPart] | None = None,
        restored: bool = False,
        events: EventKeeper | None = None,
    ) -> None:
        self.events = events or EventKeeper()
        self.readiness = readiness
        self.epoch = epoch
        self.seq = 0
        self.rebuilding = False
        self.rebuild_error = ""
        self._model = model
        readiness.failing = lambda: self._model.failing
        self._publisher = publisher
        self._window = window
        self._selected = selected
        self._inbox: asyncio.Queue[InboxMessage] = asyncio.Queue(INBOX_LIMIT)
        self._slice = TimeSlice()
        self._uncommitted = self._reconciling = False
        self._served = served
        self._takeover = Takeover(model, readiness, served) if served is not None and restored else None
        self._left_out = LeftOutObjects(readiness, logger)
        #: When the first uncommitted change arrived, in Unix milliseconds.
        self._uncommitted_since = 0

    async def put(self, message: InboxMessage) -> None:
        """Add a message to the inbox. Waits while the inbox is full."""
        await self._inbox.put(message)

    def tell_rebuilt(self) -> bool:
        """The served graph was rebuilt because a batch of another writer could not be applied: compare it.

        Returns False if the inbox is full: then `Publisher.publish` has to say so.
        """
        if self._inbox.full():
            return False
        self._inbox.put_nowait(GraphRebuilt())
        return True

    async def run(self) -> None:
        """Process messages until cancelled."""
        loop = asyncio.get_running_loop()
        with repeated(EXPIRE_EVERY, self._expire_soon):
            while True:
                message = await self._inbox.get()
                started = loop.time()
                await turns().start()
                self._slice.restart()
                await self._handle(message)
                while not self._inbox.empty():
                    await self._handle(self._inbox.get_nowait())
                await self._commit()
                await asyncio.sleep(max(0.0, started + self._window - loop.time()))

    def _expire_soon(self) -> None:
        if len(self.events) and not self._inbox.full():  # else the next time will do
            self._inbox.put_nowait(ExpireEvents())

    async def _handle(self, message: InboxMessage) -> None:
        """Apply one message to the model."""
        now = asyncio.get_running_loop().time()
        match message:
            case ObjectChanges():
                self.readiness.note_message(message.kind, "", now)
                await self._apply_changes(message.kind, message.changes)
            case EventChanges():
                self.readiness.note_message(EVENT, "", now)
                await self._tell_warnings(map(self.events.apply, message.changes))
            case ReplaceEvents():
                await self._tell_warnings(self.events.replace(message.namespace, message.listed))
                self.readiness.report(EVENT, message.namespace, "synced")
                self.readiness.note_message(EVENT, message.namespace, now)
                await self._advance_takeover()
            case ExpireEvents():
                await self._tell_warnings((self.events.expire(),))
            case Replace():
                await self._replace(message)
                self.readiness.note_message(message.kind, message.namespace, now)
            case WatchStatus():
                self.readiness.report(
                    message.kind,
                    message.namespace,
                    message.state,
                    message.why,
                    cause=message.cause,
                    served=False,
                )
                if message.state != "listing":
                    if message.kind != EVENT:
                        await self._set_synced(message.kind, message.namespace, message.state == "synced")
                    await self._advance_takeover()
                self.readiness.update_ready()
            case GraphRebuilt():
                await self._reconcile(Changes())
            case KindRemoved():
                await self._remove_kind(message)
            case KindsChanged():
                await self._change_kinds(message)

    async def _remove_kind(self, message: KindRemoved) -> None:
        """Remove all objects of a kind that the API server no longer serves."""
        kind, namespace = message.kind, message.namespace
        if kind == EVENT:
            await self._tell_warnings(self.events.replace(namespace, []))
            return
        count = await self._remove(kind, namespace, spared=set())
        self.readiness.mark_removed(kind, namespace)
        await self._commit()
        await self._advance_takeover()
        logger.warning("%s%s is no longer served: %d objects removed", kind, _location(namespace), count)

    async def _change_kinds(self, message: KindsChanged) -> None:
        """Let kinds go with all their objects, and others come."""
        for kind in message.removed:
            count = await self._remove(kind, "", spared=set())
            logger.info("%s is no longer watched: %d objects removed", kind, count)
        await self._commit()
        # A fault of the model may have kept an object: then its kind stays known.
        gone = [kind for kind in message.removed if not self._model.count(kind)]
        try:
            await self._change_model(lambda: self._model.change_rules(added=message.rules, removed=gone))
        except RulesError as error:
            logger.error("%s cannot be watched: %s", ", ".join([each.kind for each in message.rules]), error)
        self._mark_uncommitted()
        await self._commit()
        self.readiness.change(message.scopes, message.removed, complete=message.complete)
        await self._advance_takeover()

    async def _tell_warnings(self, changed: Iterable[set[str]]) -> None:
        """Tell the model which Warnings count, of the objects whose Events changed."""
        told = 0
        for objects in changed:
            for object in objects:
                try:
                    is_news = self._model.set_warnings(object, self.events.warnings(object))
                except InconsistentModelError as broken:
                    await self._rebuild(broken)
                    continue
                if is_news:
                    told += 1
                    self._mark_uncommitted()
                    if not told % WARNED_PER_COMMIT:
                        await self._commit()
            await self._slice.pause()

    async def _replace(self, message: Replace) -> None:
        """Apply a complete list as a difference.

        Removals come first, because a name may have a new uid. An invalid object still exists, so its last
        known state stays.
        """
        kind, namespace = message.kind, message.namespace
        uids = chain((facts.uid for facts in message.listed), (invalid.uid for invalid in message.invalid))
        listed: set[str] = set()
        while some := list(islice(uids, UIDS_PER_SLICE)):
            listed.update(some)
            await self._slice.pause()
        await self._remove(kind, namespace, spared=listed)
        count = len(message.listed)
        self.readiness.forget_skipped(kind, namespace)
        await self._apply_changes(kind, message.invalid)
        await self._apply_changes(kind, message.drain())
        await self._set_synced(message.kind, message.namespace, True)
        # Synced means served: the graph holds all listed objects before anybody hears about it.
        await self._commit()
        self.readiness.report(message.kind, message.namespace, "synced", served=False)
        await self._advance_takeover()
        self.readiness.update_ready()
        logger.info("synced %s%s: %d", message.kind, _location(message.namespace), count)

    async def _remove(self, kind: str, namespace: str, *, spared: set[str]) -> int:
        """Remove the objects of a kind from the model, in one namespace or in all. Returns how many."""
        count = 0
        for uid in self._model.uids(kind, namespace):
            if uid in spared:
                await self._slice.pause()
            else:
                count += 1
                await self._apply_changes(kind, (Deleted(uid),))
        return count

    async def _set_synced(self, kind: str, namespace: str, synced: bool) -> None:
        """Note whether all objects of a kind are known.

        Objects that can no longer be read keep their last state.
        """
        await self._change_model(lambda: self._note_synced(kind, namespace, synced))
        self._mark_uncommitted()

    def _note_synced(self, kind: str, namespace: str, synced: bool) -> None:
        self._model.set_outdated(kind, namespace, not synced)
        if not self._selected:
            self._model.set_synced(kind, namespace, synced)

    async def _apply_changes(self, kind: str, changes: Iterable[ObjectChange]) -> None:
        for change in changes:
            try:
                is_news = self._apply(kind, change)
            except InconsistentModelError as broken:
                await self._rebuild(broken)
                continue
            if is_news:
                self._mark_uncommitted()
                if self._model.pending >= COMMIT_LIMIT:
                    await self._slice.pause()
                    await self._commit()
            await self._slice.pause()

    def _apply(self, kind: str, change: ObjectChange) -> bool:
        """Apply one change to the model. Returns False if it changes nothing.

        Skips an object that cannot be applied. Raises InconsistentModelError.
        """
        if isinstance(change, InvalidObject):
            self.readiness.skip(kind, change)
            return False
        self._left_out.forget(kind, change)
        if isinstance(change, Deleted):
            return self._model.remove(change.uid)
        if self._left_out.is_rejected(change):
            return False
        try:
            return self._model.upsert(change)
        except InconsistentModelError:
            raise
        except InvalidObjectError as error:
            self._left_out.skip(change, str(error))
        except Exception as error:
            self._left_out.skip(change, CANNOT_APPLY + where(error))
        return False

    async def _change_model(self, change: Callable[[], None]) -> None:
        """Change what holds for many objects. After a fault, rebuild the model and try again.

        The graph is marked as outdated as long as the change fails.
        """
        delays = _retry_delays()
        while True:
            try:
                change()
                break
            except InconsistentModelError as broken:
                reason = where(_cause_of(broken))
                await self._rebuild(broken)
            await self._wait_to_retry(reason, next(delays))
        self.rebuild_error = ""

    async def _wait_to_retry(self, reason: str, delay: float) -> None:
        self.rebuild_error = reason
        logger.error("the graph cannot be updated: %s; trying again in %.0f s", reason, delay)
        await asyncio.sleep(delay)

    async def _rebuild(self, broken: InconsistentModelError) -> None:
        """Rebuild the model after a fault, and publish the differences."""
        if self._served is None:
            raise broken
        error = _cause_of(broken)
        logger.error("a graph update failed; rebuilding the graph: %s", where(error))
        self.rebuilding = True
        self.readiness.rebuilds += 1
        try:
            await self._replace_model(broken, error)
        finally:
            self.rebuilding, self.rebuild_error = False, ""

    async def _replace_model(self, broken: InconsistentModelError, error: Exception) -> None:
        why = CANNOT_APPLY + where(error)
        salvage = Salvage(broken)
        await self._build_model(salvage)
        self._model = model = salvage.model
        for object in salvage.left_out.values():
            self._left_out.reject(object.kind, object.namespace, object.name, object.uid, why)
        self._left_out.log_faults(self._model.take_faults())
        if not self._uncommitted:
            self._uncommitted_since = int(time() * 1000)
        if self._takeover is None or self._takeover.replace_model(model):
            self._uncommitted = False
            await self._publish_full_difference()
        # Otherwise nothing has been published yet.

    async def _build_model(self, salvage: Salvage) -> None:
        """Build a new model. If the fault is no object's, try until it is gone."""
        for delay in _retry_delays():
            try:
                for _ in salvage.steps():
                    await self._slice.pause()
                return
            except Exception as error:
                reason = where(_cause_of(error))
            await self._wait_to_retry(reason, delay)

    async def _publish_full_difference(self) -> None:
        """Publish all differences between the model and the served graph."""
        assert self._served is not None  # the callers check this
        everything = Takeover(self._model, self.readiness, self._served, lists=knows_all)
        await self._publish_difference(self._takeover or everything)

    def _mark_uncommitted(self) -> None:
        """Note that there are changes to commit."""
        if not self._uncommitted:
            self._uncommitted, self._uncommitted_since = True, int(time() * 1000)

    async def _commit(self) -> None:
        """Publish all changes, in several batches if they concern many resources."""
        while self._uncommitted:
            await self._commit_some()

    async def _commit_some(self) -> None:
        try:
            changes = self._model.commit(COMMIT_LIMIT)
        except InconsistentModelError as broken:
            await self._rebuild(broken)
            return
        self._uncommitted = self._model.unsettled
        self._left_out.log_faults(self._model.take_faults())
        await self._slice.pause()
        if self._takeover is not None:
            changes = self._takeover.filter_changes(changes)
        await self._publish(changes)
        await self._slice.pause()

    async def _publish(self, changes: Changes) -> None:
        if changes:
            self.seq += 1
            if not await self._publisher.publish(
                Batch(self.epoch, self.seq, changes, self._uncommitted_since)
            ):
                await self._reconcile(changes)

    async def _reconcile(self, changes: Changes) -> None:
        """Compare the served graph with the model after it was rebuilt to apply these changes.

        Nodes that the served graph rejects twice are skipped.
        """
        self.readiness.rebuilds += 1
        if self._served is None:
            return
        if self._reconciling:  # the second failure in a row
            for node in changes.nodes_set:
                if self._served().node(node.uid) != node:
                    await self._apply_changes(node.kind, (Deleted(node.uid),))
                    self._left_out.reject(node.kind, node.namespace, node.name, node.uid, CANNOT_SERVE)
            return
        self._reconciling = True
        try:
            await self._publish_full_difference()
        finally:
            self._reconciling = False

    async def _advance_takeover(self) -> None:
        """Publish the difference to the restored graph when it is known, and again when more is."""
        takeover = self._takeover
        if takeover is None or not takeover.is_due:
            return
        await self._commit()
        await self._publish_difference(takeover)
        if takeover.is_done:
            self._takeover = None

    async def _publish_difference(self, takeover: Takeover) -> None:
        for changes in takeover.difference():
            if changes is not None:
                await self._publish(changes)
            await self._slice.pause()

    def count(self, kind: str) -> int:
        """How many objects of the kind the model knows. Some may not be in the graph."""
        if kind == EVENT:
            return len(self.events)
        return self._model.count(kind)


def _cause_of(error: Exception) -> Exception:
    """What interrupted a change of the model."""
    cause = error.__cause__
    return cause if isinstance(cause, Exception) else error


def _retry_delays() -> Iterator[float]:
    """Seconds: 1, 2, 4 and so on, up to a minute."""
    delay = FIRST_RETRY
    while True:
        yield delay
        delay = min(2 * delay, LONGEST_RETRY)


def _location(namespace: str) -> str:
    return f" in {namespace}" if namespace else ""
