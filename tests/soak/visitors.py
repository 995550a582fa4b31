"""Those who come and go: who ask once, scrape, look in at the stream, or do not know how to behave.

None of them is held to what it hears: they are here for what they might leave behind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import cycle
from random import Random

import aiohttp
from websockets.frames import Opcode

from tests.support.raw import UPGRADE, dial, frame

#: Paths that are asked in turn, each with a filter where it takes one.
PATHS = (
    "/health",
    "/readyz",
    "/metrics",
    "/api/v1/graph",
    "/api/v1/resources",
    "/api/v1/releases?detail=true",
    "/api/v1/charts",
    "/api/v1/namespaces",
    "/api/v1/kinds",
    "/api/v1/unresolved",
    "/api/v1/grafana/nodegraph",
    "/api/v1/grafana/frames",
    "/api/graph/fields",
    "/api/graph/data",
    "/",
    "/openapi.json",
)
FILTERED = ("graph", "resources", "unresolved", "nodegraph", "frames", "data")
#: Seconds that a visitor stays, and in which an answer must be there.
STAY, PATIENCE = 0.5, 30.0


class Visitors:
    """Come one after the other, `rate` a second. counts: how many came, by what they did."""

    def __init__(self, port: int, namespaces: list[str], random: Random) -> None:
        self.counts: Counter[str] = Counter()
        self._port = port
        self._namespaces = namespaces
        self._random = random
        self._paths = cycle(PATHS)

    async def run(self, rate: float) -> None:
        """Until cancelled. Raises AssertionError for an answer that should not be."""
        ways = (
            self._read,
            self._ask_wrongly,
            self._look_in,
            self._hear_events,
            self._append_rows,
            self._break_off,
            self._begin_and_vanish,
            self._talk_nonsense,
        )
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{self._port}") as http,
            asyncio.TaskGroup() as group,
        ):
            for way in cycle(ways):
                group.create_task(way(http), name="visitor")
                self.counts[way.__name__.strip("_")] += 1
                await asyncio.sleep(self._random.expovariate(rate))  # their pace, not a wait for something

    async def _read(self, http: aiohttp.ClientSession) -> None:
        path = next(self._paths)
        query = f"?namespace={self._namespace()}" if path.rpartition("/")[2] in FILTERED else ""
        async with asyncio.timeout(PATIENCE), http.get(path + query) as answer:
            assert answer.status == 200, f"{path}{query}: {answer.status}"
            await answer.read()

    async def _ask_wrongly(self, http: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(PATIENCE), http.get("/api/v1/graph?status=Broken") as answer:
            assert answer.status == 400

    async def _look_in(self, http: aiohttp.ClientSession) -> None:
        async with http.ws_connect(f"/api/v1/ws?namespace={self._namespace()}", max_msg_size=0) as stream:
            assert (await stream.receive_json(timeout=PATIENCE))["type"] == "hello"
            await asyncio.sleep(STAY)

    async def _hear_events(self, http: aiohttp.ClientSession) -> None:
        async with http.get("/api/v1/events") as answer:
            assert answer.status == 200
            await answer.content.readany()
            await asyncio.sleep(STAY)

    async def _append_rows(self, http: aiohttp.ClientSession) -> None:
        kind = self._random.choice(("changes", "stats"))
        async with http.ws_connect(f"/api/v1/ws/flat/{kind}/namespace={self._namespace()}"):
            await asyncio.sleep(STAY)

    async def _break_off(self, http: aiohttp.ClientSession) -> None:
        """In the middle of a snapshot, without a word."""
        async with dial(self._port) as peer:
            await peer.ask("/api/v1/ws")
            await peer.read()
            peer.reset()

    async def _begin_and_vanish(self, http: aiohttp.ClientSession) -> None:
        """The cable is cut in the middle of a handshake, or after it."""
        async with dial(self._port) as peer:
            if self._random.random() < 0.5:
                await peer.send(f"GET /api/v1/ws HTTP/1.1\r\nHost: x\r\n{UPGRADE[:40]}".encode())
            else:
                await peer.upgrade("/api/v1/ws?subscribe=false")
            peer.vanish()
            await asyncio.sleep(STAY)

    async def _talk_nonsense(self, http: aiohttp.ClientSession) -> None:
        async with dial(self._port) as peer:
            await peer.upgrade()
            await peer.send(frame(Opcode.TEXT, self._random.randbytes(20).hex().encode()))
            async with asyncio.timeout(PATIENCE):
                await peer.read_all()

    def _namespace(self) -> str:
        return self._random.choice(self._namespaces)
