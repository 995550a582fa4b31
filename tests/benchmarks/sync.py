"""One initial sync in a process of its own: `python -m tests.benchmarks.sync URL` prints figures as JSON.

cpu, baseline: CPU seconds of the sync, and of ujson-decoding the same lines. rss: growth in bytes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
from typing import Any

import aiohttp
import psutil
import ujson
import uvloop

from astrolabe.kube.client import Cluster
from astrolabe.kube.timing import WatchTiming
from astrolabe.settings import Settings
from astrolabe.sim.kubeconfig import kubeconfig_file
from tests.support.cluster import followed
from tests.support.kinds import KINDS

WATCH_LIST = {
    "watch": "1",
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
#: Seconds that a sync may take.
LONGEST = 300
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def measure_sync(url: str) -> dict[str, Any]:
    """Run one sync against the API server at this URL, in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.sync", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


async def sync(url: str) -> dict[str, Any]:
    process = psutil.Process()
    await warm_up(url)
    gc.collect()
    gc.set_threshold(100_000, 50, 1000)
    rss, started, began = process.memory_info().rss, time.process_time(), time.monotonic()
    # With the short timeouts of other tests, a list of a busy simulator begins again and again.
    async with asyncio.timeout(LONGEST), followed(url, window=0.05, timing=WatchTiming()) as run:
        await run.readiness.wait()
        cpu, seconds = time.process_time() - started, time.monotonic() - began
        return {
            "cpu": cpu,
            "seconds": seconds,
            "nodes": len(run.graph.nodes),
            "edges": run.graph.edge_count,
            "rss": process.memory_info().rss - rss,
        }


async def warm_up(url: str) -> None:
    """Import all that a first connection imports: it is there before the measurement."""
    with kubeconfig_file(url) as path:
        cluster = await Cluster.connect(Settings(in_cluster=False, kubeconfig=path))
        await cluster.close()


async def fetch_lines(url: str) -> list[bytes]:
    """The lines that the sync was made of."""
    lines: list[bytes] = []
    async with aiohttp.ClientSession() as session:
        for kind in KINDS:
            headers = {"Accept": METADATA_ONLY} if kind.metadata_only else {}
            async with session.get(f"{url}{kind.path}", params=WATCH_LIST, headers=headers) as answer:
                buffer = bytearray()
                while b"k8s.io/initial-events-end" not in buffer[-4096:]:
                    buffer += await answer.content.readany()
                lines += bytes(buffer).splitlines()
    return lines


def decode_all(lines: list[bytes]) -> float:
    started = time.process_time()
    for line in lines:
        ujson.loads(line)
    return time.process_time() - started


async def main(url: str) -> None:
    figures = await sync(url)
    gc.collect()
    lines = await fetch_lines(url)
    figures["baseline"] = min(decode_all(lines) for _ in range(3))
    figures["bytes"] = sum(map(len, lines))
    print(json.dumps(figures))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
