"""Rules of the stream to the letter, over real sockets, where no other test has them so small."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol, State

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.engine import Engine
from astrolabe.engine.inbox import ObjectChanges
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.status import ERROR, Status
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.settings import Limits
from tests.support.raw import UPGRADE, Peer, dial
from tests.support.replica import Replica
from tests.support.serving import Site, read, read_types, serve
from tests.support.worlds import EPOCH, World, a_pod, crowd, facts


def entries(delta: dict[str, Any]) -> tuple[list[str], list[str], list[str], list[str]]:
    """Uids of nodes set and removed, types of edges set and removed."""
    nodes, edges = delta["nodes"], delta["edges"]
    return (
        sorted(node["uid"] for node in nodes["set"]),
        sorted(nodes["remove"]),
        sorted(edge["type"] for edge in edges["set"]),
        sorted(edge["type"] for edge in edges["remove"]),
    )


# Rule 1: snapshot and registration are one step.


async def test_a_change_is_either_in_the_snapshot_or_after_it(site: Site) -> None:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        await read_types(socket, "hello")
        for number in range(20):
            asyncio.get_running_loop().call_soon(site.world.set, facts("Pod", f"new-{number}"))
            await socket.send(json.dumps({"type": "subscribe", "id": str(number), "filter": {"q": "new-"}}))
        replicas = {str(number): Replica() for number in range(20)}
        while any(replica.seq < site.hub.graph.seq for replica in replicas.values()):
            message = await read(socket)
            replicas[message["id"]].apply(message)
    assert [len(replica.nodes) for replica in replicas.values()] == [20] * 20


# Rule 2: within the history one merged delta, else a reset and a snapshot.


async def test_missed_changes_are_one_merged_delta(site: Site) -> None:
    broken = Status(ERROR, "Broken")
    site.world.set(facts("Pod", "lone", namespace="other", status=broken))
    site.world.set(facts("Pod", "brief", namespace="other"))
    site.world.remove("pod-brief", "service-web")
    site.world.set(facts("Pod", "lone", namespace="other", status=broken, labels={"app": "anew"}))
    async with site.stream(f"/api/v1/ws?since={EPOCH}:2") as socket:
        _, delta = await read_types(socket, "hello", "delta")
        assert (delta["from"], delta["seq"]) == (2, 6)
        assert entries(delta) == (["pod-lone"], ["service-web"], [], ["selects"])
        assert delta["nodes"]["set"][0]["labels"] == {"app": "anew"}
        await socket.send('{"type":"ping"}')
        await read_types(socket, "pong")


async def test_beyond_the_history_the_client_is_reset() -> None:
    world = World(limits=Limits(history_changes=2))
    for name in ("a", "b", "c"):
        world.set(facts("Pod", name))
    async with serve(world) as site:
        async with site.stream(f"/api/v1/ws?since={EPOCH}:1") as socket:
            _, delta = await read_types(socket, "hello", "delta")
            assert entries(delta) == (["pod-b", "pod-c"], [], [], [])
        async with site.stream(f"/api/v1/ws?since={EPOCH}:0") as socket:
            _, reset, snapshot = await read_types(socket, "hello", "reset", "snapshot")
            assert reset == {"type": "reset", "id": "default", "reason": "too-old"}
            assert (snapshot["seq"], len(snapshot["nodes"])) == (3, 3)


async def test_after_a_truncated_message_a_client_resumes_from_the_last_complete_one() -> None:
    """By its own reset, at the most inconvenient of places, ten times."""
    world = crowd(300)
    replica = Replica()
    async with serve(world) as site:
        for number in range(10):
            async with dial(site.port) as peer:
                await _ask(peer, replica)
                client = Protocol(CLIENT, state=State.OPEN, max_size=None)
                client.receive_data(await peer.read_past(b"\r\n\r\n"))
                while not (replica.whole and replica.seq == world.hub.graph.seq):
                    client.receive_data(await peer.read(4096))
                    for message in _messages(client):
                        replica.apply(message)
                world.send(Changes(nodes_set=[a_pod(n, "Error", f"cut {number}") for n in range(50)]))
                await peer.read(5000)
                peer.reset()
            world.send(Changes(nodes_set=[a_pod(number, "Ready", f"after {number}")]))
        async with site.stream(f"/api/v1/ws?since={replica.epoch}:{replica.seq}") as socket:
            await read_types(socket, "hello")
            replica.apply(await read(socket))
    assert replica.resets == []
    assert replica.matches(world.hub.graph, EVERYTHING)


async def _ask(peer: Peer, replica: Replica) -> None:
    since = f"?since={replica.epoch}:{replica.seq}" if replica.whole else ""
    await peer.ask(f"/api/v1/ws{since}", UPGRADE)


def _messages(client: Protocol) -> list[dict[str, Any]]:
    """What has come in whole, without the hello."""
    found = [
        json.loads(bytes(event.data))
        for event in client.events_received()
        if isinstance(event, Frame) and event.opcode is Opcode.TEXT
    ]
    return [message for message in found if message["type"] != "hello"]


# Rule 3: enter and leave, also by what neighbours do.


async def test_a_node_enters_and_leaves_by_its_own_change(site: Site) -> None:
    async with site.stream("/api/v1/ws?status=Error") as socket:
        _, snapshot = await read_types(socket, "hello", "snapshot")
        assert [node["uid"] for node in snapshot["nodes"]] == ["pod-web-1-abc"]
        site.world.set(facts("Service", "web", status=Status(ERROR, "Broken")))
        assert entries(await read(socket)) == (["service-web"], [], [], [])
        site.world.set(facts("Service", "web"))
        assert entries(await read(socket)) == ([], ["service-web"], [], [])


async def test_an_edge_enters_and_leaves_with_its_ends(site: Site) -> None:
    async with site.stream("/api/v1/ws?q=web-1") as socket:
        await read_types(socket, "hello", "snapshot")
        site.world.remove("replicaset-web-1")
        # The Pod is told, too: its owner is an unresolved reference now, and its release was the owner's.
        assert entries(await read(socket)) == (["pod-web-1-abc"], ["replicaset-web-1"], [], ["owns"])
        site.world.set(facts("ReplicaSet", "web-1"))
        assert entries(await read(socket)) == (["pod-web-1-abc", "replicaset-web-1"], [], ["owns"], [])


async def test_a_volume_is_in_the_namespace_of_its_claim(site: Site) -> None:
    async with site.stream("/api/v1/ws?namespace=shop&kind=PersistentVolume") as socket:
        _, snapshot = await read_types(socket, "hello", "snapshot")
        assert [node["uid"] for node in snapshot["nodes"]] == ["persistentvolume-pv-1"]
        site.world.remove("persistentvolumeclaim-data")
        assert entries(await read(socket)) == ([], ["persistentvolume-pv-1"], [], [])


async def test_a_release_includes_what_its_pods_use_and_bound_volumes(site: Site) -> None:
    query = "release=shop-app&kind=PersistentVolumeClaim,PersistentVolume"
    async with site.stream(f"/api/v1/ws?{query}") as socket:
        _, snapshot = await read_types(socket, "hello", "snapshot")
        uids = sorted(node["uid"] for node in snapshot["nodes"])
        assert uids == ["persistentvolume-pv-1", "persistentvolumeclaim-data"]
        site.world.remove("pod-web-1-abc")
        assert entries(await read(socket)) == ([], uids, [], ["binds"])


# Rule 5: the first change goes out at once, the next ones within the window.


@asynccontextmanager
async def batching(world: World, *, window: float) -> AsyncIterator[Engine]:
    """The engine that writes what the world's hub serves."""
    bus = MemoryBus(world.hub)
    engine = Engine(world.model, bus, world.readiness, epoch=EPOCH, window=window)
    task = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_first_change_is_sent_at_once_and_later_ones_merged() -> None:
    window = 1.0
    world = World()
    loop = asyncio.get_running_loop()
    async with batching(world, window=window) as engine, serve(world) as site, site.stream() as socket:
        await read_types(socket, "hello", "snapshot")
        began = loop.time()
        await engine.put(ObjectChanges("Pod", [facts("Pod", "first")]))
        assert entries(await read(socket)) == (["pod-first"], [], [], [])
        assert loop.time() - began < window / 2
        for name in ("second", "third", "fourth"):
            await engine.put(ObjectChanges("Pod", [facts("Pod", name)]))
            await asyncio.sleep(0)
        assert entries(await read(socket)) == (["pod-fourth", "pod-second", "pod-third"], [], [], [])
        assert window <= loop.time() - began < 2 * window
