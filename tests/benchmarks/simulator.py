"""A simulated API server in a process of its own, so that its work is not taken for the server's.

`python -m tests.benchmarks.simulator SCALE` prints its URL and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from astrolabe.sim.cluster.generator import load
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore

#: The scale at which the generator makes about this many objects, found by trying.
OBJECTS_AT_FULL_SCALE = 215_000


@contextmanager
def simulator_process(objects: int) -> Iterator[str]:
    """The URL of a simulator with about this many objects; it ends with the context."""
    scale = objects / OBJECTS_AT_FULL_SCALE
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.simulator", str(scale)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        url = process.stdout.readline().strip()
        assert url, "the simulator did not start"
        yield url
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


async def serve(scale: float) -> None:
    store = ObjectStore()
    load(store, scale, seed=1)
    async with Simulator(store) as simulator:
        print(simulator.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
