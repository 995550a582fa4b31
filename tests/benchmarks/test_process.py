"""9: memory of the whole process, as installed, with 5,000 resources and their edges, after it has served them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.benchmarks.report import SLACK, report
from tests.benchmarks.simulator import simulator_process
from tests.support.kubeconfig import write_kubeconfig

BUDGET = 110.0
PROGRAM = str(Path(sys.executable).parent / "astrolabe")


@contextlib.asynccontextmanager
async def serving(url: str, port: int) -> AsyncIterator[int]:
    """The process id of `astrolabe` on this port, for the API server at this URL."""
    with write_kubeconfig(url) as path:
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "--in-cluster=false", "--kubeconfig", str(path)),
            *("--host", "127.0.0.1", "--port", str(port), "--label-selector="),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(60):
                while b"synced in" not in (line := await process.stderr.readline()):
                    assert line, "astrolabe ended before it was synced"
            yield process.pid
        finally:
            process.terminate()
            await process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.mark.bench
async def test_memory_of_the_process() -> None:
    port = free_port()
    with simulator_process(5_000) as url:
        async with serving(url, port) as pid, aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/api/v1/graph") as answer:
                nodes = len((await answer.json())["nodes"])
            megabytes = psutil.Process(pid).memory_info().rss / 1e6
    assert nodes > 4_500
    report(
        9,
        f"RSS of the process with {nodes} resources",
        f"{megabytes:.0f} MB",
        f"≤ {BUDGET:.0f} MB",
        met=megabytes <= BUDGET,
    )
    assert megabytes <= BUDGET * SLACK
