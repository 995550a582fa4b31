"""The graph as it was, and how far back that is known."""

from __future__ import annotations

from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import MAX_SHARED, GraphAt, History
from astrolabe.graph.state.node import Node

EDGE = Edge("owns", "a", "b", ("first",))
EDGE_ANEW = Edge("owns", "a", "b", ("second",))


def node(uid: str, text: str = "{}") -> Node:
    return Node(uid, "Pod", uid, "shop", "Ready", "", "", "", False, text)


class Lived:
    def __init__(self, *, changes: int = 100, size: int = 1_000_000) -> None:
        self.graph = ServedGraph("e", 10)
        self.history = History(self.graph, changes=changes, size=size)

    def step(self, **changes: object) -> None:
        batch = Batch("e", self.graph.seq + 1, Changes(**changes))  # type: ignore[arg-type]
        self.history.add(self.graph.apply(batch))

    def past(self, seq: int) -> GraphAt:
        past = self.history.since(seq)
        assert past is not None
        return past


def test_undo_restores_overwritten_nodes() -> None:
    lived = Lived()
    lived.step(nodes_set=[node("a"), node("b")], edges_set=[EDGE])
    lived.step(nodes_set=[node("a", "new"), node("c")], edges_set=[EDGE_ANEW])
    lived.step(edges_removed=[EDGE.key], nodes_removed=["b"])
    assert [lived.past(seq).node("a") for seq in (10, 11, 12, 13)] == [
        None,
        node("a"),
        node("a", "new"),
        node("a", "new"),
    ]
    assert [lived.past(seq).edge(EDGE.key) for seq in (10, 11, 12, 13)] == [None, EDGE, EDGE_ANEW, None]
    assert [list(lived.past(seq).outgoing("a")) for seq in (10, 11, 12, 13)] == [[], [EDGE], [EDGE_ANEW], []]
    assert [list(lived.past(seq).incoming("b")) for seq in (10, 11, 12, 13)] == [[], [EDGE], [EDGE_ANEW], []]
    assert lived.past(12).nodes == {"b": node("b")}
    assert lived.past(13).node("c") == node("c")


def test_readers_of_one_seq_share_the_work_until_the_next_step() -> None:
    lived = Lived()
    lived.step(nodes_set=[node("a")])
    past = lived.past(10)
    assert lived.past(10) is past
    lived.step(nodes_set=[node("b")])
    assert lived.past(10) is not past
    assert lived.past(10).nodes == {"a": None, "b": None}


def test_only_the_latest_requested_seqs_are_shared() -> None:
    lived = Lived()
    for number in range(MAX_SHARED + 1):
        lived.step(nodes_set=[node(f"{number}")])
    pasts = [lived.past(seq) for seq in range(10, 10 + MAX_SHARED + 1)]
    assert lived.past(11) is pasts[1]
    assert lived.past(10) is not pasts[0]
    assert lived.past(10).nodes == pasts[0].nodes


def test_a_future_seq_is_unknown() -> None:
    lived = Lived()
    assert lived.history.since(10) is not None
    assert lived.history.since(11) is None
    assert lived.history.since(9) is None


def test_the_oldest_steps_are_dropped_beyond_the_limit_of_changes() -> None:
    lived = Lived(changes=3)
    lived.step(nodes_set=[node("a"), node("b")])
    lived.step(edges_set=[EDGE])
    assert lived.history.start == 10
    lived.step(nodes_set=[node("c")])
    assert lived.history.start == 11
    assert lived.history.since(10) is None
    assert lived.past(11).nodes == {"c": None}
    assert lived.history.kept[0] == 2


def test_the_oldest_steps_are_dropped_beyond_the_limit_of_bytes() -> None:
    """What is overwritten counts with its text and 300 bytes beside."""
    lived = Lived(size=2000)
    lived.step(nodes_set=[node("a", "x" * 1000)])
    lived.step(nodes_set=[node("a", "y" * 1000)])
    assert (lived.history.start, lived.history.kept) == (10, (2, 1600))
    lived.step(nodes_set=[node("a")])
    assert (lived.history.start, lived.history.kept) == (12, (1, 1300))


def test_a_single_step_beyond_the_limit_is_not_kept() -> None:
    lived = Lived(changes=1)
    lived.step(nodes_set=[node("a"), node("b")])
    assert (lived.history.start, lived.history.kept) == (11, (0, 0))
    assert lived.past(11).nodes == {}


def test_a_past_graph_stays_unchanged_while_the_graph_moves_on() -> None:
    """Whatever the limits: nobody remembers these steps but the one who holds."""
    lived = Lived(changes=0)
    lived.step(nodes_set=[node("a"), node("b")], edges_set=[EDGE])
    held = lived.history.hold()
    for number in range(3):
        lived.step(nodes_set=[node("a", f"{number}"), node("c")], edges_set=[EDGE_ANEW])
        assert (held.node("a"), held.node("c")) == (node("a"), None)
        assert (list(held.outgoing("a")), held.edge(EDGE.key)) == ([EDGE], EDGE)
    lived.step(edges_removed=[EDGE.key], nodes_removed=["a", "b"])
    assert (held.node("a"), list(held.incoming("b"))) == (node("a"), [EDGE])
    lived.history.let_go(held)
    lived.step(nodes_set=[node("d")])
    assert "d" not in held.nodes
