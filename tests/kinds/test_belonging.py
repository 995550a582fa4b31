"""What comes along with a release or a selector by what templates name, and by the label of a slice."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import equality
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.membership import Membership
from tests.kinds.support import Json, read
from tests.support.kinds import KINDS

HELM = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "cart"}
POD: Json = {
    "serviceAccountName": "cart",
    "containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "keys"}}]}],
    "volumes": [
        {"name": "cfg", "configMap": {"name": "settings"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
    ],
}
TEMPLATE: Json = {"template": {"spec": POD}}
#: What the template names, and what these need in turn.
NAMED = ("ServiceAccount cart", "Secret keys", "ConfigMap settings", "PersistentVolumeClaim data")


def made(kind: str, name: str, *, labels: Json | None = None, owner: str = "", **parts: Any) -> Facts:
    """owner: kind and name."""
    meta: Json = {"name": name, "uid": f"{kind} {name}", "labels": labels}
    if kind not in ("Namespace", "PersistentVolume"):
        meta["namespace"] = "shop"
    if owner:
        of, _, name = owner.partition(" ")
        meta["ownerReferences"] = [{"apiVersion": "v1", "kind": of, "name": name, "uid": owner}]
    return read(kind, {"metadata": meta, **parts})


WORKLOADS = [
    made("Deployment", "cart", labels=HELM, spec={"replicas": 0, **TEMPLATE}),
    made("CronJob", "cart", labels=HELM, spec={"jobTemplate": {"spec": TEMPLATE}}),
]
NEEDS = [
    made("Namespace", "shop"),
    made("ServiceAccount", "cart"),
    made("Secret", "keys"),
    made("Secret", "other"),
    made("ConfigMap", "settings"),
    made("PersistentVolumeClaim", "data", spec={"volumeName": "pv"}),
    made("PersistentVolume", "pv"),
]


def model_of(facts: list[Facts], **options: Any) -> Model:
    model = Model([kind.rules for kind in KINDS], **options)
    for each in facts:
        model.upsert(each)
    return model


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda facts: facts.kind)
@pytest.mark.parametrize("first", [True, False], ids=["workload first", "workload last"])
def test_the_closure_includes_what_a_template_names(workload: Facts, first: bool) -> None:
    facts = [workload, *NEEDS] if first else [*NEEDS, workload]
    model = model_of(facts, roots=equality({"app.kubernetes.io/managed-by": "Helm"}))
    model.commit()
    assert {node.uid for node in model.nodes()} == {
        workload.uid,
        *NAMED,
        "PersistentVolume pv",
        "Namespace shop",
    }
    model.remove(workload.uid)
    assert set(model.commit().nodes_removed) >= set(NAMED)
    assert list(model.nodes()) == []


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda facts: facts.kind)
def test_a_release_includes_what_a_template_names(workload: Facts) -> None:
    graph = ServedGraph("e")
    graph.apply(Batch("e", 1, model_of([*NEEDS, workload]).commit()))
    members = Membership(graph, Filter(release=frozenset(("cart",))))
    assert {uid for uid in graph.nodes if uid in members} == {workload.uid, *NAMED, "PersistentVolume pv"}


SERVICE = made("Service", "cart", labels={**HELM, "helm.sh/chart": "cart-1.0"})
NAMED_SERVICE = {"kubernetes.io/service-name": "cart"}
TARGET = {"targetRef": {"kind": "Pod", "name": "lone", "uid": "Pod lone"}}
#: One that the controller made, one that somebody made by hand.
SLICES = [
    made("EndpointSlice", "cart-x", labels=NAMED_SERVICE, owner="Service cart", endpoints=[TARGET]),
    made("EndpointSlice", "manual", labels=NAMED_SERVICE),
]


def nodes(model: Model) -> dict[str, Node]:
    return {node.uid: node for node in model.nodes()}


@pytest.mark.parametrize("order", [*permutations([SERVICE, *SLICES, made("Pod", "lone")])])
def test_a_slice_inherits_the_release_of_its_service_but_a_pod_does_not(order: tuple[Facts, ...]) -> None:
    model = Model([kind.rules for kind in KINDS])
    for each in order:
        model.upsert(each)
        model.commit()
    found = {uid: (node.release, node.chart) for uid, node in nodes(model).items()}
    of_cart = ("cart", "cart-1.0")
    assert found == {
        "Service cart": of_cart,
        "EndpointSlice cart-x": of_cart,
        "EndpointSlice manual": of_cart,
        "Pod lone": ("", ""),
    }
    model.remove("Service cart")
    model.commit()
    assert {node.release for node in nodes(model).values()} == {""}


def test_a_service_and_its_slice_are_one_edge() -> None:
    model = model_of([SERVICE, *SLICES])
    found = [(edge.type, edge.target, edge.field) for edge in model.commit().edges_set]
    field = ("metadata.labels[kubernetes.io/service-name]",)
    assert sorted(found) == [
        ("endpoints", "EndpointSlice cart-x", field),
        ("endpoints", "EndpointSlice manual", field),
    ]


def test_a_slice_whose_service_is_gone_has_one_unresolved_reference() -> None:
    model = model_of(SLICES[:1])
    model.set_synced("Service", "", True)
    model.commit()
    (missing,) = nodes(model)["EndpointSlice cart-x"].document()["unresolved"]
    assert (missing["type"], missing["field"]) == ("endpoints", "metadata.labels[kubernetes.io/service-name]")
