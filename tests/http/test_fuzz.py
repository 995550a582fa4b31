"""Ten thousand messages made by chance: the server lives on, and nobody else notices."""

import asyncio
import gc
import json
import logging
import sys
from collections import Counter
from random import Random
from urllib.parse import urlencode

import psutil
import pytest
from websockets.frames import Opcode

from astrolabe.graph.views.filter import Filter, FilterRules, parse_query
from astrolabe.settings import Limits
from tests.support.churn import change
from tests.support.fuzz import Fuzz
from tests.support.raw import Peer, dial, frames
from tests.support.replica import Replica
from tests.support.serving import Site, eventually, read, read_types, serve
from tests.support.worlds import KINDS, World

ROUNDS, PEERS, MESSAGES = 4, 8, 313

#: Seconds by which a delta may come late to one who has done nothing wrong.
LATE = 1.0

#: Objects and bytes that all rounds but the first may leave behind: history, which has its limits. It is
#: less than half of that here; one connection kept in three would be more.
MOST_BLOCKS, MOST_BYTES = 20_000, 24_000_000

PATHS = ("/api/v1/ws", "/api/v1/ws?subscribe=false", "/api/v1/ws?kind=Pod")


class Clock:
    """A world that changes all the time, and when each seq was sent."""

    def __init__(self, world: World) -> None:
        self.sent: dict[int, float] = {}
        self._world = world
        self._random = Random(1)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self.sent[self._world.hub.graph.seq + 1] = loop.time()
            change(self._world, self._random)
            await asyncio.sleep(0.003)


class Bystander:
    """Follows a query until it is at the seq where all is over, and looks how late each delta comes."""

    def __init__(self, site: Site, query: dict[str, list[str]], sent: dict[int, float]) -> None:
        self.filter: Filter = parse_query(query, FilterRules.of(KINDS))
        self.replica = Replica()
        self.late, self.deltas = 0.0, 0
        self.last: int | None = None
        self._sent = sent
        self._site = site
        self._query = urlencode(query, doseq=True)
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._site.stream(f"/api/v1/ws?{self._query}") as socket:
            await read_types(socket, "hello")
            while self.last is None or self.replica.seq < self.last:
                message = await read(socket)
                self.replica.apply(message)
                if message["type"] == "delta":
                    self.deltas += 1
                    self.late = max(self.late, loop.time() - self._sent[message["seq"]])


class Rude:
    """Says whatever the fuzz makes of it, on one connection after the other.

    told: how often it was told what: types of messages, codes of errors and of closes.
    """

    def __init__(self, site: Site, seed: int) -> None:
        self.told: Counter[str | int] = Counter()
        self._site = site
        self._fuzz = Fuzz(seed)
        self._random = self._fuzz.random

    async def speak(self, messages: int) -> None:
        while messages > 0:
            async with dial(self._site.port) as peer:
                messages -= await self._converse(peer, min(messages, self._random.choice((1, 5, 20, 70))))

    async def _converse(self, peer: Peer, most: int) -> int:
        """Say at most so much; returns how much it was until the server had enough."""
        make = self._random.choice((self._fuzz.message, self._fuzz.anything))
        await peer.ask(self._random.choice(PATHS))
        reading = asyncio.create_task(peer.read_all())
        said = 0
        while said < most and not reading.done():
            self._fuzz.seq = self._site.hub.graph.seq
            try:
                await peer.send(make())
            except (ConnectionResetError, BrokenPipeError):
                break
            said += 1
            await asyncio.sleep(0)
        if self._random.random() < 0.3:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            peer.reset()
        else:
            peer.end()
            self._look_at(await reading)
        return max(said, 1)

    def _look_at(self, read: bytes) -> None:
        head, _, told = read.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        for each in frames(told):
            if each.opcode is Opcode.TEXT:
                message = json.loads(bytes(each.data))
                self.told[message.get("code") or message["type"]] += 1
            elif each.opcode is Opcode.CLOSE:
                self.told[int.from_bytes(bytes(each.data)[:2], "big")] += 1


async def test_ten_thousand_random_messages(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    clock = Clock(world)
    held: list[tuple[int, int]] = []
    async with serve(world, Limits(heartbeat=0.5, grace=0.2, max_subscriptions=4)) as site:
        living = asyncio.create_task(clock.run())
        bystanders = [Bystander(site, query, clock.sent) for query in ({}, {"namespace": ["a"]})]
        rude = [Rude(site, seed) for seed in range(PEERS)]
        for _ in range(ROUNDS):
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                for each in rude:
                    group.create_task(each.speak(MESSAGES))
            await eventually(lambda: site.server.streams == len(bystanders))
            gc.collect()
            held.append((sys.getallocatedblocks(), psutil.Process().memory_info().rss))
        living.cancel()
        for bystander in bystanders:
            bystander.last = world.hub.graph.seq
        await asyncio.gather(*[bystander.task for bystander in bystanders])
        assert await site.json("/livez") == {"status": "alive"}
    for bystander in bystanders:
        assert bystander.replica.matches(world.hub.graph, bystander.filter)
        assert bystander.replica.resets == []
        assert bystander.deltas > 50
        assert bystander.late < LATE
    told = sum([each.told for each in rude], Counter[str | int]())
    assert told.keys() >= {"hello", "snapshot", "delta", "reset", "pong"}
    assert told.keys() >= {"bad-filter", "duplicate-id", "unknown-id", "too-many-subscriptions"}
    assert told.keys() >= {"bad-message", "bad-frame", "too-big", "too-fast", 4500, 1002, 4509, 4029}
    assert "internal-error" not in told
    (blocks, size), *_, (more_blocks, more_size) = held
    assert more_blocks - blocks < MOST_BLOCKS
    assert more_size - size < MOST_BYTES
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
