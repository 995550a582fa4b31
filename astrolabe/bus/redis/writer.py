"""The leader's end of the bus: stores each batch of the engine, and then serves it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
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
from astrolabe.bus.redis.outbox import LogRetention, Outbox
from astrolabe.bus.redis.status import ReplicationStatus
from astrolabe.bus.redis.store import CORRUPT, RedisStore
from astrolabe.bus.redis.writes import chunks_of, writes_of
from astrolabe.graph.state.batch import Batch, Changes, next_seq, skip_ahead
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.timeslice import free_in_steps, in_slices

logger = logging.getLogger("astrolabe.bus")

#: Returns the leader's report on its watches, as JSON.
LeaderReporter = Callable[[], bytes]


class LeaderWriter:
    """Implements `engine.Publisher`. Assigns its own sequence numbers to the batches.

    While attached, a batch is served after Redis has stored it. If Redis does not store one, the leader
    detaches: it serves batches at once, at positions that no other process uses, and merges them in the
    outbox. It attaches again when Redis is back at its last position. If Redis is anywhere else, it has lost
    data, and a new epoch begins.

    alarmed: set when another process found the stored graph damaged. tick_wanted: set to tick at once.
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
        #: The highest assigned seq, and the seq up to which everything is stored.
        self._last_seq = self._stored_seq = served.graph.seq
        #: A batch that Redis may have stored or not.
        self._in_doubt: Batch | None = None
        #: Whether an outage of Redis is logged, and its end is not.
        self._log_recovery = False
        #: Whether this epoch cannot continue, and the suffix for its data: see `RedisStore.truncate`.
        self._epoch_ended, self._quarantine_suffix = False, ""
        #: Changes that Redis has stored since the outbox was created.
        self._flushed: list[Changes] = []
        #: Whether the served graph was rebuilt since `publish` last reported it.
        self._was_rebuilt = False

    @property
    def diverged(self) -> bool:
        """Whether this process serves positions that are not stored."""
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
        """Begin an epoch with the served graph, and retry until Redis has it. Raises LeadershipLost.

        quarantine: see `RedisStore.truncate`.
        """
        self._detach()
        try:
            await self._write_epoch(quarantine)
        except RedisUnavailable as error:
            self._note_outage(error)

    def mark_complete(self) -> None:
        """Note that the graph is complete, so that other processes may serve it."""
        self._status.complete, self._status.cannot_lead = True, ""
        self.tick_wanted.set()

    async def publish(self, batch: Batch) -> bool:
        """Raises LeadershipLost if another process leads."""
        self._status.cannot_lead = ""  # an engine that publishes can reach the cluster
        async with self._lock:
            for changes in split(batch.changes):
                await self._publish(changes, batch.time)
            rebuilt, self._was_rebuilt = self._was_rebuilt, False
        return not rebuilt

    async def store_kinds(self, kinds: bytes) -> None:
        """Store the custom kinds that the graph may have. Raises LeadershipLost, RedisUnavailable."""
        await self._store.store_kinds(self._token, kinds)

    async def publish_repairs(self, find: Callable[[], Awaitable[Changes]]) -> int:
        """Publish the changes that `find` returns. Nothing else is published meanwhile.

        Returns the number of changes. Raises LeadershipLost, RedisUnavailable.
        """
        async with self._lock:
            if self._status.detached:
                return 0
            changes = await find()
            if changes:
                for chunk in split(changes):
                    await self._publish(chunk, _milliseconds(), repeated=True)
            return size(changes)

    async def check_log(self) -> None:
        """Raises CorruptData if the log cannot take the next batch; RedisUnavailable."""
        async with self._lock:
            if not self._status.detached and await self._store.last_logged_seq() > self._last_seq:
                raise CorruptData("the log is ahead of its position")

    def quarantine(self, error: CorruptData) -> None:
        """Quarantine the stored graph, which is beyond repair, and begin an epoch with the served one."""
        if not self._epoch_ended:
            self._quarantine_suffix = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            logger.error(
                "the graph in Redis is damaged: %s; its keys are renamed to end in :aside:%s",
                *(error, self._quarantine_suffix),
            )
        self._epoch_ended = True
        if not self._status.detached:
            self._detach()
        self.tick_wanted.set()

    async def delete_field(self, key: str, field: bytes) -> None:
        """Delete a field that is not part of the graph. Raises LeadershipLost, RedisUnavailable."""
        await self._store.delete_field(self._token, key, field)

    async def store_events(self, changed: Mapping[str, bytes | None], only: bool) -> bool:
        """See `RedisStore.store_events`. Returns False if Redis is away. Raises LeadershipLost."""
        if self._status.detached:
            return False
        try:
            await self._store.store_events(self._token, changed, only=only)
        except (RedisUnavailable, CorruptData):
            return False
        return True

    async def tick(self) -> float:
        """Renew the lease, and store what Redis does not have. Returns the seconds until the next call.

        Raises LeadershipLost.
        """
        status, timing = self._status, self._status.timing
        with suppress(RedisUnavailable):  # without a Sentinel, stay on this server
            await self._store.drop_demoted()
        try:
            if status.detached:
                await self._reattach()
            else:
                async with self._lock:
                    if not status.detached:  # which a concurrent batch may have changed
                        await self._renew()
        except RedisUnavailable as error:
            self._note_outage(error)
        except CorruptData as error:
            self.quarantine(error)
        return timing.tick if status.reachable and not status.detached else timing.retry

    # Attached

    async def _publish(self, changes: Changes, time: int, *, repeated: bool = False) -> None:
        """repeated: the served graph may have these changes already."""
        graph, status = self._served.graph, self._status
        if status.detached:
            await self._publish_detached(changes, time)
            return
        seq = next_seq(self._last_seq, detached=False)
        batch = Batch(graph.epoch, seq, changes, time=time, gap=seq - graph.seq)
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

    async def _commit(self, batch: Batch, before: ServedGraph) -> bool:
        """Store a batch; False if Redis is not at the position that the batch continues.

        Raises LeadershipLost, RedisUnavailable.
        """
        await self._keep_lease()
        undo = undo_of(batch.changes, before)
        answer = await self._store.commit(self._token, batch, undo, forget=self._retention.trim())
        self._status.reachability.mark_reachable()
        # It was executed twice, as may happen when a connection breaks. Only we have this token.
        delivered_twice = (answer.epoch, answer.seq) == (batch.epoch, batch.seq)
        if answer.outcome != "ok" and not delivered_twice:
            return False
        self._status.commits += 1
        self._retention.add(batch)
        return True

    async def _renew(self) -> None:
        """Renew the lease, publish the position, and check that Redis is at the same one."""
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
        """Begin a new epoch if another process serves a later position of this one.

        Redis went back before this process led, so there our sequence numbers belong to other batches.
        """
        epoch, _, seq = alarm.rpartition(":")
        if epoch == self._served.graph.epoch:
            logger.warning(
                "Redis went back from seq %s, which another process serves; beginning a new epoch", seq
            )
            self._epoch_ended = True
            self._detach()

    # Detached

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
        """Serve changes at the next detached position."""
        graph = self._served.graph
        self._outbox.add(changes, graph, time=time)
        self._last_seq = next_seq(self._last_seq, detached=True)
        await self._serve(
            Batch(graph.epoch, self._last_seq, changes, time=time, gap=self._last_seq - graph.seq)
        )

    async def _reattach(self) -> None:
        """Store the outbox if Redis answers again. Raises LeadershipLost, RedisUnavailable."""
        graph, status = self._served.graph, self._status
        try:
            answer = await self._store.renew_lease(self._token, complete=status.complete)
        except CorruptData as error:  # so we may no longer be the leader
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
            logger.warning("Redis has lost the graph; writing it again as a new epoch")
        elif not self._epoch_ended:
            logger.warning(
                "Redis went back to seq %d from %d; beginning a new epoch", answer.seq, self._stored_seq
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
        before = ServedGraph("")
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
                gap=self._last_seq - self._stored_seq,
            )
            self._in_doubt = batch
            if not await self._commit(batch, before):
                return  # Redis has moved: check again
            before.load(changes)
            self._flushed.append(changes)
            self._stored_seq, self._in_doubt = batch.seq, None
        held = [*before.contents(), *self._outbox.contents(), *self._flushed]
        self._return_to_stored_seq()
        if self._log_recovery:
            logger.info("Redis is back; stored %d changes from the outage", shared)
        self._log_recovery = False
        async for _ in in_slices(free_in_steps(held)):
            pass

    def _return_to_stored_seq(self) -> None:
        """Return to the stored position, since everything served is stored."""
        graph = self._served.graph
        if graph.seq != self._stored_seq:
            self._served.receive(
                Batch(graph.epoch, self._stored_seq, Changes(), gap=self._stored_seq - graph.seq)
            )
        self._attach()

    def _attach(self) -> None:
        status = self._status
        self._outbox, self._flushed, self._in_doubt = Outbox(), [], None
        status.detached = False
        status.note_written()

    # A new epoch

    async def _write_epoch(self, quarantine: str = "") -> None:
        """Write the served graph as a new epoch. The outbox collects concurrent changes."""
        graph = self._served.graph
        await self._store.truncate(self._token, quarantine=quarantine)
        async with self._lock:
            self._outbox, self._flushed, self._in_doubt = Outbox(), [], None
            chunks = await chunks_of(graph)
        for writes in chunks:
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
            logger.warning("Redis at %s: %s%s; continuing without it", where, error, suppressed)


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
