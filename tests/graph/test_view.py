"""A view followed batch by batch equals the filter applied to the graph, and sends nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.facts import Facts
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.model import Model
from astrolabe.graph.view import View
from tests.graph.histories import NAMESPACES, RULES, histories, selectors

ATTACHMENTS = {"mounts", "binds", "endpoints", "uses-configmap", "uses-secret", "uses-sa", "uses-class"}

filters = st.builds(
    Filter,
    namespace=st.frozensets(st.sampled_from(NAMESPACES), max_size=1),
    release=st.frozensets(st.sampled_from(("r1", "r2")), max_size=2),
    kind=st.frozensets(st.sampled_from(("Pod", "Service", "Namespace")), max_size=2),
    status=st.frozensets(st.sampled_from(("Ready", "Error")), max_size=1),
    selector=selectors,
    q=st.sampled_from(("", "", "x", "pod", "r1")),
)


def kept(graph: Graph, filter: Filter) -> set[str]:
    """The filter, read from the specification and applied to every node."""
    return {
        uid
        for uid, node in graph.nodes.items()
        if (not filter.kind or node.kind in filter.kind)
        and (not filter.status or node.status in filter.status)
        and filter.selector.matches(node.labels())
        and any(filter.q in text.lower() for text in (node.name, node.kind, node.namespace, node.release))
        and (not filter.namespace or in_namespace(graph, uid, filter))
        and (not filter.release or uid in of_release(graph, filter))
    }


def in_namespace(graph: Graph, uid: str, filter: Filter) -> bool:
    node = graph.nodes[uid]
    if node.namespace:
        return node.namespace in filter.namespace
    if node.kind == "Namespace":
        return node.name in filter.namespace
    ends = [*(e.source for e in graph.into(uid)), *(e.target for e in graph.out(uid))]
    return any(graph.nodes[end].namespace in filter.namespace for end in ends)


def of_release(graph: Graph, filter: Filter) -> set[str]:
    found = {
        uid
        for uid, node in graph.nodes.items()
        if node.release in filter.release
        and (not filter.namespace or node.release_namespace in filter.namespace)
    }
    while True:
        more = {
            edge.target
            for edge in graph.edges()
            if edge.source in found and edge.type in ATTACHMENTS and not graph.nodes[edge.target].release
        } - found
        if not more:
            return found
        found |= more


class Client:
    """Holds what it was told, and refuses what it should not have been."""

    def __init__(self, view: View) -> None:
        self.nodes = {node.uid: node.text for node in view.nodes()}
        self.edges = {edge.key: edge.text for edge in view.edges()}

    def apply(self, changes: Changes) -> None:
        self.nodes.update({node.uid: node.text for node in changes.nodes_set})
        for edge in changes.edges_set:
            assert edge.source in self.nodes
            assert edge.target in self.nodes
            self.edges[edge.key] = edge.text
        for key in changes.edges_removed:
            self.edges.pop(key, None)
        for uid in changes.nodes_removed:
            del self.nodes[uid]
        for _, source, target in self.edges:
            assert source in self.nodes
            assert target in self.nodes


@settings(max_examples=150, deadline=None)
@given(history=histories, wanted=st.lists(filters, min_size=1, max_size=4), before=st.integers(0, 10))
def test_followed_equals_filtered(history: list[Any], wanted: list[Filter], before: int) -> None:
    model, graph = Model(RULES), Graph("e")
    clients: list[tuple[View, Client]] = []
    for number, step in enumerate(history):
        if number == before:
            clients = [(view, Client(view)) for view in (View(graph, filter) for filter in wanted)]
        if isinstance(step, Facts):
            model.upsert(step)
        elif isinstance(step, str):
            model.remove(step)
        changes = model.commit()
        graph.apply(Batch("e", graph.seq + 1, changes))
        for view, client in clients:
            client.apply(view.update(changes))
            expected = kept(graph, view.filter)
            assert client.nodes == {uid: graph.nodes[uid].text for uid in expected}
            assert client.edges == {
                e.key: e.text for e in graph.edges() if e.source in expected and e.target in expected
            }
            assert {node.uid for node in view.nodes()} == expected
            assert {edge.key for edge in view.edges()} == set(client.edges)
