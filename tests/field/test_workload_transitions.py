"""What workloads of all kinds do on their way from well to well is never told as an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

import pytest

from astrolabe.graph.model.model import Model
from astrolabe.graph.state.status import ERROR, READY
from tests.field.test_transitions import (
    INGRESS,
    OF_ONE,
    OF_TWO,
    SERVICE,
    Json,
    Step,
    at,
    budget,
    condition,
    deployment,
    meta,
    pod,
    replica_set,
    running,
    shuffled,
    slice_of,
)
from tests.kinds.support import read
from tests.support.kinds import KINDS

OF_SET = ("StatefulSet", "db", "db")
OF_DAEMONS = ("DaemonSet", "agent", "ds")


def stateful_set(*, ready: int, replicas: int, updated: int, update: str = "r1", current: str = "r1") -> Json:
    counts = {"replicas": replicas, "readyReplicas": ready, "availableReplicas": ready}
    return {
        "metadata": meta("db", "db", generation=1),
        "spec": {
            "replicas": 2,
            "serviceName": "web",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        },
        "status": {
            "observedGeneration": 1,
            "updatedReplicas": updated,
            "updateRevision": update,
            "currentRevision": current,
            **counts,
        },
    }


def of_set(name: str, stage: str, second: int, revision: str = "r1", uid: str = "") -> tuple[str, Json]:
    made = pod(name, stage, second, owner=OF_SET)
    made["metadata"] |= {"uid": uid or name, "labels": {"app": "web", "controller-revision-hash": revision}}
    made["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": f"data-{name}"}}]
    return "Pod", made


def claim(name: str, phase: str) -> tuple[str, Json]:
    spec: Json = {"storageClassName": "local", "accessModes": ["ReadWriteOnce"]}
    if phase == "Bound":
        spec["volumeName"] = f"pv-{name}"
    return "PersistentVolumeClaim", {
        "metadata": meta(name, f"claim {name}"),
        "spec": spec,
        "status": {"phase": phase},
    }


def volume(name: str, phase: str) -> tuple[str, Json]:
    claimed = {"namespace": "shop", "name": name, "uid": f"claim {name}"}
    found = meta(f"pv-{name}", f"pv {name}")
    del found["namespace"]
    return "PersistentVolume", {
        "metadata": found,
        "spec": {"claimRef": claimed, "storageClassName": "local"},
        "status": {"phase": phase},
    }


def start_of_a_stateful_set() -> Iterator[Step]:
    """One pod after the other, each with a claim that waits for it to be scheduled."""
    local = {"metadata": {"name": "local", "uid": "sc"}, "volumeBindingMode": "WaitForFirstConsumer"}
    yield [("StorageClass", local), ("Service", SERVICE), ("Ingress", INGRESS)]
    yield [("StatefulSet", stateful_set(ready=0, replicas=0, updated=0)), ("EndpointSlice", slice_of())]
    names: list[tuple[str, bool]] = []
    for number, name in enumerate(("db-0", "db-1")):
        second = number * 10
        yield [claim(f"data-{name}", "Pending"), of_set(name, "created", second)]
        yield [
            of_set(name, "scheduled", second + 1),
            volume(f"data-{name}", "Available"),
            ("StatefulSet", stateful_set(ready=number, replicas=number + 1, updated=number + 1)),
        ]
        yield [volume(f"data-{name}", "Bound"), claim(f"data-{name}", "Bound")]
        yield [of_set(name, "creating", second + 2)]
        yield [
            of_set(name, "unready", second + 3),
            ("EndpointSlice", slice_of(*names, (name, False))),
        ]
        names.append((name, True))
        yield [
            of_set(name, "ready", second + 5),
            ("EndpointSlice", slice_of(*names)),
            ("StatefulSet", stateful_set(ready=number + 1, replicas=number + 1, updated=number + 1)),
        ]


def rollout_of_a_stateful_set() -> Iterator[Step]:
    """From the last ordinal to the first; each pod is deleted before it is made again."""
    both = [("db-0", True), ("db-1", True)]
    yield [
        ("Service", SERVICE),
        ("Ingress", INGRESS),
        ("StatefulSet", stateful_set(ready=2, replicas=2, updated=2)),
        *[claim(f"data-{name}", "Bound") for name, _ in both],
        *[volume(f"data-{name}", "Bound") for name, _ in both],
        *[of_set(name, "ready", 5) for name, _ in both],
        ("EndpointSlice", slice_of(*both)),
        ("PodDisruptionBudget", budget(healthy=2)),
    ]
    for done, name in enumerate(("db-1", "db-0")):
        other, second = ("db-0", "db-1")[done], 20 + done * 20
        fresh = f"{name} again"
        told = {"updated": done, "update": "r2"}
        yield [
            of_set(name, "terminating", second),
            ("StatefulSet", stateful_set(ready=1, replicas=2, **told)),
            ("EndpointSlice", slice_of((other, True), (name, False), leaving=name)),
            ("PodDisruptionBudget", budget(healthy=1)),
        ]
        yield [
            ("gone", {"uid": name}),
            ("StatefulSet", stateful_set(ready=1, replicas=1, **told)),
            ("EndpointSlice", slice_of((other, True))),
        ]
        for stage in ("created", "creating", "unready"):
            yield [
                of_set(name, stage, second + 5, "r2", fresh),
                ("StatefulSet", stateful_set(ready=1, replicas=2, updated=done + 1, update="r2")),
            ]
        yield [
            of_set(name, "ready", second + 9, "r2", fresh),
            ("StatefulSet", stateful_set(ready=2, replicas=2, updated=done + 1, update="r2")),
            ("EndpointSlice", slice_of((other, True), (name, True))),
            ("PodDisruptionBudget", budget(healthy=2)),
        ]
    yield [("StatefulSet", stateful_set(ready=2, replicas=2, updated=2, update="r2", current="r2"))]


def daemon_set(*, desired: int, ready: int, updated: int, generation: int = 1) -> tuple[str, Json]:
    note = {"deprecated.daemonset.template.generation": str(generation)}
    counts = {"desiredNumberScheduled": desired, "currentNumberScheduled": desired}
    return "DaemonSet", {
        "metadata": meta("agent", "ds", generation=generation, annotations=note),
        "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}},
        "status": {
            "observedGeneration": generation,
            "updatedNumberScheduled": updated,
            "numberReady": ready,
            "numberAvailable": ready,
            **counts,
        },
    }


def daemon(name: str, stage: str, second: int, generation: int = 1) -> tuple[str, Json]:
    made = pod(name, stage, second, owner=OF_DAEMONS)
    made["metadata"]["labels"] = {"app": "agent", "pod-template-generation": str(generation)}
    return "Pod", made


def rollout_of_a_daemon_set() -> Iterator[Step]:
    """Node by node; then a node joins."""
    yield [daemon_set(desired=2, ready=2, updated=2), *[daemon(name, "ready", 5) for name in ("x", "y")]]
    for done, name in enumerate(("x", "y")):
        second = 20 + 10 * done
        yield [
            daemon(name, "terminating", second),
            daemon_set(desired=2, ready=1, updated=done, generation=2),
        ]
        yield [("gone", {"uid": name})]
        for stage in ("created", "creating", "unready"):
            yield [
                daemon(f"{name}2", stage, second + 3, 2),
                daemon_set(desired=2, ready=1, updated=done + 1, generation=2),
            ]
        yield [
            daemon(f"{name}2", "ready", second + 9, 2),
            daemon_set(desired=2, ready=2, updated=done + 1, generation=2),
        ]
    yield [daemon("z", "created", 50, 2), daemon_set(desired=3, ready=2, updated=3, generation=2)]
    yield [daemon("z", "creating", 51, 2)]
    yield [daemon("z", "ready", 55, 2), daemon_set(desired=3, ready=3, updated=3, generation=2)]


def drain_of_a_node() -> Iterator[Step]:
    """The node of one of two pods is emptied; the pod is made again elsewhere."""
    conditions = [condition("Ready", "True", 0, "KubeletReady")]
    node: Json = {"metadata": {"name": "node-1", "uid": "n1"}, "status": {"conditions": conditions}}
    yield [*running(), ("Node", {**node, "spec": {}})]
    yield [("Node", {**node, "spec": {"unschedulable": True}})]
    asked = pod("b", "ready", 5, owner=OF_ONE)
    asked["status"]["conditions"].append(condition("DisruptionTarget", "True", 20, "EvictionByEvictionAPI"))
    yield [("Pod", asked)]
    yield [
        ("Pod", pod("b", "terminating", 20, owner=OF_ONE)),
        ("Pod", pod("c", "created", 20, owner=OF_ONE)),
        ("ReplicaSet", replica_set("web-1", desired=2, ready=1, replicas=2)),
        ("Deployment", deployment(20, desired=2, ready=1, updated=2, replicas=2)),
        ("EndpointSlice", slice_of(("a", True), ("b", False), leaving="b")),
        ("PodDisruptionBudget", budget(healthy=1)),
    ]
    for stage in ("creating", "unready"):
        yield [
            ("Pod", pod("c", stage, 22, owner=OF_ONE)),
            ("EndpointSlice", slice_of(("a", True), ("b", False), ("c", False), leaving="b")),
        ]
    yield [
        ("gone", {"uid": "b"}),
        ("Pod", pod("c", "ready", 30, owner=OF_ONE)),
        ("EndpointSlice", slice_of(("a", True), ("c", True))),
        ("ReplicaSet", replica_set("web-1", desired=2, ready=2, replicas=2)),
        ("Deployment", deployment(30, desired=2, ready=2, updated=2, replicas=2)),
        ("PodDisruptionBudget", budget(healthy=2)),
    ]


def growth() -> Iterator[Step]:
    """An autoscaler asks for a third pod, which at first ends once."""
    yield running()
    yield [
        ("Deployment", deployment(20, desired=3, ready=2, updated=2, replicas=2)),
        ("ReplicaSet", replica_set("web-1", desired=3, ready=2, replicas=2)),
    ]
    yield [
        ("Pod", pod("c", "created", 20, owner=OF_ONE)),
        ("ReplicaSet", replica_set("web-1", desired=3, ready=2, replicas=3)),
        ("Deployment", deployment(20, desired=3, ready=2, updated=3, replicas=3)),
        ("PodDisruptionBudget", budget(healthy=2, expected=3)),
    ]
    unready = pod("c", "unready", 22, owner=OF_ONE)
    ended = deepcopy(unready)
    end = {"exitCode": 1, "reason": "Error", "startedAt": at(22), "finishedAt": at(23)}
    ended["status"]["containerStatuses"][0] |= {"state": {"terminated": end}, "started": False}
    again = deepcopy(unready)
    again["status"]["containerStatuses"][0] |= {"lastState": {"terminated": end}, "restartCount": 1}
    for stage in (pod("c", "creating", 21, owner=OF_ONE), unready, ended, again):
        yield [("Pod", stage), ("EndpointSlice", slice_of(("a", True), ("b", True), ("c", False)))]
    yield [
        ("Pod", pod("c", "ready", 30, owner=OF_ONE)),
        ("EndpointSlice", slice_of(("a", True), ("b", True), ("c", True))),
        ("ReplicaSet", replica_set("web-1", desired=3, ready=3, replicas=3)),
        ("Deployment", deployment(30, desired=3, ready=3, updated=3, replicas=3)),
        ("PodDisruptionBudget", budget(healthy=3, expected=3)),
    ]


def from_zero() -> Iterator[Step]:
    """Something asks for the first pod of what has none, whose container ends once before it works."""
    yield [
        ("Service", SERVICE),
        ("Ingress", INGRESS),
        ("Deployment", deployment(0, desired=0, ready=0, updated=0, replicas=0)),
        ("ReplicaSet", replica_set("web-1", desired=0, ready=0, replicas=0)),
        ("EndpointSlice", slice_of()),
    ]
    yield [
        ("Deployment", deployment(20, desired=1, ready=0, updated=0, replicas=0)),
        ("ReplicaSet", replica_set("web-1", desired=1, ready=0, replicas=0)),
    ]
    unready = pod("a", "unready", 22, owner=OF_ONE)
    ended = deepcopy(unready)
    end = {"exitCode": 1, "reason": "Error", "startedAt": at(22), "finishedAt": at(23)}
    ended["status"]["containerStatuses"][0] |= {"state": {"terminated": end}, "started": False}
    again = deepcopy(unready)
    again["status"]["containerStatuses"][0] |= {"lastState": {"terminated": end}, "restartCount": 1}
    stages = [pod("a", stage, 21, owner=OF_ONE) for stage in ("created", "creating")]
    for stage in (*stages, unready, ended, again):
        yield [
            ("Pod", stage),
            ("EndpointSlice", slice_of(("a", False))),
            ("ReplicaSet", replica_set("web-1", desired=1, ready=0, replicas=1)),
            ("Deployment", deployment(20, desired=1, ready=0, updated=1, replicas=1)),
        ]
    yield [
        ("Pod", pod("a", "ready", 30, owner=OF_ONE)),
        ("EndpointSlice", slice_of(("a", True))),
        ("ReplicaSet", replica_set("web-1", desired=1, ready=1, replicas=1)),
        ("Deployment", deployment(30, desired=1, ready=1, updated=1, replicas=1)),
    ]


def recreation() -> Iterator[Step]:
    """All old pods go before new ones come, which is an outage of the Service, and of nothing else."""
    yield [each for each in running() if each[0] in ("Deployment", "ReplicaSet", "Pod")]
    yield [
        ("Deployment", deployment(20, desired=2, ready=2, updated=0, replicas=2)),
        ("ReplicaSet", replica_set("web-1", desired=0, ready=2, replicas=2)),
        ("ReplicaSet", replica_set("web-2", desired=0, ready=0, replicas=0, revision="2")),
    ]
    yield [
        *[("Pod", pod(name, "terminating", 21, owner=OF_ONE)) for name in ("a", "b")],
        ("ReplicaSet", replica_set("web-1", desired=0, ready=0, replicas=0)),
        ("Deployment", deployment(21, desired=2, ready=0, updated=0, replicas=0)),
    ]
    yield [("gone", {"uid": name}) for name in ("a", "b")]
    for stage in ("created", "creating", "unready"):
        yield [
            *[("Pod", pod(name, stage, 25, owner=OF_TWO)) for name in ("c", "d")],
            ("ReplicaSet", replica_set("web-2", desired=2, ready=0, replicas=2, revision="2")),
            ("Deployment", deployment(25, desired=2, ready=0, updated=2, replicas=2)),
        ]
    yield [
        *[("Pod", pod(name, "ready", 30, owner=OF_TWO)) for name in ("c", "d")],
        ("ReplicaSet", replica_set("web-2", desired=2, ready=2, replicas=2, revision="2")),
        ("Deployment", deployment(30, desired=2, ready=2, updated=2, replicas=2)),
    ]


def nightly() -> Iterator[Step]:
    """A CronJob that keeps no Job runs, and its Job is deleted as soon as it is done."""
    owner = ("Job", "night-1", "j")
    done = [condition("SuccessCriteriaMet", "True", 20), condition("Complete", "True", 20)]

    def cron(**status: Any) -> tuple[str, Json]:
        job = {"spec": {"ttlSecondsAfterFinished": 0}}
        spec = {"schedule": "0 3 * * *", "failedJobsHistoryLimit": 0, "jobTemplate": job}
        return "CronJob", {"metadata": meta("night", "cj", generation=1), "spec": spec, "status": status}

    def told(**status: Any) -> tuple[str, Json]:
        made = meta("night-1", "j", owner=("CronJob", "night", "cj"), generation=1)
        return "Job", {"metadata": made, "spec": {"completions": 1}, "status": status}

    active = [{"kind": "Job", "name": "night-1", "namespace": "shop", "uid": "j"}]
    yield [cron()]
    yield [told(), cron(lastScheduleTime=at(0), active=active)]
    yield [told(active=1, startTime=at(0)), ("Pod", pod("one", "ready", 2, owner=owner))]
    yield [("Pod", pod("one", "succeeded", 20, owner=owner)), told(succeeded=1, conditions=done)]
    yield [("gone", {"uid": "one"}), ("gone", {"uid": "j"})]
    yield [cron(lastScheduleTime=at(0), lastSuccessfulTime=at(20))]


SCENARIOS: dict[str, tuple[Callable[[], Iterator[Step]], bool]] = {
    # Whether its first step is there from the beginning
    "start of a StatefulSet": (start_of_a_stateful_set, False),
    "rollout of a StatefulSet": (rollout_of_a_stateful_set, True),
    "rollout of a DaemonSet": (rollout_of_a_daemon_set, True),
    "drain": (drain_of_a_node, True),
    "growth": (growth, True),
    "from zero": (from_zero, True),
    "recreation": (recreation, True),
    "nightly": (nightly, True),
}


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("behind", [0, 1, 3])
def test_transitions_are_never_errors(name: str, behind: int) -> None:
    scenario, listed = SCENARIOS[name]
    steps = list(scenario())
    for seed in range(10):
        model = Model([kind.rules for kind in KINDS])
        for kind in KINDS:
            model.set_synced(kind.key, "", True)
        before = steps[0] if listed else []
        for kind_name, manifest in before:
            model.upsert(read(kind_name, manifest))
        told = {node.uid: node.document() for node in model.commit().nodes_set}
        rest = [[], *steps[1:]] if listed else steps
        for kind_name, manifest in shuffled(rest, Random(seed), behind):
            if kind_name == "gone":
                model.remove(manifest["uid"])
                told.pop(manifest["uid"], None)
            else:
                model.upsert(read(kind_name, manifest))
            for node in model.commit().nodes_set:
                told[node.uid] = node.document()
                assert node.status != ERROR, (seed, node.text)
        assert {each["status"] for each in told.values()} == {READY}, told
