"""Edges between clusters: as many as the objects of all clusters call for, after every change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.engine.serving_state import ClusterInfo
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.modes.union.crossings import ClusterNames, Crossings
from astrolabe.sim.cluster import custom
from astrolabe.sim.definitions import crd
from astrolabe.sim.store import ObjectStore
from tests.support.simulated import generated
from tests.support.unions import union_of

Json = dict[str, Any]
CLUSTERS = ("east", "west", "north")


@pytest.mark.parametrize(
    "text",
    [
        "prod",
        "kind-prod",
        "https://10.0.0.1:6443",
        "https://10.0.0.1:6443/",
        "10.0.0.1:6443",
        "HTTPS://10.0.0.1:6443",
        "10.0.0.1",
    ],
)
def test_a_cluster_is_found_by_its_name_its_context_or_its_address(text: str) -> None:
    names = ClusterNames()
    infos = (
        ClusterInfo("prod", "kind-prod", "https://10.0.0.1:6443"),
        ClusterInfo("dev", "", "https://dev"),
        *[ClusterInfo(f"kind-{port}", "", f"https://127.0.0.1:{port}") for port in (1001, 1002)],
    )
    assert names.become(infos)
    assert not names.become(infos)
    assert names.find(text) == "prod"
    assert names.find("https://dev:443") == "dev"
    for unknown in (
        "",
        "nosuch",
        "https://10.0.0.2:6443",
        "https://kubernetes.default.svc",
        "http://[",
        "in-cluster",
        "127.0.0.1",  # of several
    ):
        assert names.find(unknown) is None


def node(cluster: str, name: str, number: int = 0) -> Node:
    uid = f"{cluster}/{name}-{number}"
    return Node(uid, "Service", name, "shop", "Ready", "", "", "", False, f'{{"uid":"{uid}"}}', cluster)


def ref(cluster: str, name: str, field: str = "spec.a", *, reverse: bool = False) -> Ref:
    return Ref("uses", "Service", "shop", name, field, optional=True, reverse=reverse, cluster=cluster)


class Union:
    """A served graph, what its nodes say, and the edges that must follow from that."""

    def __init__(self) -> None:
        self.graph = ServedGraph("u")
        names = ClusterNames()
        names.become([ClusterInfo(each) for each in CLUSTERS])
        self.crossings = Crossings(lambda: self.graph, names)
        self.refs: dict[str, tuple[Ref, ...]] = {}

    def commit(self, changes: Changes) -> None:
        self.crossings(changes)
        for key in changes.edges_removed:
            assert self.graph.edge(key) is not None, "what is removed was there"
        if changes:
            self.graph.apply(Batch("u", self.graph.seq + 1, changes))
        for edge in self.graph.edges():
            assert {edge.source, edge.target} <= self.graph.nodes.keys()

    def note(self, uid: str, *refs: Ref) -> None:
        self.refs[uid] = refs
        self.crossings.note(uid, "Service", "shop", refs)

    def rest(self) -> None:
        """Let everything that waits be published."""
        while self.crossings.is_due:
            for _ in self.crossings.read():
                pass
            self.commit(Changes())

    def expected(self) -> set[Edge]:
        by_name = {(node.cluster, node.name): node.uid for node in self.graph.nodes.values()}
        found: dict[tuple[str, str, str], tuple[dict[str, None], dict[str, None]]] = {}
        for uid, refs in self.refs.items():
            for each in refs if uid in self.graph.nodes else ():
                target = by_name.get((each.cluster, each.name))
                if target is not None and each.cluster != uid.partition("/")[0]:
                    key = ("uses", target, uid) if each.reverse else ("uses", uid, target)
                    found.setdefault(key, ({}, {}))[each.reverse][each.field] = None
        return {Edge(*key, (*forward, *backward), len(forward)) for key, (forward, backward) in found.items()}


@given(st.integers(0, 2**32))
def test_the_edges_are_those_that_a_new_look_finds(seed: int) -> None:
    random, union = Random(seed), Union()
    for _ in range(60):
        changes = Changes()
        nodes, touched = union.graph.nodes, set[tuple[str, str]]()
        for _ in range(random.randint(0, 3)):
            cluster, name = random.choice(CLUSTERS), random.choice("abc")
            old = [each.uid for each in nodes.values() if (each.cluster, each.name) == (cluster, name)]
            new = node(cluster, name, random.randint(0, 2))
            if (cluster, name) in touched:
                continue
            touched.add((cluster, name))
            if random.random() < 0.6:
                changes.nodes_set.append(new)
                changes.nodes_removed += [uid for uid in old if uid != new.uid]
            else:
                changes.nodes_removed += old
        if random.random() < 0.5:
            uid = node(random.choice(CLUSTERS), random.choice("abc"), random.randint(0, 2)).uid
            some = [
                ref(random.choice((*CLUSTERS, "nosuch")), random.choice("abc"), random.choice(("x", "y")))
                for _ in range(random.randint(0, 3))
            ]
            if random.random() < 0.2:
                some = [ref(random.choice(CLUSTERS), random.choice("abc"), reverse=True)]
            union.note(uid, *some)
        union.commit(changes)
        if random.random() < 0.3:
            union.rest()
            assert set(union.graph.edges()) == union.expected()
    union.rest()
    assert set(union.graph.edges()) == union.expected()
    for uid in list(union.refs):
        union.note(uid)
    union.rest()
    assert union.graph.edge_count == 0
    assert not union.crossings._by_end
    assert not union.crossings._sources


def test_what_is_not_listed_any_more_and_a_cluster_that_is_gone_refer_to_nothing() -> None:
    union = Union()
    union.commit(Changes(nodes_set=[node("east", "a"), node("east", "b"), node("west", "a")]))
    union.note("east/a-0", ref("west", "a"))
    union.note("east/b-0", ref("west", "a"))
    union.rest()
    assert union.graph.edge_count == 2
    union.crossings.note_listed("east", "Service", "", ["east/b-0"])
    union.rest()
    assert {edge.source for edge in union.graph.edges()} == {"east/b-0"}
    union.crossings.forget("east")
    union.rest()
    assert union.graph.edge_count == 0


APPLICATION = {
    "metadata": {"name": "web", "namespace": "argocd", "uid": "application-web"},
    "spec": {"project": "default", "destination": {"name": "prod", "namespace": "shop"}},
    "status": {
        "health": {"status": "Healthy"},
        "sync": {"status": "Synced"},
        "resources": [{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"}],
    },
}


def hub() -> ObjectStore:
    store = generated(0.002, seed=3)
    custom.install(store, 3, now=datetime.now(UTC))
    return store


TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "web:1"}]},
}
WEB = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
}


def with_web(store: ObjectStore) -> ObjectStore:
    store.create("Namespace", {"metadata": {"name": "shop"}})
    store.create("Deployment", WEB)
    return store


async def test_an_application_manages_what_it_has_in_the_other_cluster(tmp_path: Path) -> None:
    stores = {"hub": with_web(hub()), "prod": with_web(generated(0.002, seed=4))}
    async with union_of(tmp_path, stores) as site:
        graph = site.source.hub.graph

        def managed() -> set[tuple[str, str]]:
            return {
                (
                    graph.nodes[edge.source].name,
                    f"{graph.nodes[edge.target].cluster}/{graph.nodes[edge.target].name}",
                )
                for edge in graph.edges()
                if edge.type == "manages" and graph.nodes[edge.source].name == "web"
            }

        stores["hub"].create("Application.argoproj.io", APPLICATION)
        await site.until(lambda: managed() == {("web", "prod/web")})
        (application,) = await site.json("/api/v1/resources?kind=Application.argoproj.io&q=name:web")
        assert "unresolved" not in application
        by_address = {**APPLICATION["spec"], "destination": {"server": site.clusters["prod"].url}}
        stores["hub"].update("Application.argoproj.io", {**APPLICATION, "spec": by_address})
        stores["prod"].delete("Deployment", WEB)
        await site.until(lambda: managed() == set())
        stores["prod"].create("Deployment", WEB)
        await site.until(lambda: managed() == {("web", "prod/web")})
        at_home = {**APPLICATION["spec"], "destination": {"server": "https://kubernetes.default.svc"}}
        stores["hub"].update("Application.argoproj.io", {**APPLICATION, "spec": at_home})
        await site.until(lambda: managed() == {("web", "hub/web")})
        stores["hub"].update("Application.argoproj.io", APPLICATION)
        await site.until(lambda: managed() == {("web", "prod/web")})
        site.list("hub")
        await site.until(lambda: managed() == set())
        await site.until(lambda: site.count("prod") == 0)
        site.list("hub", "prod")
        await site.until(lambda: managed() == {("web", "prod/web")})


async def test_a_cluster_of_cluster_api_manages_the_cluster_that_it_made(tmp_path: Path) -> None:
    """By its name, or at the host of its control plane; never itself."""
    prod = ObjectStore()
    prod.create("Namespace", {"metadata": {"name": "kube-system"}})
    made = {
        "metadata": {"name": "prod", "namespace": "fleet"},
        "spec": {},
        "status": {"phase": "Provisioned"},
    }
    stores = {"hub": ObjectStore(), "prod": prod}
    stores["hub"].define(crd("Cluster", "cluster.x-k8s.io", versions=("v1beta1",)))
    async with union_of(tmp_path, stores) as site:
        graph = site.source.hub.graph

        def managed() -> set[str]:
            ends = [(graph.nodes[edge.source], graph.nodes[edge.target]) for edge in graph.edges()]
            return {
                f"{source.name} {target.cluster}/{target.name}"
                for source, target in ends
                if source.kind == "Cluster.cluster.x-k8s.io" and target.kind == "Namespace"
            }

        stores["hub"].create("Cluster.cluster.x-k8s.io", made)
        await site.until(lambda: managed() == {"prod prod/kube-system"})
        stores["hub"].delete("Cluster.cluster.x-k8s.io", made)
        await site.until(lambda: managed() == set())
        other = {**made, "metadata": {"name": "hub", "namespace": "fleet"}}
        stores["hub"].create("Cluster.cluster.x-k8s.io", other)
        stores["hub"].create(
            "Cluster.cluster.x-k8s.io", {**made, "metadata": {**made["metadata"], "name": "prod"}}
        )
        await site.until(lambda: managed() == {"prod prod/kube-system"})


def test_names_stay_known_while_nobody_refers_to_the_cluster() -> None:
    """A reference goes and comes back, and its target is another object by then."""
    union, source = Union(), node("east", "a")
    union.commit(Changes(nodes_set=[source, node("west", "b")]))
    union.note(source.uid, ref("west", "b"))
    union.rest()
    assert set(union.graph.edges()) == {Edge("uses", "east/a-0", "west/b-0", ("spec.a",), 1)}
    union.note(source.uid)
    union.rest()
    union.commit(Changes(nodes_removed=["west/b-0"], nodes_set=[node("west", "b", 1)]))
    union.note(source.uid, ref("west", "b"))
    union.rest()
    assert set(union.graph.edges()) == {Edge("uses", "east/a-0", "west/b-1", ("spec.a",), 1)}


def test_a_cluster_that_leaves_while_its_names_are_read_is_read_again_when_it_is_back() -> None:
    union, source = Union(), node("east", "a")
    union.commit(Changes(nodes_set=[source, node("west", "b")]))
    union.note(source.uid, ref("west", "b"), ref("north", "b"))
    reading = union.crossings.read()
    next(reading)
    for cluster in ("west", "north"):
        union.crossings.forget(cluster)
    for _ in reading:
        pass
    union.note(source.uid)
    union.note(source.uid, ref("west", "b"))
    union.rest()
    assert set(union.graph.edges()) == union.expected() != set()


def test_edges_that_a_rebuilt_graph_lacks_are_made_again() -> None:
    union, source = Union(), node("east", "a")
    union.commit(Changes(nodes_set=[source, node("west", "b")]))
    union.note(source.uid, ref("west", "b"))
    union.rest()
    (edge,) = union.graph.edges()
    union.graph.apply(Batch("u", union.graph.seq + 1, Changes(edges_removed=[edge.key])))
    union.crossings.doubt()
    union.rest()
    assert set(union.graph.edges()) == {edge}
