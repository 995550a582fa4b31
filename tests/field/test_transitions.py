"""What is healthy is never told as an error on its way, in whatever order the watches bring the news.

A scenario is a list of steps as controllers and kubelets write them. Within a step, and from one step to the
next, each kind has its own watch, so any of them may be behind the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from astrolabe.graph.model.model import Model
from astrolabe.graph.state.status import ERROR, READY
from tests.kinds.support import read
from tests.support.kinds import KINDS

Json = dict[str, Any]
Step = list[tuple[str, Json]]

LABELS = {"app": "web"}
NOW = "2026-11-30T08:{:02d}:{:02d}Z"


def at(second: int) -> str:
    return NOW.format(second // 60, second % 60)


def meta(name: str, uid: str, *, owner: tuple[str, str, str] | None = None, **more: Any) -> Json:
    """owner: (kind, name, uid)."""
    found: Json = {
        "name": name,
        "namespace": "shop",
        "uid": uid,
        "creationTimestamp": at(0),
        "labels": LABELS,
    }
    if owner is not None:
        kind, owner_name, owner_uid = owner
        version = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
        found["ownerReferences"] = [
            {"apiVersion": version, "kind": kind, "name": owner_name, "uid": owner_uid, "controller": True}
        ]
    return {**found, **more}


def condition(type: str, status: str, second: int, reason: str = "", message: str = "") -> Json:
    return {
        "type": type,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": at(second),
    }


def deployment(
    second: int, *, desired: int, ready: int, updated: int, replicas: int, seen: bool = True
) -> Json:
    progress = condition("Progressing", "True", second, "ReplicaSetUpdated")
    available = condition("Available", "True" if ready >= desired else "False", second, "MinimumReplicas")
    status = {
        "observedGeneration": 1,
        "replicas": replicas,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "conditions": [available, progress],
    }
    return {
        "metadata": meta("web", "d", generation=1),
        "spec": {"replicas": desired, "selector": {"matchLabels": LABELS}},
        "status": status if seen else {},
    }


def replica_set(name: str, *, desired: int, ready: int, replicas: int, revision: str = "1") -> Json:
    annotations = {"deployment.kubernetes.io/revision": revision}
    return {
        "metadata": meta(name, name, owner=("Deployment", "web", "d"), generation=1, annotations=annotations),
        "spec": {"replicas": desired, "selector": {"matchLabels": LABELS}},
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    }


def pod(name: str, stage: str, second: int, *, owner: tuple[str, str, str], **more: Any) -> Json:
    """stage: created, scheduled, creating, unready, ready, terminating, succeeded, failed."""
    spec = {"containers": [{"name": "app", "image": "web:1"}]}
    status: Json = {"phase": "Pending"}
    if stage != "created":
        spec["nodeName"] = "node-1"  # type: ignore[assignment]
        status["conditions"] = [condition("PodScheduled", "True", 0)]
    states: dict[str, Json] = {
        "creating": {"waiting": {"reason": "ContainerCreating"}},
        "unready": {"running": {"startedAt": at(second)}},
        "ready": {"running": {"startedAt": at(second)}},
        "terminating": {"running": {"startedAt": at(0)}},
        "succeeded": {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": at(second)}},
        "failed": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": at(second)}},
    }
    if stage in states:
        is_ready = stage in ("ready",)
        word = "True" if is_ready else "False"
        status["conditions"] += [
            condition("Initialized", "True", 0),
            condition("Ready", word, second if is_ready else 0, "" if is_ready else "ContainersNotReady"),
            condition("ContainersReady", word, second if is_ready else 0),
        ]
        status["containerStatuses"] = [
            {"name": "app", "ready": is_ready, "restartCount": 0, "state": states[stage], "started": True}
        ]
        phases = {"creating": "Pending", "succeeded": "Succeeded", "failed": "Failed"}
        status["phase"] = phases.get(stage, "Running")
    leaving = {"deletionTimestamp": at(second + 30), "deletionGracePeriodSeconds": 30}
    found = meta(name, name, owner=owner, **(leaving if stage == "terminating" else {}), **more)
    return {"metadata": found, "spec": spec, "status": status}


def slice_of(*pods: tuple[str, bool], leaving: str = "") -> Json:
    """leaving: names of those that are being deleted and still serve."""
    endpoints = [
        {
            "addresses": [f"10.0.0.{number}"],
            "conditions": {
                "ready": ready,
                "serving": ready or name in leaving,
                "terminating": name in leaving,
            },
            "targetRef": {"kind": "Pod", "namespace": "shop", "name": name, "uid": name},
        }
        for number, (name, ready) in enumerate(pods)
    ]
    labels = {**LABELS, "kubernetes.io/service-name": "web"}
    return {
        "metadata": {**meta("web-x", "s"), "labels": labels},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080}],
    }


SERVICE: Json = {
    "metadata": meta("web", "svc"),
    "spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
}
INGRESS: Json = {
    "metadata": meta("web", "ing"),
    "spec": {
        "rules": [
            {
                "http": {
                    "paths": [{"path": "/", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]
                }
            }
        ]
    },
    "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
}


def budget(*, healthy: int, desired: int = 1, expected: int = 2) -> Json:
    return {
        "metadata": meta("web", "pdb", generation=1),
        "spec": {"selector": {"matchLabels": LABELS}, "minAvailable": 1},
        "status": {
            "observedGeneration": 1,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "disruptionsAllowed": max(0, healthy - desired),
        },
    }


OF_ONE = ("ReplicaSet", "web-1", "web-1")
OF_TWO = ("ReplicaSet", "web-2", "web-2")


def first_start() -> Iterator[Step]:
    """`kubectl apply` of all at once, up to two ready pods."""
    fresh = {"metadata": meta("web", "pdb", generation=1), "spec": {"selector": {"matchLabels": LABELS}}}
    yield [
        ("Deployment", deployment(0, desired=2, ready=0, updated=0, replicas=0, seen=False)),
        ("Service", SERVICE),
        ("Ingress", INGRESS),
        ("PodDisruptionBudget", fresh),
    ]
    yield [
        ("ReplicaSet", replica_set("web-1", desired=2, ready=0, replicas=0)),
        ("EndpointSlice", slice_of()),
        ("Deployment", deployment(0, desired=2, ready=0, updated=0, replicas=0)),
    ]
    for number, stage in enumerate(("created", "scheduled", "creating", "unready")):
        pods = [("Pod", pod(name, stage, number, owner=OF_ONE)) for name in ("a", "b")]
        yield [
            *pods,
            ("ReplicaSet", replica_set("web-1", desired=2, ready=0, replicas=2)),
            ("Deployment", deployment(number, desired=2, ready=0, updated=2, replicas=2)),
            ("PodDisruptionBudget", budget(healthy=0)),
            ("EndpointSlice", slice_of(("a", False), ("b", False)) if number > 1 else slice_of()),
        ]
    for ready in (1, 2):
        yield [
            ("Pod", pod("a", "ready", 5, owner=OF_ONE)),
            ("Pod", pod("b", "ready" if ready > 1 else "unready", 6, owner=OF_ONE)),
            ("EndpointSlice", slice_of(("a", True), ("b", ready > 1))),
            ("ReplicaSet", replica_set("web-1", desired=2, ready=ready, replicas=2)),
            ("Deployment", deployment(6, desired=2, ready=ready, updated=2, replicas=2)),
            ("PodDisruptionBudget", budget(healthy=ready)),
        ]


def running() -> Step:
    """Two ready pods."""
    return [
        ("Service", SERVICE),
        ("Ingress", INGRESS),
        ("Deployment", deployment(6, desired=2, ready=2, updated=2, replicas=2)),
        ("ReplicaSet", replica_set("web-1", desired=2, ready=2, replicas=2)),
        *[("Pod", pod(name, "ready", 5, owner=OF_ONE)) for name in ("a", "b")],
        ("EndpointSlice", slice_of(("a", True), ("b", True))),
        ("PodDisruptionBudget", budget(healthy=2)),
    ]


def rollout() -> Iterator[Step]:
    """A new revision replaces pod by pod."""
    yield running()
    yield [
        ("ReplicaSet", replica_set("web-2", desired=1, ready=0, replicas=1, revision="2")),
        ("Pod", pod("c", "created", 20, owner=OF_TWO)),
        ("Deployment", deployment(20, desired=2, ready=2, updated=1, replicas=3)),
        ("PodDisruptionBudget", budget(healthy=2, expected=3)),
    ]
    for stage in ("creating", "unready"):
        yield [
            ("Pod", pod("c", stage, 21, owner=OF_TWO)),
            ("EndpointSlice", slice_of(("a", True), ("b", True), ("c", False))),
        ]
    yield [
        ("Pod", pod("c", "ready", 25, owner=OF_TWO)),
        ("EndpointSlice", slice_of(("a", True), ("b", True), ("c", True))),
        ("ReplicaSet", replica_set("web-2", desired=1, ready=1, replicas=1, revision="2")),
        ("Deployment", deployment(25, desired=2, ready=3, updated=1, replicas=3)),
    ]
    yield [
        ("Pod", pod("b", "terminating", 26, owner=OF_ONE)),
        ("ReplicaSet", replica_set("web-1", desired=1, ready=1, replicas=1)),
        ("ReplicaSet", replica_set("web-2", desired=2, ready=1, replicas=2, revision="2")),
        ("Pod", pod("d", "unready", 27, owner=OF_TWO)),
        ("EndpointSlice", slice_of(("a", True), ("b", False), ("c", True), ("d", False), leaving="b")),
        ("Deployment", deployment(27, desired=2, ready=2, updated=2, replicas=3)),
    ]
    yield [
        ("Pod", pod("d", "ready", 30, owner=OF_TWO)),
        ("gone", {"uid": "b"}),
        ("Pod", pod("a", "terminating", 31, owner=OF_ONE)),
        ("ReplicaSet", replica_set("web-1", desired=0, ready=0, replicas=0)),
        ("ReplicaSet", replica_set("web-2", desired=2, ready=2, replicas=2, revision="2")),
        ("EndpointSlice", slice_of(("a", False), ("c", True), ("d", True), leaving="a")),
        ("Deployment", deployment(31, desired=2, ready=2, updated=2, replicas=2)),
        ("PodDisruptionBudget", budget(healthy=2)),
    ]
    yield [("gone", {"uid": "a"}), ("EndpointSlice", slice_of(("c", True), ("d", True)))]


def to_zero() -> Iterator[Step]:
    """Scaled to nothing on purpose."""
    yield running()
    yield [
        ("Deployment", deployment(40, desired=0, ready=2, updated=2, replicas=2)),
        ("ReplicaSet", replica_set("web-1", desired=0, ready=2, replicas=2)),
    ]
    yield [
        *[("Pod", pod(name, "terminating", 41, owner=OF_ONE)) for name in ("a", "b")],
        ("ReplicaSet", replica_set("web-1", desired=0, ready=0, replicas=0)),
        ("Deployment", deployment(41, desired=0, ready=0, updated=0, replicas=0)),
        ("EndpointSlice", slice_of(("a", False), ("b", False), leaving="ab")),
        ("PodDisruptionBudget", budget(healthy=0, desired=0, expected=0)),
    ]
    yield [("gone", {"uid": "a"}), ("gone", {"uid": "b"}), ("EndpointSlice", slice_of())]


def job() -> Iterator[Step]:
    """A Job whose first pod fails and whose second succeeds, of a CronJob."""
    owner = ("Job", "night-1", "j")

    def told(**status: Any) -> Json:
        return {
            "metadata": meta("night-1", "j", owner=("CronJob", "night", "cj"), generation=1),
            "spec": {"completions": 1, "parallelism": 1, "backoffLimit": 6},
            "status": status,
        }

    cron: Json = {
        "metadata": meta("night", "cj", generation=1),
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {}},
        "status": {"lastScheduleTime": at(0)},
    }
    yield [("CronJob", cron), ("Job", told())]
    yield [("Job", told(active=1, startTime=at(0))), ("Pod", pod("one", "created", 0, owner=owner))]
    yield [("Pod", pod("one", "unready", 1, owner=owner)), ("Pod", pod("one", "ready", 2, owner=owner))]
    yield [("Job", told(active=1, failed=1, startTime=at(0))), ("Pod", pod("two", "created", 9, owner=owner))]
    yield [("Pod", pod("two", "ready", 12, owner=owner))]
    done = [condition("SuccessCriteriaMet", "True", 20), condition("Complete", "True", 20)]
    yield [
        ("Pod", pod("two", "succeeded", 20, owner=owner)),
        ("Job", told(failed=1, succeeded=1, startTime=at(0), completionTime=at(20), conditions=done)),
        ("CronJob", {**cron, "status": {"lastScheduleTime": at(0), "lastSuccessfulTime": at(20)}}),
    ]


SCENARIOS: dict[str, Callable[[], Iterator[Step]]] = {
    "first start": first_start,
    "rollout": rollout,
    "to zero": to_zero,
    "job": job,
}


#: What keeps its order within a step.
_AT_ONCE = {"Service": 0.1, "Ingress": 0.2, "Pod": 0.5, "gone": 0.5}


def shuffled(steps: list[Step], random: Random, behind: int) -> Iterator[tuple[str, Json]]:
    """The news of all steps; of each kind in order, but some kinds are up to so many steps behind."""
    lag = {kind: random.randint(0, behind) for step in steps for kind, _ in step}
    lag["gone"] = lag.get("Pod", 0)
    # An Ingress whose Service is not there is in error, for as long as it is not.
    lag["Service"] = lag["Ingress"] = 0
    # So is a budget that still counts the pods of before.
    lag["PodDisruptionBudget"] = min(1, lag.get("PodDisruptionBudget", 0))
    timed = [
        (number + lag[kind], _AT_ONCE.get(kind) or random.random(), order, kind, manifest)
        for number, step in enumerate(steps)
        for order, (kind, manifest) in enumerate(step)
    ]
    for _, _, _, kind, manifest in sorted(timed, key=lambda each: each[:3]):
        yield kind, manifest


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("behind", [0, 1, 3])
def test_transitions_are_never_errors(name: str, behind: int) -> None:
    steps = list(SCENARIOS[name]())
    for seed in range(15):
        model = Model([kind.rules for kind in KINDS])
        for kind in KINDS:
            model.set_synced(kind.name, "", True)
        news = list(shuffled(steps, Random(seed), behind))
        # What is there from the beginning is listed before anything is told.
        first = len(steps[0]) if name in ("rollout", "to zero") else 0
        if first:
            for kind, manifest in steps[0]:
                model.upsert(read(kind, manifest))
            news = list(shuffled([[], *steps[1:]], Random(seed), behind))
        told: dict[str, Json] = {node.uid: node.document() for node in model.commit().nodes_set}
        for kind, manifest in news:
            if kind == "gone":
                model.remove(manifest["uid"])
            else:
                model.upsert(read(kind, manifest))
            for node in model.commit().nodes_set:
                told[node.uid] = node.document()
                assert node.status != ERROR or node.name == "one", (seed, node.text)
        kinds = {"CronJob": {"CronJob", "Job"}} if name == "job" else {}
        judged = [each for each in told.values() if each["kind"] != "Pod" or not kinds]
        wanted = ("Deployment", "ReplicaSet", "CronJob", "Job") if name != "to zero" else ("Deployment",)
        assert {each["status"] for each in judged if each["kind"] in wanted} == {READY}
