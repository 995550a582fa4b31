"""A follower: keeps the served graph where the leader's is."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import NoReturn

import msgspec

from astrolabe.bus.delivery import Served, tell
from astrolabe.bus.redis import codec
from astrolabe.bus.redis.codec import Decoder, Entry, decode_entry, decode_tick
from astrolabe.bus.redis.damped import Damped
from astrolabe.bus.redis.errors import Away, Damaged
from astrolabe.bus.redis.joining import AnotherCluster, ForeignSchema, Joined, Overtaken, join
from astrolabe.bus.redis.keys import SCHEMA
from astrolabe.bus.redis.logged import Logged
from astrolabe.bus.redis.outbox import check_closed, news
from astrolabe.bus.redis.standing import Obstacle, Standing
from astrolabe.bus.redis.store import DAMAGED, Position, Store, Subscription
from astrolabe.graph.batch import Batch
from astrolabe.graph.graph import Unapplied
from astrolabe.timeslice import TimeSlice, in_slices

logger = logging.getLogger("astrolabe.bus")


class Follower:
    """What is published is a hint: it is applied when it goes on from where we are, and else the log is read.

    So it does not matter whether a message was lost, doubled, or came before we had read what is stored.

    settled: whether it was found out what is stored, since somebody set it to False.
    vacant: set when a leader said that it goes.
    """

    def __init__(
        self, store: Store, served: Served, standing: Standing, *, logged: Logged, random: Random
    ) -> None:
        self.settled = False
        self.vacant = asyncio.Event()
        self._store = store
        self._served = served
        self._standing = standing
        self._logged = logged
        self._random = random
        self._decoder = Decoder()
        self._astray = False
        self._foreign = 0
        self._unreadable = Damped(logger, standing.clock)
        self._unreadable_log = Damped(logger, standing.clock)

    def is_older(self) -> bool:
        """Whether what Redis holds is of an older version of Astrolabe, which the newer one replaces even
        while it is led: a rolling update waits for the new processes before it ends the old ones."""
        return self._standing.obstacle == "foreign" and self._foreign < int(SCHEMA)

    @property
    def _follows(self) -> bool:
        """Whether what is served is of the history that is stored, so that it may go on from there."""
        stopped = self._standing.obstacle in ("behind", "another")
        return self._standing.joined and not self._astray and not stopped

    def stray(self) -> None:
        """What is served has left the stored history: read all anew."""
        self._astray = True

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        while True:
            try:
                await self._store.leave_former()
                async with self._store.subscribe() as subscription:
                    await self._listen(subscription)
            except Away as error:
                contact = self._standing.contact
                if contact.lose(str(error)):
                    where, untold = self._store.address, contact.untold()
                    logger.warning("Redis at %s: %s%s; serving what is known", where, error, untold)
                await asyncio.sleep(self._random.uniform(0.2, 2.0) * self._standing.timing.retry)

    async def _listen(self, subscription: Subscription) -> None:
        """Until there is silence: then the connection may be half-open. Raises Away."""
        silence = self._standing.timing.silence
        while (message := await subscription.next(silence)) is not None:
            if self._standing.contact.find():
                logger.info("Redis is back")
            kind, body = message[:1], message[1:]
            if kind == codec.BATCH:
                await self._hear_batch(body)
            elif kind == codec.TICK:
                await self._hear_tick(body)
            elif kind == codec.VACANT:
                self.vacant.set()
            else:  # subscribed, perhaps not for the first time
                await self.catch_up()

    async def _hear_batch(self, body: bytes) -> None:
        graph = self._served.graph
        try:
            entry = decode_entry(body)
            self._standing.hear()
            if self._follows and entry.epoch == graph.epoch:
                if entry.seq <= graph.seq:
                    return
                if entry.since == graph.seq:
                    self._apply(entry)
                    return
        except Damaged as error:
            self._unreadable.error(f"what was published cannot be read: {error}")
        except Unapplied as error:
            self._give_up(error)
        await self.catch_up()

    async def _hear_tick(self, body: bytes) -> None:
        standing, graph = self._standing, self._served.graph
        try:
            tick = decode_tick(body)
        except Damaged as error:  # of another version of Astrolabe
            logger.debug("%s", error)
            await self.catch_up()
            return
        standing.hear()
        standing.ticked, standing.condition = standing.heard, bytes(tick.condition)
        if self._follows and (tick.epoch, tick.seq) == (graph.epoch, graph.seq):
            standing.complete = tick.complete
            standing.match()
        else:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Get to where the store is, by the log or by reading all anew. Raises Away."""
        try:
            if self._standing.joined and not self._astray:
                await self._follow_log()
            if not self._standing.joined or self._astray:
                await self._join()
        except AnotherCluster as error:
            self._stop_at("another", str(error))
        except ForeignSchema as error:
            schema = str(error)
            self._foreign = int(schema) if schema.isdecimal() and len(schema) < 10 else int(SCHEMA) + 1
            self._stop_at("foreign", f"what Redis holds has schema {error}, of another version of Astrolabe")
        except Damaged as error:
            self._stop_at("damaged", f"what Redis holds is damaged: {error}")
            await self._store.alarm(DAMAGED)
        except Overtaken:
            logger.warning("Redis changes faster than it can be read; trying again")
            return
        except Unapplied as error:  # of what was just read: the next tick asks again
            self._give_up(error)
            return
        self.settled = True

    async def _follow_log(self) -> None:
        """By the log, when it reaches back to where we are; else by all that is stored."""
        while True:
            before = self._served.graph
            position = await self._store.position()
            if self._judge(position):
                if self._standing.obstacle == "behind":
                    await self._store.alarm(f"{before.epoch}:{before.seq}")
                return
            seq = before.seq
            await self._apply_log()
            if self._astray:
                return
            if self._served.graph.seq == seq:
                await self._join()
                return

    def _judge(self, position: Position) -> bool:
        """Whether there is nothing more to read."""
        graph = self._served.graph
        if not position.epoch:
            self._stop_at("empty", "there is no graph in Redis")
            return True
        if why := self._store.refusal(position):
            self._stop_at("another", why)
            return True
        went_back = self._standing.obstacle == "behind" or position.seq < graph.seq
        if position.epoch != graph.epoch or (position.seq > graph.seq and not went_back):
            return False
        self._standing.complete = position.complete
        if went_back:  # what comes there next may have our seq and be something else: the epoch has to end
            self._stop_at("behind", f"Redis is at seq {position.seq}, behind {graph.seq} which is served")
        else:
            self._standing.match()
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
        except Damaged as error:  # so all is read anew, and the leader told if that is damaged, too
            self._unreadable_log.error(f"the log in Redis is damaged: {error}")
        except Unapplied as error:
            self._give_up(error)

    async def _join(self) -> None:
        """Serve what is stored. Raises Away, Damaged, ForeignSchema, Overtaken."""
        joined = await join(self._store, self._decoder)
        if joined is None:
            self._stop_at("empty", "there is no graph in Redis yet")
            return
        await self._serve(joined)
        graph = self._served.graph
        logger.info(
            "joined at %s:%d, %d nodes, %d edges", graph.epoch, graph.seq, len(graph.nodes), graph.edge_count
        )

    async def _serve(self, joined: Joined) -> None:
        standing = self._standing
        self._astray = False
        self._logged.clear()
        self._served.replace(joined.graph)
        standing.joined, standing.complete = True, joined.position.complete
        async for batch in in_slices(joined.batches):
            self._receive(batch)
        self._standing.match()

    def _apply(self, entry: Entry) -> None:
        self._receive(self._decoder.batch(entry))
        self._standing.match()

    def _receive(self, batch: Batch) -> None:
        """Raises Damaged, Unapplied."""
        changes = news(batch.changes, self._served.graph)
        check_closed(changes, self._served.graph)
        self._served.receive(msgspec.structs.replace(batch, changes=changes))
        self._logged.add(batch)

    def _give_up(self, error: Unapplied) -> None:
        """What is served cannot go on from where it is."""
        tell(error, "all is read anew")
        self.stray()

    def _stop_at(self, obstacle: Obstacle, why: str) -> None:
        if self._standing.obstacle != obstacle:
            logger.log(logging.INFO if obstacle == "empty" else logging.WARNING, "%s", why)
        self._standing.obstacle, self._standing.barrier = obstacle, why
