"""The leader's end of the bus: what the engine publishes is stored, then served; or served alone."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain

import msgspec

from astrolabe.bus.delivery import Served, deliver
from astrolabe.bus.redis.codec import (
    Tick,
    encode_tick,
    entry_of,
    undo_of,
)
from astrolabe.bus.redis.errors import Away, Damaged, Deposed
from astrolabe.bus.redis.logged import Logged
from astrolabe.bus.redis.numbers import leap, next_seq
from astrolabe.bus.redis.outbox import Outbox, cut, news, size
from astrolabe.bus.redis.standing import Standing
from astrolabe.bus.redis.store import DAMAGED, Store
from astrolabe.bus.redis.writes import pieces_of, writes_of
from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.graph import Graph
from astrolabe.timeslice import in_slices, let_go

logger = logging.getLogger("astrolabe.bus")

#: How the watches do, as JSON.
Condition = Callable[[], bytes]


class Committer:
    """Implements `engine.Publisher`. Numbers the batches itself, whatever number they come with.

    Steady, a batch is served once Redis has it. When Redis does not take one, the leader goes on alone:
    batches are served at once, at positions that nobody else gives away, and are merged in the outbox,
    until Redis is back where it was. A Redis that is anywhere else has lost its memory: a new epoch begins.

    alarmed: set when somebody found the stored graph damaged. due: set when a tick is wanted at once.
    """

    def __init__(
        self,
        store: Store,
        served: Served,
        standing: Standing,
        *,
        token: str,
        logged: Logged,
        condition: Condition,
    ) -> None:
        self.alarmed = asyncio.Event()
        self.due = asyncio.Event()
        self._store = store
        self._served = served
        self._standing = standing
        self._token = token
        self._logged = logged
        self._condition = condition
        self._lock = asyncio.Lock()
        self._renewed = standing.clock()
        self._outbox = Outbox()
        #: The highest seq that was given away, and the one up to which all is stored.
        self._top = self._base = served.graph.seq
        #: A batch of which we do not know whether Redis has it.
        self._uncertain: Batch | None = None
        #: Whether the log says that Redis is away, and not yet that it is back.
        self._is_worth_a_line = False
        #: Whether this epoch cannot go on, and where its data go: see `Store.clear`.
        self._ended, self._aside = False, ""
        #: What Redis has beyond `_base` as it was when the outbox was begun.
        self._landed: list[Changes] = []
        #: Whether what is served was made anew since `publish` told so.
        self._was_mended = False

    @property
    def strayed(self) -> bool:
        """Whether positions are served here that are not stored."""
        return self._standing.alone and self._served.graph.seq != self._base

    async def begin(self, *, doubt: bool) -> None:
        """Take up the stored history where it is.

        doubt: Redis may have lost the end of it, and somebody may have served that: go on where nobody has
        been. Raises Deposed.
        """
        if doubt:
            async with self._lock:
                self._leap(detached=False)
                await self._publish(Changes(), 0)

    async def found(self, *, aside: str = "") -> None:
        """Begin an epoch with what is served; it is tried again until Redis has it. Raises Deposed.

        aside: see `Store.clear`.
        """
        self._go_alone()
        try:
            await self._found(aside)
        except Away as error:
            self._miss(error)

    def complete(self) -> None:
        """All of the cluster is in the graph: whoever reads it from now on may serve it."""
        self._standing.complete, self._standing.unfit = True, ""
        self.due.set()

    async def publish(self, batch: Batch) -> bool:
        """Raises Deposed when another process leads."""
        self._standing.unfit = ""  # who publishes has a cluster
        async with self._lock:
            for changes in cut(batch.changes):
                await self._publish(changes, batch.time)
            mended, self._was_mended = self._was_mended, False
        return not mended

    async def amend(self, judge: Callable[[], Awaitable[Changes]]) -> int:
        """Publish what `judge` finds while nothing else is; the number of changes. Raises Deposed, Away."""
        async with self._lock:
            if self._standing.alone:
                return 0
            changes = await judge()
            if changes:
                for piece in cut(changes):
                    await self._publish(piece, _milliseconds(), again=True)
            return size(changes)

    async def inspect(self) -> None:
        """Raises Damaged when the log cannot take our next batch; Away."""
        async with self._lock:
            if not self._standing.alone and await self._store.newest() > self._top:
                raise Damaged("the log is ahead of its position")

    def give_up(self, error: Damaged) -> None:
        """What is stored is beyond repair: set it aside and begin an epoch with what is served."""
        if not self._ended:
            self._aside = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            logger.error(
                "what Redis holds is damaged: %s; it is set aside, under names that end in :aside:%s",
                *(error, self._aside),
            )
        self._ended = True
        if not self._standing.alone:
            self._go_alone()
        self.due.set()

    async def scrub(self, key: str, field: bytes) -> None:
        """Remove from a hash of the graph what is no part of it. Raises Deposed, Away."""
        await self._store.scrub(self._token, key, field)

    async def tick(self) -> float:
        """Keep the lock, and bring to Redis what it does not have; to be called again in that many seconds.

        Raises Deposed.
        """
        standing, timing = self._standing, self._standing.timing
        with suppress(Away):  # who reaches no Sentinel goes on where he is
            await self._store.leave_former()
        try:
            if standing.alone:
                await self._come_back()
            else:
                async with self._lock:
                    if not standing.alone:  # as a batch that was under way may have left it
                        await self._renew()
        except Away as error:
            self._miss(error)
        except Damaged as error:
            self.give_up(error)
        return timing.tick if standing.reachable and not standing.alone else timing.retry

    # Steady

    async def _publish(self, changes: Changes, time: int, *, again: bool = False) -> None:
        """again: what is served may be as these changes say already."""
        graph, standing = self._served.graph, self._standing
        if standing.alone:
            await self._serve_alone(changes, time)
            return
        seq = next_seq(self._top, detached=False)
        batch = Batch(graph.epoch, seq, changes, time=time, leap=seq - graph.seq)
        try:
            stored = await self._commit(batch, graph)
        except Away as error:
            self._miss(error)
            stored = False
        except Damaged as error:
            self.give_up(error)
            stored = False
        if stored:
            self._top = self._base = seq
            await self._serve(
                msgspec.structs.replace(batch, changes=news(changes, graph)) if again else batch
            )
            standing.write()
            return
        self._go_alone(batch)
        await self._serve_alone(changes, time)
        self._outbox.pin(changes)

    async def _serve(self, batch: Batch) -> None:
        if not await deliver(batch, self._served):
            self._was_mended = True

    async def _commit(self, batch: Batch, before: Graph) -> bool:
        """Whether Redis has it; False when it is not where the batch goes on from. Raises Deposed, Away."""
        await self._keep()
        undo = undo_of(batch.changes, before)
        answer = await self._store.commit(self._token, batch, undo, forget=self._logged.trim())
        self._standing.contact.find()
        # It came twice, as commands do when a connection breaks: only we have this token.
        twice = (answer.epoch, answer.seq) == (batch.epoch, batch.seq)
        if answer.outcome != "ok" and not twice:
            return False
        self._standing.commits += 1
        self._logged.add(batch)
        return True

    async def _renew(self) -> None:
        """Keep the lock, tell everyone where the graph is, and see that Redis says the same."""
        graph, standing = self._served.graph, self._standing
        tick = Tick(graph.epoch, graph.seq, standing.complete, msgspec.Raw(self._condition()))
        answer = await self._store.renew(self._token, complete=standing.complete, tick=encode_tick(tick))
        self._note_renewal()
        if answer.alarm == DAMAGED:
            self.alarmed.set()
        elif answer.alarm:
            self._heed(answer.alarm)
        if (answer.outcome, answer.epoch, answer.seq) != ("ok", graph.epoch, graph.seq):
            self._go_alone()
            return
        standing.write()
        standing.ticked = standing.heard

    def _heed(self, alarm: str) -> None:
        """Somebody saw Redis behind what it serves of this epoch: it went back before we came, and what we
        give away is known as something else."""
        epoch, _, seq = alarm.rpartition(":")
        if epoch == self._served.graph.epoch:
            logger.warning("Redis went back from seq %s, which somebody serves; a new epoch begins", seq)
            self._ended = True
            self._go_alone()

    # Alone

    def _go_alone(self, uncertain: Batch | None = None) -> None:
        graph = self._served.graph
        self._standing.alone = True
        self._outbox, self._landed, self._uncertain = Outbox(), [], uncertain
        self._base = graph.seq
        self._leap(detached=True)

    def _leap(self, *, detached: bool) -> None:
        self._top = leap(self._top, microseconds=time.time_ns() // 1000, detached=detached) - 1

    async def _serve_alone(self, changes: Changes, time: int) -> None:
        """At the next position that is only ours."""
        graph = self._served.graph
        self._outbox.add(changes, graph, time=time)
        self._top = next_seq(self._top, detached=True)
        await self._serve(Batch(graph.epoch, self._top, changes, time=time, leap=self._top - graph.seq))

    async def _come_back(self) -> None:
        """Share what was done alone, if Redis answers. Raises Deposed, Away."""
        graph, standing = self._served.graph, self._standing
        try:
            answer = await self._store.renew(self._token, complete=standing.complete)
        except Damaged as error:  # so we cannot know whether it is still ours to write
            raise Deposed(f"the position in Redis is damaged: {error}") from error
        self._note_renewal()
        here = {self._base} | ({self._uncertain.seq} if self._uncertain is not None else set())
        if answer.outcome == "ok" and answer.epoch == graph.epoch and answer.seq in here and not self._ended:
            async with self._lock:
                await self._flush(answer.seq)
            return
        if answer.epoch != graph.epoch:
            logger.warning("Redis has lost the graph; writing it anew, as a new epoch")
        elif not self._ended:
            logger.warning("Redis went back to seq %d from %d; a new epoch begins", answer.seq, self._base)
        if answer.outcome == "lost":
            await self._retake()
        await self._found(self._aside)

    async def _retake(self) -> None:
        taken = await self._store.take()
        if taken is None or taken.position.epoch:
            raise Deposed("another process has begun a new epoch")
        self._token = taken.token

    async def _flush(self, since: int) -> None:
        """Commit the outbox to a Redis that is at `since`."""
        if self._uncertain is not None and since == self._uncertain.seq:
            self._landed.append(self._uncertain.changes)
            self._base, self._uncertain = since, None
        before = Graph("")
        async for known in in_slices(chain(self._outbox.before(), self._landed)):
            before.load(known)
        shared = len(self._outbox)
        for changes in self._outbox.pieces():
            self._outbox.pin(changes)
            self._top = next_seq(self._top, detached=False)
            batch = Batch(
                self._served.graph.epoch,
                self._top,
                changes,
                time=self._outbox.time,
                leap=self._top - self._base,
            )
            self._uncertain = batch
            if not await self._commit(batch, before):
                return  # Redis is not where it just was: look again
            before.load(changes)
            self._landed.append(changes)
            self._base, self._uncertain = batch.seq, None
        held = [*before.contents(), *self._outbox.contents(), *self._landed]
        self._settle_down()
        if self._is_worth_a_line:
            logger.info("Redis is back; %d changes of the time without it are shared", shared)
        self._is_worth_a_line = False
        async for _ in in_slices(let_go(held)):
            pass

    def _settle_down(self) -> None:
        """All that is served is stored: be at the position that is stored, too."""
        graph = self._served.graph
        if graph.seq != self._base:
            self._served.receive(Batch(graph.epoch, self._base, Changes(), leap=self._base - graph.seq))
        self._steady()

    def _steady(self) -> None:
        standing = self._standing
        self._outbox, self._landed, self._uncertain = Outbox(), [], None
        standing.alone = False
        standing.write()

    # A new epoch

    async def _found(self, aside: str = "") -> None:
        """Write all that is served under a new epoch. What changes meanwhile is in the outbox."""
        graph = self._served.graph
        await self._store.clear(self._token, aside=aside)
        async with self._lock:
            self._outbox, self._landed, self._uncertain = Outbox(), [], None
            pieces = await pieces_of(graph)
        for writes in pieces:
            await self._store.fill(self._token, writes)
            await self._keep()
        async with self._lock:
            for changes in self._outbox.pieces():
                entry = entry_of(Batch("", 0, changes))
                await self._store.fill(self._token, writes_of(changes, entry))
            graph, epoch = self._served.graph, secrets.token_hex(4)
            await self._store.found(self._token, epoch, 0, complete=self._standing.complete)
            self._logged.clear()
            graph.epoch, graph.seq = epoch, 0
            self._top = self._base = 0
            self._ended, self._aside = False, ""
            self._served.replace(graph)
            self._standing.joined = True
            self._steady()
        logger.info("epoch %s begins: %d nodes, %d edges", epoch, len(graph.nodes), graph.edge_count)

    async def _keep(self) -> None:
        """Keep the lock during long work, which no tick interrupts. Raises Deposed, Away."""
        if self._standing.clock() - self._renewed > 1.5 * self._standing.timing.tick:
            complete = self._standing.complete
            await self._store.renew(self._token, complete=complete)
            self._note_renewal()

    def _note_renewal(self) -> None:
        self._renewed = self._standing.clock()
        if self._standing.contact.find():
            self._is_worth_a_line = True

    def _miss(self, error: Away) -> None:
        contact = self._standing.contact
        if contact.lose(str(error)):
            where, untold = self._store.address, contact.untold()
            logger.warning("Redis at %s: %s%s; going on without it", where, error, untold)


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
