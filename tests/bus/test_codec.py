"""What is written to Redis, literally: other versions of Astrolabe read it."""

from __future__ import annotations

import msgspec

from astrolabe.bus.redis.codec import Tick, UndoRecord, decode_tick, encode, encode_tick, entry_of
from astrolabe.graph.state.batch import Batch, Changes
from tests.support.members import edge, node, release


def test_a_tick() -> None:
    tick = Tick("e", 7, True, msgspec.Raw(b'{"synced":true}'))
    assert encode_tick(tick) == b'T{"epoch":"e","seq":7,"complete":true,"condition":{"synced":true}}'
    assert bytes(decode_tick(encode_tick(tick)[1:]).leader_report) == b'{"synced":true}'


def test_a_batch() -> None:
    changes = Changes(
        nodes_set=[node("a")],
        edges_set=[edge("a", "b")],
        edges_removed=[("owns", "a", "c")],
        nodes_removed=["c"],
        releases=release("web", 3),
    )
    assert msgspec.msgpack.decode(encode(entry_of(Batch("e", 7, changes, 1000)))) == [
        "e",
        6,
        7,
        1000,
        [node("a").text],
        [['["owns","a","b"]', '[1,"metadata.ownerReferences[0].uid"]']],
        ['["owns","a","c"]'],
        ["c"],
        {'["shop","web"]': '[3,"deployed","",false]'},
    ]


def test_undo_of_a_batch() -> None:
    undo = UndoRecord(nodes={"a": None}, edges={'["owns","a","b"]': "[1]"}, releases={})
    assert msgspec.msgpack.decode(encode(undo)) == [{"a": None}, {'["owns","a","b"]': "[1]"}, {}]
