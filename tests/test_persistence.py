"""Redis mode as a person runs it: what survives a crash, what is never stored, and how it fails."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster.factory import NOW
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.events import EventRecorder
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.fleet import Fleet, Serving, fleet
from tests.support.kinds import KINDS_BY_NAME
from tests.support.recording import Recording
from tests.support.redis_server import RedisServer, redis_server
from tests.support.replica import Replica

CANARY = "s3cr3t-must-never-leak"
PASSWORD = "open-sesame-4711"


@asynccontextmanager
async def served(store: ObjectStore, redis: RedisServer, *args: str, **env: str) -> AsyncIterator[Serving]:
    """One process that serves this cluster, and ends with the context."""
    async with Simulator(store) as simulator:
        with kubeconfig_file(simulator.url) as kubeconfig:
            serving = Serving(kubeconfig, redis.address, *args)
            await serving.start(env=env)
            try:
                yield serving
            finally:
                if serving.running:
                    await serving.kill()


async def synced(serving: Serving, session: aiohttp.ClientSession) -> dict[str, Any]:
    """Wait until this process leads and knows the cluster; its health."""
    async with asyncio.timeout(30):
        while True:
            health = await serving.health(session)
            if health.get("synced") and health["role"] == "leader":
                return health
            await asyncio.sleep(0.05)


async def listen(serving: Serving, replica: Replica, *, since: str = "", until: int = 0) -> list[str]:
    """Follow the whole graph up to this seq at least; the types of what came, but for the server's state."""
    types: list[str] = []
    uri = f"ws://127.0.0.1:{serving.port}/api/v1/ws{since}"
    async with asyncio.timeout(20), connect(uri, max_size=None) as socket:
        while not (replica.whole and replica.seq >= until and len(types) > 1):
            message = json.loads(await socket.recv())
            if message["type"] == "state":
                continue
            types.append(message["type"])
            if message["type"] != "hello":
                replica.apply(message)
    return types


async def test_a_crash_in_the_middle_of_changes(tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, 0.002, seed=1)
    with redis_server(tmp_path) as redis:
        async with served(store, redis) as serving, aiohttp.ClientSession() as session:
            await synced(serving, session)
            client = Replica()
            churn = Churn(store, 1)
            changing = asyncio.create_task(churn.run(100.0))
            await listen(serving, client, until=(await serving.health(session))["seq"] + 10)
            await serving.kill()
            changing.cancel()
            epoch, seq, before = client.epoch, client.seq, set(client.nodes)
            gone = delete_pods(store, 5)

            await serving.start()
            began = time.monotonic()
            restored = await serving.graph(session)
            assert time.monotonic() - began < 1
            assert restored["epoch"] == epoch
            assert restored["seq"] >= seq, "what was stored last may not have been told any more"
            assert restored["seq"] > seq or {node["uid"] for node in restored["nodes"]} == before
            types = await listen(serving, client, since=f"?since={epoch}:{seq}")
            assert types == ["hello", "delta"] or (types == ["hello", "bookmark"] and restored["seq"] == seq)

            health = await synced(serving, session)
            assert (health["epoch"], health["seq"] > seq) == (epoch, True)
            await listen(serving, client, since=f"?since={epoch}:{client.seq}", until=health["seq"])
            assert client.resets == []
            assert client.nodes.keys() == uids(store)
            assert gone <= {node["uid"] for node in restored["nodes"]}, "they were there until we looked"
            assert not gone & client.nodes.keys()
            assert await serving.stop() == 0


def delete_pods(store: ObjectStore, count: int) -> set[str]:
    """Delete the first Pods; their uids."""
    pods = list(store.manifests("Pod"))[:count]
    for pod in pods:
        store.delete("Pod", pod)
    return {pod["metadata"]["uid"] for pod in pods}


def uids(store: ObjectStore) -> set[str]:
    """All that is in the cluster, but for Events, which are no nodes."""
    kinds = [kind for kind in store.collections if not kind.startswith("Event")]
    return {each["metadata"]["uid"] for kind in kinds for each in store.manifests(kind)}


async def test_the_stored_graph_is_served_while_the_cluster_is_away(tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, 0.001, seed=1)
    with redis_server(tmp_path) as redis:
        async with Simulator(store) as simulator, aiohttp.ClientSession() as session:
            with kubeconfig_file(simulator.url) as kubeconfig:
                serving = Serving(kubeconfig, redis.address)
                await serving.start()
                try:
                    await synced(serving, session)
                    nodes = len((await serving.graph(session))["nodes"])
                    await serving.stop()
                    await simulator.go_offline()
                    await serving.start()
                    assert len((await serving.graph(session))["nodes"]) == nodes > 100
                    assert (await serving.health(session))["synced"] is False
                    async with session.get(f"{serving.url}/readyz") as answer:
                        assert answer.status == 200
                    await simulator.go_online()
                    await synced(serving, session)
                finally:
                    if serving.running:
                        await serving.kill()


async def test_secrets_are_neither_stored_nor_logged(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", PASSWORD) as redis:
        store = Recording().final_store()
        async with (
            served(store, redis, "--v=4", REDIS_PASSWORD=PASSWORD) as serving,
            aiohttp.ClientSession() as session,
        ):
            await synced(serving, session)
        with redis.client(password=PASSWORD) as client:
            keys = list(client.scan_iter())
            assert len(keys) >= 5
            dumped = b"".join(client.dump(key) or b"" for key in keys)
        written = on_disk(tmp_path)
        assert b"Deployment" in written, "what is looked at is the graph"
        for text in (dumped, written, "".join(serving.lines).encode()):
            assert CANARY.encode() not in text
        assert [line for line in serving.lines if PASSWORD in line] == []


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


class OldRedis:
    """Answers as Redis 6 does, as far as it is asked."""

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = b"# Server\r\nredis_version:6.2.14\r\nrole:master\r\n"
        while line := await reader.readline():
            words = [line]
            for _ in range(int(line[1:])):
                await reader.readline()
                words.append((await reader.readline()).strip().upper())
            if b"INFO" in words:
                writer.write(b"$%d\r\n%b\r\n" % (len(info), info))
            elif b"SETINFO" in words:
                writer.write(b"-ERR Unknown subcommand\r\n")
            else:
                writer.write(b"+OK\r\n")
        writer.close()


async def fails(*args: str, **env: str) -> tuple[int, str]:
    """The exit code of a run that must not serve, and what it said, without the log."""
    async with Simulator(ObjectStore()) as simulator:
        with kubeconfig_file(simulator.url) as kubeconfig:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "astrolabe.cli", "--in-cluster=false", "--kubeconfig", kubeconfig),
                *("--host=127.0.0.1", "--port=0", "--enable-persistence", *args),
                stderr=PIPE,
                env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), **env},
            )
            _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    lines = [line for line in said.decode().splitlines() if " INFO " not in line]
    return process.returncode, "\n".join(lines)


async def test_a_wrong_address_is_one_line() -> None:
    code, said = await fails("--redis-addr=127.0.0.1:1", "--workers=2")
    first, second = said.splitlines()
    assert code == 1
    assert first.startswith("astrolabe: cannot use Redis at 127.0.0.1:1: ")
    assert first.endswith("is --redis-addr right?")
    assert second == "astrolabe: worker 1 ended with exit code 1", "it is said by one of them, once"


@pytest.mark.parametrize("password", ["", "wrong-one"])
async def test_a_wrong_password_is_one_line(tmp_path: Path, password: str) -> None:
    with redis_server(tmp_path, "--requirepass", PASSWORD) as redis:
        code, said = await fails(f"--redis-addr={redis.address}", REDIS_PASSWORD=password)
    assert code == 1
    assert said.startswith(f"astrolabe: Redis at {redis.address} ")
    assert "REDIS_PASSWORD" in said
    assert "\n" not in said
    assert "wrong-one" not in said


async def test_redis_6_is_one_line() -> None:
    async with OldRedis() as port:
        code, said = await fails(f"--redis-addr=127.0.0.1:{port}")
    assert (code, said) == (
        1,
        f"astrolabe: Redis at 127.0.0.1:{port} is version 6.2.14; 7.0 or later is required",
    )


async def test_a_url_with_user_and_password(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "other") as redis:
        with redis.client(password="other") as client:
            client.acl_setuser(
                "astrolabe",
                True,
                passwords=[f"+{PASSWORD}"],
                keys=["{astrolabe:*}:*"],
                channels=["*"],
                categories=["+@all"],
            )
        url = f"redis://astrolabe:{PASSWORD}@{redis.address}/0"
        async with (
            served(ObjectStore(), redis, "--redis-url", url, "--cluster-name=blue") as serving,
            aiohttp.ClientSession() as session,
        ):
            await synced(serving, session)
        with redis.client(password="other") as client:
            assert {key.split(b":")[1] for key in client.scan_iter()} == {b"blue}"}
        assert [line for line in serving.lines if PASSWORD in line] == []


async def test_leader_and_follower_answer_alike(tmp_path: Path) -> None:
    store = ObjectStore()
    load(store, 0.001, seed=1)
    with redis_server(tmp_path) as redis:
        async with Simulator(store) as simulator:
            with kubeconfig_file(simulator.url) as kubeconfig:
                async with fleet(kubeconfig, redis, 2) as replicas:
                    await replicas.agreed(30)
                    await compare_answers(replicas, store)


async def compare_answers(replicas: Fleet, store: ObjectStore) -> None:
    leader = await replicas.leader()
    assert leader is not None
    first, second = replicas.replicas[leader], replicas.replicas[1 - leader]
    session = replicas.session
    for path in ("graph", "resources?kind=Pod", "releases?detail=true", "kinds"):
        async with session.get(f"{first.url}/api/v1/{path}") as ours:
            document, tag = await ours.json(), ours.headers["ETag"]
            seq = int(ours.headers["X-Astrolabe-Seq"])
        async with session.get(f"{second.url}/api/v1/{path}") as theirs:
            other = await theirs.json()
            assert theirs.headers["ETag"] == tag
        if path == "graph":
            assert sorted(other["nodes"], key=str) == sorted(document["nodes"], key=str)
        async with session.get(f"{second.url}/api/v1/{path}", headers={"If-None-Match": tag}) as again:
            assert again.status == 304
    (gone,) = delete_pods(store, 1)
    async with session.get(f"{second.url}/api/v1/graph?min_seq={seq + 1}") as waited:
        assert waited.status == 200
        assert gone not in {each["uid"] for each in (await waited.json())["nodes"]}


async def test_every_replica_serves_events_and_they_survive_the_leader(tmp_path: Path) -> None:
    """And that they are repeated makes no batch."""
    store = ObjectStore()
    claim = {"metadata": {"name": "data", "namespace": "shop", "uid": "c"}, "status": {"phase": "Pending"}}
    store.create("PersistentVolumeClaim", claim)
    recorder, kind = EventRecorder(store), KINDS_BY_NAME["PersistentVolumeClaim"]

    def warn(times: int) -> None:
        said = 'storageclass.storage.k8s.io "fast" not found'
        recorder.warn(kind, claim, "ProvisioningFailed", said, source="controller", now=NOW, times=times)

    async def answered(replicas: Fleet, number: int, count: int) -> dict[str, Any]:
        serving = replicas.replicas[number]
        async with asyncio.timeout(20):
            while True:
                async with replicas.session.get(f"{serving.url}/api/v1/resources/c") as answer:
                    document: dict[str, Any] = await answer.json()
                if [each["count"] for each in document.get("events", ())] == [count]:
                    return document
                await asyncio.sleep(0.1)

    warn(1)
    with redis_server(tmp_path) as redis:
        async with Simulator(store) as simulator:
            with kubeconfig_file(simulator.url) as kubeconfig:
                async with fleet(kubeconfig, redis, 2) as replicas:
                    await replicas.agreed(30)
                    leader = await replicas.leader()
                    assert leader is not None
                    first = await answered(replicas, 1 - leader, 1)
                    assert first["node"]["reason"] == "ProvisioningFailed"
                    warn(4)
                    later = [await answered(replicas, number, 5) for number in (leader, 1 - leader)]
                    assert later[0] == later[1]
                    assert (later[0]["seq"], later[0]["node"]) == (first["seq"], first["node"])
                    await replicas.replicas[leader].kill()
                    await synced(replicas.replicas[1 - leader], replicas.session)
                    warn(1)
                    taken = await answered(replicas, 1 - leader, 6)
                    assert (taken["epoch"], taken["node"]) == (first["epoch"], first["node"])
