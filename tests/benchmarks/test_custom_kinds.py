"""26, 29: what custom kinds take: memory of idle ones, a start with many objects, a start without any."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from astrolabe.sim.definitions import crd
from astrolabe.sim.server import Simulator
from tests.benchmarks.program import serving
from tests.benchmarks.report import SLACK, is_full, report, size
from tests.support.redis_server import free_port
from tests.support.simulated import generated

#: Megabytes for 200 kinds.
BUDGET = 20.0
#: Seconds after which a server that has started is at rest.
REST = 4.0


async def memory(kinds: int) -> float:
    """Megabytes that the server takes beside a cluster with so many custom kinds."""
    async with Simulator() as simulator:
        for number in range(kinds):
            column = {"name": "Size", "type": "integer", "jsonPath": f".spec.size{number % 20}"}
            simulator.store.define(crd(f"Thing{number}", f"g{number % 20}.example.com", columns=(column,)))
        async with serving(simulator.url, free_port()) as pid:
            async with asyncio.timeout(60):
                custom = [f"Thing{number}.g{number % 20}.example.com" for number in range(kinds)]
                await simulator.request_log.until(
                    lambda requests: all(requests.open_watches[kind] for kind in custom)
                )
            await asyncio.sleep(REST)
            (line,) = [
                line
                for line in Path(f"/proc/{pid}/status").read_text().splitlines()  # noqa: ASYNC240  # of the kernel
                if line.startswith("VmRSS")
            ]
            return int(line.split()[1]) / 1024


@pytest.mark.bench
async def test_memory_of_custom_kinds_without_objects() -> None:
    kinds = size(200, 100)
    budget = BUDGET * kinds / 200
    megabytes = await memory(kinds) - await memory(0)
    report(
        26,
        f"RSS of {kinds} custom kinds, idle",
        f"{megabytes:.1f} MB",
        f"≤ {budget:.0f} MB",
        met=megabytes <= budget,
    )
    assert megabytes <= budget * SLACK


#: Objects of each kind, and seconds until they are served.
EACH, SECONDS = 100, 30.0


def widget(kind: int, number: int) -> dict[str, Any]:
    """An object as controllers write them."""
    conditions = [{"type": type, "status": "True", "reason": "Done"} for type in ("Ready", "Synced")]
    meta = {"name": f"w{number}", "namespace": f"ns{number % 10}", "labels": {"app": f"a{kind}"}}
    return {"metadata": meta, "spec": {f"size{kind % 20}": number}, "status": {"conditions": conditions}}


@pytest.mark.bench
async def test_many_custom_kinds_with_objects() -> None:
    kinds = size(200, 40)
    async with Simulator() as simulator:
        for number in range(kinds):
            group = f"g{number % 20}.example.com"
            column = {"name": "Size", "type": "integer", "jsonPath": f".spec.size{number % 20}"}
            simulator.store.define(crd(f"Thing{number}", group, columns=(column,)))
            for each in range(EACH):
                simulator.store.create(f"Thing{number}.{group}", widget(number, each))
        port, began = free_port(), asyncio.get_running_loop().time()
        async with (
            serving(simulator.url, port, until=b"serving http") as pid,
            aiohttp.ClientSession() as http,
        ):
            seconds = asyncio.get_running_loop().time() - began
            process = psutil.Process(pid)
            cpu = sum(process.cpu_times()[:2])
            async with http.get(f"http://127.0.0.1:{port}/api/v1/resources") as answer:
                assert len(await answer.json()) >= kinds * EACH
            megabytes = process.memory_info().rss / 2**20
    report(
        29,
        f"{kinds} custom kinds with {kinds * EACH:,} objects: CPU of a start, until served; memory once asked for",
        f"{cpu:.1f} s, {seconds:.1f} s; {megabytes:.0f} MB",
        f"≤ {SECONDS:.0f} s",
        met=seconds <= SECONDS,
    )
    assert seconds <= SECONDS * SLACK


@pytest.mark.bench
async def test_a_cluster_without_custom_kinds_pays_nothing_for_them() -> None:
    """In turns, so that noise concerns both."""
    found: dict[str, list[float]] = {"auto": [], "none": []}
    async with Simulator(generated(0.05 if is_full() else 0.005)) as simulator:
        for _ in range(size(3, 1)):
            for choice, seconds in found.items():
                flags = (f"--custom-resources={choice}",)
                async with serving(simulator.url, free_port(), flags=flags, until=b"serving http") as pid:
                    seconds.append(sum(psutil.Process(pid).cpu_times()[:2]))
    ratio = min(found["auto"]) / min(found["none"])
    report(
        29,
        "a start without custom kinds: CPU, beside one that does not look for them",
        f"{ratio:.2f}×, {min(found['none']):.1f} s",
        "≤ 1.1×",
        met=ratio <= 1.1,
    )
    assert ratio <= 1.1 * SLACK
