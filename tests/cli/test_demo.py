"""`astrolabe demo` and `astrolabe watch` as a person runs them: real processes, real sockets."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.process import kill

ASTROLABE = str(Path(sys.executable).with_name("astrolabe"))
CANARY = "s3cr3t-must-never-leak"


class Demo:
    """A running demo. url: of the server. lines: what it logged."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.url = ""
        self.lines: list[str] = []
        self._serving = asyncio.Event()

    async def read(self) -> None:
        """Read the log to its end."""
        try:
            await self._read()
        finally:
            self._serving.set()

    async def serving(self) -> None:
        """Wait until the log says that it serves; fails with the log when it ends before."""
        await self._serving.wait()
        assert self.url, "".join(self.lines)

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode())
            serving = re.search(r"serving (http://[^\s,]+), \d+ nodes, \d+ edges, synced in", self.lines[-1])
            if serving:
                self.url = serving[1]
                self._serving.set()


@asynccontextmanager
async def demo(*args: str) -> AsyncIterator[Demo]:
    """A demo on a free port that serves; SIGTERM has to end it within 5 s with exit code 0."""
    process = await asyncio.create_subprocess_exec(
        ASTROLABE, "demo", "--host=127.0.0.1", "--port=0", "--scale=0.005", "--churn=20", *args, stderr=PIPE
    )
    running = Demo(process)
    reading = asyncio.create_task(running.read())
    try:
        await asyncio.wait_for(running.serving(), 60)
        yield running
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0
        await asyncio.wait_for(reading, 5)
    finally:
        await kill(process)
        reading.cancel()


@asynccontextmanager
async def watch(*args: str) -> AsyncIterator[asyncio.StreamReader]:
    """What `astrolabe watch` prints."""
    process = await asyncio.create_subprocess_exec(ASTROLABE, "watch", *args, stdout=PIPE, limit=2**24)
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def get(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_the_demo_serves_a_living_cluster() -> None:
    async with demo() as running, aiohttp.ClientSession(running.url) as session:
        assert await get(session, "/readyz") == {"status": "ready"}
        graph = await get(session, "/api/v1/graph")
        uids = {node["uid"] for node in graph["nodes"]}
        assert len(uids) > 300
        assert len(graph["edges"]) > 300
        assert {end for edge in graph["edges"] for end in (edge["from"], edge["to"])} <= uids
        async with watch(running.url, "-o", "json") as printed, asyncio.timeout(20):
            changes = [json.loads(await printed.readline()) for _ in range(5)]
        async with watch(running.url, "--kind=Pod", "--initial") as printed, asyncio.timeout(20):
            line = (await printed.readline()).decode()
    assert {each["change"] for each in changes} <= {"added", "changed", "removed"}
    assert all(("node" in each) != ("edge" in each) for each in changes)
    assert re.match(r"\+ Pod +[a-z-]+/\S+ +(Ready|Pending|Error|Unknown) ", line)


async def test_the_demo_of_several_clusters_serves_them_as_one() -> None:
    async with demo("--clusters=3") as running, aiohttp.ClientSession(running.url) as session:
        clusters = await get(session, "/api/v1/clusters")
        assert [each["name"] for each in clusters] == ["prod-eu", "prod-us", "staging"]
        graph = await get(session, "/api/v1/graph?kind=Node")
        assert {node["cluster"] for node in graph["nodes"]} == {"prod-eu", "prod-us", "staging"}
        async with watch(running.url, "--cluster=staging", "-o", "json") as printed, asyncio.timeout(20):
            change = json.loads(await printed.readline())
        told = change.get("node") or {"uid": change["edge"]["from"]}
        assert told["uid"].startswith("staging/")


async def test_values_of_secrets_appear_nowhere() -> None:
    texts: list[str] = []
    async with demo("--v=4", "--label-selector=") as running, aiohttp.ClientSession(running.url) as session:
        async with session.ws_connect("/api/v1/ws", max_msg_size=2**26) as stream, asyncio.timeout(30):
            while sum('"delta"' in text for text in texts) < 40:
                texts.append(await stream.receive_str())
        for path in ("graph", "resources", "releases?detail=true", "charts", "kinds", "unresolved"):
            texts.append(json.dumps(await get(session, f"/api/v1/{path}")))
        secret = (await get(session, "/api/v1/resources?kind=Secret"))[0]
        texts.append(json.dumps(await get(session, f"/api/v1/resources/{secret['uid']}")))
    assert [text[:200] for text in texts if CANARY in text] == []
    assert [line for line in running.lines if CANARY in line] == []
    assert any(" DEBUG " in line for line in running.lines)


async def test_the_log_says_what_is_served_and_since_when() -> None:
    async with demo("--seed=7", "--log-format=json") as running:
        pass
    entries = [json.loads(line) for line in running.lines]
    messages = [
        entry["message"] for entry in entries if entry["logger"] in ("astrolabe.app", "astrolabe.cli")
    ]
    assert re.fullmatch(r"simulating \d+ resources, 20 changes a second, seed 7", messages[0])
    assert re.fullmatch(
        r"astrolabe \S+: graph in memory, cluster http://127\.0\.0\.1:\d+ by kubeconfig \S+, context simulated, "
        r"selector app\.kubernetes\.io/managed-by=Helm \(closure\), namespaces all, kinds all, "
        r"clients without a token",
        messages[1],
    )
    assert re.fullmatch(
        r"serving http://127\.0\.0\.1:\d+, \d+ nodes, \d+ edges, synced in \d+\.\d s", messages[2]
    )
    assert messages[3] == "SIGTERM: stopping"
    assert re.fullmatch(r"stopped in \d\.\d s", messages[4])
    assert messages[5:] == []
