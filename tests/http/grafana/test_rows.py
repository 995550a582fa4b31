"""Two answers that a panel reads as one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from astrolabe.http.grafana.rows import Rows, overlap
from tests.support.steps import finish


def rows(ids: set[str], pairs: set[tuple[str, str]]) -> Rows:
    """Nodes of these ids, and edges between those of the pairs that are among them."""
    return Rows(
        nodes=[{"id": id} for id in sorted(ids)],
        edges=[
            {"id": f"{a}{b}", "source": a, "target": b} for a, b in sorted(pairs) if a in ids and b in ids
        ],
    )


def is_closed(nodes: Rows, edges: Rows) -> bool:
    ids = {node["id"] for node in nodes.nodes}
    return all(edge["source"] in ids and edge["target"] in ids for edge in edges.edges)


IDS = st.sets(st.sampled_from("abcdef"))
PAIRS = st.sets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")))


@given(st.lists(st.tuples(IDS, PAIRS), min_size=2, max_size=8))
def test_the_nodes_of_one_answer_hold_the_edges_of_its_neighbours(
    graphs: list[tuple[set[str], set[tuple[str, str]]]],
) -> None:
    before = rows(*graphs[0])
    for graph in graphs[1:]:
        now = finish(overlap(before, rows(*graph)))
        assert is_closed(now, now)
        assert is_closed(before, now)
        assert is_closed(now, before)
        assert len({node["id"] for node in now.nodes}) == len(now.nodes)
        before = now


@given(IDS, PAIRS, IDS, PAIRS)
def test_the_answer_after_the_next_is_complete(
    ids: set[str], pairs: set[tuple[str, str]], others: set[str], other_pairs: set[tuple[str, str]]
) -> None:
    now = rows(others, other_pairs)
    between = finish(overlap(rows(ids, pairs), now))
    assert finish(overlap(between, now)) == now
    assert between.complete is (between == now)


def test_a_new_node_comes_before_its_edges_and_goes_after_them() -> None:
    one, two = rows({"a"}, set()), rows({"a", "b"}, {("a", "b")})
    assert finish(overlap(one, two)) == Rows(nodes=[{"id": "a"}, {"id": "b"}], edges=[], complete=False)
    assert finish(overlap(two, one)) == Rows(nodes=[{"id": "a"}, {"id": "b"}], edges=[], complete=False)
