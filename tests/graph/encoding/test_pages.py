"""Pages that are kept equal the graph after any history, and a change makes few of them anew."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.encoding import pages as module
from astrolabe.graph.encoding.pages import GROWTH, PAGE, Pages
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node, parse_node
from tests.graph.histories import KINDS, RULES, histories, roots
from tests.graph.test_cost import count_steps


class Chain:
    """A graph of nodes each of which owns the next one, and its pages."""

    def __init__(self, length: int) -> None:
        self.graph = ServedGraph("e")
        self.pages = Pages(self.graph)
        self.extend(0, length)

    def extend(self, start: int, end: int) -> None:
        edges = [Edge("owns", str(n - 1), str(n), ("f",)) for n in range(max(start, 1), end)]
        self.apply(Changes(nodes_set=[node(n) for n in range(start, end)], edges_set=edges))

    def apply(self, changes: Changes) -> None:
        self.graph.apply(Batch("e", self.graph.seq + 1, changes))
        self.pages.update(changes)


def node(number: int, status: str = "Ready") -> Node:
    return parse_node(f'{{"uid":"{number}","name":"x","kind":"Pod","status":"{status}"}}')


def assert_equal(pages: Pages, graph: ServedGraph) -> None:
    """The pages make up the graph's nodes and edges, each once."""
    nodes, edges = pages.take()
    assert all(nodes), "an empty page would leave two commas"
    assert all(edges), "an empty page would leave two commas"
    assert parsed(nodes) == in_order([node.document() for node in graph.nodes.values()])
    assert parsed(edges) == in_order(
        [{"type": e.type, "from": e.source, "to": e.target, "field": [*e.field]} for e in graph.edges()]
    )


def parsed(pages: list[bytes]) -> list[dict[str, Any]]:
    assert all(page.startswith(b",") for page in pages)
    return in_order(json.loads(b"[" + b"".join(pages)[1:] + b"]"))


def in_order(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(documents, key=lambda document: json.dumps(document, sort_keys=True))


#: What is asked for after a step: all pages, or that some of them are made.
asked = st.sampled_from(("all", None, 0, 1, 2))


@settings(max_examples=150)
@given(
    history=histories,
    roots=roots,
    asks=st.lists(asked, min_size=40, max_size=40),
    size=st.sampled_from((1, 16)),
)
def test_cached_pages_equal_the_graph(
    history: list[Any], roots: Selector | None, asks: list[Any], size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", size)
        follow(history, roots, asks)


def follow(history: list[Any], roots: Selector | None, asks: list[Any]) -> None:
    model, graph = Model(RULES, roots=roots), ServedGraph("e")
    pages = Pages(graph)

    def commit() -> None:
        changes = model.commit()
        graph.apply(Batch("e", graph.seq + 1, changes))
        pages.update(changes)

    for step, ask in zip(history, asks, strict=False):
        if isinstance(step, Facts):
            model.upsert(step)
        elif isinstance(step, str):
            model.remove(step)
        elif isinstance(step, tuple):
            model.set_synced(*step)
        if step is None or ask == "all":
            commit()
        if ask == "all":
            assert_equal(pages, graph)
        elif ask is not None:
            pages.refresh(ask)
    commit()
    assert_equal(pages, graph)
    for uid in [uid for kind in KINDS for uid in model.uids(kind)]:
        model.remove(uid)
    commit()
    assert pages.take() == ([], [])


def test_pages_are_joined_texts() -> None:
    chain = Chain(1)
    chain.apply(Changes(nodes_set=[node(0)], edges_set=[Edge("mounts", "0", "0", ("a/b", 'c"'))]))
    assert chain.pages.take() == (
        [b',{"uid":"0","name":"x","kind":"Pod","status":"Ready"}'],
        [b',{"type":"mounts","from":"0","to":"0","field":["a/b","c\\""]}'],
    )


def test_a_change_rebuilds_only_the_pages_of_its_nodes() -> None:
    chain = Chain(5000)
    before = chain.pages.take()
    chain.apply(
        Changes(
            nodes_set=[node(7, "Error")],
            edges_set=[Edge("mounts", "100", "900", ("f",)), Edge("owns", "200", "201", ("other",))],
            edges_removed=[("owns", "300", "301"), ("owns", "4998", "4999")],
            nodes_removed=["4999"],
        )
    )
    touched = 6  # 7, 100, 200, 300, 4998 and 4999
    for old, new in zip(before, chain.pages.take(), strict=True):
        assert len(old) > 10 * touched
        assert 0 < len({*map(id, new)} - {*map(id, old)}) <= touched
    assert_equal(chain.pages, chain.graph)


def test_the_first_pages_can_be_made_in_steps() -> None:
    chain = Chain(4 * PAGE)
    assert [chain.pages.refresh(1) for _ in range(3)] == [3 * PAGE, 2 * PAGE, PAGE]
    chain.apply(Changes(edges_removed=[("owns", "0", "1")], nodes_removed=["0"]))
    assert [chain.pages.refresh(2) for _ in range(4)] == [3, 1, 0, 0]
    chain.apply(Changes(nodes_set=[node(3, "Error")]))
    assert [chain.pages.refresh(1) for _ in range(2)] == [0, 0]
    assert_equal(chain.pages, chain.graph)


def test_a_graph_that_grows_has_more_pages() -> None:
    chain = Chain(10)
    assert len(chain.pages.take()[0]) == 1
    chain.extend(10, PAGE * GROWTH)
    assert len(chain.pages.take()[0]) == 1
    chain.extend(PAGE * GROWTH, PAGE * GROWTH + 1)
    assert len(chain.pages.take()[0]) > 1
    assert_equal(chain.pages, chain.graph)


def test_a_batch_costs_nothing_before_the_first_request() -> None:
    def cost(length: int) -> int:
        chain = Chain(length)
        cut = Changes(edges_removed=[edge.key for edge in chain.graph.edges()])
        return count_steps(lambda: chain.pages.update(cut))

    assert cost(1000) == cost(10)
