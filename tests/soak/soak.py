"""Many clients at a cluster in motion, for a long time: `make soak MINUTES=10 CLIENTS=300 CHURN=200`.

A simulated API server and Astrolabe, as installed, run in processes of their own. At the end the churn
stops, every client catches up and must hold exactly what `GET /api/v1/graph` answers to its filter, and
the server's files and memory must not have grown. Prints one table; exit code 1 when that is not so.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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

#: Resources in the cluster.
OBJECTS = 2_000
#: How often memory is looked at, at most, and the shortest time between two looks in seconds.
LOOKS, SHORTEST_PAUSE = 200, 0.5
#: Seconds in which everyone must have caught up; who has nothing to be told hears a bookmark every 15.
PATIENCE = 60.0
#: The memory of the last quarter may be so much that of the second, and so may the graph.
GROWTH = 1.1


class Result(msgspec.Struct):
    """changes: writes in the API server, deletions aside. seq: batches.

    events, size: what all clients heard, in number and bytes. caught_up: seconds it took them at the end.
    files: of the server before and after the clients. wrong: what is not as it should be.
    """

    changes: int
    seq: int
    seconds: float
    caught_up: float
    samples: list[Sample]
    files: tuple[int, int]
    events: Counter[str]
    size: int
    wrong: list[str]


class Site:
    """The two processes: `cluster` is asked to change, the server at `url` is asked what is."""

    def __init__(self, cluster: Helper, http: aiohttp.ClientSession, url: str, pid: int) -> None:
        self.url = url
        self.samples = Samples(pid)
        self._cluster = cluster
        self._http = http

    async def get(self, path: str) -> Any:
        async with self._http.get(f"{self.url}{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def look(self) -> Sample:
        return self.samples.take((await self.get("/health"))["nodes"])

    async def churn(self, *, rate: float, seconds: float) -> int:
        """Change so much for so long, looking at the server meanwhile; returns how many writes there were."""
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._look_on(max(SHORTEST_PAUSE, seconds / LOOKS)), name="looking")
            changes: int = await asyncio.to_thread(self._cluster.ask, "churn", rate=rate, seconds=seconds)
            looking.cancel()
        return changes

    async def settle(self) -> int:
        """Wait until the server has seen the last change; returns its seq."""
        mark = f".{await asyncio.to_thread(self._cluster.ask, 'touch')}"
        async with asyncio.timeout(PATIENCE):
            while True:
                graph = await self.get("/api/v1/graph?kind=ConfigMap")
                if any(node["labels"][LABEL].endswith(mark) for node in graph["nodes"]):
                    seq: int = graph["seq"]
                    return seq
                await asyncio.sleep(0.05)

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
            await self.look()
            await asyncio.sleep(pause)


async def soak(site: Site, *, clients: int, rate: float, seconds: float, seed: int) -> Result:
    """Run against a site that is synced."""
    followers = create_followers(
        site.url,
        clients,
        namespaces=await site.get("/api/v1/namespaces"),
        releases=await site.get("/api/v1/releases"),
        random=Random(seed),
    )
    before = (await site.look()).files
    began = time.monotonic()
    tasks = [asyncio.create_task(follower.run(), name="follower") for follower in followers]
    changes = await site.churn(rate=rate, seconds=seconds)
    samples = site.samples.taken[1:]
    seq, passed = await site.settle(), time.monotonic() - began
    wrong = await _finish(followers, tasks, seq)
    caught_up = time.monotonic() - began - passed
    for query in sorted({follower.query for follower in followers}):
        document = await site.get(f"/api/v1/graph?{query}&min_seq={seq}")
        wrong += [why for each in followers if each.query == query and (why := each.differs(document))]
    return Result(
        changes=changes,
        seq=seq,
        seconds=passed,
        caught_up=caught_up,
        samples=samples,
        files=(before, await site.files_back_at(before)),
        events=sum((follower.events for follower in followers), Counter()),
        size=sum(follower.size for follower in followers),
        wrong=wrong,
    )


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
    return wrong


def table(result: Result) -> str:
    samples, events = result.samples, result.events
    rss = [sample.rss for sample in samples]
    nodes = [float(sample.nodes) for sample in samples]
    cpu = (samples[-1].cpu - samples[0].cpu) / (samples[-1].at - samples[0].at)
    rows = {
        "changes, a second": f"{result.changes:,}, {result.changes / result.seconds:.0f}",
        "batches": f"{result.seq:,}",
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
async def started(objects: int, *flags: str) -> AsyncIterator[Site]:
    """A site with about so many resources, synced. flags: of Astrolabe."""
    port = free_port()
    with helper("churning", str(objects)) as cluster:
        async with (
            serving(cluster.ask("site")["url"], port, flags=flags) as pid,
            aiohttp.ClientSession() as http,
        ):
            yield Site(cluster, http, f"http://127.0.0.1:{port}", pid)


async def main(given: argparse.Namespace) -> int:
    allow_many_files()
    async with started(OBJECTS) as site:
        seconds = given.minutes * 60
        result = await soak(site, clients=given.clients, rate=given.churn, seconds=seconds, seed=given.seed)
    wrong = judge(result)
    print(table(result))
    print("\n".join(["", *wrong]) if wrong else "All clients hold what the server does; nothing has grown.")
    return 1 if wrong else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=300)
    parser.add_argument("--churn", type=float, default=200, help="changes a second")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(uvloop.run(main(arguments())))
