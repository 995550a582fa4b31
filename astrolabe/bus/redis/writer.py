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

from astrolabe.bus.delivery import GraphTarget, deliver
from astrolabe.bus.redis.changes import effective_changes, size, split
from astrolabe.bus.redis.codec import (
    Tick,
    encode_tick,
    entry_of,
    undo_of,
)
from astrolabe.bus.redis.errors import CorruptData, LeadershipLost, RedisUnavailable
from astrolabe.bus.redis.outbox import Outbox
from astrolabe.bus.redis.retention import LogRetention
from astrolabe.bus.redis.sequence import next_seq, skip_ahead
from astrolabe.bus.redis.status import ReplicationStatus
from astrolabe.bus.redis.store import CORRUPT, RedisStore
from astrolabe.bus.redis.writes import chunks_of, writes_of
from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.graph import Graph
from astrolabe.timeslice import in_slices, let_go

logger = logging.getLogger("astrolabe.bus")

#: How the watches do, as JSON.
LeaderReporter = Callable[[], bytes]


class LeaderWriter:
    """Implements `engine.Publisher`. Numbers the batches itself, whatever number they come with.

    Steady, a batch is served once Redis has it. When Redis does not take one, the leader goes on alone:
    batches are served at once, at positions that nobody else gives away, and are merged in the outbox,
    until Redis is back where it was. A Redis that is anywhere else has lost its memory: a new epoch begins.

    alarmed: set when somebody found the stored graph damaged. tick_wanted: set when a tick is wanted at once.
    """

    def __init__(
        self,
        store: RedisStore,
        served: GraphTarget,
        status: ReplicationStatus,
        *,
        token: str,
        retention: LogRetention,
        leader_report: LeaderReporter,
    ) -> None:
        self.alarmed = asyncio.Event()
        self.tick_wanted = asyncio.Event()
        self._store = store
        self._served = served
        self._status = status
        self._token = token
        self._retention = retention
        self._leader_report = leader_report
        self._lock = asyncio.Lock()
        self._renewed = status.clock()
        self._outbox = Outbox()
        #: The highest seq that was given away, and the one up to which all is stored.
        self._last_seq = self._stored_seq = served.graph.seq
        #: A batch of which we do not know whether Redis has it.
        self._in_doubt: Batch | None = None
        #: Whether the log says that Redis is away, and not yet that it is back.
        self._log_recovery = False
        #: Whether this epoch cannot go on, and where its data go: see `RedisStore.truncate`.
        self._epoch_ended, self._quarantine_suffix = False, ""
        #: What Redis has beyond `_stored_seq` as it was when the outbox was begun.
        self._flushed: list[Changes] = []
        #: Whether what is served was made anew since `publish` told so.
        self._was_rebuilt = False

    @property
    def diverged(self) -> bool:
        """Whether positions are served here that are not stored."""
        return self._status.detached and self._served.graph.seq != self._stored_seq

    async def resume_epoch(self, *, uncertain: bool) -> None:
        """Continue the stored epoch. Raises LeadershipLost.

        uncertain: Redis may have lost the end of the history, which another process may have served. Continue
            at a seq that no process has used.
        """
        if uncertain:
            async with self._lock:
                self._skip_ahead(detached=False)
                await self._publish(Changes(), 0)

    async def begin_epoch(self, *, quarantine: str = "") -> None:
        """Begin an epoch with what is served; it is tried again until Redis has it. Raises LeadershipLost.

        quarantine: see `RedisStore.truncate`.
        """
        self._detach()
        try:
            await self._write_epoch(quarantine)
        except RedisUnavailable as error:
            self._note_outage(error)

    def mark_complete(self) -> None:
        """All of the cluster is in the graph: whoever reads it from now on may serve it."""
        self._status.complete, self._status.cannot_lead = True, ""
        self.tick_wanted.set()

    async def publish(self, batch: Batch) -> bool:
        """Raises LeadershipLost when another process leads."""
        self._status.cannot_lead = ""  # who publishes has a cluster
        async with self._lock:
            for changes in split(batch.changes):
                await self._publish(changes, batch.time)
            rebuilt, self._was_rebuilt = self._was_rebuilt, False
        return not rebuilt

    async def publish_repairs(self, find: Callable[[], Awaitable[Changes]]) -> int:
        """Publish the changes that `find` returns. Nothing else is published meanwhile.

        Returns the number of changes. Raises LeadershipLost, RedisUnavailable.
        """
        async with self._lock:
            if self._status.detached:
                return 0
            changes = await find()
            if changes:
                for piece in split(changes):
                    await self._publish(piece, _milliseconds(), repeated=True)
            return size(changes)

    async def check_log(self) -> None:
        """Raises CorruptData if the log cannot take the next batch; RedisUnavailable."""
        async with self._lock:
            if not self._status.detached and await self._store.last_logged_seq() > self._last_seq:
                raise CorruptData("the log is ahead of its position")

    def quarantine(self, error: CorruptData) -> None:
        """What is stored is beyond repair: set it aside and begin an epoch with what is served."""
        if not self._epoch_ended:
            self._quarantine_suffix = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            logger.error(
                "what Redis holds is damaged: %s; it is set aside, under names that end in :aside:%s",
                *(error, self._quarantine_suffix),
            )
        self._epoch_ended = True
        if not self._status.detached:
            self._detach()
        self.tick_wanted.set()

    async def delete_field(self, key: str, field: bytes) -> None:
        """Remove from a hash of the graph what is no part of it. Raises LeadershipLost, RedisUnavailable."""
        await self._store.delete_field(self._token, key, field)

    async def tick(self) -> float:
        """Keep the lock, and bring to Redis what it does not have; to be called again in that many seconds.

        Raises LeadershipLost.
        """
        status, timing = self._status, self._status.timing
        with suppress(RedisUnavailable):  # who reaches no Sentinel goes on where he is
            await self._store.drop_demoted()
        try:
            if status.detached:
                await self._reattach()
            else:
                async with self._lock:
                    if not status.detached:  # as a batch that was under way may have left it
                        await self._renew()
        except RedisUnavailable as error:
            self._note_outage(error)
        except CorruptData as error:
            self.quarantine(error)
        return timing.tick if status.reachable and not status.detached else timing.retry

    # Steady

    async def _publish(self, changes: Changes, time: int, *, repeated: bool = False) -> None:
        """repeated: what is served may be as these changes say already."""
        graph, status = self._served.graph, self._status
        if status.detached:
            await self._publish_detached(changes, time)
            return
        seq = next_seq(self._last_seq, detached=False)
        batch = Batch(graph.epoch, seq, changes, time=time, leap=seq - graph.seq)
        try:
            stored = await self._commit(batch, graph)
        except RedisUnavailable as error:
            self._note_outage(error)
            stored = False
        except CorruptData as error:
            self.quarantine(error)
            stored = False
        if stored:
            self._last_seq = self._stored_seq = seq
            await self._serve(
                msgspec.structs.replace(batch, changes=effective_changes(changes, graph))
                if repeated
                else batch
            )
            status.note_written()
            return
        self._detach(batch)
        await self._publish_detached(changes, time)
        self._outbox.pin(changes)

    async def _serve(self, batch: Batch) -> None:
        if not await deliver(batch, self._served):
            self._was_rebuilt = True

    async def _commit(self, batch: Batch, before: Graph) -> bool:
        """Store a batch; False if Redis is not at the position that the batch continues.

        Raises LeadershipLost, RedisUnavailable.
        """
        await self._keep_lease()
        undo = undo_of(batch.changes, before)
        answer = await self._store.commit(self._token, batch, undo, forget=self._retention.trim())
        self._status.reachability.mark_reachable()
        # It came twice, as commands do when a connection breaks: only we have this token.
        delivered_twice = (answer.epoch, answer.seq) == (batch.epoch, batch.seq)
        if answer.outcome != "ok" and not delivered_twice:
            return False
        self._status.commits += 1
        self._retention.add(batch)
        return True

    async def _renew(self) -> None:
        """Keep the lock, tell everyone where the graph is, and see that Redis says the same."""
        graph, status = self._served.graph, self._status
        tick = Tick(graph.epoch, graph.seq, status.complete, msgspec.Raw(self._leader_report()))
        answer = await self._store.renew_lease(self._token, complete=status.complete, tick=encode_tick(tick))
        self._note_renewal()
        if answer.alarm == CORRUPT:
            self.alarmed.set()
        elif answer.alarm:
            self._handle_alarm(answer.alarm)
        if (answer.outcome, answer.epoch, answer.seq) != ("ok", graph.epoch, graph.seq):
            self._detach()
            return
        status.note_written()
        status.ticked = status.heard

    def _handle_alarm(self, alarm: str) -> None:
        """Somebody saw Redis behind what it serves of this epoch: it went back before we came, and what we
        give away is known as something else."""
        epoch, _, seq = alarm.rpartition(":")
        if epoch == self._served.graph.epoch:
            logger.warning("Redis went back from seq %s, which somebody serves; a new epoch begins", seq)
            self._epoch_ended = True
            self._detach()

    # Alone

    def _detach(self, uncertain: Batch | None = None) -> None:
        graph = self._served.graph
        self._status.detached = True
        self._outbox, self._flushed, self._in_doubt = Outbox(), [], uncertain
        self._stored_seq = graph.seq
        self._skip_ahead(detached=True)

    def _skip_ahead(self, *, detached: bool) -> None:
        self._last_seq = (
            skip_ahead(self._last_seq, microseconds=time.time_ns() // 1000, detached=detached) - 1
        )

    async def _publish_detached(self, changes: Changes, time: int) -> None:
        """At the next position that is only ours."""
        graph = self._served.graph
        self._outbox.add(changes, graph, time=time)
        self._last_seq = next_seq(self._last_seq, detached=True)
        await self._serve(
            Batch(graph.epoch, self._last_seq, changes, time=time, leap=self._last_seq - graph.seq)
        )

    async def _reattach(self) -> None:
        """Share what was done alone, if Redis answers. Raises LeadershipLost, RedisUnavailable."""
        graph, status = self._served.graph, self._status
        try:
            answer = await self._store.renew_lease(self._token, complete=status.complete)
        except CorruptData as error:  # so we cannot know whether it is still ours to write
            raise LeadershipLost(f"the position in Redis is damaged: {error}") from error
        self._note_renewal()
        here = {self._stored_seq} | ({self._in_doubt.seq} if self._in_doubt is not None else set())
        if (
            answer.outcome == "ok"
            and answer.epoch == graph.epoch
            and answer.seq in here
            and not self._epoch_ended
        ):
            async with self._lock:
                await self._flush(answer.seq)
            return
        if answer.epoch != graph.epoch:
            logger.warning("Redis has lost the graph; writing it anew, as a new epoch")
        elif not self._epoch_ended:
            logger.warning(
                "Redis went back to seq %d from %d; a new epoch begins", answer.seq, self._stored_seq
            )
        if answer.outcome == "lost":
            await self._reacquire_lease()
        await self._write_epoch(self._quarantine_suffix)

    async def _reacquire_lease(self) -> None:
        lease = await self._store.acquire_lease()
        if lease is None or lease.position.epoch:
            raise LeadershipLost("another process has begun a new epoch")
        self._token = lease.token

    async def _flush(self, since: int) -> None:
        """Commit the outbox to a Redis that is at `since`."""
        if self._in_doubt is not None and since == self._in_doubt.seq:
            self._flushed.append(self._in_doubt.changes)
            self._stored_seq, self._in_doubt = since, None
        before = Graph("")
        async for known in in_slices(chain(self._outbox.before(), self._flushed)):
            before.load(known)
        shared = len(self._outbox)
        for changes in self._outbox.chunks():
            self._outbox.pin(changes)
            self._last_seq = next_seq(self._last_seq, detached=False)
            batch = Batch(
                self._served.graph.epoch,
                self._last_seq,
                changes,
                time=self._outbox.time,
                leap=self._last_seq - self._stored_seq,
            )
            self._in_doubt = batch
            if not await self._commit(batch, before):
                return  # Redis is not where it just was: look again
            before.load(changes)
            self._flushed.append(changes)
            self._stored_seq, self._in_doubt = batch.seq, None
        held = [*before.contents(), *self._outbox.contents(), *self._flushed]
        self._return_to_stored_seq()
        if self._log_recovery:
            logger.info("Redis is back; %d changes of the time without it are shared", shared)
        self._log_recovery = False
        async for _ in in_slices(let_go(held)):
            pass

    def _return_to_stored_seq(self) -> None:
        """All that is served is stored: be at the position that is stored, too."""
        graph = self._served.graph
        if graph.seq != self._stored_seq:
            self._served.receive(
                Batch(graph.epoch, self._stored_seq, Changes(), leap=self._stored_seq - graph.seq)
            )
        self._attach()

    def _attach(self) -> None:
        status = self._status
        self._outbox, self._flushed, self._in_doubt = Outbox(), [], None
        status.detached = False
        status.note_written()

    # A new epoch

    async def _write_epoch(self, quarantine: str = "") -> None:
        """Write all that is served under a new epoch. What changes meanwhile is in the outbox."""
        graph = self._served.graph
        await self._store.truncate(self._token, quarantine=quarantine)
        async with self._lock:
            self._outbox, self._flushed, self._in_doubt = Outbox(), [], None
            pieces = await chunks_of(graph)
        for writes in pieces:
            await self._store.bulk_load(self._token, writes)
            await self._keep_lease()
        async with self._lock:
            for changes in self._outbox.chunks():
                entry = entry_of(Batch("", 0, changes))
                await self._store.bulk_load(self._token, writes_of(changes, entry))
            graph, epoch = self._served.graph, secrets.token_hex(4)
            await self._store.begin_epoch(self._token, epoch, 0, complete=self._status.complete)
            self._retention.clear()
            graph.epoch, graph.seq = epoch, 0
            self._last_seq = self._stored_seq = 0
            self._epoch_ended, self._quarantine_suffix = False, ""
            self._served.replace(graph)
            self._status.joined = True
            self._attach()
        logger.info("epoch %s begins: %d nodes, %d edges", epoch, len(graph.nodes), graph.edge_count)

    async def _keep_lease(self) -> None:
        """Renew the lease during long work, when no tick does. Raises LeadershipLost, RedisUnavailable."""
        if self._status.clock() - self._renewed > 1.5 * self._status.timing.tick:
            complete = self._status.complete
            await self._store.renew_lease(self._token, complete=complete)
            self._note_renewal()

    def _note_renewal(self) -> None:
        self._renewed = self._status.clock()
        if self._status.reachability.mark_reachable():
            self._log_recovery = True

    def _note_outage(self, error: RedisUnavailable) -> None:
        reachability = self._status.reachability
        if reachability.mark_lost(str(error)):
            where, suppressed = self._store.address, reachability.suppressed_note()
            logger.warning("Redis at %s: %s%s; going on without it", where, error, suppressed)


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
