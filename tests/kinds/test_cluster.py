import pytest

from astrolabe.graph.state.status import Status
from tests.kinds.support import Json, condition, judge, make

READY = condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", "T1")
DOWN = condition("Ready", "False", "KubeletNotReady", "runtime is down", "T2")
SILENT = condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", "T3")
PRESSURE = condition("DiskPressure", "True", "KubeletHasDiskPressure", "disk is full", "T4")
NO_PRESSURE = condition("MemoryPressure", "False", "KubeletHasSufficientMemory")

NODES: dict[str, tuple[Json, list[Json] | None, Status]] = {
    "ready": (
        {},
        [NO_PRESSURE, READY],
        Status("Ready", "Ready", "kubelet is posting ready status", "T1"),
    ),
    "cordoned": (
        {"unschedulable": True},
        [NO_PRESSURE, READY],
        Status("Ready", "Ready,SchedulingDisabled", "kubelet is posting ready status", "T1"),
    ),
    "under pressure": (
        {},
        [NO_PRESSURE, PRESSURE, READY],
        Status("Error", "KubeletHasDiskPressure", "disk is full", "T4"),
    ),
    "not ready": ({}, [PRESSURE, DOWN], Status("Error", "KubeletNotReady", "runtime is down", "T2")),
    "silent": (
        {"unschedulable": True},
        [SILENT],
        Status("Error", "NodeStatusUnknown,SchedulingDisabled", "Kubelet stopped posting node status.", "T3"),
    ),
    "without reasons": (
        {},
        [condition("Ready", "False")],
        Status("Error", "NotReady", "", "T1"),
    ),
    "pressure without a reason": (
        {},
        [READY, condition("PIDPressure", "True")],
        Status("Error", "PIDPressure", "", "T1"),
    ),
    "new": ({}, None, Status("Unknown", "Unknown", "The node has not reported yet")),
}


@pytest.mark.parametrize(("spec", "conditions", "expected"), NODES.values(), ids=NODES)
def test_node(spec: Json, conditions: list[Json] | None, expected: Status) -> None:
    assert judge("Node", spec=spec, status={"conditions": conditions}) == expected


def test_metadata_of_a_node() -> None:
    labels = {
        "node-role.kubernetes.io/worker": "",
        "node-role.kubernetes.io/control-plane": "",
        "node-role.kubernetes.io/": "",
        "kubernetes.io/os": "linux",
    }
    facts = make(
        "Node",
        metadata={"namespace": "", "labels": labels},
        spec={"unschedulable": True},
        status={"nodeInfo": {"kubeletVersion": "v1.36.0"}},
    )
    assert facts.namespace == ""
    assert facts.metadata == {
        "roles": ["control-plane", "worker"],
        "kubeletVersion": "v1.36.0",
        "unschedulable": True,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    assert make("Node").metadata["unschedulable"] is False


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Active"}, Status("Ready", "Active", "Active")),
        ({"phase": "Terminating"}, Status("Pending", "Terminating", "Terminating")),
        ({}, Status("Ready", "Active", "Active")),
    ],
)
def test_namespace(status: Json, expected: Status) -> None:
    assert judge("Namespace", status=status) == expected
