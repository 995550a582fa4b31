"""Workloads with their Pods as a cluster has them: a broken one and its healthy twin, in any order of arrival."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

import pytest

from astrolabe.graph.model.facts import WarningEvent
from astrolabe.graph.model.model import Model
from tests.kinds.support import condition, read
from tests.support.kinds import KINDS

Json = dict[str, Any]
#: (kind, manifest)
Object = tuple[str, Json]
#: "Kind name" → (status, reason, what the message has)
Expected = dict[str, tuple[str, str, str]]

T1, T2, T3 = ("2026-11-02T10:01:00Z", "2026-11-02T10:02:00Z", "2026-11-02T10:03:00Z")
IMAGES = {"containers": [{"name": "app", "image": "web:1"}]}


def a(kind: str, name: str, *, owner: str = "", made: str = T1, **parts: Any) -> Object:
    """owner: `Kind name`. labels, annotations and generation go into the metadata, all else beside it."""
    meta: Json = {"name": name, "namespace": "shop", "uid": f"{kind} {name}", "creationTimestamp": made}
    meta |= {key: parts.pop(key) for key in ("labels", "annotations", "generation") if key in parts}
    if owner:
        owning, owner_name = owner.split()
        group = "batch/v1" if owning in ("Job", "CronJob") else "apps/v1"
        reference = {"apiVersion": group, "kind": owning, "name": owner_name, "uid": owner}
        meta["ownerReferences"] = [{**reference, "controller": True}]
    return kind, {"metadata": meta, **parts}


def event(regarding: str, reason: str, message: str, *, since: str = T2) -> Object:
    """A Warning about `Kind name`, last seen when it began."""
    return "Event", {"regarding": regarding, "reason": reason, "message": message, "since": since}


def waits(reason: str, message: str = "", **more: Any) -> Json:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "app", "state": state, **more}]}


READY: Json = {
    "phase": "Running",
    "conditions": [condition("Ready", "True", at=T2)],
    "containerStatuses": [{"name": "app", "ready": True, "state": {"running": {"startedAt": T1}}}],
}
CREATING = waits("ContainerCreating")
PULL = waits("ImagePullBackOff", 'Back-off pulling image "web:2"')
OOM = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": T1, "finishedAt": T2}}
CRASHING = {**waits("CrashLoopBackOff", "back-off", lastState=OOM, restartCount=12), "phase": "Running"}
EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
FULL = condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available: 3 Insufficient memory.")
UNSCHEDULABLE = {"phase": "Pending", "conditions": [FULL]}
GATED = {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "SchedulingGated", "gated")]}
FAILED = {
    "phase": "Failed",
    "containerStatuses": [
        {"name": "app", "state": {"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": T2}}}
    ],
}


def revision(number: str) -> Json:
    return {"deployment.kubernetes.io/revision": number}


def deployment(*, ready: int, updated: int, replicas: int = 3, number: str = "2", **status: Any) -> Object:
    counts = {"replicas": replicas, "updatedReplicas": updated, "readyReplicas": ready}
    status = {"observedGeneration": 1, **counts, "availableReplicas": ready, **status}
    spec = {"replicas": 3, "template": {"spec": IMAGES}}
    return a("Deployment", "web", annotations=revision(number), generation=1, spec=spec, status=status)


def replicaset(name: str, number: str, *, desired: int, ready: int) -> Object:
    status = {"replicas": desired, "readyReplicas": ready, "availableReplicas": ready}
    spec = {"replicas": desired, "template": {"spec": IMAGES}}
    return a(
        "ReplicaSet", name, owner="Deployment web", annotations=revision(number), spec=spec, status=status
    )


def stateful(*, ready: int, updated: int = 3, partition: int = 0, update: str = "db-2") -> Object:
    counts = {"replicas": 3, "readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": updated}
    revisions = {"currentRevision": "db-1", "updateRevision": update}
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    spec = {"replicas": 3, "updateStrategy": strategy}
    return a("StatefulSet", "db", spec=spec, status={**counts, **revisions})


def pods(owner: str, *statuses: Json, labels: Json | None = None, first: int = 0) -> list[Object]:
    name = owner.split()[1]
    numbers = count(first)
    return [
        a("Pod", f"{name}-{next(numbers)}", owner=owner, spec=IMAGES, status=status, labels=labels or {})
        for status in statuses
    ]


def daemonset(*, available: int, desired: int = 3) -> Object:
    scheduled = {"desiredNumberScheduled": desired, "updatedNumberScheduled": desired}
    status = {**scheduled, "numberReady": available, "numberAvailable": available}
    return a("DaemonSet", "agent", spec={"template": {"spec": IMAGES}}, status=status)


def job(name: str, *conditions: Json, made: str = T1, owner: str = "", **status: Any) -> Object:
    return a("Job", name, owner=owner, made=made, spec={}, status={"conditions": list(conditions), **status})


DEADLINE = condition(
    "Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "web-2" has timed out progressing.'
)
QUOTA = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: small")
TOO_OFTEN = condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
COMPLETE = condition("Complete", "True")
SYNC = "CronJob sync"

CLUSTERS: dict[str, tuple[list[Object], Expected]] = {
    "a rollout whose new pods fail": (
        [
            deployment(ready=3, updated=1, replicas=4),
            replicaset("web-1", "1", desired=3, ready=3),
            replicaset("web-2", "2", desired=1, ready=0),
            *pods("ReplicaSet web-1", READY, READY, READY),
            *pods("ReplicaSet web-2", PULL),
        ],
        {
            "Deployment web": (
                "Error",
                "ImagePullBackOff",
                "pod web-2-0: ImagePullBackOff: Back-off pulling",
            ),
            "ReplicaSet web-2": ("Error", "ImagePullBackOff", "pod web-2-0"),
            "ReplicaSet web-1": ("Ready", "Ready", "All replicas ready (3/3)"),
        },
    ),
    "a rollout whose old pods fail": (
        [
            deployment(ready=1, updated=1, replicas=4),
            replicaset("web-1", "1", desired=3, ready=0),
            replicaset("web-2", "2", desired=1, ready=1),
            *pods("ReplicaSet web-1", CRASHING, CRASHING, EVICTED),
            *pods("ReplicaSet web-2", READY),
        ],
        {
            "Deployment web": ("Pending", "Progressing", "Partially ready (1/3)"),
            "ReplicaSet web-1": ("Pending", "CrashLoopBackOff", "(of an old revision)"),
            "ReplicaSet web-2": ("Ready", "Ready", ""),
            "Pod web-1-0": (
                "Error",
                "CrashLoopBackOff",
                f"container app keeps ending: OOMKilled (exit code 137), 12 restarts, last at {T2}",
            ),
        },
    ),
    "after its deadline": (
        [
            deployment(ready=3, updated=1, replicas=4, conditions=[DEADLINE]),
            replicaset("web-2", "2", desired=1, ready=0),
            *pods("ReplicaSet web-2", PULL),
        ],
        {
            "Deployment web": (
                "Error",
                "ProgressDeadlineExceeded",
                'ReplicaSet "web-2" has timed out progressing: pod web-2-0: ImagePullBackOff: Back-off',
            )
        },
    ),
    "pods that cannot be created, after the deadline too": (
        [
            deployment(ready=0, updated=0, replicas=0, conditions=[DEADLINE, QUOTA]),
            replicaset("web-2", "2", desired=3, ready=0),
        ],
        {"Deployment web": ("Error", "FailedCreate", "exceeded quota: small")},
    ),
    "no node has room": (
        [
            deployment(ready=2, updated=3),
            replicaset("web-2", "2", desired=3, ready=2),
            *pods("ReplicaSet web-2", READY, CREATING, UNSCHEDULABLE),
        ],
        {
            "Deployment web": (
                "Pending",
                "Progressing",
                "pod web-2-2: 0/3 nodes are available: 3 Insufficient",
            )
        },
    ),
    "pods are gated": (
        [
            deployment(ready=0, updated=3),
            replicaset("web-2", "2", desired=3, ready=0),
            *pods("ReplicaSet web-2", GATED),
        ],
        {"Deployment web": ("Pending", "Progressing", "pod web-2-0: SchedulingGated: gated")},
    ),
    "a first start": (
        [
            deployment(ready=0, updated=3, number="1"),
            replicaset("web-1", "1", desired=3, ready=0),
            *pods("ReplicaSet web-1", CREATING, CREATING, CREATING),
        ],
        {"Deployment web": ("Pending", "Progressing", "No replicas ready (0/3): pod web-1-0: ")},
    ),
    "leftovers of an eviction beside those that run": (
        [
            deployment(ready=3, updated=3),
            replicaset("web-2", "2", desired=3, ready=3),
            *pods("ReplicaSet web-2", READY, READY, READY, EVICTED),
        ],
        {
            "Deployment web": ("Ready", "Ready", "All replicas ready (3/3)"),
            "Pod web-2-3": ("Error", "Evicted", "The node was low on resource: memory."),
        },
    ),
    "leftovers of an eviction alone": (
        [
            deployment(ready=0, updated=0, replicas=0),
            replicaset("web-2", "2", desired=3, ready=0),
            *pods("ReplicaSet web-2", EVICTED, FAILED),
        ],
        {
            "Deployment web": (
                "Pending",
                "Progressing",
                "No replicas ready (0/3): none is alive, web-2-1 ended last: Error: "
                "container app terminated: Error (exit code 3)",
            ),
            "ReplicaSet web-2": ("Pending", "Progressing", "No replicas ready (0/3): none is alive, web-2-1"),
        },
    ),
    "leftovers of an eviction, after the deadline": (
        [
            deployment(ready=0, updated=0, replicas=0, conditions=[DEADLINE]),
            replicaset("web-2", "2", desired=3, ready=0),
            *pods("ReplicaSet web-2", EVICTED),
        ],
        {
            "Deployment web": (
                "Error",
                "ProgressDeadlineExceeded",
                "has timed out progressing: none is alive, web-2-0 ended last: Evicted: The node was low on",
            )
        },
    ),
    "leftovers of an eviction, and a quota": (
        [
            deployment(ready=0, updated=0, replicas=0),
            replicaset("web-2", "2", desired=3, ready=0),
            *pods("ReplicaSet web-2", EVICTED),
            event("ReplicaSet web-2", "FailedCreate", "exceeded quota: small"),
        ],
        {"ReplicaSet web-2": ("Pending", "FailedCreate", "exceeded quota: small")},
    ),
    "leftovers of an eviction beside one that starts": (
        [
            deployment(ready=0, updated=3),
            replicaset("web-2", "2", desired=3, ready=0),
            *pods("ReplicaSet web-2", EVICTED, CREATING),
        ],
        {"Deployment web": ("Pending", "Progressing", "No replicas ready (0/3): pod web-2-1")},
    ),
    "a StatefulSet whose pod was evicted": (
        [stateful(ready=0), *pods("StatefulSet db", EVICTED)],
        {
            "StatefulSet db": (
                "Pending",
                "Progressing",
                "No replicas ready (0/3): none is alive, db-0 ended last: Evicted: The node was low",
            )
        },
    ),
    "a StatefulSet that is stuck on its first pod": (
        [stateful(ready=0, update="db-1"), *pods("StatefulSet db", CRASHING)],
        {"StatefulSet db": ("Error", "CrashLoopBackOff", "pod db-0: CrashLoopBackOff: container app keeps")},
    ),
    "a StatefulSet that waits for a pod of the revision before": (
        [
            stateful(ready=2, updated=2),
            *pods("StatefulSet db", CRASHING, labels={"controller-revision-hash": "db-1"}),
            *pods("StatefulSet db", READY, READY, labels={"controller-revision-hash": "db-2"}, first=1),
        ],
        {"StatefulSet db": ("Pending", "Progressing", "pod db-0: CrashLoopBackOff: container app keeps")},
    ),
    "a StatefulSet whose partition keeps the revision before": (
        [
            stateful(ready=2, updated=2, partition=1),
            *pods("StatefulSet db", CRASHING, labels={"controller-revision-hash": "db-1"}),
            *pods("StatefulSet db", READY, READY, labels={"controller-revision-hash": "db-2"}, first=1),
        ],
        {"StatefulSet db": ("Error", "CrashLoopBackOff", "pod db-0")},
    ),
    "a StatefulSet that is rolled out as far as its partition": (
        [stateful(ready=3, updated=2, partition=1), *pods("StatefulSet db", READY, READY, READY)],
        {"StatefulSet db": ("Ready", "Ready", "All replicas ready (3/3)")},
    ),
    "a DaemonSet that misses one node": (
        [daemonset(available=2), *pods("DaemonSet agent", READY, READY, UNSCHEDULABLE)],
        {"DaemonSet agent": ("Pending", "Progressing", "Partially ready (2/3): pod agent-2: 0/3 nodes")},
    ),
    "a DaemonSet whose pod fails on one node": (
        [daemonset(available=2), *pods("DaemonSet agent", READY, READY, CRASHING)],
        {"DaemonSet agent": ("Error", "CrashLoopBackOff", "pod agent-2: CrashLoopBackOff")},
    ),
    "a DaemonSet that no node is to run": (
        [daemonset(available=0, desired=0)],
        {"DaemonSet agent": ("Ready", "NoMatchingNodes", "No node matches")},
    ),
    "a Job that retries": (
        [job("imp", active=1, failed=1), *pods("Job imp", FAILED, READY)],
        {
            "Job imp": (
                "Pending",
                "Running",
                "retrying after 1 failure: pod imp-0: container app terminated: Error (exit code 3)",
            )
        },
    ),
    "a Job that has failed": (
        [job("imp", TOO_OFTEN, failed=7), *pods("Job imp", FAILED)],
        {"Job imp": ("Error", "BackoffLimitExceeded", "backoff limit: pod imp-0: container app terminated")},
    ),
    "a Job one of whose pods was preempted": (
        [job("imp", active=1), *pods("Job imp", EVICTED, READY)],
        {"Job imp": ("Pending", "Running", "Running (0/1 completed, 1 active)")},
    ),
    "a Job whose pod crashes in place": (
        [job("imp", active=1), *pods("Job imp", CRASHING)],
        {"Job imp": ("Error", "CrashLoopBackOff", "pod imp-0: CrashLoopBackOff")},
    ),
    "a CronJob whose last run failed, though an older one ended later": (
        [
            a("CronJob", "sync", spec={}, status={"lastScheduleTime": T2, "lastSuccessfulTime": T3}),
            job("sync-1", COMPLETE, made=T1, owner=SYNC),
            job("sync-2", TOO_OFTEN, made=T2, owner=SYNC),
            *pods("Job sync-2", FAILED),
        ],
        {
            SYNC: (
                "Error",
                "LastRunFailed",
                "job sync-2 failed: BackoffLimitExceeded: Job has reached the specified backoff limit: "
                "pod sync-2-0: container app terminated: Error (exit code 3)",
            )
        },
    ),
    "a CronJob that has recovered": (
        [
            a("CronJob", "sync", spec={}, status={"lastScheduleTime": T3, "lastSuccessfulTime": T3}),
            job("sync-1", TOO_OFTEN, made=T1, owner=SYNC),
            job("sync-2", COMPLETE, made=T2, owner=SYNC),
            job("sync-3", active=1, made=T3, owner=SYNC),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded; 1 job running")},
    ),
}


def told(objects: Iterable[Object]) -> dict[str, Json]:
    """`Kind name` → its node, after all of these came in this order."""
    model = Model([kind.rules for kind in KINDS])
    for kind in KINDS:
        model.set_synced(kind.key, "", True)
    warned: dict[str, list[WarningEvent]] = {}
    for kind_name, manifest in objects:
        if kind_name == "Event":
            uid, since = manifest["regarding"], manifest["since"]
            news = WarningEvent(manifest["reason"], manifest["message"], since, since)
            warned.setdefault(uid, []).append(news)
            warned[uid].sort(key=lambda each: (each.since, each.message), reverse=True)
            model.set_warnings(uid, tuple(warned[uid]))
        else:
            model.upsert(read(kind_name, manifest))
        model.commit()
    return {f"{node.kind} {node.name}": node.document() for node in model.nodes()}


@pytest.mark.parametrize(("objects", "expected"), CLUSTERS.values(), ids=CLUSTERS)
def test_workloads(objects: list[Object], expected: Expected) -> None:
    nodes = told(objects)
    for name, (status, reason, words) in expected.items():
        node = nodes[name]
        assert (node["status"], node["reason"]) == (status, reason), node["message"]
        assert words in node["message"]
    assert told(reversed(objects)) == nodes
