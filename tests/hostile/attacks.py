"""What those do who mean harm, or know no better. Each attack is bounded in number and in time.

An attack ends by itself when its time is over. What the server answers is its own affair, also that it closes a
connection: judged is what becomes of everyone else, see `siege`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from itertools import cycle
from random import Random
from ssl import SSLContext
from typing import Any, Literal, Protocol
from urllib.parse import quote

from websockets.frames import Opcode

from tests.support.raw import UPGRADE, Peer, dial, frame
from tests.support.raw_tls import dial_tls

STREAM = "/api/v1/ws?subscribe=false"
#: How many are hardly any.
FEW = 4
#: Bytes of heads of requests that no server should read, and of messages.
LARGE = 1 << 20


Crowd = Literal["full", "quick", "few"]


class LogReader(Protocol):
    """Who reads the log of the server."""

    def stall(self) -> None: ...
    def go_on(self) -> None: ...


@dataclass(frozen=True)
class Scene:
    """Where an attack takes place. crowd: in full number, as many as a quick test can afford, or hardly any.

    log: None where its reader is not to stall. nest: puts an object into the cluster that is nested so deep;
    None where that is left alone. tls: whom attackers trust who speak it. header: by which the first one is let in.
    """

    port: int
    random: Random
    crowd: Crowd
    log: LogReader | None = None
    nest: Callable[[int], Awaitable[None]] | None = None
    tls: SSLContext | None = None
    header: str = ""

    def size(self, full: int, small: int) -> int:
        return {"full": full, "quick": small, "few": FEW}[self.crowd]

    def dial(self) -> AbstractAsyncContextManager[Peer]:
        return dial(self.port) if self.tls is None else dial_tls(self.port, self.tls)

    async def is_open(self) -> bool:
        """Whether attackers get past the door, so that what they do is tried at all."""
        async with self.dial() as peer:
            await peer.ask("/api/v1/kinds", f"Connection: close\r\n{self.header}")
            return (await peer.read_all()).startswith(b"HTTP/1.1 200")

    async def by_many(self, number: int, what: Callable[[Peer, int], Coroutine[Any, Any, None]]) -> None:
        """Let so many connections do something at once. That the server refuses or closes one is no fault."""

        async def one(index: int) -> None:
            with suppress(OSError, EOFError):
                async with self.dial() as peer:
                    await what(peer, index)

        async with asyncio.TaskGroup() as group:
            for index in range(number):
                group.create_task(one(index), name="attacker")


class Attack(Protocol):
    """name: for the table. seconds: that it lasts, at least, when small; it is ended after three times as long."""

    name: str
    seconds: float

    async def run(self, scene: Scene, seconds: float) -> None:
        """Attack for about so long."""


class Nobody:
    """No attack: what the others are to be compared with."""

    name, seconds = "nobody attacks", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        await asyncio.sleep(seconds)


class UnreadGraphs:
    name, seconds = "unread GETs of the graph", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        async def ask(peer: Peer, _: int) -> None:
            await peer.ask("/api/v1/graph", "")
            await asyncio.sleep(seconds)

        await scene.by_many(scene.size(400, 150), ask)


class UnreadStreams:
    name, seconds = "unread streams", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        async def ask(peer: Peer, number: int) -> None:
            path, headers = ("/api/v1/ws", UPGRADE) if number % 4 == 0 else ("/api/v1/events", "")
            await peer.ask(path, headers)
            await asyncio.sleep(seconds)

        await scene.by_many(scene.size(1000, 200), ask)


class LargeFilters:
    """The largest that are accepted, and those beyond, in URLs and in messages."""

    name, seconds = "large filters", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        accepted = ",".join(f"k{number}!=v{scene.random.randrange(1000)}" for number in range(60))
        url = ",".join(f"!k{number}" for number in range(900))
        beyond = ",".join(f"!{number}" for number in range(9_000))
        values = ",".join(f"v{number}" for number in range(8_000))
        selectors = (accepted, beyond, f"a in ({values})", f"a notin ({values})", ",".join(["!a"] * 21_000))

        async def ask(peer: Peer, number: int) -> None:
            if number % 2:
                selector = (accepted, url)[number // 2 % 2]
                await peer.ask(f"/api/v1/graph?selector={quote(selector)}", "Connection: close\r\n")
                await peer.read_all()
                return
            await peer.upgrade(STREAM)
            async with asyncio.timeout(seconds):
                for id, selector in enumerate(selectors):
                    await peer.send(_subscribe(str(id), selector))
                    await peer.read()
                await peer.read_all()

        await scene.by_many(scene.size(40, 10), ask)


class NegativeSelectors:
    """Ten connections with as many filters as they may have, of which each holds nearly all."""

    name, seconds = "10 x 32 negative selectors", 3.0

    async def run(self, scene: Scene, seconds: float) -> None:
        async def follow(peer: Peer, number: int) -> None:
            await peer.upgrade(STREAM)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    for id in range(32):
                        await peer.send(_subscribe(str(id), f"zzz!=v{number * 32 + id}"))
                    await peer.read_all()

        await scene.by_many(10, follow)


class ManyFilters:
    name, seconds = "100 GETs with 100 filters", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        async def ask(peer: Peer, number: int) -> None:
            async with asyncio.timeout(2 * seconds):
                await peer.ask(f"/api/v1/graph?selector=zzz!%3Dv{number}", "Connection: close\r\n")
                await peer.read_all()

        await scene.by_many(100, ask)


class Queries:
    """Queries that ask for all that the limits allow, and such as the limits refuse."""

    name, seconds = "40 with GraphQL queries", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        node = "uid name status reason message metadata labels"
        asked = (
            f"{{nodes(first: 1000) {{nodes {{{node} owner {{{node}}}}}}}}}",
            f"{{nodes(first: 300) {{nodes {{{node} usedBy(first: 50) {{nodes {{name}}}}}}}}}}",
            "{" + " ".join(f"a{n}: edges(first: 100) {{nodes {{from}}}}" for n in range(25)) + "}",
            "{nodes {nodes {" + " name" * 280 + "}}}",
            "{nodes {nodes {" + " ... on Pod {name details {nodeName}}" * 70 + "}}}",
            "{__schema {types {name description fields {name description args {name type {name}}}}}}",
            "{nodes {nodes" + "{owner" * 2000 + "}" * 2000,
            "{...A} fragment A on Query {...B} fragment B on Query {...A}",
        )

        async def ask(peer: Peer, number: int) -> None:
            body = json.dumps({"query": asked[number % len(asked)]}).encode()
            head = f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            end = b"Content-Type: application/json\r\nConnection: close\r\n\r\n"
            async with asyncio.timeout(4 * seconds):
                await peer.send(head.encode() + end + body)
                await peer.read_all()

        await scene.by_many(scene.size(40, 16), ask)


class DeepObject:
    """One object of the cluster is nested deeper than anybody means it."""

    name, seconds = "an object nested 100,000 deep", 1.0

    async def run(self, scene: Scene, seconds: float) -> None:
        assert scene.nest is not None
        await scene.nest(100_000)
        await asyncio.sleep(seconds)


class SlowReaders:
    """From nothing at all to 10 KB a second."""

    name, seconds = "slow readers", 3.0

    async def run(self, scene: Scene, seconds: float) -> None:
        rates = (0, 1, 100, 10_000)
        paths = (
            ("/api/v1/graph", ""),
            ("/api/v1/events", ""),
            ("/api/v1/ws", UPGRADE),
            ("/api/v1/resources", ""),
        )

        async def read(peer: Peer, number: int) -> None:
            rate, (path, headers) = rates[number % 4], paths[number // 4 % 4]
            await peer.ask(path, headers)
            for _ in range(int(seconds * 4)):
                await asyncio.sleep(0.25)
                if rate and not await peer.read(max(1, rate // 4)):
                    return

        await scene.by_many(scene.size(256, 64), read)


class HalfRequests:
    """Requests that never end, a byte at a time."""

    name, seconds = "half requests", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        request = f"GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}X-Slow: {'x' * 1000}".encode()

        async def send(peer: Peer, _: int) -> None:
            at = scene.random.randrange(len(request) - 20)
            await peer.send(request[:at])
            for _ in range(int(seconds * 5)):
                await asyncio.sleep(0.2)
                await peer.send(request[at : at + 1])
                at += 1

        await scene.by_many(scene.size(1000, 200), send)


class ConnectionFlood:
    """Connections that are cut as soon as they have asked for something."""

    name, seconds = "connection flood", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        paths = cycle(
            (("/api/v1/graph", ""), ("/health", ""), ("/api/v1/ws", UPGRADE), ("/api/v1/events", ""))
        )

        async def ask(peer: Peer, _: int) -> None:
            await peer.ask(*next(paths))
            peer.reset()

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for _ in range(scene.size(400, 10)):
                    await scene.by_many(50, ask)


class LargeHeads:
    name, seconds = "large heads", 1.0

    async def run(self, scene: Scene, seconds: float) -> None:
        heads = (
            f"GET /{'x' * LARGE} HTTP/1.1\r\n",
            f"GET / HTTP/1.1\r\nX-Large: {'x' * LARGE}\r\n\r\n",
            "GET / HTTP/1.1\r\n" + "".join(f"X-{number}: x\r\n" for number in range(LARGE // 12)),
            f"POST /api/v1/graph HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 40}\r\n\r\n{'x' * LARGE}",
        )

        async def send(peer: Peer, number: int) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await peer.send(heads[number % 4].encode())
                    await peer.read_all()

        await scene.by_many(scene.size(200, 40), send)


class MessageFlood:
    """Whatever may be said on a WebSocket, as fast as it is taken."""

    name, seconds = "message flood", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        async def say(peer: Peer, number: int) -> None:
            await peer.upgrade(STREAM)
            said = (
                frame(Opcode.PING, b"x" * 125),
                frame(Opcode.TEXT, b'{"type":"ping"}'),
                frame(Opcode.TEXT, b"[" * 60_000),
                _subscribe("a", f"zzz!=v{number}"),
                frame(Opcode.TEXT, b'{"type":"unsubscribe","id":"a"}'),
                frame(Opcode.TEXT, b"", fin=False) + frame(Opcode.CONT, b"", fin=False) * 100,
            )[number % 6]
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    for _ in range(10_000):
                        await peer.send(said * (4 if len(said) > 5000 else 50))
                        await asyncio.sleep(0)

        await scene.by_many(scene.size(60, 12), say)


class LargeMessages:
    """Messages that are larger than may be sent, or say so, or never end."""

    name, seconds = "large messages", 1.0

    async def run(self, scene: Scene, seconds: float) -> None:
        said = (
            b"\x81\xff" + (1 << 62).to_bytes(8, "big") + b"mask" + b"x" * LARGE,
            frame(Opcode.TEXT, b'{"type":"subscribe","id":"' + b"x" * LARGE + b'"}'),
            frame(Opcode.TEXT, b"x" * 60_000, fin=False) + frame(Opcode.CONT, b"x" * 60_000, fin=False) * 20,
            _subscribe("a", "x" * 60_000),
        )

        async def say(peer: Peer, number: int) -> None:
            await peer.upgrade(STREAM)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await peer.send(said[number % 4])
                    await peer.read_all()

        await scene.by_many(scene.size(200, 40), say)


class LogFlood:
    """Requests that are none, and much that is logged, while nobody reads it."""

    name, seconds = "log flood, unread", 2.0

    async def run(self, scene: Scene, seconds: float) -> None:
        lines = (
            "GET \\ HTTP/1.1",
            "GET /\x1b[2J HTTP/1.1",
            "\x00\x01\x02",
            "GET / HTTP/9.9",
            "GET /%ff%0a HTTP/1.1",
        )

        async def ask(peer: Peer, number: int) -> None:
            await peer.send(f"{lines[number % len(lines)]}\r\nHost: \x1b]0;x\x07\r\n\r\n".encode())
            peer.end()
            await peer.read_all()

        assert scene.log is not None
        scene.log.stall()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    for _ in range(scene.size(200, 40)):
                        await scene.by_many(25, ask)
        finally:
            scene.log.go_on()


#: Those that nobody else notices.
ATTACKS: tuple[Attack, ...] = (
    UnreadGraphs(),
    UnreadStreams(),
    LargeFilters(),
    DeepObject(),
    SlowReaders(),
    HalfRequests(),
    ConnectionFlood(),
    LargeHeads(),
    MessageFlood(),
    LargeMessages(),
    LogFlood(),
    NegativeSelectors(),
    ManyFilters(),
    Queries(),
)


#: Of these some may come to any server at any time.
USUAL: tuple[Attack, ...] = (
    UnreadGraphs(),
    UnreadStreams(),
    NegativeSelectors(),
    LargeFilters(),
    SlowReaders(),
    HalfRequests(),
    ConnectionFlood(),
    LargeHeads(),
    MessageFlood(),
    LargeMessages(),
)


class AllAtOnce:
    """Several attacks at the same time."""

    seconds = 4.0

    def __init__(self, name: str, attacks: Sequence[Attack]) -> None:
        self.name = name
        self._attacks = attacks

    async def run(self, scene: Scene, seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            for attack in self._attacks:
                group.create_task(attack.run(scene, seconds), name=attack.name)


EVERYTHING = AllAtOnce("all of these at once", ATTACKS)


def _subscribe(id: str, selector: str) -> bytes:
    message = {"type": "subscribe", "id": id, "filter": {"selector": selector}}
    return frame(Opcode.TEXT, json.dumps(message).encode())
