"""A follower: keeps the served graph in sync with the leader's."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import NoReturn

import msgspec

from astrolabe.bus.delivery import GraphTarget, log_unapplied
from astrolabe.bus.redis import codec
from astrolabe.bus.redis.bootstrap import (
    ForeignCluster,
    ForeignSchema,
    JoinedGraph,
    LogOutrun,
    read_stored_graph,
)
from astrolabe.bus.redis.changes import check_closed, effective_changes
from astrolabe.bus.redis.codec import Decoder, LogEntry, decode_entry, decode_tick
from astrolabe.bus.redis.errors import CorruptData, RedisUnavailable
from astrolabe.bus.redis.keys import SCHEMA
from astrolabe.bus.redis.outbox import LogRetention
from astrolabe.bus.redis.reachability import ThrottledLogger
from astrolabe.bus.redis.status import Blocker, ReplicationStatus
from astrolabe.bus.redis.store import CORRUPT, ChannelSubscription, RedisStore, StoredPosition
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ApplyError
from astrolabe.timeslice import TimeSlice, in_slices

logger = logging.getLogger("astrolabe.bus")


class Follower:
    """Applies a published batch if it continues the served graph, and otherwise reads the log.

    So lost, repeated and early messages do no harm.

    caught_up: whether the stored graph has been read since another object set this to False.
    leader_left: set when a leader says that it stops.
    """

    def __init__(
        self,
        store: RedisStore,
        served: GraphTarget,
        status: ReplicationStatus,
        *,
        retention: LogRetention,
        random: Random,
    ) -> None:
        self.caught_up = False
        self.leader_left = asyncio.Event()
        self._store = store
        self._served = served
        self._status = status
        self._retention = retention
        self._random = random
        self._decoder = Decoder()
        self._diverged = False
        self._foreign_schema = 0
        self._unreadable = ThrottledLogger(logger, status.clock)
        self._unreadable_log = ThrottledLogger(logger, status.clock)

    def is_older(self) -> bool:
        """Whether the stored graph is of an older version of Astrolabe.

        A newer version then takes over even from a living leader, because a rolling update ends the old
        processes only after the new ones are ready.
        """
        return self._status.blocker == "foreign" and self._foreign_schema < int(SCHEMA)

    @property
    def _follows(self) -> bool:
        """Whether the served graph belongs to the stored history, so that batches can continue it."""
        stopped = self._status.blocker in ("behind", "another")
        return self._status.joined and not self._diverged and not stopped

    def mark_diverged(self) -> None:
        """Note that the served graph has left the stored history, so that everything is read again."""
        self._diverged = True

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        while True:
            try:
                await self._store.drop_demoted()
                async with self._store.subscribe() as subscription:
                    await self._listen(subscription)
            except RedisUnavailable as error:
                reachability = self._status.reachability
                if reachability.mark_lost(str(error)):
                    where, suppressed = self._store.address, reachability.suppressed_note()
                    logger.warning(
                        "Redis at %s: %s%s; serving the last known graph", where, error, suppressed
                    )
                await asyncio.sleep(self._random.uniform(0.2, 2.0) * self._status.timing.retry)

    async def _listen(self, subscription: ChannelSubscription) -> None:
        """Handle messages until none comes for a while: the connection may be half-open.

        Raises RedisUnavailable.
        """
        silence = self._status.timing.silence
        while (message := await subscription.next(silence)) is not None:
            if self._status.reachability.mark_reachable():
                logger.info("Redis is back")
            kind, body = message[:1], message[1:]
            if kind == codec.BATCH:
                await self._handle_batch(body)
            elif kind == codec.TICK:
                await self._handle_tick(body)
            elif kind == codec.LEADER_LEFT:
                self.leader_left.set()
            else:  # subscribed, perhaps again
                await self.catch_up()

    async def _handle_batch(self, body: bytes) -> None:
        graph = self._served.graph
        try:
            entry = decode_entry(body)
            self._status.note_heartbeat()
            if self._follows and entry.epoch == graph.epoch:
                if entry.seq <= graph.seq:
                    return
                if entry.since == graph.seq:
                    self._apply(entry)
                    return
        except CorruptData as error:
            self._unreadable.error(f"a published message cannot be decoded: {error}")
        except ApplyError as error:
            self._handle_unapplied(error)
        await self.catch_up()

    async def _handle_tick(self, body: bytes) -> None:
        status, graph = self._status, self._served.graph
        try:
            tick = decode_tick(body)
        except CorruptData as error:  # from another version of Astrolabe
            logger.debug("%s", error)
            await self.catch_up()
            return
        status.note_heartbeat()
        status.ticked, status.leader_report = status.heard, bytes(tick.leader_report)
        if self._follows and (tick.epoch, tick.seq) == (graph.epoch, graph.seq):
            status.complete = tick.complete
            status.note_in_sync()
        else:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Catch up with the store, through the log or by reading everything. Raises RedisUnavailable."""
        try:
            if self._status.joined and not self._diverged:
                await self._follow_log()
            if not self._status.joined or self._diverged:
                await self._join()
        except ForeignCluster as error:
            self._block("another", str(error))
        except ForeignSchema as error:
            schema = str(error)
            self._foreign_schema = int(schema) if schema.isdecimal() and len(schema) < 10 else int(SCHEMA) + 1
            self._block("foreign", f"the graph in Redis has schema {error}, of another version of Astrolabe")
        except CorruptData as error:
            self._block("damaged", f"the graph in Redis is damaged: {error}")
            await self._store.alarm(CORRUPT)
        except LogOutrun:
            logger.warning("the graph in Redis changes faster than it can be read; trying again")
            return
        except ApplyError as error:  # on the graph that was just read: the next tick tries again
            self._handle_unapplied(error)
            return
        self.caught_up = True

    async def _follow_log(self) -> None:
        """Read the log if it goes back far enough, and otherwise the whole stored graph."""
        while True:
            before = self._served.graph
            position = await self._store.position()
            if self._is_current(position):
                if self._status.blocker == "behind":
                    await self._store.alarm(f"{before.epoch}:{before.seq}")
                return
            seq = before.seq
            await self._apply_log()
            if self._diverged:
                return
            if self._served.graph.seq == seq:
                await self._join()
                return

    def _is_current(self, position: StoredPosition) -> bool:
        """Whether there is nothing more to read at this position."""
        graph = self._served.graph
        if not position.epoch:
            self._block("empty", "there is no graph in Redis")
            return True
        if why := self._store.foreign_reason(position):
            self._block("another", why)
            return True
        went_back = self._status.blocker == "behind" or position.seq < graph.seq
        if position.epoch != graph.epoch or (position.seq > graph.seq and not went_back):
            return False
        self._status.complete = position.complete
        if went_back:  # a new batch may reuse our seq, so the epoch has to end
            self._block("behind", f"Redis is at seq {position.seq}, behind the served seq {graph.seq}")
        else:
            self._status.note_in_sync()
        return True

    async def _apply_log(self) -> None:
        slice = TimeSlice()
        try:
            async for body, _ in self._store.log(after=self._served.graph.seq):
                entry, graph = decode_entry(body), self._served.graph
                if entry.epoch != graph.epoch or entry.since != graph.seq:
                    return
                self._apply(entry)
                await slice.pause()
        except CorruptData as error:  # so everything is read; if that is damaged, too, the leader is told
            self._unreadable_log.error(f"the log in Redis is damaged: {error}")
        except ApplyError as error:
            self._handle_unapplied(error)

    async def _join(self) -> None:
        """Serve the stored graph. Raises RedisUnavailable, CorruptData, ForeignSchema, LogOutrun."""
        joined = await read_stored_graph(self._store, self._decoder)
        if joined is None:
            self._block("empty", "there is no graph in Redis yet")
            return
        await self._serve(joined)
        graph = self._served.graph
        logger.info(
            "joined at %s:%d, %d nodes, %d edges", graph.epoch, graph.seq, len(graph.nodes), graph.edge_count
        )

    async def _serve(self, joined: JoinedGraph) -> None:
        status = self._status
        self._diverged = False
        self._retention.clear()
        self._served.replace(joined.graph)
        status.joined, status.complete = True, joined.position.complete
        async for batch in in_slices(joined.batches):
            self._receive(batch)
        self._status.note_in_sync()

    def _apply(self, entry: LogEntry) -> None:
        self._receive(self._decoder.batch(entry))
        self._status.note_in_sync()

    def _receive(self, batch: Batch) -> None:
        """Raises CorruptData, ApplyError."""
        changes = effective_changes(batch.changes, self._served.graph)
        check_closed(changes, self._served.graph)
        self._served.receive(msgspec.structs.replace(batch, changes=changes))
        self._retention.add(batch)

    def _handle_unapplied(self, error: ApplyError) -> None:
        """Log that the served graph could not apply a batch, and read everything again."""
        log_unapplied(error, "reading everything again")
        self.mark_diverged()

    def _block(self, blocker: Blocker, why: str) -> None:
        if self._status.blocker != blocker:
            logger.log(logging.INFO if blocker == "empty" else logging.WARNING, "%s", why)
        self._status.blocker, self._status.blocker_text = blocker, why
