"""The whole process: the recorded cluster served by the simulator, watched, and asked over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from astrolabe.app import Application
from astrolabe.http.errors import ServerError
from astrolabe.kube.errors import ClusterError
from astrolabe.modes.supervisor import TaskFailed
from astrolabe.settings import Settings
from astrolabe.sim.kubeconfig import kubeconfig
from astrolabe.sim.server import Simulator
from tests.support.recording import Recording, replay

CANARY = "s3cr3t-must-never-leak"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording()


def settings_for(simulator: Simulator, folder: Path, **changes: Any) -> Settings:
    path = folder / "kubeconfig"
    path.write_text(kubeconfig(simulator.url))
    kept = {
        "in_cluster": False,
        "kubeconfig": str(path),
        "host": "127.0.0.1",
        "port": 0,
        "label_selector": "",
    }
    return Settings(**{**kept, **changes})


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[aiohttp.ClientSession]:
    """A started and synced application, and a client of it."""
    application = Application(settings)
    await application.start()
    try:
        async with asyncio.timeout(20):
            await application.ready()
        async with aiohttp.ClientSession(f"http://127.0.0.1:{application.port}") as session:
            yield session
    finally:
        await application.stop()


async def get(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


def kinds_of(graph: dict[str, Any]) -> set[str]:
    return {node["kind"] for node in graph["nodes"]}


async def test_the_app_serves_the_clusters_objects(recording: Recording, tmp_path: Path) -> None:
    store = recording.final_store()
    async with Simulator(store) as simulator, running(settings_for(simulator, tmp_path)) as session:
        graph = await get(session, "/api/v1/graph")
        health = await get(session, "/health")
    listed = sum(len(collection.items) for collection in store.collections.values())
    assert len(graph["nodes"]) == listed
    ends = {end for edge in graph["edges"] for end in (edge["from"], edge["to"])}
    assert ends <= {node["uid"] for node in graph["nodes"]}
    assert len(graph["edges"]) > 50
    assert (health["status"], health["nodes"], health["role"]) == ("healthy", listed, "leader")


async def test_changes_reach_the_stream(recording: Recording, tmp_path: Path) -> None:
    store = recording.store()
    async with (
        Simulator(store) as simulator,
        running(settings_for(simulator, tmp_path)) as session,
        session.ws_connect("/api/v1/ws?kind=Deployment") as stream,
        asyncio.timeout(20),
    ):
        assert [(await stream.receive_json())["type"] for _ in range(2)] == ["hello", "state"]
        snapshot = await stream.receive_json()
        assert (snapshot["type"], snapshot["nodes"]) == ("snapshot", [])
        created = next(change for change in recording.changes if change.kind == "Deployment")
        replay(store, [created])
        delta = await stream.receive_json()
    assert [node["name"] for node in delta["nodes"]["set"]] == [created.manifest["metadata"]["name"]]
    assert (delta["type"], delta["from"]) == ("delta", snapshot["seq"])


async def test_health_reports_an_unreachable_api_server(recording: Recording, tmp_path: Path) -> None:
    async with (
        Simulator(recording.final_store()) as simulator,
        running(settings_for(simulator, tmp_path)) as session,
    ):

        async def pods() -> dict[str, Any]:
            found: dict[str, Any] = (await get(session, "/health"))["kinds"]["Pod"]
            return found

        before = await pods()
        assert "connected" not in before
        await simulator.go_offline()
        async with asyncio.timeout(10):
            while "connected" not in (lost := await pods()):
                pass  # asks again: nothing outside the process tells of it
        assert (lost["state"], lost["connected"], lost["objects"]) == ("synced", False, before["objects"])
        assert lost["why"]
        await simulator.go_online()
        async with asyncio.timeout(20):
            while "connected" in await pods():
                pass


async def test_with_a_selector_only_its_closure_is_served(recording: Recording, tmp_path: Path) -> None:
    async with Simulator(recording.final_store()) as simulator:
        everything = settings_for(simulator, tmp_path)
        closure = settings_for(simulator, tmp_path, label_selector="app.kubernetes.io/managed-by=Helm")
        strict = settings_for(
            simulator,
            tmp_path,
            label_selector="app.kubernetes.io/managed-by=Helm",
            selector_mode="strict",
        )
        sizes = {}
        for settings in (everything, closure, strict):
            async with running(settings) as session:
                graph = await get(session, "/api/v1/graph")
                sizes[settings.label_selector, settings.selector_mode] = len(graph["nodes"])
    whole, within, matching = sizes.values()
    assert whole > within > matching > 0


async def test_objects_outside_the_selector_are_not_missing(recording: Recording, tmp_path: Path) -> None:
    async with Simulator(recording.final_store()) as simulator:
        strict = settings_for(
            simulator,
            tmp_path,
            label_selector="app.kubernetes.io/managed-by=Helm",
            selector_mode="strict",
        )
        async with running(strict) as session:
            assert await get(session, "/api/v1/unresolved") == []
            (ingress,) = await get(session, "/api/v1/resources?kind=Ingress")
            # Its default backend has no label: it may be there, and nobody here can see it.
            assert (ingress["status"], ingress["reason"]) == ("Unknown", "BackendNotVisible")
        async with running(settings_for(simulator, tmp_path)) as session:
            assert len(await get(session, "/api/v1/unresolved")) > 0


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        # Of which one is an alias (ExternalName), which needs no endpoints.
        (("Service",), {("Unknown", "EndpointsNotVisible"), ("Ready", "Ready")}),
        (("Service", "Pod"), {("Unknown", "EndpointsNotVisible"), ("Ready", "Ready")}),
        # The API server that was recorded had no slice for its own Service.
        (("Service", "EndpointSlice"), {("Ready", "Ready"), ("Pending", "NoEndpoints")}),
    ],
)
async def test_unwatched_kinds_are_unknown(
    recording: Recording, tmp_path: Path, kinds: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    async with Simulator(recording.final_store()) as simulator:
        async with running(settings_for(simulator, tmp_path, kinds=kinds)) as session:
            services = await get(session, "/api/v1/resources?kind=Service")
        assert {(each["status"], each["reason"]) for each in services} == expected


async def test_only_some_kinds_and_namespaces(recording: Recording, tmp_path: Path) -> None:
    async with Simulator(recording.final_store()) as simulator:
        settings = settings_for(
            simulator, tmp_path, kinds=("ServiceAccount", "ConfigMap"), namespaces=("default",)
        )
        async with running(settings) as session:
            graph = await get(session, "/api/v1/graph")
            health = await get(session, "/health")
    assert kinds_of(graph) == {"ServiceAccount", "ConfigMap"}
    assert {node["namespace"] for node in graph["nodes"]} == {"default"}
    assert set(health["kinds"]) == {"Event", "ServiceAccount", "ConfigMap"}


async def test_each_start_is_an_epoch_of_its_own(recording: Recording, tmp_path: Path) -> None:
    async with Simulator(recording.store()) as simulator:
        epochs = set()
        for _ in range(2):
            async with running(settings_for(simulator, tmp_path)) as session:
                epochs.add((await get(session, "/health"))["epoch"])
    assert len(epochs) == 2


async def test_values_of_secrets_appear_nowhere(
    recording: Recording, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = recording.store()
    texts: list[str] = []
    async with Simulator(store) as simulator, running(settings_for(simulator, tmp_path)) as session:
        async with session.ws_connect("/api/v1/ws") as stream, asyncio.timeout(20):
            replay(store, recording.changes)
            last = recording.changes[-1].manifest["metadata"]["name"]
            while not texts or last not in texts[-1]:
                texts.append(await stream.receive_str())
        for path in ("graph", "resources", "releases?detail=true", "charts", "kinds", "unresolved"):
            texts.append(json.dumps(await get(session, f"/api/v1/{path}")))
        secrets = [n for n in await get(session, "/api/v1/resources?kind=Secret") if n["namespace"] != ""]
        assert secrets
        texts.append(json.dumps(await get(session, f"/api/v1/resources/{secrets[0]['uid']}")))
    served = b"".join(item.body for item in store.collections["Secret"].items.values())
    assert CANARY.encode() in served  # the API server does have it
    assert [text for text in texts if CANARY in text] == []
    assert CANARY not in caplog.text


async def test_an_unreachable_server_leaves_nothing_running(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        settings = settings_for(simulator, tmp_path)
    before = asyncio.all_tasks()
    with pytest.raises(ClusterError, match="`astrolabe demo`"):
        await Application(settings).start()
    assert asyncio.all_tasks() == before


async def test_a_taken_port_leaves_nothing_running(recording: Recording, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with Simulator(recording.store()) as simulator:
            before = asyncio.all_tasks()
            with pytest.raises(ServerError, match=f"cannot listen at 127.0.0.1:{port}"):
                await Application(settings_for(simulator, tmp_path, port=port)).start()
            left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert {name for name in left if name == "engine" or name.startswith("watch ")} == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process(number: int, recording: Recording, tmp_path: Path) -> None:
    async with Simulator(recording.store()) as simulator:
        application = Application(settings_for(simulator, tmp_path))
        work = asyncio.create_task(application.run_until_signal())
        await asyncio.wait_for(application.ready(), 20)
        os.kill(os.getpid(), number)
        async with asyncio.timeout(10):
            await work


async def test_a_task_that_ends_unexpectedly_ends_the_process(
    recording: Recording, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Simulator(recording.store()) as simulator:
        application = Application(settings_for(simulator, tmp_path))
        work = asyncio.create_task(application.run_until_signal())
        await asyncio.wait_for(application.ready(), 20)
        (engine,) = (task for task in asyncio.all_tasks() if task.get_name() == "engine")
        engine.cancel()
        with pytest.raises(TaskFailed, match="the engine ended unexpectedly"):
            await asyncio.wait_for(work, 10)
    assert "the engine ended unexpectedly" in caplog.text


async def test_extra_tasks_are_guarded_too(recording: Recording, tmp_path: Path) -> None:
    ended = asyncio.Event()

    async with Simulator(recording.store()) as simulator:
        settings = settings_for(simulator, tmp_path)
        application = Application(settings, extra_tasks={"companion": lambda: fail_after(ended)})
        work = asyncio.create_task(application.run_until_signal())
        await asyncio.wait_for(application.ready(), 20)
        assert not work.done()
        ended.set()
        with pytest.raises(TaskFailed, match="the companion ended unexpectedly"):
            await asyncio.wait_for(work, 10)


async def fail_after(event: asyncio.Event) -> None:
    await event.wait()
    raise RuntimeError("no luck")


def test_a_low_limit_of_open_files_is_raised_at_the_start() -> None:
    """A shell begins with 1024, fewer than the watches of a cluster with many kinds and their clients."""
    told = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    begin = "from astrolabe.app import _raise_file_limit as raise_limit; raise_limit(); "
    program = ["sh", "-c", f'ulimit -Sn 256 && exec {sys.executable} -c "{begin}{told}"']
    limit = int(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    assert limit == min(16_384, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
