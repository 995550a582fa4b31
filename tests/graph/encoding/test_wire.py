"""The stream's messages, to the letter."""

from __future__ import annotations

import json

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.node import Node


def node(uid: str, size: int = 0) -> Node:
    text = json.dumps({"uid": uid, "message": "x" * size}, separators=(",", ":"))
    return Node(uid, "Pod", uid, "shop", "Ready", "", "", "", False, text)


def snapshot(epoch: str, seq: int, nodes: list[Node], edges: list[Edge]) -> list[str]:
    """All parts of the snapshot of `default`."""
    parts, cut = [], (0, 0)
    while not parts or cut != (len(nodes), len(edges)):
        text, cut = wire.snapshot_part("default", epoch, seq, len(parts) + 1, nodes, edges, cut)
        parts.append(text)
    return parts


EDGE = Edge("owns", "a", "b", ('spec["x"]', "y/z"))


def test_encoding_of_small_messages() -> None:
    assert wire.hello(server="astrolabe/1.0", epoch="e", seq=57, heartbeat=15) == (
        '{"type":"hello","protocol":"astrolabe.v1","server":"astrolabe/1.0","epoch":"e","seq":57,"heartbeat":15}'
    )
    assert wire.bookmark("default", "e", 70) == '{"type":"bookmark","id":"default","epoch":"e","seq":70}'
    assert wire.reset("x", "too-old") == '{"type":"reset","id":"x","reason":"too-old"}'
    assert wire.error("bad-filter", "no", "x") == (
        '{"type":"error","id":"x","code":"bad-filter","message":"no"}'
    )
    assert wire.error("bad-message", "no") == '{"type":"error","code":"bad-message","message":"no"}'


def test_delta() -> None:
    changes = Changes([node("a")], [EDGE], [("owns", "c", "d")], ["c"])
    assert wire.delta('i"d', "e", since=57, seq=61, changed=wire.changes_text(changes)) == (
        '{"type":"delta","id":"i\\"d","epoch":"e","from":57,"seq":61,'
        '"nodes":{"set":[{"uid":"a","message":""}],"remove":["c"]},'
        '"edges":{"set":[{"type":"owns","from":"a","to":"b","field":["spec[\\"x\\"]","y/z"]}],'
        '"remove":[{"type":"owns","from":"c","to":"d"}]}}'
    )


def test_changes_in_pieces() -> None:
    nodes = [node(str(number)) for number in range(wire.CHUNK * 2 + 1)]
    edges = [Edge("owns", str(number), "b", ()) for number in range(wire.CHUNK + 1)]
    for changes in (
        Changes(),
        Changes([node("a")], [EDGE], [("owns", "c", "d")], ["c", 'd"']),
        Changes(nodes, edges, [edge.key for edge in edges], [node.uid for node in nodes]),
    ):
        assert "".join(wire.changes_pieces(changes)) == wire.changes_text(changes)


def test_a_delta_of_one_batch_has_a_time() -> None:
    assert wire.delta("x", "e", since=1, seq=2, changed=wire.changes_text(Changes()), time=1732500000123) == (
        '{"type":"delta","id":"x","epoch":"e","from":1,"seq":2,"time":1732500000123,'
        '"nodes":{"set":[],"remove":[]},"edges":{"set":[],"remove":[]}}'
    )


def test_an_empty_snapshot_has_one_part() -> None:
    (text,) = snapshot("e", 0, [], [])
    assert text == (
        '{"type":"snapshot","id":"default","epoch":"e","seq":0,"part":1,"last":true,"nodes":[],"edges":[]}'
    )


def test_a_large_snapshot_comes_in_parts_nodes_first() -> None:
    nodes = [node(f"n{number}", 1000) for number in range(120)]
    edges = [Edge("owns", f"n{number}", "n0", ("f",)) for number in range(200)]
    parts = snapshot("e", 3, nodes, edges)
    assert len(parts) == 3
    assert all(len(text) <= wire.PART_BYTES for text in parts)
    documents = [json.loads(text) for text in parts]
    assert [document["part"] for document in documents] == [1, 2, 3]
    assert [document["last"] for document in documents] == [False, False, True]
    assert [entry["uid"] for document in documents for entry in document["nodes"]] == [n.uid for n in nodes]
    assert sum(len(document["edges"]) for document in documents) == 200
    assert not documents[0]["edges"]


def test_a_node_larger_than_a_part_gets_its_own() -> None:
    parts = snapshot("e", 3, [node("a"), node("b", wire.PART_BYTES), node("c")], [])
    assert [len(json.loads(text)["nodes"]) for text in parts] == [1, 1, 1]


def test_an_edge_larger_than_a_part_gets_its_own() -> None:
    edges = [Edge("owns", "a", "a", ("f" * size,)) for size in (1, wire.PART_BYTES, 1)]
    parts = snapshot("e", 3, [node("a")], edges)
    assert [(len(d["nodes"]), len(d["edges"])) for d in map(json.loads, parts)] == [(1, 1), (0, 1), (0, 1)]
