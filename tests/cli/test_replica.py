from __future__ import annotations

from typing import Any

import pytest

from astrolabe.cli.replica import EdgeChange, NodeChange, ProtocolError, Replica


def node(uid: str, status: str = "Ready") -> dict[str, Any]:
    return {"uid": uid, "kind": "Pod", "name": uid, "namespace": "shop", "status": status}


def edge(source: str, target: str) -> dict[str, Any]:
    return {"type": "owns", "from": source, "to": target, "field": ["metadata.ownerReferences[0].uid"]}


def key(source: str, target: str) -> dict[str, str]:
    return {"type": "owns", "from": source, "to": target}


def snapshot(
    *nodes: dict[str, Any],
    edges: tuple[dict[str, Any], ...] = (),
    seq: int = 1,
    part: int = 1,
    last: bool = True,
) -> dict[str, Any]:
    return {
        "type": "snapshot",
        "epoch": "e",
        "seq": seq,
        "part": part,
        "last": last,
        "nodes": list(nodes),
        "edges": list(edges),
    }


def delta(
    since: int, seq: int, *, nodes: Any = (), gone: Any = (), edges: Any = (), cut: Any = ()
) -> dict[str, Any]:
    return {
        "type": "delta",
        "epoch": "e",
        "from": since,
        "seq": seq,
        "nodes": {"set": list(nodes), "remove": list(gone)},
        "edges": {"set": list(edges), "remove": list(cut)},
    }


def test_a_snapshot_counts_when_its_last_part_is_there() -> None:
    replica = Replica()
    assert replica.apply(snapshot(node("a"), last=False)) == []
    assert replica.position is None
    assert replica.apply(snapshot(node("b"), edges=(edge("a", "b"),), part=2)) == [
        NodeChange("+", node("a")),
        NodeChange("+", node("b")),
        EdgeChange("+", edge("a", "b"), node("a"), node("b")),
    ]
    assert replica.position == ("e", 1)


def test_a_delta_adds_changes_and_removes() -> None:
    replica = Replica()
    replica.apply(snapshot(node("a"), node("b"), edges=(edge("a", "b"),)))
    changes = replica.apply(
        delta(
            1,
            4,
            nodes=[node("a", "Error"), node("c")],
            edges=[edge("a", "c")],
            cut=[key("a", "b")],
            gone=["b"],
        )
    )
    assert changes == [
        NodeChange("~", node("a", "Error")),
        NodeChange("+", node("c")),
        EdgeChange("+", edge("a", "c"), node("a", "Error"), node("c")),
        EdgeChange("-", edge("a", "b"), node("a", "Error"), node("b")),
        NodeChange("-", node("b")),
    ]
    assert replica.position == ("e", 4)
    assert set(replica.nodes) == {"a", "c"}
    assert set(replica.edges) == {("owns", "a", "c")}


def test_what_is_set_to_what_it_is_has_not_changed() -> None:
    replica = Replica()
    replica.apply(snapshot(node("a")))
    assert replica.apply(delta(1, 2, nodes=[node("a")])) == []


def test_a_snapshot_after_a_reset_changes_what_differs() -> None:
    replica = Replica()
    replica.apply(snapshot(node("a"), node("b"), edges=(edge("a", "b"),)))
    replica.apply({"type": "reset", "reason": "epoch-changed"})
    changes = replica.apply({**snapshot(node("a", "Pending"), seq=9), "epoch": "f"})
    assert changes == [
        NodeChange("~", node("a", "Pending")),
        EdgeChange("-", edge("a", "b"), node("a", "Pending"), node("b")),
        NodeChange("-", node("b")),
    ]
    assert replica.position == ("f", 9)


def test_a_reset_throws_away_the_parts_of_a_snapshot_that_was_cut_off() -> None:
    replica = Replica()
    replica.apply(snapshot(node("a"), last=False))
    replica.apply({"type": "reset", "reason": "lagging"})
    replica.apply(snapshot(node("b"), seq=2))
    assert set(replica.nodes) == {"b"}


def test_a_bookmark_moves_the_position() -> None:
    replica = Replica()
    replica.apply(snapshot(node("a")))
    assert replica.apply({"type": "bookmark", "epoch": "e", "seq": 70}) == []
    assert replica.apply(delta(70, 71, gone=["a"])) == [NodeChange("-", node("a"))]


@pytest.mark.parametrize(
    "message",
    [delta(2, 3), {**delta(1, 2), "epoch": "f"}, {"type": "bookmark", "epoch": "f", "seq": 2}],
    ids=["gap", "epoch of a delta", "epoch of a bookmark"],
)
def test_what_does_not_fit_is_never_applied(message: dict[str, Any]) -> None:
    replica = Replica()
    replica.apply(snapshot(node("a")))
    with pytest.raises(ProtocolError):
        replica.apply(message)
    assert replica.position == ("e", 1)


def test_hello_and_pong_change_nothing() -> None:
    replica = Replica()
    assert replica.apply({"type": "hello", "epoch": "e", "seq": 57}) == []
    assert replica.apply({"type": "pong"}) == []
    assert replica.position is None
