"""Those who come and go: who ask once, scrape, look in at the stream, or do not know how to behave.

None of them is held to what it hears: they are here for what they might leave behind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import cycle
from random import Random

import aiohttp
from websockets.frames import Opcode

from tests.hostile.attacks import USUAL, Scene
from tests.support.raw import UPGRADE, Peer, dial, frame

#: Paths that are asked in turn, each with a filter where it takes one.
PATHS = (
    "/health",
    "/readyz",
    "/metrics",
    "/api/v1/graph",
    "/api/v1/resources",
    "/api/v1/resources/no-such-uid",
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
    "/no-such-page",
)
FILTERED = ("graph", "resources", "unresolved", "nodegraph", "frames", "data")
#: What is said that cannot be understood, or is too much: see the codes in the guide, "Troubleshooting".
NONSENSE = (
    b"nonsense",
    b"[]",
    b'{"type":"sing"}',
    b'{"type":"subscribe","id":"x","filter":{"kind":["Unicorn"]}}',
    b'{"type":"subscribe","id":"x","since":{"epoch":1}}',
    b"[" * 10_000,
    b"x" * 100_000,
    b"\xff\xfe",
)
#: Seconds that a visitor stays, and in which an answer must be there.
STAY, PATIENCE = 0.5, 30.0
#: Seconds for which one stays silent, at most: more than the server's heartbeats and stalls allow.
SILENCE = 60.0

Way = Callable[[aiohttp.ClientSession], Awaitable[None]]


class Visitors:
    """Come one after the other, `rate` a second.

    counts: how many came, by what they did. turned_away: how many found no server, or lost it.
    """

    def __init__(self, port: int, namespaces: list[str], random: Random) -> None:
        self.counts: Counter[str] = Counter()
        self.turned_away = 0
        self._port = port
        self._namespaces = namespaces
        self._random = random
        self._paths = cycle(PATHS)
        self._nonsense = cycle(NONSENSE)
        self._attacks = cycle(USUAL)

    async def run(self, rate: float) -> None:
        """Until cancelled. Raises AssertionError for an answer that should not be."""
        ways: tuple[Way, ...] = (
            self._read,
            self._read_again,
            self._ask_wrongly,
            self._look_in,
            self._change_their_minds,
            self._hear_events,
            self._append_rows,
            self._break_off,
            self._begin_and_leave,
            self._fall_silent,
            self._read_nothing,
            self._talk_nonsense,
            self._attack,
        )
        async with (
            # Each has a connection of its own: a kept one would often be closed just when it is wanted.
            aiohttp.ClientSession(
                f"http://127.0.0.1:{self._port}", connector=aiohttp.TCPConnector(force_close=True)
            ) as http,
            asyncio.TaskGroup() as group,
        ):
            for way in cycle(ways):
                group.create_task(self._visit(way, http), name="visitor")
                await asyncio.sleep(self._random.expovariate(rate))  # their pace, not a wait for something

    async def _visit(self, way: Way, http: aiohttp.ClientSession) -> None:
        self.counts[way.__name__.strip("_")] += 1  # type: ignore[attr-defined]  # a method has one
        try:
            await way(http)
        except (aiohttp.ClientConnectionError, aiohttp.WSServerHandshakeError, OSError, EOFError):
            # It was slower to ask than the server waits. TimeoutError is an OSError.
            self.turned_away += 1

    async def _read(self, http: aiohttp.ClientSession) -> None:
        path = next(self._paths)
        query = f"?namespace={self._namespace()}" if path.rpartition("/")[2] in FILTERED else ""
        async with asyncio.timeout(PATIENCE), http.get(path + query) as answer:
            assert answer.status in _statuses(path), f"{path}{query}: {answer.status}"
            await answer.read()

    async def _read_again(self, http: aiohttp.ClientSession) -> None:
        """What was not changed meanwhile is not sent again."""
        path = f"/api/v1/graph?namespace={self._namespace()}"
        async with asyncio.timeout(PATIENCE):
            async with http.get(path) as answer:
                tag = answer.headers["ETag"]
            async with http.get(path, headers={"If-None-Match": tag}) as answer:
                assert answer.status in (200, 304)

    async def _ask_wrongly(self, http: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(PATIENCE), http.get("/api/v1/graph?status=Broken") as answer:
            assert answer.status == 400

    async def _look_in(self, http: aiohttp.ClientSession) -> None:
        async with http.ws_connect(f"/api/v1/ws?namespace={self._namespace()}", max_msg_size=0) as stream:
            await stream.receive(timeout=PATIENCE)
            await asyncio.sleep(STAY)

    async def _change_their_minds(self, http: aiohttp.ClientSession) -> None:
        """Subscribe to this and that, and to something of a past that nobody knows."""
        since = {"epoch": "none", "seq": 1}
        async with http.ws_connect("/api/v1/ws?subscribe=false", max_msg_size=0) as stream:
            for id in ("a", "b", "a"):
                asked = {"type": "subscribe", "id": id, "filter": {"namespace": [self._namespace()]}}
                await stream.send_json({**asked, "since": since})
                await stream.receive(timeout=PATIENCE)
            await stream.send_json({"type": "unsubscribe", "id": "b"})
            await stream.receive(timeout=PATIENCE)

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

    async def _begin_and_leave(self, http: aiohttp.ClientSession) -> None:
        """In the middle of a handshake; some wait whether anybody minds."""
        async with dial(self._port) as peer:
            await peer.send(f"GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\n{UPGRADE[:40]}".encode())
            if self._random.random() < 0.5:
                async with asyncio.timeout(SILENCE):
                    await peer.read_all()

    async def _fall_silent(self, http: aiohttp.ClientSession) -> None:
        """The cable is cut."""
        async with dial(self._port) as peer:
            await peer.upgrade(self._random.choice(("/api/v1/ws?subscribe=false", "/api/v1/ws")))
            peer.vanish()
            await self._wait()

    async def _read_nothing(self, http: aiohttp.ClientSession) -> None:
        """Until the server has had enough."""
        async with dial(self._port) as peer:
            await peer.ask(*self._random.choice((("/api/v1/ws", UPGRADE), ("/api/v1/events", ""))))
            await self._wait()

    async def _talk_nonsense(self, http: aiohttp.ClientSession) -> None:
        said = next(self._nonsense)
        opcode = Opcode.BINARY if self._random.random() < 0.1 else Opcode.TEXT
        async with dial(self._port) as peer:
            await peer.upgrade()
            await peer.send(frame(opcode, said))
            await _listen_for_a_while(peer)

    async def _attack(self, http: aiohttp.ClientSession) -> None:
        """A few at a time; in numbers they come in `tests/hostile`."""
        await next(self._attacks).run(Scene(self._port, self._random, "few"), STAY)

    async def _wait(self) -> None:
        await asyncio.sleep(self._random.uniform(0, SILENCE))

    def _namespace(self) -> str:
        return self._random.choice(self._namespaces)


def _statuses(path: str) -> tuple[int, ...]:
    """What may be answered. The viewer is there only where it was built."""
    return (404,) if "no-such" in path else (200, 404) if path == "/" else (200,)


async def _listen_for_a_while(peer: Peer) -> None:
    """Until the server closes, which it need not do: of some nonsense it only says that it is none."""
    try:
        async with asyncio.timeout(STAY):
            await peer.read_all()
    except TimeoutError:
        return
