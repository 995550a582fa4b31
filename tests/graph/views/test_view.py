"""A view followed batch by batch equals the filter applied to the graph, and sends nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import GraphAt, History
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.view import View
from astrolabe.graph.views.view_index import ViewIndex
from tests.graph.histories import NAMESPACES, RULES, histories, roots, selectors
from tests.support.filters import filter_of
from tests.support.searching import found, searches

ATTACHMENTS = {"mounts", "binds", "endpoints", "uses-configmap", "uses-secret", "uses-sa", "uses-class"}

filters = st.builds(
    filter_of,
    namespace=st.frozensets(st.sampled_from(NAMESPACES), max_size=1),
    release=st.frozensets(st.sampled_from(("r1", "r2")), max_size=2),
    kind=st.frozensets(st.sampled_from(("Pod", "Service", "Namespace")), max_size=2),
    status=st.frozensets(st.sampled_from(("Ready", "Error")), max_size=1),
    selector=selectors,
    search=searches,
)


def kept(graph: ServedGraph, filter: Filter) -> set[str]:
    """The filter, read from the specification and applied to every node."""
    return {
        uid
        for uid, node in graph.nodes.items()
        if all({"kind": node.kind, "status": node.status}[name] in values for name, values in filter.own)
        and filter.selector.matches(node.labels())
        and found(filter.search, graph, uid)
        and (not filter.namespace or in_namespace(graph, uid, filter))
        and (not filter.release or uid in of_release(graph, filter))
    }


def in_namespace(graph: ServedGraph, uid: str, filter: Filter) -> bool:
    node = graph.nodes[uid]
    if node.namespace:
        return node.namespace in filter.namespace
    if node.kind == "Namespace":
        return node.name in filter.namespace
    ends = [*(e.source for e in graph.incoming(uid)), *(e.target for e in graph.outgoing(uid))]
    return any(graph.nodes[end].namespace in filter.namespace for end in ends)


def of_release(graph: ServedGraph, filter: Filter) -> set[str]:
    reached = {
        uid
        for uid, node in graph.nodes.items()
        if node.release in filter.release
        and (not filter.namespace or {node.release_namespace, node.namespace} & filter.namespace)
    }
    while True:
        more = {
            edge.target
            for edge in graph.edges()
            if edge.source in reached and edge.type in ATTACHMENTS and not graph.nodes[edge.target].release
        } - reached
        if not more:
            return reached
        reached |= more


class Client:
    """Holds what it was told, and refuses what it should not have been."""

    def __init__(self, view: View) -> None:
        self.nodes = {node.uid: node.text for node in view.nodes()}
        self.edges = {edge.key: edge.text for edge in view.edges()}

    def apply(self, changes: Changes) -> None:
        for node in changes.nodes_set:
            assert self.nodes.get(node.uid) != node.text, "it holds that"
            self.nodes[node.uid] = node.text
        for edge in changes.edges_set:
            assert edge.source in self.nodes
            assert edge.target in self.nodes
            assert self.edges.get(edge.key) != edge.text, "it holds that"
            self.edges[edge.key] = edge.text
        for key in changes.edges_removed:
            del self.edges[key]
        for uid in changes.nodes_removed:
            del self.nodes[uid]
        for _, source, target in self.edges:
            assert source in self.nodes
            assert target in self.nodes

    def holds(self, graph: ServedGraph, filter: Filter) -> bool:
        expected = kept(graph, filter)
        return self.nodes == {uid: graph.nodes[uid].text for uid in expected} and self.edges == {
            e.key: e.text for e in graph.edges() if e.source in expected and e.target in expected
        }


class Followed:
    """A graph with its history, and views that are told only of what the index says concerns them.

    pace: nodes that a view takes in between two batches while it is built; 0: it is built at once.
    """

    def __init__(self, limit: int, pace: int) -> None:
        self.building: dict[View, Iterator[int]] = {}
        self._pace = pace
        self.graph = ServedGraph("e")
        self.history = History(self.graph, changes=limit, size=1_000_000)
        self.views = ViewIndex(self.graph)
        self.clients: dict[View, Client] = {}
        #: What a client of a view held at a seq.
        self.left: list[tuple[View, int, Client]] = []

    def follow(self, filter: Filter) -> None:
        view = View(self.graph, filter)
        self.building[view] = self.views.build(view)
        self.build(self._pace)

    def build(self, pace: int) -> None:
        for view, steps in list(self.building.items()):
            for _ in islice(steps, pace or None):
                pass
            if view.built:
                del self.building[view]
                self.clients[view] = Client(view)

    def take(self, changes: Changes) -> None:
        before = self.graph.apply(Batch("e", self.graph.seq + 1, changes))
        self.history.add(before)
        past = GraphAt(self.graph, before)
        for view, part in self.views.concerned(changes, past).items():
            seen = self.views.update(view, part, past)
            if view.built:
                self.clients[view].apply(seen)
        for view, client in self.clients.items():
            assert client.holds(self.graph, view.filter)
            assert {node.uid for node in view.nodes()} == client.nodes.keys()
            assert {edge.key for edge in view.edges()} == client.edges.keys()
            self.left.append((view, self.graph.seq, deepcopy(client)))
        self.build(self._pace)

    def drop_all(self) -> None:
        for view in (*self.clients, *self.building):
            self.views.discard(view)


@settings(max_examples=200)
@given(
    history=histories,
    wanted=st.lists(filters, min_size=1, max_size=4, unique=True),
    before=st.integers(0, 10),
    limit=st.sampled_from((10, 1000)),
    together=st.integers(1, 6),
    pace=st.integers(0, 3),
    roots=roots,
)
def test_a_followed_or_caught_up_view_equals_the_filtered_graph(
    history: list[Any],
    wanted: list[Filter],
    before: int,
    limit: int,
    together: int,
    pace: int,
    roots: Selector | None,
) -> None:
    """together: steps that make one batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("astrolabe.graph.views.view.STEP", 1)
        live(history, wanted, before, Followed(limit, pace), together, Model(RULES, roots=roots))


def live(
    history: list[Any], wanted: list[Filter], before: int, followed: Followed, together: int, model: Model
) -> None:
    for number, step in enumerate(history):
        if number == before:
            for filter in wanted:
                followed.follow(filter)
        if isinstance(step, Facts):
            model.upsert(step)
        elif isinstance(step, str):
            model.remove(step)
        if number % together == 0:
            followed.take(model.commit())
    for view, seq, client in followed.left:
        past = followed.history.since(seq)
        if past is None:
            assert seq < followed.history.start
            continue
        assert {node.text for node in map(past.node, client.nodes) if node} == set(client.nodes.values())
        client.apply(view.since(past))
        assert client.holds(followed.graph, view.filter)
    followed.drop_all()
    assert not followed.views._listed
    assert not followed.views._reached
