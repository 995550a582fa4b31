"""One of the equal processes: it follows until it holds the lock, then leads until it does not."""

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

from astrolabe.bus.delivery import Served
from astrolabe.bus.redis.committer import Committer, Condition
from astrolabe.bus.redis.errors import Away, BusError, Damaged, Deposed, Refused
from astrolabe.bus.redis.follower import Follower
from astrolabe.bus.redis.keys import SCHEMA
from astrolabe.bus.redis.logged import Logged
from astrolabe.bus.redis.repair import Repair
from astrolabe.bus.redis.standing import Standing
from astrolabe.bus.redis.store import Store, Taken
from astrolabe.bus.redis.timing import Timing
from astrolabe.settings import Settings

logger = logging.getLogger("astrolabe.bus")

#: Alarms in a row about what the leader finds right, after which the epoch ends: the log is not compared.
FUTILE = 3

#: Seconds from one such end to the next at least, where no interval says it.
PATIENCE = 300.0

#: What a leader does beside the bus: watches and engine, which publish to the committer. It runs until it
#: is cancelled; what it raises ends the term.
Lead = Callable[[Committer], Coroutine[Any, Any, NoReturn]]


class Replica:
    """Keeps a served graph in step with all other replicas.

    lead: see `Lead`. condition: see `Committer`. unfit: what `lead` may raise when this process cannot
        lead for now, though another may; anything else is a fault.
    """

    def __init__(
        self,
        settings: Settings,
        served: Served,
        *,
        lead: Lead,
        condition: Condition,
        unfit: type[Exception],
        clock: Callable[[], float],
        timing: Timing | None = None,
    ) -> None:
        timing = timing or Timing()
        self.standing = Standing(clock, timing)
        self._served = served
        self._lead = lead
        self._condition = condition
        self._unfit = unfit
        self._interval = settings.snapshot_interval or None
        self._random = Random()
        self._logged = Logged(settings.limits)
        id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._store = Store(settings, timing, id=id)
        self._follower = Follower(
            self._store, served, self.standing, logged=self._logged, random=self._random
        )
        self._pause = 0.0

    async def open(self, identity: str = "") -> None:
        """Read what is stored, so that it can be served. identity: see `introduce`.

        Raises BusError when Redis cannot be used, or has the graph of another cluster under this name.
        """
        await self._store.verify()
        await self.introduce(identity)
        with suppress(Away):
            await self._follower.catch_up()

    async def introduce(self, identity: str) -> None:
        """Tell which cluster this process serves; "" when that is not known.

        Raises BusError when the stored graph is of another one, which is neither written nor followed then.
        """
        self._store.identity = identity
        with suppress(Away, Damaged):
            if why := self._store.refusal(await self._store.position()):
                raise BusError(why)

    async def close(self) -> None:
        """Let another lead, and disconnect."""
        with suppress(Away):
            await self._store.release()
        await self._store.close()

    async def run(self) -> NoReturn:
        """Follow and lead, in turn, until cancelled."""
        while True:
            taken = await self._follow()
            self.standing.role = "leader"
            try:
                await self._hold(taken)
            finally:
                self.standing.role, self.standing.alone = "follower", False

    async def _follow(self) -> Taken:
        """Follow until the lock is ours."""
        self._follower.settled = False
        following = asyncio.create_task(self._follower.run(), name="follower")
        try:
            while True:
                taken = await self._try() if self._is_candidate() else None
                if taken is not None:
                    return taken
                if following.done():
                    following.result()
                await self._wait()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def _is_candidate(self) -> bool:
        now, standing, timing = self.standing.clock(), self.standing, self.standing.timing
        if standing.obstacle == "another":
            return False
        if standing.obstacle == "empty" and standing.joined and standing.read is not None:
            # The leader is about to write it anew, if there is one.
            return now - standing.read > timing.lock + timing.courtesy
        return self._follower.settled and now >= self._pause

    async def _try(self) -> Taken | None:
        try:
            await self._store.leave_former()
            return await self._store.take(force=self._follower.is_older())
        except Refused as error:
            self._say_unfit(f"Redis refuses that it takes the lock: {error}")
        except (Away, Damaged):
            pass  # the follower says so
        return None

    def _say_unfit(self, why: str) -> None:
        """Why this process cannot lead: once, until it can or the reason is another one."""
        if self.standing.unfit != why:
            logger.error("this process cannot lead: %s", why)
        self.standing.unfit = why

    async def _wait(self) -> None:
        """Until the next attempt: for a while, or until a leader goes."""
        seconds = (
            self.standing.timing.poll * self._random.uniform(0.5, 1.5) if self._follower.settled else 0.02
        )
        await _wait(self._follower.vacant, seconds)

    async def _hold(self, taken: Taken) -> None:
        """Lead for one term."""
        committer: Committer | None = None
        try:
            committer = await self._begin(taken)
            logger.info("this process leads, fencing token %s", taken.token)
            await self._serve(committer)
        except (Away, Damaged, Deposed) as error:
            logger.warning("this process leads no more: %s", error)
        except self._unfit as error:
            self._say_unfit(str(error))
            self._pause = self.standing.clock() + self.standing.timing.pause
        if committer is not None and committer.strayed:
            self._follower.stray()
        with suppress(Away):
            await self._store.release()

    async def _begin(self, taken: Taken) -> Committer:
        """Get to where the stored graph is; nobody else can write now. Raises Away, Deposed."""
        standing, position = self.standing, taken.position
        if position.epoch and position.schema == SCHEMA:
            await self._follower.catch_up()
        if standing.obstacle == "another":
            raise Deposed(standing.barrier)
        committer = Committer(
            self._store,
            self._served,
            standing,
            token=taken.token,
            logged=self._logged,
            condition=self._condition,
        )
        if position.epoch and (position.schema != SCHEMA or standing.obstacle == "damaged"):
            when = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            logger.error("what Redis holds is set aside, under names that end in :aside:%s", when)
            await committer.found(aside=when)
        elif not position.epoch or standing.obstacle == "behind":
            await committer.found()
        else:
            await committer.begin(doubt=taken.restarted)
        return committer

    async def _serve(self, committer: Committer) -> None:
        """Until another leads, or this process cannot. Raises what ended it."""
        tasks = [
            asyncio.create_task(self._keep(committer), name="lock"),
            asyncio.create_task(self._repair(committer), name="repair"),
            asyncio.create_task(self._lead(committer), name="leader"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        raise _first([error for error in ended if isinstance(error, BaseException)])

    async def _keep(self, committer: Committer) -> NoReturn:
        pause = 0.0
        while True:
            await _wait(committer.due, pause)
            pause = await committer.tick()

    async def _repair(self, committer: Committer) -> NoReturn:
        """Compare what is stored with what is served, now and then and when somebody asks for it."""
        repair = Repair(self._store, self._served, committer)
        futile, gave_up = 0, -math.inf
        while True:
            alarmed = await _wait(committer.alarmed, self._interval)
            if self.standing.alone:
                continue
            try:
                await committer.inspect()
                futile = futile + 1 if await repair.run() == 0 and alarmed else 0
                if futile >= FUTILE and self.standing.clock() - gave_up > (self._interval or PATIENCE):
                    gave_up = self.standing.clock()
                    raise Damaged("others cannot read it")
            except Away:
                pass
            except Damaged as error:
                committer.give_up(error)


async def _wait(event: asyncio.Event, seconds: float | None) -> bool:
    """Until the event, which is over then, or for so many seconds, if any; whether it came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    came = event.is_set()
    event.clear()
    return came


def _first(errors: Sequence[BaseException]) -> BaseException:
    """The error that ended the others: a fault before a change of leadership."""
    each: list[BaseException] = []
    for error in errors:
        each.append(_first(error.exceptions) if isinstance(error, BaseExceptionGroup) else error)
    each.sort(key=lambda error: isinstance(error, Deposed) + 2 * isinstance(error, asyncio.CancelledError))
    return each[0]
