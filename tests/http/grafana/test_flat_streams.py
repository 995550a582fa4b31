"""Flat streams over real sockets, read as plugins do that append what they get."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame
from websockets.protocol import CLIENT, Protocol, State

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.http.grafana.statistics import LiveCounts
from astrolabe.http.net.message import Message
from astrolabe.http.stream.hub import SENDS_PER_TURN
from astrolabe.settings import Limits
from tests.support.connections import Recorder
from tests.support.loop_meter import LoopMeter
from tests.support.raw import dial, frames
from tests.support.serving import Site, eventually, read, serve
from tests.support.worlds import a_pod, crowd, only

#: Seconds of work for which nothing may hold the loop: twice what is promised, as others are at work, too.
LONGEST = 0.04

CHANGE_KEYS = [
    *[
        "time",
        "op",
        "uid",
        "kind",
        "namespace",
        "name",
        "status",
        "reason",
        "message",
        "release",
        "cluster",
        "seq",
    ]
]
STATISTICS_KEYS = ["time", "nodes", "edges", "ready", "pending", "error", "unknown"]


class Columns:
    """A client that evaluates one path a field on each message and appends what it finds."""

    def __init__(self, fields: list[str]) -> None:
        self.values: dict[str, list[Any]] = {field: [] for field in fields}

    def append(self, message: dict[str, Any]) -> None:
        for field, values in self.values.items():
            if field in message:
                values.append(message[field])

    @property
    def lengths(self) -> set[int]:
        return {len(values) for values in self.values.values()}


async def test_changes_arrive_one_by_one_with_equal_columns() -> None:
    world, columns = crowd(10), Columns(CHANGE_KEYS)
    async with serve(world) as site, site.stream("/api/v1/ws/flat/changes") as socket:
        await socket.send('{"hello":"from a plugin"}')
        await eventually(lambda: site.server.streams == 1)
        world.send(Changes(nodes_set=[a_pod(1, "Error", "Pod is broken"), a_pod(2)]))
        world.send(Changes(nodes_removed=[a_pod(5).uid]))
        for _ in range(3):
            message = await read(socket)
            assert list(message) == CHANGE_KEYS
            assert all(not isinstance(value, list | dict) for value in message.values())
            columns.append(message)
    assert columns.lengths == {3}
    assert columns.values["op"] == ["set", "set", "remove"]
    assert columns.values["name"] == ["web-1", "web-2", "web-5"]
    assert columns.values["message"] == ["Pod is broken", "Pod is running", "Pod is running"]
    assert columns.values["seq"] == [2, 2, 3]


async def test_the_path_is_the_filter() -> None:
    world = crowd(40)
    async with (
        serve(world) as site,
        site.stream("/api/v1/ws/flat/changes/namespace=ns-3,ns-4/status=Error") as socket,
        site.stream("/api/v1/ws/flat/stats/namespace=ns-3/namespace=ns-4") as counts,
    ):
        first = await read(counts)
        assert [first[key] for key in STATISTICS_KEYS[1:]] == [4, 2, 4, 0, 0, 0]
        world.send(Changes(nodes_set=[a_pod(number, "Error") for number in (1, 3)]))
        world.send(Changes(nodes_set=[a_pod(3)]))
        told = [await read(socket) for _ in range(2)]
        assert [(row["op"], row["name"], row["status"]) for row in told] == [
            ("set", "web-3", "Error"),
            ("remove", "web-3", "Error"),  # it is still there, but Error no more
        ]


async def test_counts_are_sent_every_second() -> None:
    world, columns = crowd(10), Columns(STATISTICS_KEYS)
    async with serve(world) as site, site.stream("/api/v1/ws/flat/stats") as socket:
        for _ in range(3):
            message = await read(socket)
            assert list(message) == STATISTICS_KEYS
            columns.append(message)
            world.send(Changes(nodes_set=[a_pod(1, "Error")], nodes_removed=[]))
    assert columns.lengths == {3}
    assert columns.values["nodes"] == [10, 10, 10]
    assert columns.values["error"] == [0, 1, 1]
    first, second, third = columns.values["time"]
    assert 900 <= second - first <= 2000
    assert 900 <= third - second <= 2000


async def test_counting_ends_with_the_last_listener_and_begins_again() -> None:
    async with serve(crowd(3)) as site:
        for _ in range(2):
            async with (
                site.stream("/api/v1/ws/flat/stats") as one,
                site.stream("/api/v1/ws/flat/stats") as other,
            ):
                assert [(await read(socket))["nodes"] for socket in (one, other, one, other)] == [3] * 4
            await eventually(lambda: site.server.streams == 0)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/v1/ws/flat/changes/kind=Podz", 400, b"unknown kind 'Podz'"),
        ("/api/v1/ws/flat/stats/shop", 400, b"a part of this path is <parameter>=<value>"),
        ("/api/v1/ws/flat/stats?namespace=shop", 400, b"unknown parameter 'namespace'"),
        ("/api/v1/ws/flat/nothing", 404, b"not-found"),
    ],
)
async def test_invalid_parameters_are_refused(site: Site, path: str, status: int, said: bytes) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await site.stream(path)
    assert refused.value.response.status_code == status
    assert said in refused.value.response.body


async def test_flat_streams_count_as_streams_and_close_without_a_row() -> None:
    async with (
        serve(crowd(3), Limits(max_connections=2)) as site,
        site.stream("/api/v1/ws/flat/changes") as changes,
        site.stream("/api/v1/ws/flat/stats") as counts,
    ):
        await read(counts)
        with pytest.raises(InvalidStatus):
            await site.stream("/api/v1/ws/flat/stats")
        await site.server.stop()
        for socket in (changes, counts):
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "going-away")


@pytest.mark.parametrize("rounds", [5, 50])
async def test_a_client_that_did_not_read_gets_the_latest_rows(rounds: int) -> None:
    """Of each of 600 pods the states that the connection held, and then the last: by one merged delta, or,
    when history does not reach back that far, by a snapshot."""
    world = crowd(600)
    async with serve(world) as site, dial(site.port) as peer:
        await peer.ask("/api/v1/ws/flat/changes")
        rest = await peer.read_past(b"\r\n\r\n")
        (channel,) = site.server._connections._open
        while channel.writable:
            world.send(Changes(nodes_set=[a_pod(n, "Error", "held") for n in range(600)]))
            await asyncio.sleep(0)
        full = channel.transport.get_write_buffer_size()
        for number in range(rounds):
            world.send(Changes(nodes_set=[a_pod(n, "Error", f"round {number}") for n in range(600)]))
        assert channel.transport.get_write_buffer_size() == full
        last = f"round {rounds - 1}"
        parser = Protocol(CLIENT, state=State.OPEN, max_size=None)
        told: list[dict[str, Any]] = []
        parser.receive_data(rest)
        while len([row for row in told if row["message"] == last]) < 600:
            parser.receive_data(await peer.read())
            frames = [event for event in parser.events_received() if isinstance(event, Frame)]
            told += [json.loads(frame.data) for frame in frames]
        assert {row["message"] for row in told} == {"held", last}
        assert len({row["uid"] for row in told if row["message"] == last}) == 600
        assert told[-1]["seq"] == site.hub.graph.seq


async def test_rows_of_a_long_gap_are_sent_in_steps() -> None:
    """All of them, once each, and before what comes next; the loop turns on meanwhile."""
    world = crowd(12_000)
    async with serve(world) as site, dial(site.port, buffer=1 << 20) as peer:
        await peer.ask("/api/v1/ws/flat/changes/q=web")
        await peer.read_past(b"\r\n\r\n")
        (channel,) = site.server._connections._open
        await world.hub.snapshot(only(q="web"))
        channel.pause()
        for start in range(0, 10_000, 1000):
            changed = [a_pod(number, "Error") for number in range(start, start + 1000)]
            gone = [a_pod(10_000 + start // 1000).uid]
            out = world.hub.graph.outgoing(gone[0])
            into = world.hub.graph.incoming(gone[0])
            world.send(
                Changes(changed, nodes_removed=gone, edges_removed=[each.key for each in {*out, *into}])
            )
        await asyncio.sleep(0.1)
        meter = LoopMeter()
        channel.resume()
        heard, last = bytearray(), world.hub.graph.seq
        while heard.count(b'"op"') < 5_000:
            heard += await peer.read(1 << 17)
        world.send(Changes([a_pod(1, "Pending")]))
        while b"Pending" not in heard:
            heard += await peer.read(1 << 17)
        meter.stop()
    rows = [json.loads(each.data) for each in frames(bytes(heard))]
    assert meter.longest < LONGEST
    assert sorted(row["uid"] for row in rows[:10_000]) == [a_pod(number).uid for number in range(10_000)]
    assert {(row["op"], row["name"]) for row in rows[10_000:-1]} == {
        ("remove", f"web-{10_000 + number}") for number in range(10)
    }
    assert [row["seq"] for row in rows] == [last] * 10_010 + [last + 1]


async def test_counts_for_thousands_are_sent_over_many_turns() -> None:
    heard, meter = Counter[int](), LoopMeter()

    class Listener(Recorder):
        def write(self, message: Message) -> None:
            super().write(message)
            heard[meter.count] += 1

    statistics = LiveCounts(crowd(10).hub)
    listeners = [Listener() for _ in range(3 * SENDS_PER_TURN)]
    for listener in listeners:
        statistics.join(listener, EVERYTHING)
    await eventually(lambda: all(listener.messages for listener in listeners))
    meter.stop()
    for listener in listeners:
        statistics.leave(listener)
    await statistics.close()
    assert max(heard.values()) <= 2 * SENDS_PER_TURN  # a turn of the loop is not quite one of the meter
