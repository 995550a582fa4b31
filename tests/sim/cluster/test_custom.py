"""Custom resources of several projects beside a generated cluster, and what is made of them."""

from __future__ import annotations

from collections import Counter

import pytest

from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Changes
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.kinds.custom.custom_kinds import CustomKinds, WantedKind
from astrolabe.sim.cluster.custom import definitions, install
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.definitions import defined_by
from astrolabe.sim.store import ObjectStore
from tests.support.kinds import CATALOGUE

APPLICATION, CERTIFICATE, CLUSTER, GATEWAY, ROUTE = (
    "Application.argoproj.io",
    "Certificate.cert-manager.io",
    "Cluster.postgresql.cnpg.io",
    "Gateway.gateway.networking.k8s.io",
    "HTTPRoute.gateway.networking.k8s.io",
)


def filled() -> ObjectStore:
    store = ObjectStore()
    load(store, 0.01, 1)
    install(store, 1)
    return store


@pytest.fixture(scope="module")
def store() -> ObjectStore:
    return filled()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    catalogue = CATALOGUE.only(())
    found = [definition for manifest in definitions() if (definition := defined_by(manifest)) is not None]
    for _ in CustomKinds(catalogue).become({each.id: WantedKind(each) for each in found}):
        pass
    return catalogue


@pytest.fixture(scope="module")
def graph(store: ObjectStore, catalogue: Catalogue) -> Changes:
    model = Model([kind.rules for kind in catalogue])
    for kind in catalogue:
        model.set_synced(kind.key, "", True)
        for item in store.collections[kind.key].items.values() if kind.key in store.collections else ():
            model.upsert(kind.facts(kind.decoder.decode(item.body)))
    return model.commit()


def test_the_same_seed_gives_the_same_bytes(store: ObjectStore) -> None:
    other = filled()
    for key, collection in store.collections.items():
        ours = {item.key: item.body for item in collection.items.values()}
        assert ours == {item.key: item.body for item in other.collections[key].items.values()}


def test_most_custom_resources_are_healthy_and_some_fail(graph: Changes) -> None:
    statuses: dict[str, Counter[str]] = {}
    for node in graph.nodes_set:
        statuses.setdefault(node.kind, Counter())[node.status] += 1
    for kind in (APPLICATION, CERTIFICATE, ROUTE):
        assert statuses[kind]["Ready"] > statuses[kind]["Error"] > 0
        assert set(statuses[kind]) == {"Ready", "Error"}
    for kind in (CLUSTER, GATEWAY, "GatewayClass.gateway.networking.k8s.io", "ClusterIssuer.cert-manager.io"):
        assert set(statuses[kind]) == {"Ready"}


def test_a_database_is_complete_in_its_release(graph: Changes) -> None:
    nodes = {node.uid: node for node in graph.nodes_set}
    (cluster,) = [node for node in nodes.values() if node.kind == CLUSTER and node.name == "orders-pg"]
    assert cluster.release == "orders-pg"
    owned = [
        nodes[edge.target] for edge in graph.edges_set if (edge.type, edge.source) == ("owns", cluster.uid)
    ]
    assert Counter(node.kind for node in owned) == {"Pod": 3, "PersistentVolumeClaim": 3, "Service": 1}
    assert {node.release for node in owned} == {"orders-pg"}
    (service,) = [node for node in owned if node.kind == "Service"]
    assert (service.status, service.document()["message"]) == ("Ready", "3/3 endpoints ready")


def test_references_resolve_except_for_intended_gaps(graph: Changes) -> None:
    missing = Counter(
        (node.kind, entry["kind"])
        for node in graph.nodes_set
        if "." in node.kind
        for entry in node.document().get("unresolved", ())
    )
    assert set(missing) <= {
        (CERTIFICATE, "Secret"),
        (ROUTE, "Service"),
        ("ClusterIssuer.cert-manager.io", "Secret"),
    }
    types = Counter(edge.type for edge in graph.edges_set)
    assert types["manages"] > 10
    assert types["makes"] > 2
