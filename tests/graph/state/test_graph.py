"""The served graph: batches in order, nothing else, and edges that never dangle."""

from __future__ import annotations

import json

import pytest

from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge, Edges, each_edge, find_edge, packed, with_new_edge, without_edge
from astrolabe.graph.state.graph import ApplyError, GapError, ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import parse_node
from astrolabe.graph.state.renewal import Renewal


def node(uid: str, **more: str) -> str:
    return json.dumps(
        {
            "status": "Ready",
            "reason": "Active",
            "metadata": {},
            "uid": uid,
            "name": uid,
            "kind": "Pod",
            **more,
        }
    )


def batch(seq: int, **changes: object) -> Batch:
    return Batch("e", seq, Changes(**changes))  # type: ignore[arg-type]


def graph_of_two() -> ServedGraph:
    graph = ServedGraph("e")
    nodes = [
        parse_node(node("a", namespace="shop")),
        parse_node(node("b", release="r", releaseNamespace="shop")),
    ]
    graph.apply(batch(1, nodes_set=nodes, edges_set=[Edge("owns", "a", "b", ("f",))]))
    return graph


def test_apply() -> None:
    graph = graph_of_two()
    assert (graph.seq, graph.edge_count, set(graph.nodes)) == (1, 1, {"a", "b"})
    assert (
        [edge.key for edge in graph.outgoing("a")]
        == [edge.key for edge in graph.incoming("b")]
        == [("owns", "a", "b")]
    )
    graph.apply(batch(2, edges_set=[Edge("owns", "a", "b", ("f", "g"))]))
    assert graph.edge_count == 1
    assert graph.edge(("owns", "a", "b")) == Edge("owns", "a", "b", ("f", "g"))
    graph.apply(batch(3, edges_removed=[("owns", "a", "b")], nodes_removed=["b"]))
    assert (list(graph.edges()), graph.edge_count, list(graph.nodes)) == ([], 0, ["a"])
    assert graph.edge(("owns", "a", "b")) is None


@pytest.mark.parametrize(
    "wrong", [Batch("e", 1, Changes()), Batch("e", 3, Changes()), Batch("other", 2, Changes())]
)
def test_a_gap_is_refused_and_changes_nothing(wrong: Batch) -> None:
    graph = graph_of_two()
    with pytest.raises(GapError, match=f"at e:1, the next batch must not be {wrong.epoch}:{wrong.seq}"):
        graph.apply(wrong)
    assert (graph.seq, len(graph.nodes)) == (1, 2)


def test_releases() -> None:
    graph, release = ServedGraph("e"), Release("shop", "r")
    graph.apply(batch(1, releases={release: HelmRevision(release, 2, "deployed")}))
    assert graph.releases[release].revision == 2
    graph.apply(batch(2, releases={release: None}))
    assert graph.releases == {}


def test_a_hub_keeps_its_edges() -> None:
    edges: Edges = ()
    all_edges = [Edge("runs-on", f"p{number}", "n", ("spec.nodeName",)) for number in range(50)]
    for edge in all_edges:
        edges = with_new_edge(edges, edge, incoming=True)
    assert isinstance(edges, dict)
    for edge in all_edges[3:]:
        edges = without_edge(edges, edge.key, incoming=True)
    assert edges == tuple(all_edges[:3])
    assert without_edge(edges, ("no", "such", "edge"), incoming=True) == edges


@pytest.mark.parametrize("incoming", [False, True])
def test_several_edges_between_a_hub_and_one_node(incoming: bool) -> None:
    def between(type: str, number: int) -> Edge:
        other = f"p{number}"
        return Edge(type, other, "n", ("x",)) if incoming else Edge(type, "n", other, ("x",))

    every = [between(type, number) for number in range(10) for type in ("owns", "selects", "mounts")]
    gone = [between(type, 3) for type in ("owns", "mounts")] + [between("selects", 4)]
    edges = packed(every[:20], incoming=incoming)
    for edge in every[20:]:
        edges = with_new_edge(edges, edge, incoming=incoming)
    for edge in gone:
        edges = without_edge(edges, edge.key, incoming=incoming)
    assert set(each_edge(edges)) == set(every) - set(gone)
    if not incoming:
        assert {edge for edge in every if find_edge(edges, edge.key) is None} == set(gone)
    for edge in gone:
        edges = with_new_edge(edges, edge, incoming=incoming)
    assert set(each_edge(edges)) == set(every)
    if not incoming:
        assert [find_edge(edges, edge.key) for edge in every] == every


def test_labels_are_read_from_the_text() -> None:
    assert parse_node(node("a")).labels() == {}
    text = '{"status":"Ready","uid":"a","name":"a","kind":"Pod","message":"say \\",\\"labels\\":{ twice","labels":{"a/b":"c"}}'
    assert parse_node(text).labels() == {"a/b": "c"}
    assert parse_node(text.replace(',"labels":{"a/b":"c"}', "")).labels() == {}


def contents(graph: ServedGraph) -> object:
    edges = sorted((edge.key, edge.field) for edge in graph.edges())
    return (graph.seq, graph.edge_count, graph.nodes, graph.releases, edges)


def test_a_batch_that_fails_leaves_the_graph_unchanged_and_a_new_graph_applies_it() -> None:
    graph = graph_of_two()
    before = contents(graph)
    del graph._incoming["b"]  # the indices disagree
    changes = batch(
        2,
        nodes_set=[parse_node(node("a", message="new")), parse_node(node("c"))],
        edges_set=[Edge("owns", "a", "c", ("f",))],
        edges_removed=[("owns", "a", "b")],
        nodes_removed=["b"],
    )
    with pytest.raises(ApplyError) as raised:
        graph.apply(changes)
    assert isinstance(raised.value.__cause__, KeyError)
    assert contents(graph) == before
    renewal = Renewal(graph, changes)
    assert len(list(renewal.steps())) == 4, (
        "a step for some nodes, one for the edges of each, one for releases"
    )
    new = renewal.graph
    assert (new.epoch, new.seq, sorted(new.nodes), new.edge_count) == ("e", 2, ["a", "c"], 1)
    assert (
        [edge.key for edge in new.incoming("c")]
        == [edge.key for edge in new.outgoing("a")]
        == [("owns", "a", "c")]
    )
    assert contents(graph) == before, "readers see it meanwhile"
