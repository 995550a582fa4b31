"""Many WebSocket clients in one process that hear, count and forget, so cheaply that the server is what is
measured. `python -m tests.benchmarks.listeners` answers commands: see `Crowd`, and `processes`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import uvloop

from tests.benchmarks.marks import Sights
from tests.benchmarks.processes import allow_many_files, answer

_UPGRADE = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10

#: How many connect at a time: a burst of all would overrun the backlog.
_AT_ONCE = 100


class Crowd:
    """All clients of this process.

    snapshots, deltas: messages of these types so far; a snapshot counts when it is complete.
    """

    def __init__(self) -> None:
        self.snapshots = 0
        self.deltas = 0
        self.clients: list[Listener] = []
        self.ages: list[int] = []
        self._moved = asyncio.Event()
        self._failure = ""

    async def open(
        self,
        *,
        port: int,
        paths: list[str],
        filters: list[list[Any]],
        snapshots: int,
        tokens: list[str] | None = None,
    ) -> None:
        """Connect a client to each path, each with its token and with subscriptions to its filters beside,
        and wait until they were told so many snapshots."""
        named = tokens or [""] * len(paths)
        waited = self.snapshots + snapshots
        for start in range(0, len(paths), _AT_ONCE):
            ways = list(zip(paths, named, strict=True))[start : start + _AT_ONCE]
            part = [self._connect(port, path, token) for path, token in ways]
            self.clients += await asyncio.gather(*part)
        for client, wanted in zip(self.clients[-len(paths) :], filters, strict=False):
            for number, filter in enumerate(wanted):
                client.say({"type": "subscribe", "id": f"s{number}", "filter": filter})
        await self._until(lambda: self.snapshots >= waited)

    async def count(self, *, deltas: int) -> int:
        """How many deltas have come, once there are so many in all."""
        await self._until(lambda: self.deltas >= deltas)
        return self.deltas

    async def mark(self) -> None:
        """Begin to count who is told anything."""
        for client in self.clients:
            client.told = 0

    async def told(self, *, clients: int) -> None:
        """Wait until so many clients were told something since the mark."""
        await self._until(lambda: sum(client.told > 0 for client in self.clients) >= clients)

    async def sight(self, *, number: int, clients: int) -> None:
        """Wait until so many clients have seen the mark of this number."""
        await self._until(lambda: sum(number in client.sights for client in self.clients) >= clients)

    async def latency(self) -> dict[str, float]:
        """How old marks were when they were seen, in milliseconds; what was seen is forgotten."""
        ages, self.ages = sorted(self.ages), []
        ranks = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
        spread = {name: ages[min(len(ages) - 1, int(rank * len(ages)))] / 1e6 for name, rank in ranks.items()}
        return {"seen": len(ages), **spread}

    def take(self, client: Listener, text: bytes, now: int) -> None:
        """A message came in. now: nanoseconds."""
        start = text[:20]
        if start.startswith(b'{"type":"delta"'):
            self.deltas += 1
            client.told += 1
            self.ages += client.sights.ages(text, now)
        elif start.startswith(b'{"type":"snapshot"'):
            self.snapshots += b'"last":true' in text[:200]
            client.told += 1
            client.sights.ages(text, now)
        self._moved.set()

    def fail(self, why: str) -> None:
        """A client was cut off: whoever waits is told so."""
        self._failure = why
        self._moved.set()

    async def _connect(self, port: int, path: str, token: str) -> Listener:
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: Listener(self, path, token), "127.0.0.1", port)
        await client.open
        return client

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            assert not self._failure, self._failure
            self._moved.clear()
            await self._moved.wait()


class Listener(asyncio.Protocol):
    """One client. open: done when its handshake is. sights: the marks it has seen. told: how often."""

    def __init__(self, crowd: Crowd, path: str, token: str = "") -> None:
        self.told = 0
        self.open = asyncio.get_running_loop().create_future()
        self.sights = Sights()
        self._crowd = crowd
        self._path = path
        self._headers = f"Authorization: Bearer {token}\r\n" if token else ""
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(_UPGRADE.format(self._path, self._headers).encode())

    def connection_lost(self, error: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(error or ConnectionResetError())
        self._crowd.fail(f"{self._path} was cut off: {error}")

    def say(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._send(_TEXT, json.dumps(message).encode())

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self._rest + data
        at = 0
        if not self.open.done():
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.open.set_result(None)
        while (frame := _frame(data, at)) is not None:
            opcode, start, at = frame
            self._take(opcode, data[start:at], now)
        self._rest = data[at:]

    def _take(self, opcode: int, payload: bytes, now: int) -> None:
        if opcode == _TEXT:
            self._crowd.take(self, payload, now)
        elif opcode == _PING:
            self._send(_PONG, payload)
        elif opcode == _CLOSE:
            self._crowd.fail(f"{self._path} was closed: {payload!r}")

    def _send(self, opcode: int, payload: bytes) -> None:
        """A short frame, masked with zeros, which leave it as it is."""
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(bytes([0x80 | opcode]) + length + bytes(4) + payload)


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """(opcode, start, end) of the payload of an unmasked frame; None when it is not complete."""
    start = at + 2
    if len(data) < start:
        return None
    size = data[at + 1]
    if size >= 126:
        width = 2 if size == 126 else 8
        size = int.from_bytes(data[start : start + width], "big")
        start += width
    return (data[at] & 0x0F, start, start + size) if len(data) >= start + size else None


async def main() -> None:
    allow_many_files()
    crowd = Crowd()
    await answer(
        {
            "open": crowd.open,
            "count": crowd.count,
            "mark": crowd.mark,
            "told": crowd.told,
            "sight": crowd.sight,
            "latency": crowd.latency,
        }
    )


if __name__ == "__main__":
    uvloop.run(main())
