import json
from typing import Any

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.http.net.message import Message
from astrolabe.http.net.sse import event_chunk
from astrolabe.settings import Limits
from tests.support.raw import dial
from tests.support.replica import Replica
from tests.support.serving import Site, eventually, serve
from tests.support.worlds import EPOCH, a_pod, crowd, facts, shop


class Reader:
    """Reads a stream of events as a browser's EventSource does."""

    def __init__(self, answer: Any) -> None:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        self._content = answer.content
        self.last_id = ""

    async def read(self) -> dict[str, Any]:
        """The message of the next event, but for the hello and the state of what is served."""
        while (message := await self._message())["type"] in ("hello", "state"):
            pass
        return message

    async def _message(self) -> dict[str, Any]:
        event, data = "", ""
        while line := (await self._line()):
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "id":
                self.last_id = value
            elif name == "data":
                data = value
        message: dict[str, Any] = json.loads(data)
        assert message["type"] == event
        return message

    async def _line(self) -> str:
        line: bytes = await self._content.readline()
        assert line.endswith(b"\n"), "the stream has ended"
        return line.decode()[:-1]


def test_an_event_is_one_chunk_of_three_lines() -> None:
    message = Message("bookmark", '{"type":"bookmark"}', "e:7")
    assert event_chunk(message) == (b'33\r\nevent: bookmark\nid: e:7\ndata: {"type":"bookmark"}\n\n\r\n')


async def test_snapshot_and_deltas(site: Site) -> None:
    async with site.get("/api/v1/events?kind=Pod&namespace=other") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Astrolabe-Epoch"] == EPOCH
        events = Reader(answer)
        snapshot = await events.read()
        assert snapshot["type"] == "snapshot"
        assert [node["uid"] for node in snapshot["nodes"]] == ["pod-lone"]
        assert events.last_id == f"{EPOCH}:2"
        site.world.remove("pod-lone")
        delta = await events.read()
        assert (delta["from"], delta["seq"], delta["nodes"]["remove"]) == (2, 3, ["pod-lone"])
        assert events.last_id == f"{EPOCH}:3"
    await eventually(lambda: site.server.streams == 0)


async def test_resuming_by_last_event_id(site: Site) -> None:
    async with site.get("/api/v1/events", headers={"Last-Event-ID": f"{EPOCH}:2"}) as answer:
        events = Reader(answer)
        assert (await events.read())["type"] == "bookmark"
        site.world.remove("pod-lone")
        delta = await events.read()
        assert (delta["type"], delta["from"]) == ("delta", 2)
        async with site.get(f"/api/v1/events?since={EPOCH}:2") as other:
            assert (await Reader(other).read())["from"] == 2
    async with site.get(
        f"/api/v1/events?kind=Pod&since={EPOCH}:3", headers={"Last-Event-ID": "older:3"}
    ) as answer:
        events = Reader(answer)
        assert await events.read() == {"type": "reset", "id": "default", "reason": "epoch-changed"}
        assert events.last_id == ""
        assert (await events.read())["type"] == "snapshot"
        assert events.last_id == f"{EPOCH}:3"


async def test_a_bad_last_event_id_is_refused(site: Site) -> None:
    async with site.get("/api/v1/events", headers={"Last-Event-ID": "yesterday"}) as answer:
        assert answer.status == 400
        assert "Last-Event-ID is <epoch>:<seq>" in (await answer.json())["message"]


async def test_bookmarks_at_every_heartbeat() -> None:
    async with (
        serve(shop(), Limits(heartbeat=0.1)) as site,
        site.get("/api/v1/events?kind=Service") as answer,
    ):
        events = Reader(answer)
        await events.read()
        site.world.set(facts("Pod", "new"))
        bookmarks = [await events.read() for _ in range(3)]
        assert bookmarks[-1] == {"type": "bookmark", "id": "default", "epoch": EPOCH, "seq": 3}
        assert events.last_id == f"{EPOCH}:3"


async def test_only_the_end_of_a_snapshot_may_be_resumed_from() -> None:
    world = crowd(2500)
    async with serve(world) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/events", "")
        text = (await peer.read_past(b"\r\n\r\n")).decode()
        while f"id: {EPOCH}:1" not in text:
            text += (await peer.read()).decode()
    ids = [line for line in text.split("\n") if line.startswith("id:")]
    assert len(ids) > 2
    assert ids == ["id: "] * (len(ids) - 1) + [f"id: {EPOCH}:1"]


async def test_a_slow_reader_converges() -> None:
    world = crowd(9000)
    replica = Replica()
    async with serve(world) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/events", "")
        await eventually(lambda: site.server.streams == 1)
        for step in range(30):
            world.send(Changes(nodes_set=[a_pod(step % 4, "Error", f"step {step}")]))
        data = await peer.read_past(b"\r\n\r\n")
        while not (replica.whole and replica.seq == world.hub.graph.seq):
            *lines, data = data.split(b"\n")
            for line in lines:
                if line.startswith(b"data: "):
                    replica.apply(json.loads(line[6:]))
            if not (replica.whole and replica.seq == world.hub.graph.seq):
                data += await peer.read()
    assert replica.matches(world.hub.graph, EVERYTHING)
    assert replica.resets == []


async def test_a_reader_that_stops_is_cut_off() -> None:
    async with serve(crowd(20_000), Limits(stall_timeout=0.4)) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/events", "")
        await eventually(lambda: site.server.streams == 1)
        await eventually(lambda: site.server.streams == 0)


def unchunk(body: bytes) -> list[bytes]:
    """The chunks of a whole body, to the letter of RFC 9112, 7.1."""
    chunks = []
    while True:
        line, _, body = body.partition(b"\r\n")
        size = int(line, 16)
        assert line == b"%x" % size
        chunk, end, body = body[:size], body[size : size + 2], body[size + 2 :]
        assert (len(chunk), end) == (size, b"\r\n")
        if not size:
            assert body == b""
            return chunks
        chunks.append(chunk)


async def test_each_event_is_one_chunk_and_the_body_ends_with_the_server(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.ask("/api/v1/events?kind=Service", "")
        await eventually(lambda: site.server.streams == 1)
        site.world.remove("service-web")
        await site.server.stop()
        status, headers, body = await peer.read_answer()
    assert status == 200
    assert headers == {
        "cache-control": "no-store",
        "connection": "close",
        "content-type": "text/event-stream; charset=utf-8",
        "referrer-policy": "no-referrer",
        "transfer-encoding": "chunked",
        "x-accel-buffering": "no",
        "x-astrolabe-epoch": EPOCH,
        "x-astrolabe-seq": "2",
        "x-astrolabe-state": "live",
        "x-content-type-options": "nosniff",
    }
    hello, state, snapshot, delta, error = unchunk(body)
    assert hello.startswith(b'event: hello\ndata: {"type":"hello",')
    assert error == (
        b'event: error\ndata: {"type":"error","code":"going-away",'
        b'"message":"the server is going away; come back"}\n\n'
    )
    assert state.startswith(b'event: state\ndata: {"type":"state","state":"live",')
    assert snapshot.startswith(f"event: snapshot\nid: {EPOCH}:2\ndata: {{".encode())
    assert delta.startswith(f"event: delta\nid: {EPOCH}:3\ndata: {{".encode())
    assert snapshot.count(b"\n") == delta.count(b"\n") == 4


async def test_http_1_0_gets_no_chunks(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.ask("/api/v1/events?kind=Service", "Connection: keep-alive\r\n", version="1.0")
        await eventually(lambda: site.server.streams == 1)
        site.world.remove("service-web")
        await site.server.stop()
        status, headers, body = await peer.read_answer()
    assert (status, headers["connection"], headers.get("transfer-encoding")) == (200, "close", None)
    events = body.split(b"\n\n")
    assert [event.partition(b"\n")[0] for event in events] == [
        b"event: hello",
        b"event: state",
        b"event: snapshot",
        b"event: delta",
        b"event: error",
        b"",
    ]


async def test_a_head_is_refused_and_does_not_hang(site: Site) -> None:
    async with dial(site.port) as peer:
        await peer.send(b"HEAD /api/v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        status, headers, body = await peer.read_answer()
    assert (status, headers["allow"], body) == (405, "GET", b"")


async def test_data_from_the_client_is_discarded(site: Site) -> None:
    """Another request behind the first, say: the answer to this one never ends."""
    async with dial(site.port) as peer:
        await peer.send(
            b"GET /api/v1/events?kind=Service HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET / HTTP/1.1\r\n\r\n" * 9000
        )
        await peer.read_past(b'"last":true')
        await peer.send(bytes(1_000_000))
        site.world.remove("service-web")
        await peer.read_past(b"event: delta")
