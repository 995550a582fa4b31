"""A scan that races with commits becomes the exact graph, with its history; by the log, or not at all."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.bus.redis.codec import (
    Decoder,
    LogEntry,
    UndoRecord,
    decode_entry,
    decode_undo,
    encode,
    entry_of,
    undo_of,
)
from astrolabe.bus.redis.errors import CorruptData
from astrolabe.bus.redis.store import StoredPosition
from astrolabe.bus.redis.stored_graph import StoredGraph, history
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from tests.support.changes import some_changes
from tests.support.members import edge, node, same


def test_a_graph_stored_by_an_older_version_is_read() -> None:
    """It left out what is empty."""
    text = '{"status":"Ready","reason":"Active","metadata":{},"uid":"a","name":"a","kind":"Namespace","apiVersion":"v1"}'
    (_, stored), *_ = Decoder().nodes({b"a": text.encode()})
    assert (stored.namespace, stored.text) == ("", text)
    assert Decoder().node(text) == stored


class Raw:
    """The hashes."""

    def __init__(self) -> None:
        self.nodes: dict[bytes, bytes] = {}
        self.edges: dict[bytes, bytes] = {}
        self.releases: dict[bytes, bytes] = {}

    def write(self, name: str, changed: dict[str, str | None]) -> None:
        hash: dict[bytes, bytes] = getattr(self, name)
        for key, text in changed.items():
            if text is None:
                hash.pop(key.encode(), None)
            else:
                hash[key.encode()] = text.encode()


class Written:
    """What Redis would hold of a history, and the graph that a leader would serve."""

    def __init__(self, seed: int) -> None:
        self.graph = ServedGraph("e")
        self.stored = Raw()
        self.log: list[tuple[bytes, bytes]] = []
        self._random = Random(seed)

    @property
    def position(self) -> StoredPosition:
        return StoredPosition("e", self.graph.seq, "1")

    def commit(self, *, gap: int = 1) -> None:
        graph = self.graph
        batch = Batch("e", graph.seq + gap, some_changes(self._random, graph), 1, gap)
        entry, undo = entry_of(batch), undo_of(batch.changes, graph)
        nodes = {
            **{item.uid: item.text for item in batch.changes.nodes_set},
            **dict.fromkeys(entry.removed_nodes),
        }
        edges = {**dict(entry.edges), **dict.fromkeys(entry.removed_edges)}
        for name, changed in (("nodes", nodes), ("edges", edges), ("releases", entry.releases)):
            self.stored.write(name, changed)
        self.log.append((encode(entry), encode(undo)))
        graph.apply(batch)

    def read_log(self, kept: int) -> tuple[list[LogEntry], list[UndoRecord]]:
        """The latest entries."""
        log = self.log[len(self.log) - kept :]
        return [decode_entry(entry) for entry, _ in log], [decode_undo(undo) for _, undo in log]


def scan(written: Written, random: Random, commits: int) -> StoredGraph:
    """Read all of it in some order, while it changes."""
    found = StoredGraph(Decoder())
    take = {"nodes": found.add_nodes, "edges": found.add_edges, "releases": found.releases.update}
    steps = [*["read"] * 12, *["commit"] * commits]
    random.shuffle(steps)
    for kind in ("nodes", "edges", "releases"):
        fields = sorted(getattr(written.stored, kind))
        random.shuffle(fields)
        pieces = [fields[index::4] for index in range(4)]
        for piece in pieces:
            now = getattr(written.stored, kind)
            take[kind]({field: now[field] for field in piece if field in now})
            if steps.pop() == "commit":
                written.commit()
    return found


@settings(max_examples=200)
@given(
    seed=st.integers(0, 10_000), before=st.integers(0, 12), during=st.integers(0, 8), kept=st.integers(0, 20)
)
def test_any_scan_becomes_the_exact_graph(seed: int, before: int, during: int, kept: int) -> None:
    random, written = Random(seed), Written(seed)
    for _ in range(before):
        written.commit(gap=random.choice((1, 1, 1, 1_000_000)))
    noted = written.position
    found = scan(written, random, during)
    log, undos = written.read_log(min(kept, len(written.log)))
    told = history(log, noted, written.position)
    missed = [seq for seq in (decode_entry(entry).seq for entry, _ in written.log) if seq > noted.seq]
    if told is None:
        assert len(missed) > len(log), "only a log that forgot what happened meanwhile is of no use"
        return
    for undo in reversed(undos[len(undos) - len(told) :]):
        found.undo(undo)
    graph, decoder = ServedGraph("e", told[0].since if told else noted.seq), Decoder()
    list(found.restore_into(graph))
    for entry in told:
        graph.apply(decoder.batch(entry))
    assert same(graph, written.graph)


def position(epoch: str, seq: int) -> StoredPosition:
    return StoredPosition(epoch, seq, "1")


def entry(epoch: str, since: int, seq: int) -> LogEntry:
    return LogEntry(epoch, since, seq, 0, [], [], [], [], {})


@pytest.mark.parametrize(
    ("log", "noted", "now", "told"),
    [
        ([], position("e", 5), position("e", 5), []),
        ([], position("e", 5), position("e", 6), None),
        ([(4, 5), (5, 6)], position("e", 5), position("e", 6), [5, 6]),
        ([(4, 5), (5, 6)], position("e", 4), position("e", 6), [5, 6]),
        ([(5, 6), (6, 7)], position("e", 4), position("e", 7), None),
        ([(1, 2), (4, 5), (5, 6)], position("e", 5), position("e", 6), [5, 6]),
        ([(1, 2)], position("e", 5), position("e", 5), []),
        ([(4, 5)], position("e", 5), position("f", 1), None),
        ([(4, 5)], position("e", 5), position("e", 3), None),
    ],
)
def test_entries_of_the_log_that_become_history(
    log: list[tuple[int, int]], noted: StoredPosition, now: StoredPosition, told: list[int] | None
) -> None:
    found = history([entry("e", *each) for each in log], noted, now)
    assert (None if found is None else [each.seq for each in found]) == told


def test_entries_of_another_epoch_do_not_become_history() -> None:
    log = [entry("d", 8, 9), entry("e", 0, 1), entry("e", 1, 2)]
    found = history(log, position("e", 1), position("e", 2))
    assert found is not None
    assert [(each.epoch, each.seq) for each in found] == [("e", 1), ("e", 2)]


def restored(**hashes: dict[str, str]) -> ServedGraph:
    """The graph that these hashes hold."""
    raw = {
        name: {key.encode(): text.encode() for key, text in texts.items()} for name, texts in hashes.items()
    }
    stored, graph = StoredGraph(Decoder()), ServedGraph("e")
    stored.add_nodes(raw.get("nodes", {}))
    stored.add_edges(raw.get("edges", {}))
    stored.releases.update(raw.get("releases", {}))
    list(stored.restore_into(graph))
    return graph


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"nodes": {"a": "{}"}}, "node b'a': Object missing required field `uid`"),
        ({"nodes": {"a": node("b").text}}, "node b'a': its uid is 'b'"),
        ({"edges": {"[]": "[0]"}}, "edge b'\\[\\]': "),
        (
            {"nodes": {"a": node("a").text}, "edges": {'["owns","a","b"]': "[0]"}},
            "node 'b' is missing but has edges",
        ),
        ({"nodes": {"a": node("a").text}, "edges": {'["owns","a","a"]': '["x"]'}}, "is not a list of fields"),
        ({"releases": {'["a"]': "[1]"}}, "release "),
    ],
)
def test_an_inconsistent_graph_is_corrupt(found: dict[str, dict[str, str]], why: str) -> None:
    with pytest.raises(CorruptData, match=why):
        restored(**found)


def test_an_edge_is_restored_with_all_its_fields() -> None:
    nodes = {name: node(name).text for name in "ab"}
    graph = restored(nodes=nodes, edges={'["owns","a","b"]': '[1,"spec.x","spec.y"]'})
    assert list(graph.edges()) == list(graph.incoming("b")) == [edge("a", "b", "spec.x", "spec.y")]


def test_many_edges_of_one_node() -> None:
    names = [f"pod-{number}" for number in range(30)]
    graph = restored(
        nodes={name: node(name).text for name in names},
        edges={f'["owns","pod-0","{name}"]': '[1,"x"]' for name in names},
    )
    assert (graph.edge_count, len(list(graph.outgoing("pod-0")))) == (30, 30)
    assert all(graph.edge(("owns", "pod-0", name)) for name in names)


def test_two_truncated_nodes_do_not_form_valid_ones() -> None:
    whole = node("a").text
    with pytest.raises(CorruptData, match="node b'a'"):
        restored(nodes={"a": whole[:50], "b": whole[50:]})
