"""Many clients at a cluster in motion, for a long time: `make soak MINUTES=60 CLIENTS=300 CHURN=200`.

A simulated API server and Astrolabe, as installed, run in processes of their own. The API server fails in
every way it knows, and beside the clients that follow come and go visitors of all sorts. At the end the churn
stops, every client catches up and must hold exactly what `GET /api/v1/graph` answers to its filter, and
the server's files and memory must not have grown. Prints one table; exit code 1 when that is not so.
Ctrl-C ends the churn early, and the rest goes on as at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import msgspec
import uvloop

from tests.benchmarks.marks import LABEL
from tests.benchmarks.processes import Helper, allow_many_files, helper
from tests.benchmarks.program import free_port, serving
from tests.soak.followers import Follower, create_followers
from tests.soak.samples import Sample, Samples, growth, slope
from tests.soak.visitors import Visitors

#: Resources in the cluster.
OBJECTS = 2_000
#: A machine that has other things to do may let clients wait for a minute; none is cut off for that.
PATIENT = ("--heartbeat=30s", "--request-timeout=60s", "--stall-timeout=120s")
#: How often memory is looked at, at most, and the shortest time between two looks in seconds.
LOOKS, SHORTEST_PAUSE = 200, 0.5
#: Seconds in which everyone must have caught up; who has nothing to be told hears a bookmark every 15.
PATIENCE = 60.0
#: Seconds without a change after which the cluster is at rest.
REST = 1.0
#: The memory of the last quarter may be so much that of the second, and so may the graph.
GROWTH = 1.1
#: Megabytes an hour that memory may grow by over the second half of a run of half an hour or more, in which
#: histories are full, and caches and the allocator have seen everything there is.
SLOPE, LONG = 10.0, 1800.0


class Load(msgspec.Struct, frozen=True):
    """clients: that follow. visitors, changes: a second. faults: of the API server, a minute."""

    clients: int
    visitors: float
    changes: float
    faults: float
    seconds: float
    seed: int = 1


class Result(msgspec.Struct):
    """changes: writes in the API server, deletions aside. faults: of it. seq: batches.

    events, size: what all clients heard, in number and bytes. visits: of those who come and go, by what they did.
    caught_up: seconds it took the clients at the end. files: of the server before and after them.
    wrong: what is not as it should be.
    """

    changes: int
    faults: int
    visits: Counter[str]
    seq: int
    seconds: float
    caught_up: float
    samples: list[Sample]
    files: tuple[int, int]
    events: Counter[str]
    size: int
    wrong: list[str]


class Site:
    """The two processes: `cluster` is asked to change, the server is asked what is. told: of every look."""

    def __init__(
        self,
        cluster: Helper,
        http: aiohttp.ClientSession,
        port: int,
        pid: int,
        told: Callable[[Sample], None] | None = None,
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.samples = Samples(pid)
        self._told = told
        self._cluster = cluster
        self._http = http

    async def get(self, path: str) -> Any:
        async with self._http.get(f"{self.url}{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def look(self) -> Sample:
        return self.samples.take((await self.get("/health"))["nodes"])

    async def churn(self, load: Load) -> int:
        """Change and fail so much for so long, looking at the server meanwhile; the number of writes."""
        async with asyncio.TaskGroup() as group:
            pause = max(SHORTEST_PAUSE, load.seconds / LOOKS)
            looking = group.create_task(self._look_on(pause), name="looking")
            changes: int = await asyncio.to_thread(
                self._cluster.ask,
                "churn",
                rate=load.changes,
                seconds=load.seconds,
                faults=load.faults,
                seed=load.seed,
            )
            looking.cancel()
        return changes

    async def struck(self) -> int:
        """How many faults there were."""
        count: int = await asyncio.to_thread(self._cluster.ask, "struck")
        return count

    def hurry(self) -> None:
        """End the churn now."""
        self._cluster.interrupt()

    async def settle(self) -> int:
        """Wait until the server has seen the last change; returns its seq."""
        async with asyncio.timeout(PATIENCE):
            await self._connected()
            mark = f".{await asyncio.to_thread(self._cluster.ask, 'touch')}"
            while True:
                if await self._seen(mark):
                    return await self._at_rest()
                await asyncio.sleep(0.05)

    async def _connected(self) -> None:
        """Wait until every watch has its connection again."""
        while True:
            kinds = (await self.get("/health"))["kinds"].values()
            if all(kind["state"] == "synced" and kind.get("connected", True) for kind in kinds):
                return
            await asyncio.sleep(0.1)

    async def _seen(self, mark: str) -> bool:
        graph = await self.get("/api/v1/graph?kind=ConfigMap")
        return any(node["labels"][LABEL].endswith(mark) for node in graph["nodes"])

    async def _at_rest(self) -> int:
        """The seq, once it stays: other watches may still tell what they missed."""
        seq: int = (await self.get("/health"))["seq"]
        while True:
            await asyncio.sleep(REST)
            before, seq = seq, (await self.get("/health"))["seq"]
            if seq == before:
                return seq

    async def files_back_at(self, count: int) -> int:
        """The open files of the server, once there are no more than so many, or after a while."""
        for _ in range(100):
            files = (await self.look()).files
            if files <= count:
                break
            await asyncio.sleep(0.05)
        return files

    async def _look_on(self, pause: float) -> None:
        while True:
            sample = await self.look()
            if self._told is not None:
                self._told(sample)
            await asyncio.sleep(pause)


async def soak(site: Site, load: Load) -> Result:
    """Run against a site that is synced."""
    random = Random(load.seed)
    namespaces = await site.get("/api/v1/namespaces")
    followers = create_followers(
        site.url,
        load.clients,
        namespaces=namespaces,
        releases=await site.get("/api/v1/releases"),
        random=random,
    )
    visitors = Visitors(site.port, namespaces, random)
    before = (await site.look()).files
    began = time.monotonic()
    tasks = [asyncio.create_task(follower.run(), name="follower") for follower in followers]
    visiting = asyncio.create_task(visitors.run(load.visitors), name="visitors")
    changes = await site.churn(load)
    samples = site.samples.taken[1:]
    wrong = await _send_home(visiting)
    seq, passed = await site.settle(), time.monotonic() - began
    wrong += await _finish(followers, tasks, seq)
    caught_up = time.monotonic() - began - passed
    for query in sorted({follower.query for follower in followers}):
        document = await site.get(f"/api/v1/graph?{query}&min_seq={seq}")
        wrong += [why for each in followers if each.query == query and (why := each.differs(document))]
    return Result(
        changes=changes,
        faults=await site.struck(),
        visits=visitors.counts,
        seq=seq,
        seconds=passed,
        caught_up=caught_up,
        samples=samples,
        files=(before, await site.files_back_at(before)),
        events=sum((follower.events for follower in followers), Counter()),
        size=sum(follower.size for follower in followers),
        wrong=wrong,
    )


async def _send_home(visiting: asyncio.Task[None]) -> list[str]:
    """End those who come and go; returns what they met that should not be."""
    visiting.cancel()
    (outcome,) = await asyncio.gather(visiting, return_exceptions=True)
    if isinstance(outcome, BaseExceptionGroup):
        return [f"visitor: {error!r}" for error in outcome.exceptions]
    return []


async def _finish(followers: Sequence[Follower], tasks: Sequence[asyncio.Task[None]], seq: int) -> list[str]:
    """Let everyone come to this seq; returns who failed on the way, or was cut off without a reason."""
    for follower in followers:
        follower.finish(seq)
    await asyncio.wait(tasks, timeout=PATIENCE)
    wrong = []
    for follower, task in zip(followers, tasks, strict=True):
        who = f"{follower.habit} {follower.filter}"
        if not task.done():
            task.cancel()
            wrong.append(f"{who}: at {follower.client.graph.position}, not at {seq}")
        elif (error := task.exception()) is not None:
            wrong.append(f"{who}: {error!r}")
        elif follower.habit == "steady" and follower.events["disconnected"]:
            wrong.append(f"{who}: lost its connection {follower.events['disconnected']} times")
    return wrong


def judge(result: Result) -> list[str]:
    """What is wrong, growth included."""
    wrong = list(result.wrong)
    before, after = result.files
    if after > before:
        wrong.append(f"{after} files are open, {before} were before the clients came")
    for name in ("rss", "nodes"):
        ratio = growth([getattr(sample, name) for sample in result.samples])
        if ratio > GROWTH:
            wrong.append(f"{name} has grown to {ratio:.2f} times what it was")
    if result.seconds >= LONG and (rate := slope(result.samples)) > SLOPE:
        wrong.append(f"memory grows by {rate:.0f} MB an hour")
    return wrong


def table(result: Result) -> str:
    samples, events = result.samples, result.events
    rss = [sample.rss for sample in samples]
    nodes = [float(sample.nodes) for sample in samples]
    cpu = (samples[-1].cpu - samples[0].cpu) / (samples[-1].at - samples[0].at)
    rows = {
        "changes, a second": f"{result.changes:,}, {result.changes / result.seconds:.0f}",
        "batches": f"{result.seq:,}",
        "faults of the API server": f"{result.faults:,}",
        "visitors": f"{result.visits.total():,}",
        "deltas heard, MB in all": f"{events['delta']:,}, {result.size / 1e6:,.0f}",
        "connections, resets": f"{events['connected']:,}, {events['reset']:,}",
        "all caught up after": f"{result.caught_up:.1f} s",
        "CPU of the server": f"{cpu:.0%}",
        "RSS: first, last, most": f"{rss[0]:.0f}, {rss[-1]:.0f}, {max(rss):.0f} MB",
        "RSS: last quarter against second": f"{growth(rss):.3f}×, {slope(samples):+.1f} MB an hour",
        "nodes: last quarter against second": f"{growth(nodes):.3f}×, {nodes[-1]:.0f}",
        "files: before, most, after": f"{result.files[0]}, {max(s.files for s in samples)}, {result.files[1]}",
    }
    return "\n".join(f"| {name} | {value} |" for name, value in rows.items())


@asynccontextmanager
async def started(
    objects: int, *flags: str, told: Callable[[Sample], None] | None = None
) -> AsyncIterator[Site]:
    """A site with about so many resources, synced. flags: of Astrolabe. told: of every look at it."""
    port = free_port()
    with helper("churning", str(objects)) as cluster:
        async with (
            serving(cluster.ask("site")["url"], port, flags=flags) as pid,
            # Looks are rare: a kept connection would often be closed just when it is wanted.
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http,
        ):
            yield Site(cluster, http, port, pid, told)


class Minutes:
    """Prints a line a minute."""

    def __init__(self) -> None:
        self._next = 60.0

    def tell(self, sample: Sample) -> None:
        if sample.at >= self._next:
            self._next += 60.0
            print(
                f"{sample.at / 60:4.0f} min  {sample.rss:6.1f} MB  {sample.files:4} files  "
                f"{sample.nodes:,} nodes  {sample.cpu:.0f} s of CPU",
                flush=True,
            )


async def main(given: argparse.Namespace) -> int:
    allow_many_files()
    load = Load(
        clients=given.clients,
        visitors=given.visitors,
        changes=given.churn,
        faults=given.faults,
        seconds=given.minutes * 60,
        seed=given.seed,
    )
    async with started(OBJECTS, *PATIENT, told=Minutes().tell) as site:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, site.hurry)
        result = await soak(site, load)
    wrong = judge(result)
    print(table(result))
    print("\n".join(["", *wrong]) if wrong else "All clients hold what the server does; nothing has grown.")
    if given.output is not None:
        given.output.write_bytes(msgspec.json.encode({"load": load, "result": result, "wrong": wrong}))
    return 1 if wrong else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clients", type=int, default=300, help="that follow")
    parser.add_argument("--visitors", type=float, default=4, help="that come and go, a second")
    parser.add_argument("--churn", type=float, default=200, help="changes a second")
    parser.add_argument("--faults", type=float, default=6, help="of the API server, a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="file for everything that was measured, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(uvloop.run(main(arguments())))
