"""26: memory of 200 custom kinds without objects, each with its definition, entry and idle watch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from astrolabe.sim.definitions import crd
from astrolabe.sim.server import Simulator
from tests.benchmarks.program import serving
from tests.benchmarks.report import SLACK, report, size
from tests.support.redis_server import free_port

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
