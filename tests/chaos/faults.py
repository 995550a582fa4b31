"""Random faults from a seed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from random import Random

from redis.exceptions import RedisError

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.faults import HalfOpen, HttpStatus, InjectedFault
from astrolabe.sim.server import Simulator
from tests.support import backups
from tests.support.fleet import Fleet
from tests.support.redis_server import answers


class ChaosFaults:
    """Injects faults one after the other; each heals by itself. told: what was done, for the report."""

    def __init__(self, fleet: Fleet, simulator: Simulator, churn: Churn, random: Random) -> None:
        self.told: list[str] = []
        self._fleet = fleet
        self._simulator = simulator
        self._churn = churn
        self._random = random

    async def strike(self) -> None:
        """One fault, and the end of it."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            self._kill_leader,
            self._pause_leader,
            self._pause_someone,
            self._restart_redis,
            self._lose_redis,
            self._pause_redis,
            self._fill_redis,
            self._demote_redis,
            self._kill_subscribers,
            self._stall_someone,
            self._cut_everyone,
            self._disconnect_cluster,
            self._silence_watches,
            self._restore_cluster,
            self._restore_cluster_unseen,
            self._forbid_a_kind,
            self._lose_a_kind,
        ]
        kind = self._random.choice(kinds)
        self.told.append(kind.__name__.strip("_"))
        await kind()
        await self._wait(0.0, 1.0)

    async def _wait(self, least: float, most: float) -> None:
        await asyncio.sleep(self._random.uniform(least, most))

    def _someone(self) -> int:
        return self._random.randrange(len(self._fleet.replicas))

    async def _leader(self) -> int:
        leader = await self._fleet.leader()
        return self._someone() if leader is None else leader

    async def _kill_leader(self) -> None:
        replica = self._fleet.replicas[await self._leader()]
        await replica.kill()
        await self._wait(0.0, 8.0)
        await replica.start()

    async def _pause_leader(self) -> None:
        await self._pause(await self._leader(), 6.5, 9.0)

    async def _pause_someone(self) -> None:
        await self._pause(self._someone(), 0.5, 4.0)

    async def _pause(self, number: int, least: float, most: float) -> None:
        replica = self._fleet.replicas[number]
        replica.signal(signal.SIGSTOP)
        try:
            await self._wait(least, most)
        finally:
            replica.signal(signal.SIGCONT)

    async def _restart_redis(self) -> None:
        await self._redis_away(lose_data=False)

    async def _lose_redis(self) -> None:
        await self._redis_away(lose_data=True)

    async def _redis_away(self, *, lose_data: bool) -> None:
        redis = self._fleet.redis
        redis.kill(lose_data=lose_data)
        try:
            await self._wait(0.0, 3.0)
        finally:
            await asyncio.to_thread(redis.start)
        await answers(redis)

    async def _pause_redis(self) -> None:
        self._fleet.redis.pause()
        try:
            await self._wait(0.3, 4.0)
        finally:
            self._fleet.redis.resume()

    async def _fill_redis(self) -> None:
        """It takes no writes, and answers what is read."""
        async with self._fleet.redis.listening() as client:
            await client.config_set("maxmemory", 1)
            try:
                await self._wait(0.5, 8.0)
            finally:
                await client.config_set("maxmemory", 0)

    async def _demote_redis(self) -> None:
        """It is the replica of nobody, and read-only."""
        async with self._fleet.redis.listening() as client:
            await client.replicaof("127.0.0.1", 1)
            try:
                await self._wait(0.5, 8.0)
            finally:
                await client.replicaof("NO", "ONE")

    async def _kill_subscribers(self) -> None:
        async with self._fleet.redis.listening() as client:
            try:
                await client.client_kill_filter(_type="pubsub")
            except RedisError:
                return

    async def _stall_someone(self) -> None:
        proxy = self._random.choice(self._fleet.proxies)
        proxy.stall()
        await self._wait(0.5, 8.0)
        if self._random.random() < 0.5:
            proxy.cut()
        proxy.resume()

    async def _cut_everyone(self) -> None:
        for proxy in self._fleet.proxies:
            proxy.cut()

    async def _disconnect_cluster(self) -> None:
        self._simulator.disconnect()

    async def _silence_watches(self) -> None:
        """As behind a proxy that keeps its connections when the API server is gone; in the end it drops them."""
        await self._for_a_while(HalfOpen(verb="watch", after=self._random.randint(0, 5), times=None))
        self._simulator.disconnect()

    async def _restore_cluster(self) -> None:
        """From a backup; whoever watched has lost the connection."""
        await self._go_back()
        self._simulator.disconnect()

    async def _restore_cluster_unseen(self) -> None:
        """The same, and nobody is told at first: what is served is a cluster that never was."""
        await self._go_back()
        await self._wait(0.5, 6.0)
        self._simulator.disconnect()

    async def _go_back(self) -> None:
        store = self._simulator.store
        backup = backups.back_up(store, self._churn)
        await self._wait(0.5, 4.0)
        assert backups.restore(store, self._churn, backup), "nothing is compacted here"

    async def _forbid_a_kind(self) -> None:
        await self._for_a_while(HttpStatus(code=403, kind=self._some_kind(), times=None))

    async def _lose_a_kind(self) -> None:
        """Its API is gone, as while an aggregated server starts anew."""
        await self._for_a_while(HttpStatus(code=404, kind=self._some_kind(), times=None))

    async def _for_a_while(self, fault: InjectedFault) -> None:
        """Let all requests that come now meet it."""
        faults = self._simulator.faults
        faults.add(fault)
        self._simulator.disconnect()
        try:
            await self._wait(0.5, 6.0)
        finally:
            faults.remove(fault)

    def _some_kind(self) -> str:
        return self._random.choice(sorted(self._simulator.store.collections))
