"""One of the equal processes: follows until it gets the lease, and then leads until it loses it."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import secrets
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any, NoReturn

from astrolabe.bus.delivery import GraphTarget
from astrolabe.bus.redis.errors import BusError, CorruptData, LeadershipLost, RedisRefused, RedisUnavailable
from astrolabe.bus.redis.follower import Follower
from astrolabe.bus.redis.keys import SCHEMA
from astrolabe.bus.redis.outbox import LogRetention
from astrolabe.bus.redis.repair import Repair
from astrolabe.bus.redis.shared_events import decode_events
from astrolabe.bus.redis.status import ReplicationStatus
from astrolabe.bus.redis.store import Lease, RedisStore
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.bus.redis.writer import LeaderReporter, LeaderWriter
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.settings import Settings

logger = logging.getLogger("astrolabe.bus")

#: Consecutive alarms without a wrong field, after which a new epoch begins: the log may be wrong.
MAX_FUTILE_ALARMS = 3

#: Minimum seconds between two such epochs, unless a repair interval is set.
MIN_EPOCH_INTERVAL = 300.0

#: The work of a leader: watches and engine, which publish to the writer. It runs until cancelled. If it
#: raises, the term ends.
LeaderTask = Callable[[LeaderWriter], Coroutine[Any, Any, NoReturn]]


class Replica:
    """Keeps a served graph in step with all other replicas.

    lead: see `LeaderTask`. leader_report: see `LeaderWriter`.
    cannot_lead: the exception that `lead` raises if this process cannot lead for now, but another
        may. Any other exception is a fault.
    """

    def __init__(
        self,
        settings: Settings,
        served: GraphTarget,
        *,
        lead: LeaderTask,
        leader_report: LeaderReporter,
        cannot_lead: type[Exception],
        clock: Callable[[], float],
        timing: RedisTiming | None = None,
    ) -> None:
        timing = timing or RedisTiming()
        self.status = ReplicationStatus(clock, timing)
        self._served = served
        self._lead = lead
        self._leader_report = leader_report
        self._cannot_lead = cannot_lead
        self._repair_interval = settings.snapshot_interval or None
        self._random = Random()
        self._retention = LogRetention(settings.limits)
        id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store = RedisStore(settings, timing, id=id)
        self._follower = Follower(
            self._store, served, self.status, retention=self._retention, random=self._random
        )
        self._retry_at = 0.0

    async def open(self, identity: str = "") -> None:
        """Read the stored graph, so that it can be served. identity: see `set_cluster_identity`.

        Raises BusError if Redis cannot be used, or has the graph of another cluster under this name.
        """
        await self._store.verify()
        await self.set_cluster_identity(identity)
        with suppress(RedisUnavailable):
            await self._follower.catch_up()

    async def set_cluster_identity(self, identity: str) -> None:
        """Set the identity of the cluster that this process serves; "" if it is unknown.

        Raises BusError if the stored graph is of another cluster. It is then neither written nor followed.
        """
        self._store.identity = identity
        with suppress(RedisUnavailable, CorruptData):
            if why := self._store.foreign_reason(await self._store.position()):
                raise BusError(why)

    async def stored_kinds(self) -> bytes:
        """The custom kinds that the stored graph may have, as the leader stored them.

        Raises RedisUnavailable.
        """
        return await self._store.kinds()

    async def close(self) -> None:
        """Release the lease and disconnect."""
        with suppress(RedisUnavailable):
            await self._store.release_lease()
        await self._store.close()

    async def events(self, objects: Sequence[str]) -> list[ObjectEvent] | None:
        """The Events about an object that the leader stored; None if Redis does not answer."""
        try:
            stored = await self._store.read(self._store.keys.events, [each.encode() for each in objects])
        except (RedisUnavailable, CorruptData):
            return None
        return decode_events(stored)

    async def run(self) -> NoReturn:
        """Follow and lead in turn, until cancelled."""
        while True:
            lease = await self._follow()
            self.status.role = "leader"
            try:
                await self._lead_term(lease)
            finally:
                self.status.role, self.status.detached = "follower", False

    async def _follow(self) -> Lease:
        """Follow until this process gets the lease."""
        self._follower.caught_up = False
        following = asyncio.create_task(self._follower.run(), name="follower")
        try:
            while True:
                lease = await self._try_acquire() if self._is_candidate() else None
                if lease is not None:
                    return lease
                if following.done():
                    following.result()
                await self._wait()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _is_candidate(self) -> bool:
        now, status, timing = self.status.clock(), self.status, self.status.timing
        if status.blocker == "another":
            return False
        if status.blocker == "empty" and status.joined and status.read is not None:
            # If there is a leader, it is about to write the graph again.
            return now - status.read > timing.lease + timing.grace
        return self._follower.caught_up and now >= self._retry_at

    async def _try_acquire(self) -> Lease | None:
        try:
            await self._store.drop_demoted()
            return await self._store.acquire_lease(force=self._follower.is_older())
        except RedisRefused as error:
            self._log_cannot_lead(f"Redis refuses to give it the lease: {error}")
        except (RedisUnavailable, CorruptData):
            pass  # the follower logs it
        return None

    def _log_cannot_lead(self, why: str) -> None:
        """Log why this process cannot lead, once per reason."""
        if self.status.cannot_lead != why:
            logger.error("this process cannot lead: %s", why)
        self.status.cannot_lead = why

    async def _wait(self) -> None:
        """Wait until the next attempt, or until the leader leaves."""
        seconds = (
            self.status.timing.poll * self._random.uniform(0.5, 1.5) if self._follower.caught_up else 0.02
        )
        await _wait(self._follower.leader_left, seconds)

    async def _lead_term(self, lease: Lease) -> None:
        """Lead for one term."""
        writer: LeaderWriter | None = None
        try:
            writer = await self._start_writer(lease)
            logger.info("this process leads, fencing token %s", lease.token)
            await self._serve(writer)
        except (RedisUnavailable, CorruptData, LeadershipLost) as error:
            logger.warning("this process no longer leads: %s", error)
        except self._cannot_lead as error:
            self._log_cannot_lead(str(error))
            self._retry_at = self.status.clock() + self.status.timing.pause
        if writer is not None and writer.diverged:
            self._follower.mark_diverged()
        with suppress(RedisUnavailable):
            await self._store.release_lease()

    async def _start_writer(self, lease: Lease) -> LeaderWriter:
        """Catch up with the stored graph, which no other process can write now.

        Raises RedisUnavailable, LeadershipLost.
        """
        status, position = self.status, lease.position
        if position.epoch and position.schema == SCHEMA:
            await self._follower.catch_up()
        if status.blocker == "another":
            raise LeadershipLost(status.blocker_text)
        writer = LeaderWriter(
            self._store,
            self._served,
            status,
            token=lease.token,
            retention=self._retention,
            leader_report=self._leader_report,
        )
        if position.epoch and (position.schema != SCHEMA or status.blocker == "damaged"):
            when = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            logger.error("the graph in Redis cannot be used; its keys are renamed to end in :aside:%s", when)
            await writer.begin_epoch(quarantine=when)
        elif not position.epoch or status.blocker == "behind":
            await writer.begin_epoch()
        else:
            await writer.resume_epoch(uncertain=lease.restarted)
        return writer

    async def _serve(self, writer: LeaderWriter) -> None:
        """Lead until another process leads, or this one cannot. Raises the error that ended it."""
        tasks = [
            asyncio.create_task(self._renew(writer), name="lease"),
            asyncio.create_task(self._repair(writer), name="repair"),
            asyncio.create_task(self._lead(writer), name="leader"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        raise _first([error for error in ended if isinstance(error, BaseException)])

    async def _renew(self, writer: LeaderWriter) -> NoReturn:
        pause = 0.0
        while True:
            await _wait(writer.tick_wanted, pause)
            pause = await writer.tick()

    async def _repair(self, writer: LeaderWriter) -> NoReturn:
        """Compare and repair the stored graph regularly, and on an alarm."""
        repair = Repair(self._store, self._served, writer)
        futile, restarted_at = 0, -math.inf
        while True:
            alarmed = await _wait(writer.alarmed, self._repair_interval)
            if self.status.detached:
                continue
            try:
                await writer.check_log()
                futile = futile + 1 if await repair.run() == 0 and alarmed else 0
                if futile >= MAX_FUTILE_ALARMS and self.status.clock() - restarted_at > (
                    self._repair_interval or MIN_EPOCH_INTERVAL
                ):
                    restarted_at = self.status.clock()
                    raise CorruptData("other processes cannot read it")
            except RedisUnavailable:
                pass
            except CorruptData as error:
                writer.quarantine(error)


async def _wait(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for the event and clear it. Returns False if it does not come within the time, if one is given."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    came = event.is_set()
    event.clear()
    return came


def _first(errors: Sequence[BaseException]) -> BaseException:
    """The error that ended the others. A fault comes before a change of leadership."""
    each: list[BaseException] = []
    for error in errors:
        each.append(_first(error.exceptions) if isinstance(error, BaseExceptionGroup) else error)
    each.sort(
        key=lambda error: isinstance(error, LeadershipLost) + 2 * isinstance(error, asyncio.CancelledError)
    )
    return each[0]
