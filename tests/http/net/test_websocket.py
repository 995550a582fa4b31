import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING, FilterRules, parse_query
from astrolabe.graph.views.view_index import ViewIndex
from astrolabe.http.stream.snapshot import ViewSnapshot
from astrolabe.settings import Limits
from tests.support.raw import dial, frames
from tests.support.replica import Replica
from tests.support.serving import PATIENCE, Site, eventually, read, read_types, serve
from tests.support.worlds import EPOCH, KINDS, World, a_pod, crowd, facts, shop


async def closing(socket: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """All messages until the server closes, and its code."""
    messages = []
    try:
        while True:
            messages.append(await read(socket))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code if closed.rcvd else 1006


async def test_hello_and_the_snapshot_of_the_whole_graph(site: Site) -> None:
    async with site.stream() as socket:
        assert await read(socket) == {
            "type": "hello",
            "protocol": "astrolabe.v1",
            "server": "astrolabe/1.0.0",
            "epoch": EPOCH,
            "seq": 2,
            "heartbeat": 15,
        }
        snapshot = await read(socket)
    assert {key: snapshot[key] for key in ("type", "id", "epoch", "seq", "part", "last")} == {
        "type": "snapshot",
        "id": "default",
        "epoch": EPOCH,
        "seq": 2,
        "part": 1,
        "last": True,
    }
    graph = await site.json("/api/v1/graph")
    for part in ("nodes", "edges"):  # in no particular order
        assert sorted(snapshot[part], key=str) == sorted(graph[part], key=str)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, None),
        (["astrolabe.v1"], "astrolabe.v1"),
        (["graphql-ws", "astrolabe.v1"], "astrolabe.v1"),
        (["graphql-ws"], None),
    ],
)
async def test_the_subprotocol_is_accepted_and_not_required(
    site: Site, offered: list[str] | None, chosen: str | None
) -> None:
    async with site.stream(subprotocols=offered) as socket:
        assert socket.subprotocol == chosen
        assert (await read(socket))["type"] == "hello"


async def test_deltas_follow_the_filter(site: Site) -> None:
    async with site.stream("/api/v1/ws?namespace=shop&kind=Pod,PersistentVolumeClaim") as socket:
        await read_types(socket, "hello", "snapshot")
        site.world.set(facts("Pod", "unrelated", namespace="other"))
        site.world.remove("pod-web-1-abc")
        assert await read(socket) == {
            "type": "delta",
            "id": "default",
            "epoch": EPOCH,
            "from": 2,
            "seq": 4,
            "nodes": {"set": [], "remove": ["pod-web-1-abc"]},
            "edges": {
                "set": [],
                "remove": [{"type": "mounts", "from": "pod-web-1-abc", "to": "persistentvolumeclaim-data"}],
            },
        }


async def test_a_large_snapshot_comes_in_parts() -> None:
    world = crowd(3000)
    async with serve(world) as site, site.stream() as socket:
        await read_types(socket, "hello")
        replica, texts = Replica(), []
        while not replica.whole:
            texts.append(await socket.recv())
            replica.apply(json.loads(texts[-1]))
    assert len(texts) >= 4
    assert max(map(len, texts)) <= 512 * 1024
    assert replica.matches(world.hub.graph, EVERYTHING)


async def test_opened_without_a_subscription(site: Site) -> None:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        await read_types(socket, "hello")
        site.world.remove("pod-lone")
        await socket.send('{"type":"ping"}')
        assert await read(socket) == {"type": "pong", "epoch": EPOCH, "seq": 3}


async def test_two_subscriptions_on_one_connection(site: Site) -> None:
    async with site.stream("/api/v1/ws?kind=Service") as socket:
        await read_types(socket, "hello", "snapshot")
        await socket.send('{"type":"subscribe","id":"pods","filter":{"kind":["Pod"],"namespace":"other"}}')
        snapshot = await read(socket)
        assert (snapshot["id"], [node["uid"] for node in snapshot["nodes"]]) == ("pods", ["pod-lone"])
        site.world.remove("pod-lone", "service-web")
        deltas = await read_types(socket, "delta", "delta")
        assert {delta["id"]: delta["nodes"]["remove"] for delta in deltas} == {
            "default": ["service-web"],
            "pods": ["pod-lone"],
        }
        await socket.send('{"type":"unsubscribe","id":"default"}')
        await socket.send('{"type":"ping"}')
        await read_types(socket, "pong")
        site.world.set(facts("Service", "web"), facts("Pod", "lone", namespace="other"))
        assert (await read(socket))["id"] == "pods"
        await socket.send('{"type":"subscribe","id":"default"}')
        assert len((await read(socket))["nodes"]) == 9


async def test_a_duplicate_id_leaves_the_subscription_unchanged(site: Site) -> None:
    async with site.stream("/api/v1/ws?namespace=other&kind=Pod") as socket:
        await read_types(socket, "hello", "snapshot")
        await socket.send('{"type":"subscribe","id":"default","filter":{"kind":["Service"]}}')
        (error,) = await read_types(socket, "error")
        assert (error["id"], error["code"]) == ("default", "duplicate-id")
        site.world.remove("service-web")  # of the filter that was refused
        site.world.remove("pod-lone")
        (delta,) = await read_types(socket, "delta")
        assert (delta["id"], delta["from"], delta["seq"]) == ("default", 2, 4)
        assert delta["nodes"]["remove"] == ["pod-lone"]


async def test_commas_mean_the_same_in_messages_and_urls(site: Site) -> None:
    async with site.stream("/api/v1/ws?kind=Service,Pod") as url, site.stream() as message:
        _, expected = await read_types(url, "hello", "snapshot")
        await read_types(message, "hello", "snapshot")
        for id, kinds in (("one", "Service,Pod"), ("list", ["Service, Pod"])):
            await message.send(json.dumps({"type": "subscribe", "id": id, "filter": {"kind": kinds}}))
            (told,) = await read_types(message, "snapshot")
            assert told == {**expected, "id": id}
        assert {node["kind"] for node in expected["nodes"]} == {"Service", "Pod"}


async def test_resuming(site: Site) -> None:
    async with site.stream(f"/api/v1/ws?since={EPOCH}:2") as socket:
        _, bookmark = await read_types(socket, "hello", "bookmark")
        assert bookmark == {"type": "bookmark", "id": "default", "epoch": EPOCH, "seq": 2}
        site.world.remove("pod-lone")
        assert (await read(socket))["from"] == 2
        subscribe = {"type": "subscribe", "id": "x", "since": {"epoch": EPOCH, "seq": 2}}
        await socket.send(json.dumps(subscribe))
        (delta,) = await read_types(socket, "delta")
        assert (delta["id"], delta["from"], delta["seq"]) == ("x", 2, 3)
    async with site.stream(f"/api/v1/ws?since={EPOCH}:4&kind=Pod") as socket:
        _, reset, _ = await read_types(socket, "hello", "reset", "snapshot")
        assert reset == {"type": "reset", "id": "default", "reason": "too-old"}
    async with site.stream("/api/v1/ws?since=another:3") as socket:
        _, reset, _ = await read_types(socket, "hello", "reset", "snapshot")
        assert reset == {"type": "reset", "id": "default", "reason": "epoch-changed"}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (
            {"type": "subscribe", "id": "x", "filter": {"colour": ["red"]}},
            {"code": "bad-filter", "message": "unknown parameter 'colour'"},
        ),
        (
            {"type": "subscribe", "id": "x", "filter": {"kind": ["Poodle"]}},
            {"code": "bad-filter", "message": "unknown kind 'Poodle'"},
        ),
        (
            {"type": "subscribe", "id": "x", "filter": {"status": "Broken"}},
            {"code": "bad-filter", "message": "unknown status 'Broken'"},
        ),
        (
            {"type": "subscribe", "id": "x", "filter": {"selector": "a in"}},
            {"code": "bad-filter", "message": "selector 'a in' does not parse"},
        ),
        (
            {"type": "subscribe", "id": "x", "filter": {"namespace": [1]}},
            {"code": "bad-filter", "message": "namespace is a list of strings"},
        ),
        (
            {"type": "subscribe", "id": "x", "filter": []},
            {"code": "bad-filter", "message": "a filter is an object, not list"},
        ),
        (
            {"type": "subscribe", "id": "default"},
            {"code": "duplicate-id", "message": "is in use by a subscription that goes on"},
        ),
        ({"type": "unsubscribe", "id": "x"}, {"code": "unknown-id", "message": "there is no subscription"}),
    ],
)
async def test_a_refused_request_keeps_the_connection_open(
    site: Site, message: dict[str, Any], error: dict[str, str]
) -> None:
    async with site.stream("/api/v1/ws?kind=Pod") as socket:
        await read_types(socket, "hello", "snapshot")
        await socket.send(json.dumps(message))
        told = await read(socket)
        assert (told["type"], told["id"], told["code"]) == ("error", message["id"], error["code"])
        assert error["message"] in told["message"]
        await socket.send('{"type":"ping"}')
        await read_types(socket, "pong")


@pytest.mark.parametrize(
    "message",
    [
        "garbage",
        "[]",
        "null",
        "{}",
        '{"type":"dance"}',
        '{"type":"subscribe"}',
        '{"type":"subscribe","id":""}',
        '{"type":"subscribe","id":7}',
        f'{{"type":"subscribe","id":"{"x" * 65}"}}',
        '{"type":"subscribe","id":"x","filters":{}}',
        '{"type":"subscribe","id":"x","since":"e:1"}',
        '{"type":"subscribe","id":"x","since":{"epoch":"e"}}',
        '{"type":"ping"}{"type":"ping"}',
        b'{"type":"ping"}',
    ],
)
async def test_a_bad_message_ends_the_connection_for_good(site: Site, message: str | bytes) -> None:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        await read_types(socket, "hello")
        await socket.send(message)
        messages, code = await closing(socket)
    assert [(told["type"], told["code"]) for told in messages] == [("error", "bad-message")]
    assert code == 4500


async def test_text_that_is_not_utf_8(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.ask("/api/v1/ws?subscribe=false")
        await peer.send(Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True))
        told = frames(await peer.read_past(b"\r\n\r\n") + await peer.read_all())
    assert [frame.opcode for frame in told] == [Opcode.TEXT, Opcode.TEXT, Opcode.TEXT, Opcode.CLOSE]
    assert json.loads(bytes(told[2].data))["code"] == "bad-message"
    assert told[3].data[:2] == (4500).to_bytes(2, "big")


async def test_a_message_beyond_64_kib(site: Site) -> None:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        await read_types(socket, "hello")
        await socket.send('{"type":"ping"' + " " * (64 * 1024 - 15) + "}")
        await read_types(socket, "pong")
        await socket.send('{"type":"ping"' + " " * (64 * 1024 - 14) + "}")
        messages, code = await closing(socket)
    assert [message["code"] for message in messages] == ["too-big"]
    assert code == 4509


async def test_a_message_in_fragments(site: Site) -> None:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        await read_types(socket, "hello")
        await socket.send(iter(['{"type":', '"pi', 'ng"}']))
        await read_types(socket, "pong")
        await socket.send(iter(["x" * 40_000, "x" * 40_000]))
        messages, code = await closing(socket)
    assert [message["code"] for message in messages] == ["too-big"]
    assert code == 4509


async def test_a_client_that_sends_too_much() -> None:
    async with (
        serve(World(), Limits(max_message_rate=5)) as site,
        site.stream("/api/v1/ws?subscribe=false") as socket,
    ):
        await read_types(socket, "hello")
        for _ in range(20):
            await socket.send('{"type":"ping"}')
        messages, code = await closing(socket)
    assert messages[-1]["code"] == "too-fast"
    assert {message["type"] for message in messages[:-1]} <= {"pong"}
    assert code == 4029


async def test_too_many_subscriptions() -> None:
    async with serve(World(), Limits(max_subscriptions=2)) as site, site.stream() as socket:
        await read_types(socket, "hello", "snapshot")
        await socket.send('{"type":"subscribe","id":"b"}')
        await read_types(socket, "snapshot")
        await socket.send('{"type":"subscribe","id":"c"}')
        (error,) = await read_types(socket, "error")
        assert (error["id"], error["code"]) == ("c", "too-many-subscriptions")
        await socket.send('{"type":"unsubscribe","id":"b"}')
        await socket.send('{"type":"subscribe","id":"c"}')
        await read_types(socket, "snapshot")


async def test_too_many_connections() -> None:
    async with serve(World(), Limits(max_connections=1)) as site:
        async with site.stream() as socket:
            await read_types(socket, "hello", "snapshot")
            with pytest.raises(InvalidStatus) as refused:
                await site.stream()
            assert refused.value.response.status_code == 503
            assert refused.value.response.headers["Retry-After"] == "5"
            status, document = await site.refused("/api/v1/events")
            assert (status, document["error"]) == (503, "too-many-connections")
        await eventually(lambda: site.server.streams == 0)
        async with site.stream() as socket:
            await read_types(socket, "hello", "snapshot")


async def test_a_bad_filter_is_refused_before_the_upgrade(site: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await site.stream("/api/v1/ws?kind=Poodle")
    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body)["error"] == "bad-filter"


async def test_a_plain_get_is_told_to_upgrade(site: Site) -> None:
    async with site.get("/api/v1/ws") as answer:
        assert answer.status == 426
        assert answer.headers["Upgrade"] == "websocket"
        assert (await answer.json())["error"] == "upgrade-required"


async def test_a_failure_ends_with_1011(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> Changes:
        raise RuntimeError("a bug")

    async with (
        site.stream("/api/v1/ws?kind=Pod") as socket,
        site.stream("/api/v1/ws?subscribe=false") as other,
    ):
        await read_types(socket, "hello", "snapshot")
        await read_types(other, "hello")
        with monkeypatch.context() as patch:
            patch.setattr(ViewIndex, "update", fail)
            site.world.remove("pod-lone")
        messages, code = await closing(socket)
        assert ([message["code"] for message in messages], code) == (["internal-error"], 1011)
        monkeypatch.setattr(ViewSnapshot, "__init__", fail)
        await other.send('{"type":"subscribe","id":"x"}')
        messages, code = await closing(other)
        assert ([message["code"] for message in messages], code) == (["internal-error"], 1011)
    async with site.stream() as late:
        messages, code = await closing(late)
    assert ([message["type"] for message in messages], code) == (["hello", "error"], 1011)
    assert "a bug" in caplog.text


async def test_the_client_may_close(site: Site) -> None:
    async with site.stream() as socket:
        await read_types(socket, "hello", "snapshot")
        assert site.server.streams == 1
        await socket.close(1000)
        assert socket.close_code == 1000
    await eventually(lambda: site.server.streams == 0)
    async with dial(site.port) as peer:
        await peer.ask("/api/v1/ws")
        await peer.read_past(b"\r\n\r\n")
        assert site.server.streams == 1
    await eventually(lambda: site.server.streams == 0)


async def test_heartbeats_in_both_directions() -> None:
    async with serve(shop(), Limits(heartbeat=0.1)) as site, site.stream("/api/v1/ws?kind=Pod") as socket:
        await read_types(socket, "hello", "snapshot", "bookmark")
        site.world.set(facts("Service", "other"))
        seqs = [(await read(socket))["seq"] for _ in range(3)]
        assert seqs[-1] == 3
        # Ten heartbeats of pings that the client library answers: it is alive.
        for _ in range(10):
            await read_types(socket, "bookmark")


async def test_a_silent_peer_is_dropped_within_two_and_a_half_heartbeats() -> None:
    heartbeat = 0.4
    async with serve(shop(), Limits(heartbeat=heartbeat)) as site, dial(site.port) as peer:
        loop = asyncio.get_running_loop()
        await peer.ask("/api/v1/ws?subscribe=false")
        began = loop.time()
        async with asyncio.timeout(PATIENCE):
            told = frames(await peer.read_past(b"\r\n\r\n") + await peer.read_all())
        took = loop.time() - began
        await eventually(lambda: site.server.streams == 0)
    hello, state, ping, *more, error, close = told
    assert [each.opcode for each in (hello, state)] == [Opcode.TEXT, Opcode.TEXT]
    assert (ping.opcode, close.opcode) == (Opcode.PING, Opcode.CLOSE)
    assert {frame.opcode for frame in more} <= {Opcode.PING}
    assert json.loads(bytes(error.data))["code"] == "timeout"
    assert close.data[:2] == (4008).to_bytes(2, "big")
    assert 2.4 * heartbeat <= took < 2.5 * heartbeat + 1.0


async def test_a_peer_that_stops_reading_is_cut_off_and_costs_bounded_memory() -> None:
    world = crowd(20_000)
    async with serve(world, Limits(stall_timeout=0.4)) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/ws")
        await eventually(lambda: site.server.streams == 1)
        await eventually(lambda: site.server.streams == 0)
        told = await peer.read_all()
        # What the system buffers of a connection, not the 13 MB of the snapshot.
        assert len(told) < 7_000_000


async def test_a_slow_client_beyond_the_history_is_reset_and_converges() -> None:
    world = crowd(12_000, limits=Limits(history_changes=4000))
    async with serve(world) as site, site.stream(max_queue=1) as slow, site.stream() as quick:
        await read_types(slow, "hello")
        await read_types(quick, "hello")
        for step in range(8):
            world.send(Changes(nodes_set=[a_pod(1000 * step + n, "Error") for n in range(1000)]))
            world.send(Changes(nodes_removed=[], nodes_set=[a_pod(20_000 + step)]))
            await asyncio.sleep(0)
        replicas = (Replica(), Replica())
        for socket, replica in ((quick, replicas[1]), (slow, replicas[0])):
            while not (replica.whole and replica.seq == world.hub.graph.seq):
                replica.apply(await read(socket))
    assert replicas[0].resets == ["lagging"]
    assert replicas[0].matches(world.hub.graph, EVERYTHING)
    assert replicas[1].matches(world.hub.graph, EVERYTHING)


async def test_a_slow_client_is_caught_up_by_one_merged_delta() -> None:
    world = crowd(12_000)
    async with serve(world) as site, site.stream(max_queue=1) as slow:
        await read_types(slow, "hello")
        for step in range(50):
            world.send(Changes(nodes_set=[a_pod(step % 7, "Error", f"step {step}")]))
            await asyncio.sleep(0)
        replica, deltas = Replica(), 0
        while not (replica.whole and replica.seq == world.hub.graph.seq):
            message = await read(slow)
            deltas += message["type"] == "delta"
            replica.apply(message)
    assert replica.resets == []
    assert deltas == 1
    assert replica.matches(world.hub.graph, EVERYTHING)


async def test_a_stalled_peer_delays_nobody() -> None:
    world = crowd(20_000)
    async with serve(world) as site, dial(site.port) as peer, site.stream("/api/v1/ws?namespace=ns-3") as ok:
        await peer.ask("/api/v1/ws")
        await eventually(lambda: site.server.streams == 2)
        replica = Replica()
        await read_types(ok, "hello")
        while not replica.whole:
            replica.apply(await read(ok))
        for step in range(100):
            world.send(Changes(nodes_set=[a_pod(3, "Error", f"step {step}")]))
            replica.apply(await read(ok))
        assert replica.matches(world.hub.graph, parse_query({"namespace": ["ns-3"]}, FilterRules.of(KINDS)))
