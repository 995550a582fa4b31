"""What could not be shared, merged; and pieces that leave a closed graph behind."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.bus.redis.changes import CHUNK_BYTES, CHUNK_ITEMS, size, split
from astrolabe.bus.redis.outbox import LogRetention, Outbox
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.settings import Limits
from tests.support.changes import some_changes
from tests.support.members import edge, node, same


@settings(max_examples=100)
@given(seed=st.integers(0, 10_000), before=st.integers(0, 10), alone=st.integers(1, 15))
def test_merged_changes_have_the_effect_of_all_changes(seed: int, before: int, alone: int) -> None:
    random = Random(seed)
    stored, served, outbox = ServedGraph("e"), ServedGraph("e"), Outbox()
    for _ in range(before):
        batch = Batch("e", served.seq + 1, some_changes(random, served))
        served.apply(batch)
        stored.apply(batch)
    for _ in range(alone):
        changes = some_changes(random, served)
        outbox.add(changes, served, time=5)
        served.apply(Batch("e", served.seq + 1, changes))
    start = ServedGraph("")
    for known in outbox.before():
        start.load(known)
    for changes in outbox.chunks():
        for uid in (*[each.uid for each in changes.nodes_set], *changes.nodes_removed):
            assert start.nodes.get(uid) == stored.nodes.get(uid)
        for key in (*[each.key for each in changes.edges_set], *changes.edges_removed):
            assert start.edge(key) == stored.edge(key)
        stored.apply(Batch("e", served.seq, changes, gap=served.seq - stored.seq))
    assert same(stored, served)


def test_objects_that_came_and_went_leave_no_trace() -> None:
    outbox, graph = Outbox(), ServedGraph("e")
    for number in range(1_000):
        pod = node(f"pod-{number}")
        outbox.add(Changes(nodes_set=[pod]), graph, time=1)
        outbox.add(Changes(nodes_removed=[pod.uid]), graph, time=2)
    assert len(outbox) == 0
    assert list(outbox.chunks()) == [Changes()]


def test_objects_redis_may_know_are_deleted_explicitly() -> None:
    outbox, graph = Outbox(), ServedGraph("e")
    told = Changes(nodes_set=[node("a"), node("b")], edges_set=[edge("a", "b")])
    outbox.add(told, graph, time=1)
    outbox.pin(told)
    outbox.add(Changes(nodes_removed=["a", "b"], edges_removed=[edge("a", "b").key]), graph, time=2)
    (changes,) = outbox.chunks()
    assert (changes.nodes_removed, changes.edges_removed) == (["a", "b"], [edge("a", "b").key])


def test_small_changes_are_one_piece() -> None:
    changes = Changes(nodes_set=[node("a")])
    assert list(split(changes)) == [changes]
    assert list(split(Changes())) == [Changes()]


def test_large_changes_are_split_so_that_no_edge_dangles() -> None:
    nodes = [node(f"pod-{number}", size=1_000) for number in range(2_000)]
    edges = [edge(f"pod-{number}", "pod-0") for number in range(2_000)]
    changes = Changes(
        nodes_set=nodes, edges_set=edges, edges_removed=[edge("x", "y").key], nodes_removed=["x"]
    )
    pieces = list(split(changes))
    assert len(pieces) > 4
    assert all(size(piece) <= CHUNK_ITEMS for piece in pieces)
    assert all(sum(len(each.text) for each in piece.nodes_set) <= CHUNK_BYTES for piece in pieces)
    kinds = [
        kind
        for piece in pieces
        for kind in ("nodes_set", "edges_set", "nodes_removed")
        if getattr(piece, kind)
    ]
    assert kinds == sorted(kinds, key=["nodes_set", "edges_set", "nodes_removed"].index)
    assert sum(map(size, pieces)) == size(changes)


def test_merged_batches_have_no_time() -> None:
    outbox, graph = Outbox(), ServedGraph("e")
    outbox.add(Changes(nodes_set=[node("a")]), graph, time=5)
    assert outbox.time == 5
    outbox.add(Changes(nodes_set=[node("b")]), graph, time=7)
    assert outbox.time == 0


def test_the_log_drops_entries_beyond_the_limits() -> None:
    retention = LogRetention(Limits(history_changes=3, history_bytes=10**9))
    for seq in range(1, 4):
        retention.add(Batch("e", seq, Changes(nodes_set=[node("a")])))
    assert retention.trim() is None
    retention.add(Batch("e", 4, Changes(nodes_set=[node("a")])))
    assert retention.trim() == 2
    retention.add(Batch("e", 5, Changes(nodes_set=[node(name) for name in "abcdef"])))
    assert retention.trim() == 5, "the latest stays, whatever its size"
    retention.clear()
    assert retention.trim() is None


def test_the_log_drops_entries_beyond_its_memory_limit() -> None:
    retention = LogRetention(Limits(history_changes=1000, history_bytes=5_000))
    for seq in range(1, 11):
        retention.add(Batch("e", seq, Changes(nodes_set=[node("a", size=1_000)])))
    assert retention.trim() == 8
