"""What a drain would be answered: literal Pods and budgets, by the words of their manifests."""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.graph.causes.impact import ImpactStudy
from tests.incidents.made import APP, JUST_NOW, MadeCluster, condition, finished, running, waiting

Json = dict[str, Any]

WEB = {"app": "web"}
SELECTOR = {"matchLabels": WEB}


def drained(c: MadeCluster) -> list[str]:
    """`name outcome: why [flags]` of each Pod on n1, in order."""
    graph = c.sketch().graph
    study = ImpactStudy(graph, graph.nodes["Node/n1"], "drain", list(graph.nodes.values()))
    for _ in study.run():
        pass
    told = []
    for each in study.result().evictions:
        flags = f" [{' '.join(each.needs)}]" if each.needs else ""
        told.append(
            f"{graph.nodes[each.pod].name} {each.outcome}" + (f": {each.why}" if each.why else "") + flags
        )
    return told


def web(*pods: Json, spec: Json | None = None) -> MadeCluster:
    """Pods web-0, web-1, … of one ReplicaSet."""
    c = MadeCluster()
    c.add("ReplicaSet", "web", spec={"replicas": len(pods)}, status={"replicas": len(pods)})
    for index, pod in enumerate(pods):
        more = {**pod.get("spec", {}), **(spec or {})}
        c.pod(f"web-{index}", {**pod, "spec": more}, owner="ReplicaSet/web", labels=WEB)
    return c


def budget(
    c: MadeCluster,
    *,
    allowed: int = 0,
    healthy: int = 0,
    desired: int = 0,
    name: str = "web",
    selector: Json | None = None,
    observed: int = 1,
    conditions: tuple[Json, ...] = (),
    **spec: Any,
) -> None:
    c.add(
        "PodDisruptionBudget",
        name,
        spec={"selector": selector or SELECTOR, "minAvailable": desired, **spec},
        status={
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": healthy,
            "observedGeneration": observed,
            "conditions": [*conditions],
        },
    )


def test_each_eviction_takes_one_from_what_the_budget_allows() -> None:
    c = web(running(), running(), running())
    budget(c, allowed=1, healthy=3, desired=2)
    left = "PodDisruptionBudget web needs 2 healthy Pods and has 2 left after the evictions before this one"
    assert drained(c) == ["web-0 evicted", f"web-1 refused: {left}", f"web-2 refused: {left}"]


def test_an_unready_pod_is_evicted_for_free_while_enough_others_are_ready() -> None:
    c = web(running(ready=False), running(), running())
    budget(c, allowed=0, healthy=2, desired=2)
    assert drained(c) == [
        "web-0 evicted",
        "web-1 refused: PodDisruptionBudget web needs 2 healthy Pods and has 2",
        "web-2 refused: PodDisruptionBudget web needs 2 healthy Pods and has 2",
    ]


@pytest.mark.parametrize(("policy", "outcome"), [("AlwaysAllow", "evicted"), ("IfHealthyBudget", "refused")])
def test_with_too_few_ready_pods_the_unhealthy_eviction_policy_decides(policy: str, outcome: str) -> None:
    c = web(running(ready=False), running())
    budget(c, healthy=1, desired=2, unhealthyPodEvictionPolicy=policy)
    first, second = drained(c)
    assert first.startswith(f"web-0 {outcome}")
    assert second == "web-1 refused: PodDisruptionBudget web needs 2 healthy Pods and has 1"


def test_a_budget_that_desires_zero_evicts_no_unready_pod_for_free() -> None:
    c = web(running(ready=False), running(ready=False))
    budget(c, allowed=0, healthy=0, desired=0)
    assert drained(c)[0].startswith("web-0 refused")
    c = web(running(ready=False), running())
    budget(c, allowed=1, healthy=1, desired=0, maxUnavailable=1)
    assert [each.split(":")[0] for each in drained(c)] == ["web-0 evicted", "web-1 refused"]


@pytest.mark.parametrize(
    "pod",
    [
        waiting("ContainerCreating"),
        waiting("ImagePullBackOff"),
        waiting("Pulling by the words of another kubelet"),
        running(meta={"deletionTimestamp": JUST_NOW}),
        finished("Failed", "Evicted", "low on memory"),
        finished("Succeeded", code=0),
    ],
)
def test_a_pod_that_does_not_run_needs_no_budget(pod: Json) -> None:
    c = web(pod)
    budget(c, desired=1)
    budget(c, desired=1, name="other")
    assert drained(c) == ["web-0 evicted"]


def test_an_image_that_fails_at_a_restart_does_not_make_a_pod_pending() -> None:
    c = web(waiting("ImagePullBackOff", last={"exitCode": 1}))
    budget(c, healthy=0, desired=1)
    assert drained(c) == ["web-0 refused: PodDisruptionBudget web needs 1 healthy Pod and has 0"]


def test_several_budgets_are_refused_whatever_they_allow() -> None:
    c = web(running())
    budget(c, allowed=1, healthy=2, desired=1)
    budget(c, allowed=1, healthy=2, desired=1, name="all", selector={"matchExpressions": []})
    assert drained(c) == [
        "web-0 refused: several PodDisruptionBudgets select it (all, web), which the API server does not support"
    ]


def test_an_unobserved_budget_allows_no_counted_eviction() -> None:
    c = web(running(), running(ready=False))
    budget(c, allowed=1, healthy=2, desired=1, observed=0)
    assert drained(c) == [
        "web-0 refused: PodDisruptionBudget web was changed, and its controller has not seen that yet",
        "web-1 evicted",
    ]


def test_a_budget_whose_controller_fails_says_why() -> None:
    c = web(running())
    failed = condition("DisruptionAllowed", "False", "SyncFailed", 'found no controllers for pod "web-9"')
    budget(c, healthy=3, desired=2, conditions=(failed,))
    assert drained(c) == [
        "web-0 refused: PodDisruptionBudget web allows nothing, as its controller fails: "
        'found no controllers for pod "web-9"'
    ]


def test_pods_a_drain_needs_flags_for() -> None:
    c = web(running(), spec={"volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "run", "emptyDir": {}}]})
    c.pod("alone", running(spec={"volumes": [{"name": "cache", "emptyDir": {}}]}))
    c.pod("over", finished("Succeeded", code=0, spec={"volumes": [{"name": "cache", "emptyDir": {}}]}))
    c.add("DaemonSet", "agent", status={})
    c.pod("agent-x", running(spec={"volumes": [{"name": "cache", "emptyDir": {}}]}), owner="DaemonSet/agent")
    c.pod("agent-y", running(), owner="DaemonSet/gone")
    c.pod("agent-z", finished("Failed", "Evicted", "low on disk"), owner="DaemonSet/agent")
    mirror = {"annotations": {"kubernetes.io/config.mirror": "3f2a"}}
    c.pod("etcd-n1", running(meta=mirror), owner="Node/n1")
    assert drained(c) == [
        "agent-x skipped: its DaemonSet would place it here again [--ignore-daemonsets]",
        "agent-y blocked: its DaemonSet does not exist, so it would not come back; a drain needs --force [--force]",
        "agent-z evicted",
        "alone blocked: nothing controls it, so it would not come back; a drain needs --force "
        "[--delete-emptydir-data --force]",
        "etcd-n1 skipped: it is a static Pod, which the kubelet would start again",
        "over evicted",
        "web-0 evicted: what it keeps in its emptyDir volumes tmp and run is lost; a drain needs "
        "--delete-emptydir-data [--delete-emptydir-data]",
    ]


def test_a_budget_also_protects_a_pod_without_controller() -> None:
    c = MadeCluster()
    c.pod("alone", running(), labels=WEB)
    budget(c, healthy=1, desired=1)
    assert drained(c) == ["alone refused: PodDisruptionBudget web needs 1 healthy Pod and has 1 [--force]"]


def test_a_non_controlling_owner_recreates_nothing() -> None:
    c = MadeCluster()
    c.add("ConfigMap", "settings")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": "ConfigMap/settings"}
    c.pod("alone", running(meta={"ownerReferences": [owner]}))
    assert drained(c)[0].startswith("alone blocked: nothing controls it")


def test_pods_of_a_namespace_that_is_being_deleted_are_refused_whatever_they_are() -> None:
    c = web(running(), finished("Succeeded", code=0))
    for manifest in c.manifests():
        if manifest["kind"] == "Namespace":
            manifest["metadata"]["deletionTimestamp"] = JUST_NOW
            manifest["status"] = {"phase": "Terminating"}
    why = "its Namespace is being deleted, and takes no evictions"
    assert drained(c) == [f"web-0 refused: {why}", f"web-1 refused: {why}"]


def test_the_order_is_that_of_the_api_servers_lists() -> None:
    """By the key `namespace/name`, in which a hyphen comes before the slash."""
    c = MadeCluster()
    for namespace in ("shop", "shop-2", "shop.3"):
        c.pod(f"in-{namespace}", {"spec": {"containers": [APP]}, **finished("Succeeded", code=0)})
        c.manifests()[-1]["metadata"]["namespace"] = namespace
    assert [each.split()[0] for each in drained(c)] == ["in-shop-2", "in-shop.3", "in-shop"]
