"""What a load is made of: shares, digests, holders, decoders, latencies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.client import EdgeChange, NodeChange, Position, Update
from astrolabe.client.load.report import Histogram
from astrolabe.client.load.run import is_in_share
from astrolabe.client.load.shared_decoder import SharedDecoder, decode_outline
from astrolabe.client.load.verification import DigestTable, GraphDigest, TrackedGraph, hash_of
from astrolabe.client.message import DeltaMessage, SnapshotMessage, decode
from tests.support.stage import HELLO, delta, edge, node, snapshot


def test_a_share_is_spread_evenly() -> None:
    assert [is_in_share(number, 0.25) for number in range(8)] == [False, False, False, True] * 2
    assert not any(is_in_share(number, 0) for number in range(100))
    assert all(is_in_share(number, 1) for number in range(100))
    assert sum(is_in_share(number, 0.1) for number in range(1000)) == 100


def test_a_digest_depends_on_the_graph_and_not_on_its_history() -> None:
    a, b, line = node("a"), node("b"), edge("a", "b")
    one, other = GraphDigest(), GraphDigest()
    one.add([NodeChange("+", a), NodeChange("+", b), EdgeChange("+", line, a, b)])
    other.add([NodeChange("+", b), NodeChange("+", node("a", "Error"))])
    other.add([EdgeChange("+", line, a, b), NodeChange("~", dict(reversed(a.items())), node("a", "Error"))])
    assert one.value == other.value == sum(map(hash_of, (a, b, line))) % 2**64
    other.add([EdgeChange("-", line, a, b, line), NodeChange("-", a, a)])
    assert other.value == hash_of(b) != one.value
    other.add([NodeChange("-", b, b)])
    assert other.value == 0


def update(event: Any, seq: int, *, epoch: str = "e", changes: Any = ()) -> Update:
    return Update(event=event, position=Position(epoch, seq), changes=changes)


def test_clients_are_comparable_at_common_positions() -> None:
    held, fresh = TrackedGraph(0, GraphDigest()), TrackedGraph(0, GraphDigest())
    assert not held.comparable(fresh)
    assert held.follow(update("snapshot", 5))
    assert held.follow(update("bookmark", 9))
    assert (held.first, held.last) == (5, 9)
    for seq, expected in ((4, False), (5, True), (7, True), (9, True), (10, False)):
        fresh.follow(update("snapshot", seq))
        assert held.comparable(fresh) == fresh.comparable(held) == expected
    fresh.follow(update("snapshot", 7, epoch="f"))
    assert not held.comparable(fresh)
    elsewhere = TrackedGraph(1, GraphDigest())
    elsewhere.follow(update("snapshot", 7))
    assert not held.comparable(elsewhere)
    assert held.follow(update("delta", 12))
    assert (held.first, held.last) == (12, 12)
    assert not held.follow(update("part", 12))
    assert not held.follow(update("disconnected", 12))


def test_a_ledger_finds_disagreeing_clients() -> None:
    digests, one, two, other = (
        DigestTable(),
        TrackedGraph(0, GraphDigest()),
        TrackedGraph(0, GraphDigest()),
        TrackedGraph(1, GraphDigest()),
    )
    one.follow(update("snapshot", 5, changes=[NodeChange("+", node("a"))]))
    two.follow(update("snapshot", 5, changes=[NodeChange("+", node("a", "Error"))]))
    other.follow(update("snapshot", 5))
    assert [digests.agrees(tracked) for tracked in (one, other, two, one)] == [True, True, False, True]


def test_equal_nodes_and_edges_are_shared() -> None:
    shared = SharedDecoder()
    first = shared.decode(json.dumps(snapshot(node("a"), node("b"), edges=(edge("a", "b"),))).encode())
    again = shared.decode(json.dumps(snapshot(node("b"), node("a"), edges=(edge("a", "b"),))).encode())
    later = shared.decode(json.dumps(delta(1, 2, node("a"), node("b", "Error"))).encode())
    assert isinstance(first, SnapshotMessage)
    assert isinstance(again, SnapshotMessage)
    assert isinstance(later, DeltaMessage)
    assert again.nodes == [node("b"), node("a")]
    assert again.nodes[1] is first.nodes[0] is later.nodes.set[0]
    assert again.edges[0] is first.edges[0]
    assert later.nodes.set[1] == node("b", "Error")
    assert shared.hash(first.nodes[0]) == shared.hash(dict(first.nodes[0])) == hash_of(node("a"))


def test_equal_messages_are_one() -> None:
    shared = SharedDecoder()
    data = [json.dumps(delta(seq, seq + 1, node("a", f"{seq}"))).encode() for seq in range(300)]
    first = [shared.decode(each) for each in data]
    assert shared.decode(bytes(data[-1])) is first[-1]
    assert shared.decode(data[0]) is not first[0]
    assert shared.decode(data[0]) == first[0]


def test_unused_objects_are_dropped_and_hashes_stay_correct(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("astrolabe.client.load.shared_decoder.REMEMBERED", 10)
    monkeypatch.setattr("astrolabe.client.load.shared_decoder.MESSAGES", 1)
    shared = SharedDecoder()
    for step in range(200):
        message = shared.decode(json.dumps(delta(1, 2, node(f"{step % 37}", f"{step}"), node("a"))).encode())
        assert isinstance(message, DeltaMessage)
        assert [shared.hash(each) for each in message.nodes.set] == [
            hash_of(each) for each in message.nodes.set
        ]


@given(st.lists(st.sampled_from(["Ready", "Error", "Pending"]), max_size=8))
def test_shared_objects_equal_the_sent_ones(statuses: list[str]) -> None:
    shared = SharedDecoder()
    for seq, status in enumerate(statuses, 1):
        data = json.dumps(delta(seq, seq + 1, node("a", status), edges=(edge("a", "a", status),))).encode()
        assert shared.decode(data) == decode(data)


def test_an_outline_has_the_positions_only() -> None:
    message = {**delta(1, 2, node("a"), gone=("b",)), "time": 5}
    assert decode_outline(json.dumps(message).encode()) == decode(json.dumps({**delta(1, 2), "time": 5}))
    part = snapshot(node("a"), edges=(edge("a", "a"),), part=3, last=False)
    assert decode_outline(json.dumps(part).encode()) == decode(json.dumps(snapshot(part=3, last=False)))
    assert decode_outline(json.dumps(HELLO).encode()) == decode(json.dumps(HELLO))


def test_latencies() -> None:
    histogram = Histogram()
    assert histogram.latency() is None
    for milliseconds in range(1, 1001):
        histogram.add(milliseconds)
    found = histogram.latency()
    assert found is not None
    assert (found.count, found.max) == (1000, 1000)
    assert abs(found.p50 - 500) < 10
    assert abs(found.p90 - 900) < 18
    assert abs(found.p99 - 990) <= 20


def test_a_clock_that_is_ahead_is_tolerated() -> None:
    histogram = Histogram()
    histogram.add(-5)
    found = histogram.latency()
    assert found is not None
    assert (found.p50, found.max) == (0, 0)
