"""Real Astrolabe processes. A fleet shares one Redis; each process reaches it through its own proxy."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from tests.support.redis_server import RedisServer, free_port


class Proxy:
    """Between one process and Redis: it may stall, which looks like a half-open connection, or cut."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def lead_to(self, target: int) -> None:
        """Connect to this port from now on, and break what leads elsewhere."""
        self._target = target
        self.cut()

    def stall(self) -> None:
        """Pass on nothing more, and close nothing."""
        self._flows.clear()

    def resume(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """Break all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def stop(self) -> None:
        self.resume()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(back)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pass_on(source, sink), name="proxy")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        self._writers.discard(sink)
        sink.transport.abort()


class Serving:
    """One process. port: where it serves. lines: what it logged.

    redis: its address or URL, for Redis mode; "" for a graph in memory.
    """

    def __init__(self, kubeconfig: str, redis: str, *args: str) -> None:
        self.port = free_port()
        self.lines: list[str] = []
        self._args = (
            *("--in-cluster=false", "--kubeconfig", kubeconfig, "--label-selector="),
            *("--host", "127.0.0.1", "--port", str(self.port), "--batch-window", "20ms"),
            *(
                ("--enable-persistence", "--redis-url" if "://" in redis else "--redis-addr", redis)
                if redis
                else ()
            ),
            *args,
        )
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._serves = asyncio.Event()

    @property
    def process(self) -> Process | None:
        return self._process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self, *, env: dict[str, str] | None = None) -> None:
        """Start it, and wait until it listens."""
        self._serves.clear()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "astrolabe.cli", *self._args),
            stderr=PIPE,
            env={**os.environ, **(env or {})},
        )
        self._reading = asyncio.create_task(self._read(self._process), name="log")
        async with asyncio.timeout(30):
            await self._serves.wait()
        assert self.running, "".join(self.lines[-20:])

    async def _read(self, process: Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self.lines.append(line.decode(errors="replace"))
            if "listening at" in self.lines[-1]:
                self._serves.set()
        self._serves.set()

    def signal(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def kill(self) -> None:
        """End it as a crash does."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """End it as Kubernetes does; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: int) -> int:
        assert self._process is not None
        self.signal(signal.SIGCONT)
        self.signal(number)
        code = await asyncio.wait_for(self._process.wait(), 15)
        if self._reading is not None:
            await self._reading
        return code

    async def health(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        """Its /health; empty when it does not answer."""
        try:
            async with session.get(f"{self.url}/health", timeout=aiohttp.ClientTimeout(1)) as answer:
                document: dict[str, Any] = await answer.json()
                return document
        except (aiohttp.ClientError, OSError, TimeoutError):
            return {}

    async def graph(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        async with session.get(f"{self.url}/api/v1/graph") as answer:
            assert answer.status == 200
            document: dict[str, Any] = await answer.json()
            return document


class Fleet:
    """The replicas, with their proxies, and what they share.

    url: where they find the Redis, when that is not by their proxies.
    """

    def __init__(self, kubeconfig: str, redis: RedisServer, size: int, url: str = "") -> None:
        self.redis = redis
        self._url = url
        self.session = aiohttp.ClientSession()
        self.proxies = [Proxy(redis.port) for _ in range(size)]
        self.replicas: list[Serving] = []
        self._kubeconfig = kubeconfig

    async def start(self) -> None:
        for proxy in self.proxies:
            await proxy.start()
            address = self._url or f"127.0.0.1:{proxy.port}"
            self.replicas.append(Serving(self._kubeconfig, address, "--snapshot-interval", "20"))
        await asyncio.gather(*[replica.start() for replica in self.replicas])

    async def stop(self) -> None:
        await asyncio.gather(*[replica.kill() for replica in self.replicas if replica.running])
        for proxy in self.proxies:
            await proxy.stop()
        await self.session.close()

    async def leader(self) -> int | None:
        """The number of the one that says it leads."""
        for number, replica in enumerate(self.replicas):
            health = await replica.health(self.session)
            if health.get("role") == "leader":
                return number
        return None

    async def agreed(
        self, seconds: float, expected: Callable[[dict[str, Any]], bool] = lambda graph: True
    ) -> dict[str, Any]:
        """Wait until all replicas are in step with one leader that is synced and serves what is expected; the
        leader's health. Watches that lost their connection take their time to come back."""
        healths: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    healths = [await replica.health(self.session) for replica in self.replicas]
                    if _agree(healths):
                        number = next(n for n, h in enumerate(healths) if h["role"] == "leader")
                        if expected(await self.replicas[number].graph(self.session)):
                            return healths[number]
                    await asyncio.sleep(0.1)
        except TimeoutError:
            shown = [{k: h.get(k) for k in ("role", "epoch", "seq", "synced", "redis")} for h in healths]
            raise AssertionError(f"they do not agree: {shown}") from None


def _agree(healths: list[dict[str, Any]]) -> bool:
    return (
        all(health.get("synced") and not health["redis"]["stale"] for health in healths)
        and len({(health["epoch"], health["seq"]) for health in healths}) == 1
        and sum(health["role"] == "leader" for health in healths) == 1
        and not any(health["redis"].get("alone") for health in healths)
    )


@asynccontextmanager
async def fleet(kubeconfig: str, redis: RedisServer, size: int, *, url: str = "") -> AsyncIterator[Fleet]:
    """So many replicas, all serving. url: see `Fleet`."""
    made = Fleet(kubeconfig, redis, size, url)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()
