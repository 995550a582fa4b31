from __future__ import annotations

import json
from time import thread_time
from typing import Any

import pytest

from astrolabe.client import Change, EdgeChange, Graph, NodeChange, ProtocolError
from astrolabe.client.message import decode
from tests.support.stage import HELLO, bookmark, delta, edge, key, node, reset, snapshot


def tell(graph: Graph, document: dict[str, Any]) -> list[Change]:
    message = decode(json.dumps(document))
    assert message is not None
    return graph.apply(message)


def graph_of(*documents: dict[str, Any]) -> Graph:
    graph = Graph()
    for document in documents:
        tell(graph, document)
    return graph


def pair() -> Graph:
    """a owns b, at seq 1."""
    return graph_of(snapshot(node("a"), node("b"), edges=(edge("a", "b"),)))


def state(graph: Graph) -> Any:
    return (
        dict(graph.nodes),
        dict(graph.edges),
        graph.position,
        {uid: (graph.out(uid), graph.into(uid)) for uid in graph.nodes},
    )


def test_a_snapshot_counts_once_its_last_part_arrived() -> None:
    graph = Graph()
    assert tell(graph, snapshot(node("a"), last=False)) == []
    assert (graph.position, graph.complete, dict(graph.nodes)) == (None, False, {})
    assert tell(graph, snapshot(node("b"), edges=(edge("a", "b"),), part=2)) == [
        NodeChange("+", node("a")),
        NodeChange("+", node("b")),
        EdgeChange("+", edge("a", "b"), node("a"), node("b")),
    ]
    assert (graph.position, graph.complete) == (("e", 1), True)


def test_a_delta_adds_changes_and_removes() -> None:
    graph = pair()
    changed = edge("a", "b", "spec.other")
    assert tell(graph, delta(1, 2, edges=(changed,))) == [
        EdgeChange("~", changed, node("a"), node("b"), edge("a", "b"))
    ]
    changes = tell(
        graph,
        delta(
            2,
            4,
            node("a", "Error"),
            node("c"),
            edges=(edge("a", "c"),),
            removed=(key("a", "b"),),
            gone=("b",),
        ),
    )
    assert changes == [
        NodeChange("~", node("a", "Error"), node("a")),
        NodeChange("+", node("c")),
        EdgeChange("+", edge("a", "c"), node("a", "Error"), node("c")),
        EdgeChange("-", changed, node("a", "Error"), node("b"), changed),
        NodeChange("-", node("b"), node("b")),
    ]
    assert graph.position == ("e", 4)
    assert dict(graph.nodes) == {"a": node("a", "Error"), "c": node("c")}
    assert dict(graph.edges) == {("owns", "a", "c"): edge("a", "c")}


def test_the_edges_of_a_node() -> None:
    graph = pair()
    assert (graph.out("a"), graph.into("a")) == ([edge("a", "b")], [])
    assert (graph.out("b"), graph.into("b")) == ([], [edge("a", "b")])
    tell(graph, delta(1, 2, edges=(edge("b", "a"), edge("a", "a")), removed=(key("a", "b"),)))
    assert (graph.out("a"), graph.into("a")) == ([edge("a", "a")], [edge("b", "a"), edge("a", "a")])
    assert (graph.out("nobody"), graph.into("nobody")) == ([], [])


def test_no_op_sets_and_removals_are_not_changes() -> None:
    graph = pair()
    message = delta(1, 2, node("a"), edges=(edge("a", "b"),), removed=(key("b", "a"),), gone=("x",))
    assert tell(graph, message) == []
    assert graph.position == ("e", 2)


def test_a_snapshot_after_a_reset_changes_what_differs() -> None:
    graph = pair()
    tell(graph, reset("epoch-changed"))
    assert tell(graph, snapshot(node("a", "Pending"), epoch="f", seq=9, last=False)) == []
    assert (graph.position, graph.complete) == (("e", 1), False)
    assert tell(graph, snapshot(node("c"), edges=(edge("a", "c"),), epoch="f", seq=9, part=2)) == [
        NodeChange("~", node("a", "Pending"), node("a")),
        NodeChange("+", node("c")),
        EdgeChange("+", edge("a", "c"), node("a", "Pending"), node("c")),
        EdgeChange("-", edge("a", "b"), node("a", "Pending"), node("b"), edge("a", "b")),
        NodeChange("-", node("b"), node("b")),
    ]
    assert graph.position == ("f", 9)
    assert graph.out("a") == [edge("a", "c")]


def test_a_reset_throws_away_the_parts_of_a_snapshot_that_was_cut_off() -> None:
    graph = graph_of(snapshot(node("a"), last=False), reset("lagging"), snapshot(node("b"), seq=2))
    assert set(graph.nodes) == {"b"}


def test_a_bookmark_moves_the_position() -> None:
    graph = pair()
    assert tell(graph, bookmark(1)) == []
    assert tell(graph, bookmark(70)) == []
    assert tell(graph, delta(70, 71, node("c"))) == [NodeChange("+", node("c"))]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (delta(2, 3), "a delta of e:3 since 2, while e:1 is held"),
        (delta(0, 3), "a delta of e:3 since 0, while e:1 is held"),
        (delta(1, 1), "a delta from 1 to 1"),
        ({**delta(1, 2), "epoch": "f"}, "a delta of f:2 since 1, while e:1 is held"),
        (bookmark(2, "f"), "a bookmark of f:2 since 1, while e:1 is held"),
        (bookmark(0), "a bookmark of e:0 since 0, while e:1 is held"),
        (snapshot(node("a"), seq=2), "a snapshot of e:2 that was not asked for"),
        (delta(1, 2, node("c"), edges=(edge("c", "d"),)), "an edge owns between c and d, without d"),
        (delta(1, 2, edges=(edge("d", "a"),)), "an edge owns between d and a, without d"),
        (delta(1, 2, node("a", "Error"), gone=("b",)), "b is removed while there are edges of it"),
        (delta(1, 2, node("c"), removed=(key("a", "b"),), gone=("b", "c", "a"), edges=(edge("a", "c"),)), "c is removed while there are edges of it"),
        (delta(1, 2, edges=(edge("a", "b", "x"),), gone=("a",)), "a is removed while there are edges of it"),
        (delta(1, 2, node("c"), {"kind": "Pod"}), "a node whose uid is None"),
        (delta(1, 2, edges=({"type": "owns", "from": "a"},)), "an edge 'owns' from 'a' to None"),
    ],
)  # fmt: skip
def test_an_invalid_delta_is_not_applied_at_all(message: dict[str, Any], why: str) -> None:
    graph = pair()
    before = state(graph)
    with pytest.raises(ProtocolError) as caught:
        tell(graph, message)
    assert str(caught.value) == why
    assert state(graph) == before
    assert tell(graph, delta(1, 2, node("c"))) == [NodeChange("+", node("c"))]


@pytest.mark.parametrize(
    "parts",
    [
        [snapshot(part=2)],
        [snapshot(last=False), snapshot(part=3)],
        [snapshot(last=False), snapshot(part=1)],
        [snapshot(last=False), snapshot(part=2, seq=2)],
        [snapshot(last=False), snapshot(part=2, epoch="f")],
        [snapshot(last=False), delta(1, 2)],
        [snapshot(last=False), bookmark(1)],
        [snapshot(node("a"), last=False), snapshot(node("a"), part=2)],
        [snapshot(node("a"), edges=(edge("a", "a"), edge("a", "a")))],
        [snapshot(node("a"), edges=(edge("a", "b"),), last=False)],
        [delta(0, 1)],
        [bookmark(0)],
    ],
)
def test_an_inconsistent_snapshot_is_discarded(parts: list[dict[str, Any]]) -> None:
    graph = pair()
    before = state(graph)
    graph.restart()
    for part in parts[:-1]:
        tell(graph, part)
    with pytest.raises(ProtocolError):
        tell(graph, parts[-1])
    assert state(graph) == before


def test_where_a_new_connection_resumes() -> None:
    graph = Graph()
    assert graph.resume() is None
    tell(graph, snapshot(node("a")))
    tell(graph, reset("lagging"))
    tell(graph, snapshot(node("b"), seq=5, last=False))
    assert graph.resume() == ("e", 1)
    assert tell(graph, delta(1, 6, node("b"))) == [NodeChange("+", node("b"))]
    graph.restart()
    assert graph.resume() is None
    assert tell(graph, snapshot(node("b"), seq=9)) == [NodeChange("-", node("a"), node("a"))]
    assert graph.resume() == ("e", 9)


def test_hello_and_pong_change_nothing() -> None:
    graph = pair()
    before = state(graph)
    assert tell(graph, HELLO) == []
    assert tell(graph, {"type": "pong"}) == []
    assert state(graph) == before


def test_a_delta_costs_its_degree_and_not_the_size_of_the_graph() -> None:
    """In CPU time, the best of some rounds, against the same in a graph of a two-hundredth of the size."""

    def seconds(size: int) -> float:
        chain = tuple(edge(str(n), str(n + 1)) for n in range(size - 1))
        graph = graph_of(snapshot(*[node(str(n)) for n in range(size)], edges=chain))
        messages = [
            decode(json.dumps(document))
            for seq in range(1, 400, 2)
            for document in (
                delta(seq, seq + 1, node("0", f"at {seq}"), node("x"), edges=(edge("x", "0"),)),
                delta(seq + 1, seq + 2, gone=("x",), removed=(key("x", "0"),)),
            )
        ]
        began = thread_time()
        for message in messages:
            assert message is not None
            assert graph.apply(message)
        return thread_time() - began

    small = min(seconds(100) for _ in range(5))
    large = min(seconds(20_000) for _ in range(5))
    assert large < 5 * small
