import pytest

from astrolabe.graph.state.status import Status
from tests.kinds.support import Json, condition, judge, make

READY = condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", "T1")
DOWN = condition("Ready", "False", "KubeletNotReady", "runtime is down", "T2")
SILENT = condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", "T3")
PRESSURE = condition("DiskPressure", "True", "KubeletHasDiskPressure", "disk is full", "T4")
NO_NETWORK = condition("NetworkUnavailable", "True", "NoRouteCreated", "Node created without a route", "T5")
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
        Status("Error", "PIDPressure", "PIDPressure", "T1"),
    ),
    "without a network": (
        {},
        [NO_NETWORK, READY],
        Status("Error", "NoRouteCreated", "NetworkUnavailable: Node created without a route", "T5"),
    ),
    "with a network": (
        {},
        [condition("NetworkUnavailable", "False", "CalicoIsUp", "Calico is running"), READY],
        Status("Ready", "Ready", "kubelet is posting ready status", "T1"),
    ),
    "what node-problem-detector finds": (
        {"unschedulable": True},
        [condition("KernelDeadlock", "True", "DockerHung", "task docker:7 blocked for 300s", "T6"), READY],
        Status(
            "Error",
            "DockerHung,SchedulingDisabled",
            "KernelDeadlock: task docker:7 blocked for 300s",
            "T6",
        ),
    ),
    "what node-problem-detector does not find": (
        {},
        [condition("KernelDeadlock", "False", "KernelHasNoDeadlock", "kernel has no deadlock"), READY],
        Status("Ready", "Ready", "kubelet is posting ready status", "T1"),
    ),
    "what is not known is no trouble": (
        {},
        [condition("ReadonlyFilesystem", "Unknown"), READY],
        Status("Ready", "Ready", "kubelet is posting ready status", "T1"),
    ),
    "conditions that are True when all is well": (
        {},
        [condition("NetworkingReady", "True"), condition("EtcdIsVoter", "True", "MemberNotLearner"), READY],
        Status("Ready", "Ready", "kubelet is posting ready status", "T1"),
    ),
    "one of these that is False": (
        {},
        [READY, condition("NetworkingReady", "False", "IPAMDNotRunning", "IPAMD has failed")],
        Status("Error", "IPAMDNotRunning", "NetworkingReady: IPAMD has failed", "T1"),
    ),
    "several at once": (
        {},
        [PRESSURE, NO_NETWORK, condition("ReadonlyFilesystem", "True"), READY],
        Status(
            "Error",
            "KubeletHasDiskPressure",
            "disk is full; NetworkUnavailable: Node created without a route; ReadonlyFilesystem",
            "T4",
        ),
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
        ({"phase": "Terminating"}, Status("Pending", "Terminating", "Its content is being deleted")),
        ({}, Status("Ready", "Active", "Active")),
    ],
)
def test_namespace(status: Json, expected: Status) -> None:
    assert judge("Namespace", status=status) == expected


def remaining(type: str, message: str, status: str = "True") -> Json:
    return condition(f"Namespace{type}", status, "SomeReason", message)


NOTHING_FAILS = remaining("DeletionContentFailure", "All content successfully deleted", "False")
CONTENT = remaining("ContentRemaining", "Some resources are remaining: widgets.shop.example has 1 instances")
FINALIZERS = remaining("FinalizersRemaining", "Some content has finalizers remaining: x/hold in 1 instances")
DISCOVERY = remaining("DeletionDiscoveryFailure", "Discovery failed for some groups, 1 failing: stale")
CONTENT_FAILS = remaining("DeletionContentFailure", "Failed to delete all resource types, 1 remaining: no.")


@pytest.mark.parametrize(
    ("conditions", "spec", "own", "message"),
    [
        ([NOTHING_FAILS, CONTENT, FINALIZERS], ["kubernetes"], None, [FINALIZERS, CONTENT]),
        ([CONTENT, CONTENT_FAILS, DISCOVERY], ["kubernetes"], None, [DISCOVERY, CONTENT_FAILS, CONTENT]),
        ([NOTHING_FAILS], ["kubernetes"], None, "Its content is being deleted"),
        (None, None, None, "Its content is being deleted"),
        (None, ["kubernetes", "x/spec"], ["x/meta"], "Waiting for finalizers x/meta, x/spec"),
        ([remaining("ContentRemaining", "")], None, None, "SomeReason"),
    ],
)
def test_a_terminating_namespace_says_what_blocks_it(
    conditions: list[Json] | None, spec: list[str] | None, own: list[str] | None, message: str | list[Json]
) -> None:
    words = message if isinstance(message, str) else ". ".join([e["message"].rstrip(".") for e in message])
    judged = judge(
        "Namespace",
        metadata={"deletionTimestamp": "2026-01-01T00:00:30Z", "finalizers": own},
        spec={"finalizers": spec},
        status={"phase": "Terminating", "conditions": conditions},
    )
    assert judged == Status("Pending", "Terminating", words, "2026-01-01T00:00:30Z")


def test_conditions_of_an_active_namespace_are_ignored() -> None:
    judged = judge("Namespace", status={"phase": "Active", "conditions": [CONTENT]})
    assert judged == Status("Ready", "Active", "Active")
