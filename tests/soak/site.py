"""The systems under test: a simulated API server and Astrolabe, in separate processes."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec

from tests.benchmarks.processes import Helper, helper
from tests.benchmarks.program import serving
from tests.soak import insight
from tests.soak.samples import Sample, Samples
from tests.support.cluster import followed
from tests.support.redis_server import RedisServer, free_port, redis_server

#: How often memory is looked at, at most, and the shortest time between two looks in seconds.
LOOKS, SHORTEST_PAUSE = 200, 0.5
#: How often a look is tried that fails because this process is held up, and seconds in between.
TRIES, PAUSE = 5, 0.2
#: Seconds for which Redis is away, at most.
AWAY = 3.0
#: Seconds in which the server must hold what the cluster is. Who was told that a kind is forbidden asks again
#: after up to 90, and then may have to list.
PATIENCE = 180.0
#: Seconds after which a connection whose peer is gone without a word is found out by its heartbeat, and more.
SILENCE = 60.0


class Load(msgspec.Struct, frozen=True):
    """clients: that follow. visitors, changes: a second. faults: of the API server, a minute.

    without: names of faults that there are none of. crashes: of Redis, a minute, where there is one.
    """

    clients: int
    visitors: float
    changes: float
    faults: float
    seconds: float
    seed: int = 1
    without: tuple[str, ...] = ()
    crashes: float = 1.0


class Upheaval(msgspec.Struct, frozen=True):
    """What happened in the API server. changes: writes, deletions aside. faults: how often there was which."""

    changes: int
    faults: dict[str, int]


class Site:
    """The two processes: `cluster` is asked to change, the server is asked what is. told: of every look."""

    def __init__(
        self,
        cluster: Helper,
        http: aiohttp.ClientSession,
        *,
        port: int,
        pid: int,
        inside: Path,
        redis: RedisServer | None,
        told: Callable[[Sample], None],
        scheme: str = "http",
        token: str = "",
    ) -> None:
        """token: for the API server, where it wants one."""
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.samples = Samples(pid, redis=redis.port if redis is not None else 0)
        self._token = token
        self._inside = inside
        self._redis = redis
        self._told = told
        self._cluster = cluster
        self._http = http

    async def get(self, path: str) -> Any:
        for _ in range(TRIES):
            try:
                async with self._http.get(f"{self.url}{path}") as answer:
                    assert answer.status == 200, await answer.text()
                    return await answer.json()
            except aiohttp.ClientConnectionError:  # this process was slower to ask than the server waits
                await asyncio.sleep(PAUSE)
        raise AssertionError(f"no answer to {path}")

    async def look(self) -> Sample:
        return self.samples.take((await self.get("/health"))["nodes"])

    async def count(self) -> Counter[str]:
        """The objects that live in the server, by type: see `insight`."""
        return await insight.ask(self._inside)

    async def churn(self, load: Load) -> Upheaval:
        """Change and fail so much for so long, looking at the server meanwhile."""
        async with asyncio.TaskGroup() as group:
            pause = max(SHORTEST_PAUSE, load.seconds / LOOKS)
            beside = [group.create_task(self._look_on(pause), name="looking")]
            if self._redis is not None:
                beside.append(group.create_task(crash_on(self._redis, load), name="crashing"))
            happened = await self._ask(
                "fail",
                rate=load.changes,
                seconds=load.seconds,
                faults=load.faults,
                seed=load.seed,
                without=load.without,
            )
            for task in beside:
                task.cancel()
        return msgspec.convert(happened, Upheaval)

    def hurry(self) -> None:
        """End the churn now."""
        self._cluster.interrupt()

    async def settle(self) -> int:
        """Wait until the server holds what the cluster is, now that nothing changes any more; returns its seq.

        Raises AssertionError when it does not come to that.
        """
        nodes, edges = await self._truth()
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    graph = await self.get("/api/v1/graph")
                    wrong = _missing(nodes, {each["uid"]: each for each in graph["nodes"]}) + _missing(
                        edges,
                        {(each["type"], each["from"], each["to"]): each["field"] for each in graph["edges"]},
                    )
                    if not wrong:
                        return int(graph["seq"])
                    await asyncio.sleep(1.0)
        except TimeoutError as error:
            raise AssertionError(f"{wrong} nodes and edges are not as in the cluster") from error

    async def _truth(self) -> tuple[dict[str, Any], dict[Any, Any]]:
        """Nodes and edges of the cluster, by somebody who has just listed it."""
        site = await self._ask("site")
        async with followed(site["url"], token=self._token) as run:
            await run.readiness.wait()
            return (
                {node.uid: node.document() for node in run.graph.nodes.values()},
                {edge.key: list(edge.field) for edge in run.graph.edges()},
            )

    async def files_back_at(self, count: int) -> int:
        """The open files of the server, once there are no more than so many, or after a while: see `Sample`."""
        files = (await self.look()).files
        try:
            async with asyncio.timeout(SILENCE):
                while files > count:
                    await asyncio.sleep(0.1)
                    files = (await self.look()).files
        except TimeoutError:
            pass
        return files

    async def _ask(self, command: str, **options: Any) -> Any:
        return await asyncio.to_thread(self._cluster.ask, command, **options)

    async def _look_on(self, pause: float) -> None:
        while True:
            self._told(await self.look())
            await asyncio.sleep(pause)


async def crash_on(redis: RedisServer, load: Load) -> None:
    """Let Redis crash again and again, and come back with what it has on its disk. Until cancelled."""
    random = Random(load.seed)
    while True:
        await asyncio.sleep(random.expovariate(load.crashes / 60))
        redis.kill()
        try:
            await asyncio.sleep(random.uniform(0, AWAY))
        finally:
            redis.start()


def _missing(wanted: dict[Any, Any], held: dict[Any, Any]) -> int:
    return sum(held.get(key) != wanted.get(key) for key in {*held, *wanted})


@asynccontextmanager
async def started(
    objects: int, *flags: str, redis: bool = False, told: Callable[[Sample], None] = lambda _: None
) -> AsyncIterator[Site]:
    """A site with about so many resources, synced.

    flags: of Astrolabe. redis: whether it keeps its graph in one, which crashes now and then. told: of every
    look at Astrolabe.
    """
    port = free_port()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(helper("churning", str(objects)))
        server = stack.enter_context(redis_server(folder)) if redis else None
        if server is not None:
            flags = (*flags, "--enable-persistence", f"--redis-addr={server.address}")
        inside = folder / "insight"
        program = (sys.executable, "-m", "tests.soak.insight", str(inside))
        pid = await stack.enter_async_context(
            serving(cluster.ask("site")["url"], port, flags=flags, program=program)
        )
        # Looks are rare: a kept connection would often be closed just when it is wanted.
        connector = aiohttp.TCPConnector(force_close=True)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield Site(cluster, http, port=port, pid=pid, inside=inside, redis=server, told=told)
