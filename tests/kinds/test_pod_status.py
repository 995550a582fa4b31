import json
from pathlib import Path

import pytest

from astrolabe.graph.state.status import Status
from tests.kinds.support import Json, condition, judge, read

ZOO = json.loads((Path(__file__).parent.parent / "recordings" / "pod-status-zoo.json").read_text())

RUNNING = {"running": {"startedAt": "T1"}}

# name in the zoo → level, message
LEVELS = {
    "admission": ("Error", "Allocate failed"),
    "completed": ("Ready", "container a terminated: Completed (exit code 0)"),
    "completed-first-error-last": (
        "Pending",
        "container b terminated: Error (exit code 1), and is started again",
    ),
    "config-error": ("Error", 'configmap "x" not found'),
    "crashloop": (
        "Error",
        "container a keeps ending: Error (exit code 1), 5 restarts, last at 2026-11-23T08:00:00Z",
    ),
    "crashloop-second-ok": ("Error", "container a is waiting: CrashLoopBackOff"),
    "creating": ("Pending", "container a is waiting: ContainerCreating"),
    "err-image-pull": ("Error", "pull access denied"),
    "error": ("Error", "container a terminated: Error (exit code 1)"),
    "evicted": ("Error", "The node was low on resource: memory."),
    "exitcode": ("Error", "container a terminated: ExitCode:3 (exit code 3)"),
    "gated": ("Pending", "Not to be scheduled before its scheduling gate is gone: example.com/gate"),
    "image-pull": ("Error", "container a is waiting: ImagePullBackOff"),
    "init-crash": ("Error", "init container i is waiting: CrashLoopBackOff"),
    "init-done": ("Pending", "Pod is initializing"),
    "init-error": ("Pending", "init container i terminated: Error (exit code 1), and is started again"),
    "init-exitcode": (
        "Pending",
        "init container i terminated: ExitCode:7 (exit code 7), and is started again",
    ),
    "init-first-running": ("Pending", "init container i is running"),
    "init-imagepull": ("Error", "init container i is waiting: ImagePullBackOff"),
    "init-second-running": ("Pending", "init container j is running"),
    "init-signal": ("Pending", "Pod is initializing"),
    "init-waiting": ("Pending", "Pod is initializing"),
    "invalid-image": ("Error", "container a is waiting: InvalidImageName"),
    "no-status-yet": (
        "Pending",
        "0/5 nodes are available: 5 node(s) didn't match Pod's node affinity/selector.",
    ),
    "node-lost": ("Unknown", "The node of the pod does not answer"),
    "node-lost-deleting": ("Unknown", "The node of the pod does not answer"),
    "one-completed-one-running-notready": (
        "Pending",
        "container a terminated: Completed (exit code 0), and is started again",
    ),
    "one-completed-one-running-ready": ("Ready", "Pod is running"),
    "one-failed-one-running": (
        "Pending",
        "container a terminated: Error (exit code 2), and is started again",
    ),
    "oom": (
        "Error",
        "container a keeps ending: OOMKilled (exit code 137), 2 restarts, last at 2026-11-23T08:00:00Z",
    ),
    "pending-unschedulable": ("Pending", "0/5 nodes are available"),
    "preempted": ("Error", "Preempted in order to admit critical pod"),
    "readiness-gate": ("Pending", "Pod is not ready"),
    "restarted-ready": ("Ready", "Pod is running"),
    "running": ("Ready", "Pod is running"),
    "running-two-one-not-ready": ("Pending", "Pod is not ready"),
    "second-crashloop": ("Error", "container b is waiting: CrashLoopBackOff"),
    "sidecar-crash": ("Error", "sidecar s is waiting: CrashLoopBackOff"),
    "sidecar-not-started": ("Pending", "sidecar s has not started"),
    "sidecar-started-main-init": ("Pending", "init container i is running"),
    "sidecar-started-running": ("Ready", "Pod is running"),
    "signal": ("Error", "container a terminated: Signal:9 (exit code 0)"),
    "terminating": ("Pending", "Pod is terminating. Waiting for finalizer example.com/hold"),
    "terminating-completed": ("Ready", "container a terminated: Completed (exit code 0)"),
    "terminating-crash": ("Pending", "Pod is terminating. Waiting for finalizer example.com/hold"),
    "unknown": ("Unknown", "The node of the pod does not answer"),
}


def test_the_zoo_has_every_pod_state() -> None:
    assert {case["name"] for case in ZOO} == set(LEVELS)
    assert len(ZOO) == 46


@pytest.mark.parametrize("case", ZOO, ids=lambda case: str(case["name"]))
def test_the_reason_is_what_kubectl_prints(case: Json) -> None:
    facts = read("Pod", case["pod"])
    restarts = int(case["kubectl"]["restarts"].split()[0])
    assert (facts.status.reason, facts.metadata["ready"]) == (
        case["kubectl"]["status"],
        case["kubectl"]["ready"],
    )
    assert facts.metadata["restartCount"] == facts.details.restarts == restarts
    assert (facts.status.severity, facts.status.message) == LEVELS[case["name"]]


def pod(phase: str, *states: Json, last: Json | None = None, restarts: int = 0, **more: object) -> Json:
    """The status of a pod with containers `a`, `b`, ... in these states; `last`, `restarts` are of `a`."""
    containers: list[Json] = [
        {"name": name, "state": state} for name, state in zip("abc", states, strict=False)
    ]
    if containers and "started" in more:
        containers[0]["started"] = more.pop("started")
    if containers:
        containers[0] |= {"lastState": last, "restartCount": restarts}
    return {"phase": phase, "containerStatuses": containers, **more}


def waiting(reason: str, message: str = "") -> Json:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, at: str = "T5") -> Json:
    reason = "Error" if code else "Completed"
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": at}}


READY = condition("Ready", "True", at="T2")
UNREADY = condition("Ready", "False", "ContainersNotReady", "containers with unready status: [a]", "T3")
CONTAINERS_READY = condition("ContainersReady", "True", at="T2")
LOST = condition("Ready", "Unknown", "NodeStatusUnknown", at="T3")
UNSCHEDULABLE = condition("PodScheduled", "False", "Unschedulable", "0/5 nodes are available", "T4")
GATED = condition("PodScheduled", "False", "SchedulingGated", "gated", "T4")
DISRUPTED = condition(
    "DisruptionTarget",
    "True",
    "PreemptionByScheduler",
    "default-scheduler: preempting to accommodate a higher priority pod",
)
CRASHING = waiting("CrashLoopBackOff", "back-off")

CASES = {
    "ready since the condition says so": (
        pod("Running", RUNNING, conditions=[READY]),
        Status("Ready", "Running", "Pod is running", "T2"),
    ),
    "running, no condition": (
        pod("Running", RUNNING),
        Status("Pending", "Running", "Pod is not ready", None),
    ),
    "running, not ready": (
        pod("Running", RUNNING, conditions=[UNREADY]),
        Status("Pending", "Running", "containers with unready status: [a]", "T3"),
    ),
    "succeeded when the last container ended": (
        pod("Succeeded", ended(0), ended(0, "T7")),
        Status("Ready", "Completed", "container b terminated: Completed (exit code 0)", "T7"),
    ),
    "failed: the container that failed is named": (
        pod("Failed", ended(1), ended(0, "T7")),
        Status("Error", "Error", "container a terminated: Error (exit code 1)", "T7"),
    ),
    "failed, though no container did": (
        pod("Failed", ended(0), reason="DeadlineExceeded", message="active too long"),
        Status("Error", "Completed", "active too long", "T5"),
    ),
    "evicted": (
        pod("Failed", reason="Evicted", message="low on memory"),
        Status("Error", "Evicted", "low on memory", None),
    ),
    "unknown": (
        pod("Unknown", message="lost", conditions=[LOST]),
        Status("Unknown", "Unknown", "lost", "T3"),
    ),
    "of a pod on a lost node nothing is known": (
        pod("Running", CRASHING, reason="NodeLost"),
        Status("Unknown", "CrashLoopBackOff", "The node of the pod does not answer", None),
    ),
    "a crash loop says how it ends, since when it last did": (
        pod("Running", CRASHING, last=ended(1), restarts=12),
        Status(
            "Error",
            "CrashLoopBackOff",
            "container a keeps ending: Error (exit code 1), 12 restarts, last at T5",
            "T5",
        ),
    ),
    "a crash loop of which the kubelet does not tell how it ends": (
        pod("Running", CRASHING),
        Status("Error", "CrashLoopBackOff", "back-off", None),
    ),
    "a crash loop between its ends": (
        pod("Running", ended(137), conditions=[UNREADY], restarts=1),
        Status(
            "Error", "Error", "container a keeps ending: Error (exit code 137), 1 restart, last at T5", "T5"
        ),
    ),
    "running again after it crashed": (
        pod("Running", RUNNING, last=ended(1), conditions=[UNREADY], restarts=3),
        Status(
            "Pending",
            "Running",
            "container a is not ready; it keeps ending: Error (exit code 1), 3 restarts, last at T5",
            "T3",
        ),
    ),
    "the failing container counts, not the first": (
        pod("Pending", waiting("ContainerCreating", "m"), waiting("ErrImagePull")),
        Status("Error", "ContainerCreating", "container b is waiting: ErrImagePull", None),
    ),
    "a failing init container": (
        {"initContainerStatuses": [{"name": "i", "state": waiting("CreateContainerError", "no file")}]},
        Status("Error", "Init:CreateContainerError", "init container i: no file", None),
    ),
    "a container that failed for the first time and is not started again yet": (
        pod("Running", RUNNING, ended(1), conditions=[UNREADY]),
        Status("Pending", "Error", "container b terminated: Error (exit code 1), and is started again", "T3"),
    ),
    "a container that failed for the second time and is not started again yet": (
        pod("Running", ended(1), RUNNING, restarts=1, conditions=[UNREADY]),
        Status(
            "Error", "Error", "container a keeps ending: Error (exit code 1), 1 restart, last at T5", "T5"
        ),
    ),
    "unschedulable": (
        pod("Pending", conditions=[UNSCHEDULABLE]),
        Status("Pending", "Pending", "0/5 nodes are available", "T4"),
    ),
    "gated": (pod("Pending", conditions=[GATED]), Status("Pending", "SchedulingGated", "gated", "T4")),
    "the pod's own message": (
        pod("Pending", message="waits for the kubelet"),
        Status("Pending", "Pending", "waits for the kubelet", None),
    ),
    "creating": (
        pod("Pending", waiting("ContainerCreating"), conditions=[UNREADY]),
        Status("Pending", "ContainerCreating", "container a is waiting: ContainerCreating", "T3"),
    ),
    "initializing": (
        pod("Pending", waiting("PodInitializing"), conditions=[UNREADY]),
        Status("Pending", "PodInitializing", "containers with unready status: [a]", "T3"),
    ),
    "resized, as far as the node allows": (
        pod(
            "Running",
            RUNNING,
            conditions=[
                READY,
                condition("PodResizePending", "True", "Infeasible", "node has too little cpu"),
            ],
        ),
        Status(
            "Ready",
            "Running",
            "Pod is running; its resize is not done: Infeasible: node has too little cpu",
            "T2",
        ),
    ),
    "evicted: what ended the pod, not how its containers ended": (
        pod("Failed", ended(137), reason="Evicted", message="low on memory"),
        Status("Error", "Error", "low on memory", "T5"),
    ),
    "preempted": (
        pod("Failed", ended(143), conditions=[DISRUPTED]),
        Status("Error", "Error", "default-scheduler: preempting to accommodate a higher priority pod", "T5"),
    ),
    "failed, and nobody says why": (pod("Failed"), Status("Error", "Failed", "Pod has failed", None)),
    "succeeded, and nobody says how": (
        pod("Succeeded"),
        Status("Ready", "Succeeded", "Pod has succeeded", None),
    ),
    "not started": (
        pod("Running", RUNNING, conditions=[UNREADY], started=False),
        Status("Pending", "Running", "container a has not passed its startup probe", "T3"),
    ),
    "nothing known": ({}, Status("Pending", "Pending", "Pod is pending", None)),
}


@pytest.mark.parametrize(("status", "expected"), CASES.values(), ids=CASES)
def test_status(status: Json, expected: Status) -> None:
    assert judge("Pod", status=status) == expected


def test_an_unready_pod_with_ready_containers_names_its_node() -> None:
    conditions = [condition("Ready", "False", at="T3"), CONTAINERS_READY]
    unready = pod("Running", RUNNING, conditions=conditions)
    unready["containerStatuses"][0]["ready"] = True
    status = judge("Pod", spec={"nodeName": "n1"}, status=unready)
    assert (status.severity, status.reason) == ("Pending", "Running")
    assert status.message == "Its containers are ready, but node n1 may not answer any more"


@pytest.mark.parametrize(
    ("own", "policy", "level"),
    [
        (None, "Always", "Pending"),
        (None, "OnFailure", "Pending"),
        (None, None, "Pending"),
        (None, "Never", "Error"),
        ("Never", "Always", "Error"),
        ("Always", "Never", "Pending"),
    ],
)
def test_a_failed_container_that_is_not_restarted_is_an_error(
    own: str | None, policy: str | None, level: str
) -> None:
    spec: Json = {"restartPolicy": policy} if policy else {}
    spec["containers"] = [{"name": "a"}, {"name": "b", **({"restartPolicy": own} if own else {})}]
    assert judge("Pod", spec=spec, status=pod("Running", RUNNING, ended(1))).severity == level
    assert judge("Pod", spec=spec, status=pod("Running", RUNNING, ended(0))).severity == "Pending"


@pytest.mark.parametrize(
    ("reason", "level"),
    [
        ("ErrImagePull", "Error"),
        ("ErrImageNeverPull", "Error"),
        ("CreateContainerConfigError", "Error"),
        ("RunContainerError", "Error"),
        ("CrashLoopBackOff", "Error"),
        ("ImagePullBackOff", "Error"),
        ("InvalidImageName", "Error"),
        ("SignatureValidationFailed", "Error"),
        ("RegistryUnavailable", "Error"),
        ("ImageVolumeMountFailed", "Error"),
        ("ContainerCreating", "Pending"),
        ("PodInitializing", "Pending"),
        ("", "Pending"),
    ],
)
def test_reasons_to_wait(reason: str, level: str) -> None:
    assert judge("Pod", status=pod("Pending", waiting(reason))).severity == level


DELETED = {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 30}
ASKED = "2026-01-01T00:00:00Z"

HELD = {**DELETED, "finalizers": ["example.com/hold"]}


def test_a_pod_being_deleted_names_its_finalizers() -> None:
    held = judge("Pod", metadata=HELD, status=pod("Running", RUNNING))
    assert held.message == "Pod is terminating. Waiting for finalizer example.com/hold"


DELETIONS = {
    "terminating since the deletion was asked for": (
        pod("Running", RUNNING, conditions=[READY]),
        Status("Pending", "Terminating", "Pod is terminating", ASKED),
    ),
    "that its containers end is what was asked for": (
        pod("Running", RUNNING, ended(143)),
        Status("Pending", "Terminating", "Pod is terminating", ASKED),
    ),
    "whatever its containers say": (
        pod("Running", CRASHING),
        Status("Pending", "Terminating", "Pod is terminating", ASKED),
    ),
    "a finished pod keeps its status": (
        pod("Failed", ended(1)),
        Status("Error", "Error", "container a terminated: Error (exit code 1)", "T5"),
    ),
    "on a lost node": (
        pod("Running", reason="NodeLost", message="no answer"),
        Status("Unknown", "Unknown", "no answer", None),
    ),
}


@pytest.mark.parametrize(("status", "expected"), DELETIONS.values(), ids=DELETIONS)
def test_deletion(status: Json, expected: Status) -> None:
    assert judge("Pod", metadata=DELETED, status=status) == expected
