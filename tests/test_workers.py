"""`--workers N` as a person runs it: processes of one machine that serve one port."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil

from astrolabe.sim.cluster.generator import load
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.fleet import Serving
from tests.support.redis_server import redis_server
from tests.support.serving import eventually


async def test_workers_serve_one_port_and_one_of_them_leads(tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, 0.001, seed=1)
    with redis_server(tmp_path) as redis:
        async with Simulator(store) as simulator:
            with kubeconfig_file(simulator.url) as kubeconfig:
                serving = Serving(kubeconfig, redis.address, "--workers=2")
                await serving.start()
                try:
                    await follow_the_workers(serving)
                finally:
                    if serving.running:
                        await serving.kill()


async def follow_the_workers(serving: Serving) -> None:
    assert serving.process is not None
    parent = psutil.Process(serving.process.pid)
    assert await roles(serving) == {"leader", "follower"}
    first = workers(parent)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    await eventually(lambda: len(workers(parent)) == 2 and first[0] not in workers(parent))
    alive = workers(parent)
    assert await serving.stop() == 0
    assert any("was ended by SIGKILL; restarting it" in line for line in serving.lines)
    assert [pid for pid in {*first, *alive} if psutil.pid_exists(pid)] == []


def workers(parent: psutil.Process) -> list[int]:
    """The processes that serve, and not the one that multiprocessing has beside them."""
    found = []
    for each in parent.children():
        with suppress(psutil.Error):  # it has just ended
            if "spawn_main" in " ".join(each.cmdline()):
                found.append(each.pid)
    return found


async def roles(serving: Serving) -> set[str]:
    """The roles of those who answer, once there are two that are in step."""
    seen: set[str] = set()
    async with asyncio.timeout(30):
        while len(seen) < 2:
            async with aiohttp.ClientSession() as session:  # each connection is given to one of them
                health = await serving.health(session)
            if health.get("synced"):
                seen.add(health["role"])
            await asyncio.sleep(0.02)
    return seen
