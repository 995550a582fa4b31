"""Many clients at a cluster in motion, for a long time: `make soak MINUTES=60 CLIENTS=100 CHURN=200 FAULTS=6`.

A simulated API server and Astrolabe, as installed, run in processes of their own. The API server fails in
every way it knows, and beside the clients that follow come and go visitors of all sorts. At the end the churn
stops, the server must hold what the cluster is, every client catches up and must hold exactly what
`GET /api/v1/graph` answers to its filter, and the server's memory, files and objects must not have grown.
Prints a line a minute and one table; exit code 1 when that is not so. Ctrl-C ends the churn early, and the rest
goes on as at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import msgspec
import uvloop

from tests.benchmarks.processes import allow_many_files
from tests.soak.followers import Follower, create_followers
from tests.soak.result import Result, judge, table
from tests.soak.samples import Sample
from tests.soak.site import Load, Site, started
from tests.soak.visitors import Visitors

#: Resources in the cluster.
OBJECTS = 2_000
#: Seconds in which everyone must have caught up; who has nothing to be told hears a bookmark every 15.
PATIENCE = 60.0
#: Seconds between two looks at the clock, see `Clock`.
TICK = 0.5
#: A full collection looks at everything that all clients hold, and comes often by default.
GC_THRESHOLDS = (10_000, 20, 100)


class Clock:
    """standstill: seconds for which this process did nothing, at most."""

    def __init__(self) -> None:
        self.standstill = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            self.standstill = max(self.standstill, time.monotonic() - before - TICK)


async def soak(site: Site, load: Load) -> Result:
    """Run against a site that is synced."""
    random = Random(load.seed)
    namespaces = await site.get("/api/v1/namespaces")
    releases = await site.get("/api/v1/releases")
    followers = create_followers(
        site.url, load.clients, namespaces=namespaces, releases=releases, random=random
    )
    visitors, clock = Visitors(site.port, namespaces, random), Clock()
    objects, files = await site.count(), (await site.look()).files
    began = time.monotonic()
    async with _beside(clock):
        tasks = [asyncio.create_task(follower.run(), name="follower") for follower in followers]
        visiting = asyncio.create_task(visitors.run(load.visitors), name="visitors")
        upheaval = await site.churn(load)
        samples, passed = site.samples.taken[1:], time.monotonic() - began
        wrong = await _send_home(visiting)
        seq, settled = await site.settle(), time.monotonic()
        wrong += await _finish(followers, tasks, seq)
        caught_up = time.monotonic() - settled
    for query in sorted({follower.query for follower in followers}):
        document = await site.get(f"/api/v1/graph?{query}&min_seq={seq}")
        wrong += [why for each in followers if each.query == query and (why := each.differs(document))]
    return Result(
        upheaval=upheaval,
        visits=visitors.counts,
        turned_away=visitors.turned_away,
        seq=seq,
        seconds=passed,
        caught_up=caught_up,
        samples=samples,
        files=(files, await site.files_back_at(files)),
        links=site.samples.taken[-1].links,
        objects=(objects, await site.count()),
        events=sum((follower.events for follower in followers), Counter()),
        size=sum(follower.size for follower in followers),
        cut=[str(each) for each in followers if each.habit == "steady" and each.events["disconnected"]],
        standstill=clock.standstill,
        wrong=wrong,
    )


@asynccontextmanager
async def _beside(clock: Clock) -> AsyncIterator[None]:
    task = asyncio.create_task(clock.run(), name="clock")
    try:
        yield
    finally:
        task.cancel()


async def _send_home(visiting: asyncio.Task[None]) -> list[str]:
    """End those who come and go; returns what they met that should not be."""
    visiting.cancel()
    (outcome,) = await asyncio.gather(visiting, return_exceptions=True)
    if isinstance(outcome, BaseExceptionGroup):
        return [f"visitor: {error!r}" for error in outcome.exceptions]
    return []


async def _finish(followers: Sequence[Follower], tasks: Sequence[asyncio.Task[None]], seq: int) -> list[str]:
    """Let everyone come to this seq; returns who failed on the way."""
    for follower in followers:
        follower.finish(seq)
    await asyncio.wait(tasks, timeout=PATIENCE)
    wrong = []
    for follower, task in zip(followers, tasks, strict=True):
        if not task.done():
            task.cancel()
            wrong.append(f"{follower}: at {follower.client.graph.position}, not at {seq}")
        elif (error := task.exception()) is not None:
            wrong.append(f"{follower}: {error!r}")
    return wrong


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
    gc.set_threshold(*GC_THRESHOLDS)
    load = Load(
        clients=given.clients,
        visitors=given.visitors,
        changes=given.churn,
        faults=given.faults,
        seconds=given.minutes * 60,
        seed=given.seed,
    )
    async with started(OBJECTS, redis=given.redis, told=Minutes().tell) as site:
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
    parser.add_argument("--clients", type=int, default=100, help="that follow")
    parser.add_argument("--visitors", type=float, default=4, help="that come and go, a second")
    parser.add_argument("--churn", type=float, default=200, help="changes a second")
    parser.add_argument("--faults", type=float, default=6, help="of the API server, a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--redis", action="store_true", help="keep the graph in one, which crashes now and then"
    )
    parser.add_argument("--output", type=Path, help="file for everything that was measured, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(uvloop.run(main(arguments())))
