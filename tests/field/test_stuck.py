"""Workloads that do not get on, and what they wait for; those that only look so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.field.test_workloads import (
    CRASHING,
    CREATING,
    DEADLINE,
    EVICTED,
    READY,
    T2,
    T3,
    UNSCHEDULABLE,
    Expected,
    Json,
    Object,
    a,
    condition,
    event,
    pods,
    revision,
    told,
)

TEMPLATE = {"spec": {"containers": [{"name": "app", "image": "web:1"}]}}


def deployment(status: Json, **spec: Any) -> Object:
    spec = {"replicas": 2, "template": TEMPLATE, **spec}
    return a(
        "Deployment",
        "web",
        generation=1,
        annotations=revision("2"),
        spec=spec,
        status={"observedGeneration": 1, **status},
    )


def replicaset(name: str, number: str, desired: int, **status: int) -> Object:
    spec = {"replicas": desired, "template": TEMPLATE}
    return a(
        "ReplicaSet",
        name,
        owner="Deployment web",
        generation=1,
        annotations=revision(number),
        spec=spec,
        status={"observedGeneration": 1, **status},
    )


def stateful(status: Json, *, replicas: int = 3) -> Object:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    revisions = {"currentRevision": "db-1", "updateRevision": "db-1"}
    return a(
        "StatefulSet",
        "db",
        generation=1,
        spec={"replicas": replicas, "updateStrategy": strategy},
        status={"observedGeneration": 1, **revisions, **status},
    )


def daemonset(status: Json, **spec: Any) -> Object:
    return a(
        "DaemonSet",
        "agent",
        generation=1,
        annotations={"deprecated.daemonset.template.generation": "2"},
        spec={"template": TEMPLATE, **spec},
        status={"observedGeneration": 1, **status},
    )


def leaving(
    owner: str, name: str, *, status: Json = READY, labels: Json | None = None, **meta: Any
) -> Object:
    made = a(
        "Pod",
        name,
        owner=owner,
        spec={**TEMPLATE["spec"], "nodeName": "node-1"},
        status=status,
        labels=labels or {},
    )
    made[1]["metadata"] |= {"deletionTimestamp": T2, "deletionGracePeriodSeconds": 30, **meta}
    return made


RECREATE = {"strategy": {"type": "Recreate"}}
NONE: Json = {"replicas": 0, "updatedReplicas": 0, "readyReplicas": 0, "availableReplicas": 0}
NO_REPLICASET = condition(
    "Progressing",
    "False",
    "ReplicaSetCreateError",
    'Failed to create new replica set "web-5d": replicasets.apps "web-5d" is forbidden: exceeded quota: objects',
)
SCHEDULED = {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 3}
REFUSED = (
    'Error creating: pods "agent-x" is forbidden: violates PodSecurity "baseline:latest": host namespaces'
)
HASHED = {"controller-revision-hash": "7d9"}
OF_NEW, OF_OLD = {"pod-template-generation": "2", **HASHED}, {"pod-template-generation": "1", **HASHED}

STUCK: dict[str, tuple[list[Object], Expected]] = {
    "all old pods must be gone first, and one is held": (
        [
            deployment(NONE, **RECREATE),
            replicaset("web-1", "1", 0, replicas=0),
            leaving("ReplicaSet web-1", "web-1-a"),
            leaving("ReplicaSet web-1", "web-1-b", finalizers=["example.com/drain"]),
        ],
        {
            "Deployment web": (
                "Pending",
                "Progressing",
                "No replicas ready (0/2): an old pod must go first: pod web-1-b: Pod is terminating. Waiting for finalizer example.com/drain",
            ),
            "ReplicaSet web-1": ("Ready", "ScaledToZero", "Scaled to zero (0/0)"),
        },
    ),
    "the same on a node that does not answer": (
        [
            deployment(NONE, **RECREATE),
            replicaset("web-1", "1", 0, replicas=0),
            leaving("ReplicaSet web-1", "web-1-a"),
            event("Pod web-1-a", "NodeNotReady", "Node is not ready"),
        ],
        {
            "Deployment web": (
                "Pending",
                "Progressing",
                "an old pod must go first: pod web-1-a: Pod is terminating; Node is not ready",
            )
        },
    ),
    "the same after its deadline": (
        [
            deployment({**NONE, "conditions": [DEADLINE]}, **RECREATE),
            replicaset("web-1", "1", 0, replicas=0),
            leaving("ReplicaSet web-1", "web-1-a"),
        ],
        {
            "Deployment web": (
                "Error",
                "ProgressDeadlineExceeded",
                "has timed out progressing: an old pod must go first: pod web-1-a: Pod is terminating",
            )
        },
    ),
    "a place counts until its pod has ended": (
        [
            deployment(
                {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1},
                podReplacementPolicy="TerminationComplete",
            ),
            replicaset("web-2", "2", 1, replicas=1, readyReplicas=1, availableReplicas=1),
            *pods("ReplicaSet web-2", READY),
            leaving("ReplicaSet web-1", "web-1-a"),
            replicaset("web-1", "1", 0, replicas=0),
        ],
        {
            "Deployment web": (
                "Pending",
                "Progressing",
                "Partially ready (1/2): an old pod must go first: pod web-1-a: Pod is terminating",
            )
        },
    ),
    "new pods start, and what goes holds nothing up": (
        [
            deployment(
                {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 0, "availableReplicas": 0}, **RECREATE
            ),
            replicaset("web-1", "1", 0, replicas=0),
            replicaset("web-2", "2", 2, replicas=2),
            leaving("ReplicaSet web-1", "web-1-a"),
            *pods("ReplicaSet web-2", CREATING, CREATING),
        ],
        {
            "Deployment web": (
                "Pending",
                "Progressing",
                "No replicas ready (0/2): pod web-2-0: container app is waiting: ContainerCreating",
            )
        },
    ),
    "pods of a rolling update that take their time hold nothing up": (
        [
            deployment({"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}),
            replicaset("web-1", "1", 0, replicas=0),
            replicaset("web-2", "2", 2, replicas=2, readyReplicas=2, availableReplicas=2),
            leaving("ReplicaSet web-1", "web-1-a", finalizers=["example.com/drain"]),
            *pods("ReplicaSet web-2", READY, READY),
        ],
        {"Deployment web": ("Ready", "Ready", "All replicas ready (2/2)")},
    ),
    "its ReplicaSet may not be created": (
        [
            deployment(
                {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2, "conditions": [NO_REPLICASET]}
            ),
            replicaset("web-1", "1", 2, replicas=2, readyReplicas=2, availableReplicas=2),
        ],
        {
            "Deployment web": ("Error", "ReplicaSetCreateError", "exceeded quota: objects"),
            "ReplicaSet web-1": ("Ready", "Ready", ""),
        },
    ),
    "one pod starts, and another waits for what does not exist": (
        [
            deployment({"replicas": 2, "updatedReplicas": 2, "readyReplicas": 0, "availableReplicas": 0}),
            replicaset("web-2", "2", 2, replicas=2),
            *pods("ReplicaSet web-2", CREATING),
            a(
                "Pod",
                "web-2-1",
                owner="ReplicaSet web-2",
                spec={"volumes": [{"name": "v", "secret": {"secretName": "tls"}}]},
                status=CREATING,
            ),
        ],
        {
            "Deployment web": (
                "Pending",
                "Progressing",
                "No replicas ready (0/2): pod web-2-1: ContainerCreating: waiting for Secret tls, which does not exist",
            )
        },
    ),
    "one pod is not scheduled yet, and another waits for its volume": (
        [
            stateful({"replicas": 2, "readyReplicas": 0, "updatedReplicas": 2}, replicas=2),
            *pods("StatefulSet db", {"phase": "Pending"}, CREATING),
            event(
                "Pod db-1",
                "FailedAttachVolume",
                'Multi-Attach error for volume "pv-1": Volume is already used by pod(s) db-1',
            ),
        ],
        {
            "StatefulSet db": (
                "Pending",
                "Progressing",
                "No replicas ready (0/2): pod db-1: ContainerCreating: FailedAttachVolume: Multi-Attach error",
            )
        },
    ),
    "it is scaled to zero, and a pod does not go": (
        [
            stateful({"replicas": 1, "readyReplicas": 0, "updatedReplicas": 1}, replicas=0),
            leaving("StatefulSet db", "db-0"),
            event("Pod db-0", "NodeNotReady", "Node is not ready"),
        ],
        {
            "StatefulSet db": (
                "Pending",
                "ScalingDown",
                "Scaling to zero (1 left): pod db-0: Pod is terminating; Node is not ready",
            )
        },
    ),
    "it is scaled to zero, and a pod crashes until then": (
        [
            stateful({"replicas": 2, "readyReplicas": 1, "updatedReplicas": 2}, replicas=0),
            *pods("StatefulSet db", READY, CRASHING, labels={"controller-revision-hash": "db-1"}),
        ],
        {"StatefulSet db": ("Pending", "ScalingDown", "Scaling to zero (2 left)")},
    ),
    "the node of one of its pods is lost": (
        [
            stateful({"replicas": 3, "readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2}),
            *pods("StatefulSet db", READY, READY),
            leaving("StatefulSet db", "db-2"),
            event("Pod db-2", "NodeNotReady", "Node is not ready"),
        ],
        {
            "StatefulSet db": (
                "Pending",
                "Progressing",
                "Partially ready (2/3): pod db-2: Pod is terminating; Node is not ready",
            )
        },
    ),
    "its third pod may not be created": (
        [
            stateful({"replicas": 2, "readyReplicas": 2, "updatedReplicas": 2, "availableReplicas": 2}),
            *pods("StatefulSet db", READY, READY),
            event(
                "StatefulSet db",
                "FailedCreate",
                'create Pod db-2 in StatefulSet db failed error: pods "db-2" is forbidden: exceeded quota: pods',
            ),
        ],
        {"StatefulSet db": ("Error", "FailedCreate", "exceeded quota: pods")},
    ),
    "its pods could not be created for a while": (
        [
            stateful(
                {
                    "replicas": 3,
                    "readyReplicas": 3,
                    "updatedReplicas": 1,
                    "availableReplicas": 3,
                    "updateRevision": "db-2",
                }
            ),
            *pods("StatefulSet db", READY, READY, READY),
            event("StatefulSet db", "FailedCreate", "failed calling webhook"),
        ],
        {"StatefulSet db": ("Pending", "Progressing", "All replicas ready (3/3), 1/3 updated")},
    ),
    "its pods could not be created before, and it is replacing one": (
        [
            stateful({"replicas": 2, "readyReplicas": 2, "updatedReplicas": 1, "updateRevision": "db-2"}),
            *pods("StatefulSet db", READY),
            a("Pod", "db-2", owner="StatefulSet db", made=T3, spec={}, status=READY),
            event("StatefulSet db", "FailedCreate", "failed calling webhook", since=T2),
        ],
        {"StatefulSet db": ("Pending", "Progressing", "Partially ready (2/3)")},
    ),
    "a node joins long after its pods could not be created": (
        [
            daemonset(
                {
                    "desiredNumberScheduled": 3,
                    "currentNumberScheduled": 2,
                    "updatedNumberScheduled": 2,
                    "numberReady": 2,
                    "numberAvailable": 2,
                }
            ),
            a("Pod", "agent-0", owner="DaemonSet agent", made=T3, spec={}, status=READY, labels=OF_NEW),
            event("DaemonSet agent", "FailedCreate", REFUSED, since=T2),
        ],
        {"DaemonSet agent": ("Pending", "Progressing", "Partially ready (2/3)")},
    ),
    "no pod of it may be created": (
        [
            daemonset({"desiredNumberScheduled": 3, "numberUnavailable": 3}),
            event("DaemonSet agent", "FailedCreate", REFUSED),
        ],
        {"DaemonSet agent": ("Error", "FailedCreate", "violates PodSecurity")},
    ),
    "its pods tell of their revision by a hash only": (
        [
            daemonset({**SCHEDULED, "numberReady": 2, "numberAvailable": 2}),
            *pods("DaemonSet agent", READY, READY, CRASHING, labels=HASHED),
        ],
        {
            "DaemonSet agent": (
                "Error",
                "CrashLoopBackOff",
                "pod agent-2: CrashLoopBackOff: container app keeps ending",
            )
        },
    ),
    "a pod of the revision before crashes until it is replaced": (
        [
            daemonset({**SCHEDULED, "updatedNumberScheduled": 2, "numberReady": 2, "numberAvailable": 2}),
            *pods("DaemonSet agent", READY, READY, labels=OF_NEW),
            *pods("DaemonSet agent", CRASHING, labels=OF_OLD, first=2),
        ],
        {"DaemonSet agent": ("Pending", "Progressing", "(of an old revision)")},
    ),
    "old pods stay until somebody deletes them": (
        [
            daemonset(
                {**SCHEDULED, "updatedNumberScheduled": 0, "numberReady": 3, "numberAvailable": 3},
                updateStrategy={"type": "OnDelete"},
            ),
            *pods("DaemonSet agent", READY, READY, READY, labels=OF_OLD),
        ],
        {"DaemonSet agent": ("Ready", "Ready", "All replicas ready (3/3)")},
    ),
    "one of those crashes": (
        [
            daemonset(
                {**SCHEDULED, "updatedNumberScheduled": 0, "numberReady": 2, "numberAvailable": 2},
                updateStrategy={"type": "OnDelete"},
            ),
            *pods("DaemonSet agent", READY, READY, CRASHING, labels=OF_OLD),
        ],
        {"DaemonSet agent": ("Error", "CrashLoopBackOff", "pod agent-2")},
    ),
    "ready for too short a time": (
        [
            daemonset({**SCHEDULED, "numberReady": 3, "numberAvailable": 2}, minReadySeconds=60),
            *pods("DaemonSet agent", READY, READY, READY, labels=OF_NEW),
        ],
        {"DaemonSet agent": ("Pending", "Progressing", "All replicas ready (3/3), 2/3 available")},
    ),
    "leftovers of nodes that were full, beside those that run": (
        [
            daemonset({**SCHEDULED, "numberReady": 3, "numberAvailable": 3}),
            *pods("DaemonSet agent", READY, READY, READY, EVICTED, labels=OF_NEW),
        ],
        {"DaemonSet agent": ("Ready", "Ready", "All replicas ready (3/3)")},
    ),
    "a node has no room for its pod": (
        [
            daemonset({**SCHEDULED, "numberReady": 2, "numberAvailable": 2}),
            *pods("DaemonSet agent", READY, READY, UNSCHEDULABLE, labels=OF_NEW),
        ],
        {
            "DaemonSet agent": (
                "Pending",
                "Progressing",
                "Partially ready (2/3): pod agent-2: 0/3 nodes are available: 3 Insufficient memory.",
            )
        },
    ),
}


@pytest.mark.parametrize(("objects", "expected"), STUCK.values(), ids=STUCK)
def test_a_stuck_workload_names_what_it_waits_for(objects: list[Object], expected: Expected) -> None:
    nodes = told(objects)
    for name, (status, reason, words) in expected.items():
        node = nodes[name]
        assert (node["status"], node["reason"]) == (status, reason), node["message"]
        assert words in node["message"]
    assert told(reversed(objects)) == nodes
