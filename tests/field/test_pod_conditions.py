"""What is told of a pod by its conditions and Events: it waits, it goes, it is gone."""

from __future__ import annotations

import pytest

from tests.field.pods import (
    DELETED,
    NOT_HELPFUL,
    STARTING,
    UNREADY_SINCE,
    asked,
    back_off,
    conditions,
    end,
    ended,
    pod,
    running,
    waits,
)
from tests.field.test_workloads import T2, T3, Object, event, told

#: what it is → its objects, and status, reason and message of the pod
PODS: dict[str, tuple[list[Object], tuple[str, str, str]]] = {
    "no node has room": (
        [
            asked(
                reason="Unschedulable",
                message=f"0/3 nodes are available: 1 node(s) had untolerated taint {{node-role.kubernetes.io/control-plane: }}, 2 Insufficient memory. {NOT_HELPFUL}",
            )
        ],
        (
            "Pending",
            "Pending",
            "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient memory.",
        ),
    ),
    "no node has room, of a scheduler that knows of devices": (
        [
            asked(
                reason="Unschedulable",
                message=f"0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, {NOT_HELPFUL}",
            )
        ],
        ("Pending", "Pending", "0/3 nodes are available: 3 Insufficient cpu."),
    ),
    "no node has room, and no condition says so yet": (
        [
            pod(phase="Pending", spec={"nodeName": "", "containers": [{"name": "app"}]}, conditions=[]),
            event("Pod x", "FailedScheduling", f"0/3 nodes are available: 3 Insufficient cpu. {NOT_HELPFUL}"),
        ],
        ("Pending", "Pending", "FailedScheduling: 0/3 nodes are available: 3 Insufficient cpu."),
    ),
    "it mounts a claim that does not exist": (
        [
            pod(
                phase="Pending",
                spec={
                    "nodeName": "",
                    "containers": [],
                    "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
                },
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": 'persistentvolumeclaim "data" not found',
                    }
                ],
            )
        ],
        ("Pending", "Pending", "waiting for PersistentVolumeClaim data, which does not exist"),
    ),
    "it may not end others": (
        [
            asked(
                reason="Unschedulable",
                message="0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
            )
        ],
        (
            "Pending",
            "Pending",
            "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
        ),
    ),
    "others make room for it": (
        [
            pod(
                phase="Pending",
                spec={"nodeName": "", "containers": [{"name": "app"}]},
                nominatedNodeName="node-2",
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available: 3 Insufficient cpu.",
                    }
                ],
            )
        ],
        (
            "Pending",
            "Pending",
            "0/3 nodes are available: 3 Insufficient cpu; pods of lower priority leave node node-2 for it",
        ),
    ),
    "held by two gates": (
        [
            pod(
                phase="Pending",
                spec={
                    "nodeName": "",
                    "schedulingGates": [
                        {"name": "kueue.x-k8s.io/admission"},
                        {"name": "kueue.x-k8s.io/topology"},
                    ],
                },
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "SchedulingGated",
                        "message": "Scheduling is blocked due to non-empty scheduling gates",
                    }
                ],
            )
        ],
        (
            "Pending",
            "SchedulingGated",
            "Not to be scheduled before its scheduling gates are gone: kueue.x-k8s.io/admission, kueue.x-k8s.io/topology",
        ),
    ),
    "a key is missing in what it mounts, and the kubelet has waited for it": (
        [
            STARTING,
            event(
                "Pod x",
                "FailedMount",
                'MountVolume.SetUp failed for volume "cfg" : references non-existent config key: app.yaml',
                since=T2,
            ),
            event(
                "Pod x",
                "FailedMount",
                "Unable to attach or mount volumes: unmounted volumes=[cfg], unattached volumes=[cfg kube-api-access-x]: timed out waiting for the condition",
                since=T3,
            ),
        ],
        (
            "Pending",
            "ContainerCreating",
            'FailedMount: MountVolume.SetUp failed for volume "cfg" : references non-existent config key: app.yaml',
        ),
    ),
    "only that the kubelet has waited": (
        [
            STARTING,
            event(
                "Pod x",
                "FailedMount",
                "Unable to attach or mount volumes: unmounted volumes=[data]: timed out waiting for the condition",
            ),
        ],
        (
            "Pending",
            "ContainerCreating",
            "FailedMount: Unable to attach or mount volumes: unmounted volumes=[data]: timed out waiting for the condition",
        ),
    ),
    "what is said of every pod here": (
        [
            STARTING,
            event(
                "Pod x",
                "DNSConfigForming",
                "Nameserver limits were exceeded, some nameservers have been omitted",
            ),
        ],
        ("Pending", "ContainerCreating", "container app is waiting: ContainerCreating"),
    ),
    "a load balancer has not let it in yet": (
        [
            pod(
                running("app"),
                spec={"readinessGates": [{"conditionType": "target-health.elbv2.k8s.aws/web"}]},
                conditions=[
                    {
                        "type": "target-health.elbv2.k8s.aws/web",
                        "status": "False",
                        "reason": "Elb.RegistrationInProgress",
                        "message": "Target registration is in progress",
                    },
                    *conditions(
                        ready="True",
                        Ready={
                            "status": "False",
                            "reason": "ReadinessGatesNotReady",
                            "message": 'the status of pod readiness gate "target-health.elbv2.k8s.aws/web" is not "True", but False',
                        },
                    ),
                ],
            )
        ],
        (
            "Pending",
            "Running",
            "Its containers are ready; its readiness gate target-health.elbv2.k8s.aws/web is False: Elb.RegistrationInProgress: Target registration is in progress",
        ),
    ),
    "nobody has looked at its gate": (
        [
            pod(
                running("app"),
                spec={"readinessGates": [{"conditionType": "example.com/in"}]},
                conditions=conditions(
                    ready="True",
                    Ready={
                        "status": "False",
                        "reason": "ReadinessGatesNotReady",
                        "message": 'corresponding condition of pod readiness gate "example.com/in" does not exist.',
                    },
                ),
            )
        ],
        (
            "Pending",
            "Running",
            "Its containers are ready; nobody has set its readiness gate example.com/in yet",
        ),
    ),
    "all its gates are open": (
        [
            pod(
                running("app"),
                spec={"readinessGates": [{"conditionType": "example.com/in"}]},
                conditions=conditions(ready="True", **{"example.com/in": {"status": "True"}}),
            )
        ],
        ("Ready", "Running", "Pod is running"),
    ),
    "a condition of somebody else that is False because all is well": (
        [
            pod(
                running("app", ready=False),
                conditions=[
                    {"type": "example.com/Degraded", "status": "False", "message": "all is well"},
                    *conditions(),
                ],
            )
        ],
        ("Pending", "Running", UNREADY_SINCE),
    ),
    "it is evicted through the API": (
        [
            pod(
                running("app"),
                meta=DELETED,
                conditions=conditions(
                    ready="True",
                    DisruptionTarget={
                        "status": "True",
                        "reason": "EvictionByEvictionAPI",
                        "message": "Eviction API: evicting",
                    },
                ),
            ),
        ],
        ("Pending", "Terminating", "Pod is terminating: Eviction API: evicting"),
    ),
    "it is evicted by a taint, and its node does not answer": (
        [
            pod(
                running("app"),
                meta=DELETED,
                conditions=conditions(
                    ready="True",
                    DisruptionTarget={
                        "status": "True",
                        "reason": "DeletionByTaintManager",
                        "message": "Taint manager: deleting due to NoExecute taint",
                    },
                ),
            ),
            event("Pod x", "NodeNotReady", "Node is not ready"),
        ],
        (
            "Pending",
            "Terminating",
            "Pod is terminating: Taint manager: deleting due to NoExecute taint; Node is not ready",
        ),
    ),
    "it cannot be ended": (
        [
            pod(running("app"), meta=DELETED),
            event(
                "Pod x",
                "FailedKillPod",
                'error killing pod: failed to "KillContainer" for "app" with KillContainerError: "context deadline exceeded"',
            ),
        ],
        (
            "Pending",
            "Terminating",
            'Pod is terminating; error killing pod: failed to "KillContainer" for "app" with KillContainerError: "context deadline exceeded"',
        ),
    ),
    "it is being deleted while it crashes": (
        [pod(back_off("app", end(1), 9), meta=DELETED)],
        ("Pending", "Terminating", "Pod is terminating"),
    ),
    "its node was shut down": (
        [
            pod(
                ended("app", end(143)),
                phase="Failed",
                reason="Terminated",
                message="Pod was terminated in response to imminent node shutdown.",
            )
        ],
        ("Error", "Error", "Pod was terminated in response to imminent node shutdown."),
    ),
    "a kubelet refused it": (
        [
            pod(
                phase="Failed",
                reason="OutOfcpu",
                message="Pod was rejected: Node didn't have enough resource: cpu, requested: 4000, used: 2000, capacity: 4000",
            )
        ],
        (
            "Error",
            "OutOfcpu",
            "Pod was rejected: Node didn't have enough resource: cpu, requested: 4000, used: 2000, capacity: 4000",
        ),
    ),
    "it was active for too long": (
        [
            pod(
                ended("app", end(137)),
                phase="Failed",
                reason="DeadlineExceeded",
                message="Pod was active on the node longer than the specified deadline",
            )
        ],
        ("Error", "Error", "Pod was active on the node longer than the specified deadline"),
    ),
    "its node does not answer": (
        [
            pod(
                running("app"),
                reason="NodeLost",
                message="Node node-1 which was running pod x is unresponsive",
            )
        ],
        ("Unknown", "NodeLost", "Node node-1 which was running pod x is unresponsive"),
    ),
    "somebody looks into it with a container that does not start": (
        [
            pod(
                running("app"),
                conditions=conditions(ready="True"),
                ephemeralContainerStatuses=[waits("debugger", "ErrImagePull", "not found")],
            )
        ],
        ("Ready", "Running", "Pod is running"),
    ),
    "it cannot grow here": (
        [
            pod(
                running("app"),
                conditions=conditions(
                    ready="True",
                    PodResizePending={
                        "status": "True",
                        "reason": "Deferred",
                        "message": "Node didn't have enough resource: memory",
                    },
                ),
            )
        ],
        (
            "Ready",
            "Running",
            "Pod is running; its resize is not done: Deferred: Node didn't have enough resource: memory",
        ),
    ),
}


@pytest.mark.parametrize(("objects", "expected"), PODS.values(), ids=PODS)
def test_status_of_a_pod(objects: list[Object], expected: tuple[str, str, str]) -> None:
    nodes = told(objects)
    assert tuple(nodes["Pod x"][key] for key in ("status", "reason", "message")) == expected
    assert told(reversed(objects)) == nodes


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_has_no_unresolved_references(phase: str) -> None:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "gone", "uid": "gone", "controller": True}
    parts = {"volumes": [{"name": "v", "secret": {"secretName": "gone"}}], "priorityClassName": "gone"}
    alive = pod(running("app"), spec=parts, meta={"ownerReferences": [owner]})
    kinds = [each["kind"] for each in told([alive])["Pod x"]["unresolved"]]
    assert kinds == ["Job", "Secret", "ServiceAccount", "Node"]
    over = pod(ended("app", end(1)), phase=phase, spec=parts, meta={"ownerReferences": [owner]})
    assert "unresolved" not in told([over])["Pod x"]
