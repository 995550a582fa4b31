"""What a drain is predicted to be answered, against the eviction endpoint and kubectl."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.cluster.api import Api
from tests.cluster.observer import observed
from tests.cluster.stage import CONTAINERS, LABELS, NODE, TOLERATES, KubeletStage
from tests.support.evictions import ANSWERS, ask_to_evict
from tests.support.kubectl import Kubectl

Json = dict[str, Any]

#: A DaemonSet of that Node.
AGENT = {
    "selector": {"matchLabels": {"app": "agent"}},
    "template": {
        "metadata": {"labels": {"app": "agent"}},
        "spec": {
            "containers": CONTAINERS,
            "nodeSelector": LABELS,
            "tolerations": TOLERATES,
        },
    },
}
#: Of `kubectl drain`.
FLAGS = ("--delete-emptydir-data", "--force", "--ignore-daemonsets")


@dataclass(frozen=True)
class Workload:
    """A ReplicaSet. pods: the state of each, in the order of their names. outcomes: what is predicted of each."""

    name: str
    pods: str
    outcomes: str
    budgets: tuple[Json, ...] = ()
    volumes: tuple[Json, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        return {"app": self.name}


_TWO = {"minAvailable": 2}
WORKLOADS = (
    Workload("number", "ready ready ready", "evicted refused refused", (_TWO,)),
    Workload(
        "share", "ready ready ready ready", "evicted evicted refused refused", ({"minAvailable": "50%"},)
    ),
    Workload("most", "ready ready ready", "evicted refused refused", ({"maxUnavailable": 1},)),
    Workload(
        "part", "ready ready ready ready", "evicted evicted refused refused", ({"maxUnavailable": "30%"},)
    ),
    Workload("all", "ready ready", "refused refused", ({"minAvailable": "100%"},)),
    Workload("none", "ready ready", "refused refused", ({"maxUnavailable": 0},)),
    Workload("free", "ready unready", "evicted evicted"),
    Workload("two", "ready pending", "refused evicted", ({"maxUnavailable": 1}, {"minAvailable": 1})),
    Workload("spare", "unready ready ready", "evicted refused refused", (_TWO,)),
    Workload("short", "unready ready unready", "refused refused refused", (_TWO,)),
    Workload(
        "always",
        "unready ready unready",
        "evicted refused evicted",
        ({**_TWO, "unhealthyPodEvictionPolicy": "AlwaysAllow"},),
    ),
    Workload(
        "healthy",
        "unready ready unready",
        "refused refused refused",
        ({**_TWO, "unhealthyPodEvictionPolicy": "IfHealthyBudget"},),
    ),
    Workload("starting", "pending ready", "evicted refused", ({"minAvailable": "100%"},)),
    Workload("scratch", "ready", "evicted", volumes=({"name": "tmp", "emptyDir": {}},)),
    Workload("failing", "ready", "refused", ({"minAvailable": "50%"},)),
    Workload("stale", "ready", "refused", ({"minAvailable": 1},)),
)
#: Pods by themselves: name → state, whether a budget that is never met selects it, what is predicted.
ALONE = {
    "alone-failed": ("failed", True, "evicted"),
    "alone-going": ("going", True, "blocked"),
    "alone-guarded": ("ready", True, "refused"),
    "alone-ready": ("ready", False, "blocked"),
    "alone-succeeded": ("succeeded", True, "evicted"),
}


def status_of(state: str) -> Json:
    """What a kubelet would write."""
    phase = {"pending": "Pending", "failed": "Failed", "succeeded": "Succeeded"}.get(state, "Running")
    ready = state in ("ready", "going")
    running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    ended = {"terminated": {"exitCode": int(state == "failed"), "reason": "Ended"}}
    container = {
        "name": "app",
        "image": "",
        "imageID": "",
        "restartCount": 0,
        "ready": ready,
        "state": {"Running": running, "Pending": waiting}.get(phase, ended),
    }
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return {"status": {"phase": phase, "conditions": [condition], "containerStatuses": [container]}}


async def become(stage: KubeletStage, pod: str, state: str) -> None:
    """Write the status of a Pod; one that goes is deleted too, which no kubelet ends."""
    await stage.patch("pods", f"{pod}/status", **status_of(state))
    if state == "going":
        await stage.delete("pods", pod)


async def add_workload(stage: KubeletStage, workload: Workload) -> None:
    template = {"containers": CONTAINERS, "nodeName": NODE, "tolerations": TOLERATES}
    spec = {
        "replicas": len(workload.pods.split()),
        "selector": {"matchLabels": workload.labels},
        "template": {
            "metadata": {"labels": workload.labels},
            "spec": {**template, "volumes": [*workload.volumes]},
        },
    }
    await stage.create("replicasets", workload.name, "apps/v1", spec=spec)


async def add_budget(stage: KubeletStage, name: str, labels: dict[str, str], **spec: Any) -> None:
    spec["selector"] = {"matchLabels": labels}
    await stage.create("poddisruptionbudgets", name, "policy/v1", spec=spec)


async def settled(stage: KubeletStage, healthy: dict[str, int], *failing: str) -> None:
    """Wait until the controller of budgets has counted so many healthy Pods, and fails at others."""

    def holds(budgets: list[Json]) -> bool:
        counted, failed = {}, set()
        for each in budgets:
            name, status = each["metadata"]["name"], each.get("status", {})
            if "SyncFailed" in [condition["reason"] for condition in status.get("conditions", ())]:
                failed.add(name)
            elif status.get("observedGeneration") == each["metadata"]["generation"]:
                counted[name] = status["currentHealthy"]
        return counted == healthy and failed == {*failing}

    await stage.until("poddisruptionbudgets", "policy/v1", holds)


async def set_up(stage: KubeletStage, node: str) -> dict[str, str]:
    """All that is drained: name of a Pod → what is predicted of it. node: the uid of the Node."""
    for workload in WORKLOADS:
        await add_workload(stage, workload)
    await stage.create("daemonsets", "agent", "apps/v1", spec=AGENT)
    for name, (_, guarded, _) in ALONE.items():
        await stage.pod(name, labels={"guarded": "yes"} if guarded else {})
    owner = {"apiVersion": "v1", "kind": "Node", "name": NODE, "uid": node, "controller": True}
    mirror = {"kubernetes.io/config.mirror": "3f2a"}
    await stage.pod("static", annotations=mirror, ownerReferences=[owner])
    names = await stage.pods(sum(len(each.pods.split()) for each in WORKLOADS) + len(ALONE) + 2)
    expected = {"static": "skipped", **{name: outcome for name, (_, _, outcome) in ALONE.items()}}
    states = {"static": "ready", **{name: state for name, (state, _, _) in ALONE.items()}}
    for workload in WORKLOADS:
        own = [name for name in names if name.startswith(f"{workload.name}-") and name not in expected]
        states |= zip(own, workload.pods.split(), strict=True)
        expected |= zip(own, workload.outcomes.split(), strict=True)
    (agent,) = {*names} - expected.keys()
    expected[agent], states[agent] = "skipped", "ready"
    for name, state in states.items():
        await become(stage, name, state)
    return expected | await set_up_budgets(stage)


async def set_up_budgets(stage: KubeletStage) -> dict[str, str]:
    """Two of them have a Pod whose controller has no number of replicas, so that their controller fails."""
    healthy = {"guard": 1}
    await add_budget(stage, "guard", {"guarded": "yes"}, minAvailable=5)
    for workload in WORKLOADS:
        for number, budget in enumerate(workload.budgets):
            await add_budget(stage, f"{workload.name}-{number}", workload.labels, **budget)
            healthy[f"{workload.name}-{number}"] = workload.pods.split().count("ready")
    await settled(stage, healthy)
    holder = await stage.create("configmaps", "holder")
    uid = holder["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "holder", "uid": uid, "controller": True}
    for name in ("failing", "stale"):
        await stage.pod(f"{name}-odd", labels={"app": name}, ownerReferences=[owner])
        del healthy[f"{name}-0"]
    await stage.patch("poddisruptionbudgets", "stale-0", "policy/v1", spec={"minAvailable": "50%"})
    await settled(stage, healthy, "failing-0", "stale-0")
    return {"failing-odd": "evicted", "stale-odd": "evicted"}


@pytest.mark.timeout(300)
async def test_a_drain_is_answered_as_predicted(
    kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str], admin: Api, node: str
) -> None:
    namespace = namespaces[0]
    async with admin.session() as http:
        expected = await set_up(KubeletStage(admin, http, namespace), node)
        async with observed(kubectl, account, namespaces) as observer:
            await observer.agrees()
            evictions = (await observer.impact(node, "drain"))["evictions"]
        assert {each["pod"]["name"]: each["outcome"] for each in evictions} == expected
        listed = await kubectl(
            "get", "pods", "--all-namespaces", "-o=name", f"--field-selector=spec.nodeName={NODE}"
        )
        assert [f"pod/{each['pod']['name']}" for each in evictions] == listed.split()
        assert await refused_by_kubectl(kubectl) == {
            flag: {place(each) for each in evictions if flag in each.get("needs", ())} for flag in FLAGS
        }
        asked = {place(each) for each in evictions if each["outcome"] != "skipped"}
        assert await asked_by_kubectl(kubectl) == asked
        wrong = [line for each in evictions for line in await compare(admin, http, each)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(300)
async def test_a_namespace_that_is_being_deleted_takes_no_evictions(
    kubectl: Kubectl, account: Kubectl, namespaces: tuple[str, str], admin: Api, node: str
) -> None:
    namespace = namespaces[0]
    async with admin.session() as http:
        stage = KubeletStage(admin, http, namespace)
        for name, state in (("runs", "ready"), ("over", "succeeded")):
            await stage.pod(name, finalizers=["astrolabe.test/held"])
            await become(stage, name, state)
        await kubectl("delete", "namespace", namespace, "--wait=false")
        async with observed(kubectl, account, namespaces) as observer:
            await observer.agrees()
            evictions = (await observer.impact(node, "drain"))["evictions"]
        assert [each["outcome"] for each in evictions] == ["refused", "refused"]
        wrong = [line for each in evictions for line in await compare(admin, http, each)]
    assert not wrong, "\n".join(wrong)


def place(eviction: Json) -> str:
    return f"{eviction['pod']['namespace']}/{eviction['pod']['name']}"


async def compare(admin: Api, http: aiohttp.ClientSession, eviction: Json) -> list[str]:
    """Ask for it, without and with consequences; where the answers are not as predicted."""
    granted, wrong = ANSWERS.get(eviction["outcome"]), []
    if granted is None:
        return []
    namespace, name = eviction["pod"]["namespace"], eviction["pod"]["name"]
    for dry_run in (True, False):
        root = f"{admin.server}/api/v1"
        code, status = await ask_to_evict(http, root, namespace, name, dry_run=dry_run, ssl=admin.tls)
        if (code == 201) is not granted:
            wrong.append(f"{place(eviction)}: predicted {eviction}, but the answer is {code} {status}")
    return wrong


async def refused_by_kubectl(kubectl: Kubectl) -> dict[str, set[str]]:
    """Flag → the Pods for which a drain without any flag asks for it."""
    _, _, said = await kubectl.attempt("drain", NODE, "--dry-run=server", "--timeout=1s")
    found = re.findall(r"\(use (--[a-z-]+) to \w+\): (\S+/\S+?(?:, \S+/\S+?)*)(?=, cannot|\]|\n|$)", said)
    return {flag: set(pods.split(", ")) for flag, pods in found}


async def asked_by_kubectl(kubectl: Kubectl) -> set[str]:
    """The Pods for whose eviction a drain with all flags asks."""
    _, printed, _ = await kubectl.attempt("drain", NODE, "--dry-run=server", "--timeout=1s", *FLAGS)
    return set(re.findall(r"evicting pod (\S+)", printed))
