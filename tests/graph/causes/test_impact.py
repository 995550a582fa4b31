"""What would happen without something: literal clusters and answers."""

from __future__ import annotations

from astrolabe.graph.causes.impact import Impact, ImpactStudy, Level
from astrolabe.graph.state.node import Node
from tests.support.sketches import Sketch, a_node, unresolved

Json = dict[str, object]


def study(sketch: Sketch, uid: str, action: str) -> Impact:
    target = sketch.graph.nodes[uid]
    found = ImpactStudy(sketch.graph, target, action, list(sketch.graph.nodes.values()))
    for _ in found.run():
        pass
    return found.result()


def in_words(impact: Impact) -> dict[str, list[str]]:
    told = {level.name.lower(): sorted(uids) for level, uids in impact.levels.items() if uids}
    if impact.later:
        told["later"] = sorted(impact.later)
    if impact.blocks:
        told["blocks"] = sorted(f"{each.uid}: {each.why}" for each in impact.blocks)
    if impact.evictions:
        told["evictions"] = [
            f"{each.pod} {each.outcome}" + (f": {each.why}" if each.why else "") for each in impact.evictions
        ]
    return told


def a_pod(name: str, status: str = "Ready", owner: str = "") -> Node:
    more = {"owner": owner} if owner else {}
    return a_node("Pod", name, status, "Running", metadata={"nodeName": "n", **more})


def shop() -> Sketch:
    """web has a copy on each of two Nodes; db has one, on n-1."""
    sketch = Sketch().set(
        a_node("Node", "n-1"),
        a_node("Node", "n-2"),
        a_node("Ingress", "web"),
        a_node("Ingress", "db"),
        *[a_node("Service", name) for name in ("web", "db")],
        a_node("Deployment", "web"),
        a_node("ReplicaSet", "web-1"),
        a_node("StatefulSet", "db"),
        a_node("DaemonSet", "agent"),
        *[a_pod(name, owner="ReplicaSet/web-1") for name in ("web-a", "web-b")],
        a_pod("db-0", owner="StatefulSet/db"),
        a_pod("agent-1", owner="DaemonSet/agent"),
        a_pod("lone"),
        a_node("PersistentVolumeClaim", "data"),
        a_node("PersistentVolume", "pv"),
        a_node("Secret", "keys"),
        a_node("Secret", "tls"),
        a_node("CronJob", "nightly"),
    )
    return sketch.link(
        "Deployment/web owns ReplicaSet/web-1",
        "ReplicaSet/web-1 owns Pod/web-a",
        "ReplicaSet/web-1 owns Pod/web-b",
        "StatefulSet/db owns Pod/db-0",
        "DaemonSet/agent owns Pod/agent-1",
        "Service/web selects Pod/web-a",
        "Service/web selects Pod/web-b",
        "Service/db selects Pod/db-0",
        "Ingress/web routes-to Service/web",
        "Ingress/db routes-to Service/db",
        "Ingress/web uses-secret Secret/tls spec.tls[0].secretName",
        "Pod/web-a runs-on Node/n-1",
        "Pod/web-b runs-on Node/n-2",
        "Pod/db-0 runs-on Node/n-1",
        "Pod/agent-1 runs-on Node/n-1",
        "Pod/lone runs-on Node/n-1",
        "Pod/db-0 mounts PersistentVolumeClaim/data",
        "PersistentVolumeClaim/data binds PersistentVolume/pv",
        "PersistentVolume/pv attaches Node/n-1",
        "Pod/web-a uses-secret Secret/keys",
        "Deployment/web uses-secret Secret/keys",
        "CronJob/nightly uses-secret Secret/keys",
    )


def test_a_node_that_fails() -> None:
    assert in_words(study(shop(), "Node/n-1", "fail")) == {
        "stops": [
            "DaemonSet/agent",
            "Ingress/db",
            "Pod/agent-1",
            "Pod/db-0",
            "Pod/lone",
            "Pod/web-a",
            "Service/db",
            "StatefulSet/db",
        ],
        "degrades": ["Ingress/web", "Service/web"],
        "loses_copy": ["Deployment/web", "ReplicaSet/web-1"],
        "blocks": ["PersistentVolumeClaim/data: its volume is attached to Node n-1"],
    }


def test_a_node_that_is_cordoned_hits_nothing() -> None:
    assert in_words(study(shop(), "Node/n-1", "cordon")) == {}


def test_a_drain_asks_in_order_and_is_refused_by_budgets() -> None:
    def budget(name: str, allowed: int) -> Node:
        counts = {"disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1}
        return a_node("PodDisruptionBudget", name, metadata=counts)

    sketch = shop().set(budget("db", 0), budget("web", 1))
    sketch.link("PodDisruptionBudget/db selects Pod/db-0", "PodDisruptionBudget/web selects Pod/web-a")
    assert in_words(study(sketch, "Node/n-1", "drain")) == {
        "degrades": ["Ingress/web", "Service/web"],
        "loses_copy": ["Deployment/web", "ReplicaSet/web-1"],
        "stops": ["Pod/web-a"],
        "evictions": [
            "Pod/agent-1 skipped: its DaemonSet would place it here again",
            "Pod/db-0 refused: PodDisruptionBudget db needs 1 healthy Pod and has 1",
            "Pod/lone blocked: nothing controls it, so it would not come back; a drain needs --force",
            "Pod/web-a evicted",
        ],
        "blocks": [
            "Pod/db-0: PodDisruptionBudget db needs 1 healthy Pod and has 1",
            "Pod/lone: nothing controls it, so it would not come back; a drain needs --force",
        ],
    }


def test_deleting_a_secret_fails_pods_that_restart() -> None:
    assert in_words(study(shop(), "Secret/keys", "delete")) == {
        "later": ["CronJob/nightly", "Deployment/web", "Pod/web-a", "ReplicaSet/web-1"]
    }
    assert in_words(study(shop(), "Secret/tls", "delete")) == {"degrades": ["Ingress/web"]}


def test_a_workload_that_is_deleted_takes_its_pods_with_it() -> None:
    assert in_words(study(shop(), "Deployment/web", "delete")) == {
        "stops": ["Ingress/web", "Pod/web-a", "Pod/web-b", "ReplicaSet/web-1", "Service/web"]
    }


def test_a_restart_replaces_a_few_pods_at_a_time() -> None:
    sketch = shop()
    assert in_words(study(sketch, "Deployment/web", "restart")) == {}
    assert in_words(study(sketch, "StatefulSet/db", "restart")) == {
        "stops": ["Ingress/db", "Pod/db-0", "Service/db"]
    }
    sketch.set(a_node("Deployment", "web", metadata={"strategy": "Recreate"}))
    assert in_words(study(sketch, "Deployment/web", "restart"))["stops"] == [
        "Ingress/web",
        "Pod/web-a",
        "Pod/web-b",
        "ReplicaSet/web-1",
        "Service/web",
    ]
    sketch.set(a_node("StatefulSet", "db", metadata={"strategy": "OnDelete"}))
    assert in_words(study(sketch, "StatefulSet/db", "restart")) == {}


def test_a_restart_of_many_replicas_costs_one_at_a_time() -> None:
    sketch = shop()
    for name in ("web-c", "web-d"):
        sketch.set(a_pod(name, owner="ReplicaSet/web-1"))
        sketch.link(f"ReplicaSet/web-1 owns Pod/{name}", f"Service/web selects Pod/{name}")
    told = in_words(study(sketch, "Deployment/web", "restart"))
    assert len(told["stops"]) == 1
    assert told["degrades"] == ["Ingress/web", "Service/web"]
    assert told["loses_copy"] == ["ReplicaSet/web-1"]


def test_pods_that_need_a_missing_secret_do_not_return_after_a_restart() -> None:
    sketch = shop()
    lacks = unresolved("uses-secret", "Secret", "gone", "spec.volumes[s].secret")
    sketch.set(
        a_node("Pod", "db-0", "Ready", "Running", missing=[lacks], metadata={"owner": "StatefulSet/db"})
    )
    assert in_words(study(sketch, "StatefulSet/db", "restart"))["later"] == ["Pod/db-0"]


def test_a_claim_in_use_is_deleted_only_with_its_pod() -> None:
    assert in_words(study(shop(), "PersistentVolumeClaim/data", "delete")) == {
        "later": ["Pod/db-0"],
        "blocks": ["Pod/db-0: it uses the claim, which goes only when the Pod is gone"],
    }
    assert in_words(study(shop(), "PersistentVolumeClaim/data", "fail"))["stops"] == [
        "Ingress/db",
        "Pod/db-0",
        "Service/db",
        "StatefulSet/db",
    ]


def test_a_volume_is_deleted_only_with_its_bound_claim() -> None:
    why = "it is bound to the volume, which goes only when the claim is gone"
    assert in_words(study(shop(), "PersistentVolume/pv", "delete")) == {
        "blocks": [f"PersistentVolumeClaim/data: {why}"]
    }
    assert in_words(study(shop(), "PersistentVolume/pv", "fail"))["stops"][0] == "Ingress/db"


def test_a_service_without_selector_follows_its_slices() -> None:
    sketch = Sketch().set(a_node("Service", "db"), a_pod("a"), a_pod("b"))
    for name in ("a", "b"):
        sketch.set(a_node("EndpointSlice", f"db-{name}"))
        sketch.link(
            f"Service/db endpoints EndpointSlice/db-{name}", f"EndpointSlice/db-{name} endpoints Pod/{name}"
        )
    assert in_words(study(sketch, "Pod/a", "fail")) == {
        "stops": ["EndpointSlice/db-a"],
        "degrades": ["Service/db"],
    }


def test_levels_are_ordered() -> None:
    assert Level.NONE < Level.LOSES_COPY < Level.DEGRADES < Level.STOPS
