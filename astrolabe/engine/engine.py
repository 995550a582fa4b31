"""The engine: one task that turns facts into batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from time import time
from typing import Protocol

from astrolabe.engine.inbox import Gone, Message, Replace, Report, Update
from astrolabe.engine.readiness import Readiness
from astrolabe.engine.takeover import Takeover
from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.facts import Facts
from astrolabe.graph.graph import Graph
from astrolabe.graph.model import Model
from astrolabe.timeslice import TimeSlice

logger = logging.getLogger("astrolabe.engine")

#: Messages that may wait; a watch that is ahead of the engine waits itself.
INBOX_LIMIT = 256
#: Changed nodes and edges after which a commit is due, so that none holds the loop for long.
COMMIT_LIMIT = 1500


class Publisher(Protocol):
    """Where batches go."""

    async def publish(self, batch: Batch) -> None: ...


class Engine:
    """Implements `inbox.Sink`. The only writer of its model.

    window: seconds; the first change goes out at once, those that follow within the window together.
    selected: whether watches tell only of what a label selector matches. What is missing then may exist,
        so no reference is called unresolved.
    restored: the graph that is served, when it is not empty: what is published leads on from there.
    """

    def __init__(
        self,
        model: Model,
        publisher: Publisher,
        readiness: Readiness,
        *,
        epoch: str,
        window: float,
        selected: bool = False,
        restored: Callable[[], Graph] | None = None,
    ) -> None:
        self.readiness = readiness
        self.epoch = epoch
        self.seq = 0
        self._model = model
        self._publisher = publisher
        self._window = window
        self._selected = selected
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(INBOX_LIMIT)
        self._slice = TimeSlice()
        self._uncommitted = False
        self._takeover = Takeover(model, readiness, restored) if restored is not None else None
        #: When the first of the uncommitted changes was taken in, in milliseconds since 1970.
        self._since = 0

    async def put(self, message: Message) -> None:
        """Take a message in; waits while the inbox is full."""
        await self._inbox.put(message)

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            message = await self._inbox.get()
            started = loop.time()
            self._slice.restart()
            await self._take(message)
            while not self._inbox.empty():
                await self._take(self._inbox.get_nowait())
            await self._commit()
            await asyncio.sleep(max(0.0, started + self._window - loop.time()))

    async def _take(self, message: Message) -> None:
        """Apply one message to the model."""
        now = asyncio.get_running_loop().time()
        match message:
            case Update():
                self.readiness.heard(message.kind, "", now)
                await self._change(message.changes)
            case Replace():
                await self._replace(message)
                self.readiness.heard(message.kind, message.namespace, now)
            case Report():
                self.readiness.report(
                    message.kind,
                    message.namespace,
                    message.state,
                    message.why,
                    cause=message.cause,
                    served=False,
                )
                if message.state != "listing":
                    self._set_synced(message.kind, message.namespace, message.state == "synced")
                    await self._take_over()
                self.readiness.settle()

    async def _replace(self, message: Replace) -> None:
        """Follow a complete list as a difference. The gone go first: a name may have a new uid."""
        listed = {facts.uid for facts in message.listed}
        known = self._model.uids(message.kind, message.namespace)
        await self._change([Gone(uid) for uid in known if uid not in listed])
        count = len(message.listed)
        await self._change(_consume(message.listed))
        self._set_synced(message.kind, message.namespace, True)
        # Synced means served: what was listed is in the graph before anyone is told so.
        await self._commit()
        self.readiness.report(message.kind, message.namespace, "synced", served=False)
        await self._take_over()
        self.readiness.settle()
        logger.info("synced %s%s: %d", message.kind, _place(message.namespace), count)

    def _set_synced(self, kind: str, namespace: str, synced: bool) -> None:
        if not self._selected:
            self._model.set_synced(kind, namespace, synced)
            self._mark()

    async def _change(self, changes: Iterable[Facts | Gone]) -> None:
        for change in changes:
            if self._apply(change):
                self._mark()
                if self._model.pending >= COMMIT_LIMIT:
                    await self._commit()
            await self._slice.pause()

    def _apply(self, change: Facts | Gone) -> bool:
        """Change the model; False when that is no news."""
        if isinstance(change, Gone):
            return self._model.remove(change.uid)
        return self._model.upsert(change)

    def _mark(self) -> None:
        """There is something to commit."""
        if not self._uncommitted:
            self._uncommitted, self._since = True, int(time() * 1000)

    async def _commit(self) -> None:
        if not self._uncommitted:
            return
        self._uncommitted = False
        changes = self._model.commit()
        if self._takeover is not None:
            changes = self._takeover.pass_on(changes)
        await self._publish(changes)
        await self._slice.pause()

    async def _publish(self, changes: Changes) -> None:
        if changes:
            self.seq += 1
            await self._publisher.publish(Batch(self.epoch, self.seq, changes, self._since))

    async def _take_over(self) -> None:
        """When it is time, publish the difference to the restored graph; again when more is known."""
        takeover = self._takeover
        if takeover is None or not takeover.due:
            return
        await self._commit()
        for changes in takeover.difference():
            await self._publish(changes)
            await self._slice.pause()
        if takeover.over:
            self._takeover = None

    def count(self, kind: str) -> int:
        """How many objects of the kind are known, whether in the graph or not."""
        return self._model.count(kind)


def _consume(listed: list[Facts]) -> Iterator[Facts]:
    """The facts in order, each let go as it is taken: a list of a large kind is never in memory twice."""
    listed.reverse()
    while listed:
        yield listed.pop()


def _place(namespace: str) -> str:
    return f" in {namespace}" if namespace else ""
