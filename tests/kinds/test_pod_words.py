"""Which container, which missing object and whose words a pod's message tells of."""

import pytest

from astrolabe.graph.model.facts import WarningEvent
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import Status
from tests.kinds.support import Json, condition, derive, judge, make
from tests.kinds.test_pod_status import (
    CRASHING,
    GATED,
    READY,
    RUNNING,
    UNREADY,
    UNSCHEDULABLE,
    ended,
    pod,
    waiting,
)
from tests.support.kinds import KINDS_BY_NAME

#: A pod with an init container `migrate`, a sidecar `proxy` and main containers.
INITS: Json = {"initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}]}


def initial(name: str, state: Json, **more: object) -> Json:
    return {"name": name, "state": state, **more}


ROLES: dict[str, tuple[Json, Json, tuple[str, str, str]]] = {
    "an init container that keeps failing is named": (
        INITS,
        {
            "phase": "Pending",
            "initContainerStatuses": [initial("migrate", CRASHING, lastState=ended(1), restartCount=4)],
            "containerStatuses": [initial("a", waiting("PodInitializing"))],
        },
        (
            "Error",
            "Init:CrashLoopBackOff",
            "init container migrate keeps ending: Error (exit code 1), 4 restarts, last at T5",
        ),
    ),
    "an init container that is tried again": (
        INITS,
        {
            "phase": "Pending",
            "initContainerStatuses": [initial("migrate", RUNNING, lastState=ended(1), restartCount=1)],
        },
        (
            "Pending",
            "Init:0/2",
            "init container migrate is running; before, it terminated: Error (exit code 1) at T5",
        ),
    ),
    "a sidecar that was ended after the main container completed": (
        {**INITS, "restartPolicy": "Never"},
        {
            "phase": "Succeeded",
            "initContainerStatuses": [
                initial("migrate", ended(0, "T1")),
                initial("proxy", ended(137, "T9")),
            ],
            "containerStatuses": [initial("a", ended(0))],
            "conditions": [condition("Initialized", "True")],
        },
        ("Ready", "Completed", "container a terminated: Completed (exit code 0)"),
    ),
    "the main container failed before its sidecar was ended": (
        {**INITS, "restartPolicy": "Never"},
        {
            "phase": "Failed",
            "initContainerStatuses": [
                initial("migrate", ended(0, "T1")),
                initial("proxy", ended(137, "T9")),
            ],
            "containerStatuses": [initial("a", ended(3))],
            "conditions": [condition("Initialized", "True")],
        },
        ("Error", "Error", "container a terminated: Error (exit code 3)"),
    ),
    "which of several containers cannot start": (
        {},
        pod("Pending", RUNNING, waiting("ImagePullBackOff", 'Back-off pulling image "b:1"')),
        ("Error", "ImagePullBackOff", 'container b: Back-off pulling image "b:1"'),
    ),
    "a job whose classic sidecar runs on": (
        {"restartPolicy": "OnFailure"},
        {
            "phase": "Running",
            "containerStatuses": [initial("a", ended(0)), initial("istio-proxy", RUNNING, ready=True)],
            "conditions": [UNREADY],
        },
        ("Pending", "NotReady", "container a has ended, istio-proxy is still running"),
    ),
    "a debug container that failed concerns nobody": (
        {},
        {
            **pod("Running", RUNNING, conditions=[READY]),
            "ephemeralContainerStatuses": [initial("debug", ended(1))],
        },
        ("Ready", "Running", "Pod is running"),
    ),
    "gated, and the gates are named": (
        {"schedulingGates": [{"name": "example.com/quota"}, {"name": "example.com/ip"}]},
        pod("Pending", conditions=[GATED]),
        (
            "Pending",
            "SchedulingGated",
            "Not to be scheduled before its scheduling gates are gone: example.com/quota, example.com/ip",
        ),
    ),
}


@pytest.mark.parametrize(("spec", "status", "expected"), ROLES.values(), ids=ROLES)
def test_the_failing_container_is_named(spec: Json, status: Json, expected: tuple[str, str, str]) -> None:
    found = judge("Pod", spec=spec, status=status)
    assert (found.severity, found.reason, found.message) == expected


def missing(kind: str, name: str, type: str, field: str = "spec.volumes[v]") -> Ref:
    return Ref(type, kind, "shop", name, field)


CONFIG = missing("ConfigMap", "nosuch-config", "uses-configmap")
SECRET = missing("Secret", "s", "uses-secret")
PULL_SECRET = missing("Secret", "p", "uses-secret", "spec.imagePullSecrets[p]")
CLAIM = missing("PersistentVolumeClaim", "data", "mounts")
ACCOUNT = missing("ServiceAccount", "robot", "uses-sa")
CREATING = pod("Pending", waiting("ContainerCreating"), conditions=[UNREADY])

WAITS = {
    "a ConfigMap": (CREATING, [CONFIG], "waiting for ConfigMap nosuch-config, which does not exist"),
    "two": (
        CREATING,
        [CONFIG, SECRET],
        "waiting for ConfigMap nosuch-config and Secret s, which do not exist",
    ),
    "many": (
        CREATING,
        [missing("Secret", name, "uses-secret") for name in "abcde"],
        "waiting for Secret a, Secret b, Secret c and 2 more, which do not exist",
    ),
    "what does not keep it": (
        CREATING,
        [PULL_SECRET, ACCOUNT],
        "container a is waiting: ContainerCreating",
    ),
    "beside what the scheduler says": (
        pod("Pending", conditions=[UNSCHEDULABLE]),
        [CLAIM],
        "waiting for PersistentVolumeClaim data, which does not exist; 0/5 nodes are available",
    ),
    "what a container says is more specific": (
        pod("Pending", waiting("CreateContainerConfigError", 'secret "s" not found')),
        [SECRET],
        'secret "s" not found',
    ),
    "where the container says nothing": (
        pod("Pending", waiting("CreateContainerConfigError")),
        [SECRET],
        "waiting for Secret s, which does not exist",
    ),
    "what runs has all that it needs": (
        pod("Running", RUNNING, conditions=[UNREADY]),
        [CONFIG],
        "containers with unready status: [a]",
    ),
    "ready": (pod("Running", RUNNING, conditions=[READY]), [CONFIG], "Pod is running"),
}


@pytest.mark.parametrize(("status", "unresolved", "message"), WAITS.values(), ids=WAITS)
def test_a_waiting_pod_names_what_it_waits_for(status: Json, unresolved: list[Ref], message: str) -> None:
    facts = make("Pod", status=status)
    derived = derive("Pod", facts.status, details=facts.details, unresolved=unresolved).status
    assert derived == Status(facts.status.severity, facts.status.reason, message, facts.status.since)


BACK_OFF = WarningEvent("BackOff", "Back-off restarting failed container a", "T6", "T6")
KILLED = WarningEvent("Unhealthy", "Liveness probe failed: timeout", "T3", "T4")
NOT_STARTED = WarningEvent("Unhealthy", "Startup probe failed: timeout", "T3", "T4")
LOST = WarningEvent("NodeNotReady", "Node is not ready", "T3", "T4")
UNHEALTHY = WarningEvent("Unhealthy", "Readiness probe failed: HTTP 503", "T3", "T4")

WARNED: dict[str, tuple[Json, str]] = {
    "more than conditions say": (
        pod("Running", RUNNING, conditions=[UNREADY]),
        "Readiness probe failed: HTTP 503",
    ),
    "less than a container says": (
        pod("Running", CRASHING, last=ended(1)),
        "container a keeps ending: Error (exit code 1), last at T5",
    ),
    "less than the scheduler says": (
        pod("Pending", conditions=[UNSCHEDULABLE]),
        "0/5 nodes are available",
    ),
    "nothing of what is ready": (pod("Running", RUNNING, conditions=[READY]), "Pod is running"),
}


LOOP = pod("Running", CRASHING, last=ended(137))
LOOPS = "container a keeps ending: Error (exit code 137), last at T5"


@pytest.mark.parametrize(
    ("warnings", "message", "shown"),
    [
        ([BACK_OFF], LOOPS, BACK_OFF),
        ([BACK_OFF, KILLED], f"{LOOPS}; Liveness probe failed: timeout", KILLED),
        ([BACK_OFF, NOT_STARTED], f"{LOOPS}; Startup probe failed: timeout", NOT_STARTED),
        ([BACK_OFF, UNHEALTHY], LOOPS, UNHEALTHY),
    ],
)
def test_a_killed_container_names_its_probe(
    warnings: list[WarningEvent], message: str, shown: WarningEvent
) -> None:
    facts = make("Pod", status=LOOP)
    warned = KINDS_BY_NAME["Pod"].warn(facts.status, facts.details, warnings)
    assert (warned.status.message, warned.shown) == (message, shown)


def test_a_pod_being_deleted_on_a_lost_node() -> None:
    deleted = {"deletionTimestamp": "2026-01-01T00:00:30Z"}
    facts = make("Pod", metadata=deleted, status=pod("Running", RUNNING))
    for warnings, message in (
        ([UNHEALTHY], "Pod is terminating"),
        ([UNHEALTHY, LOST], "Pod is terminating; Node is not ready"),
    ):
        warned = KINDS_BY_NAME["Pod"].warn(facts.status, facts.details, warnings)
        assert warned.status.message == message


def test_a_pod_on_a_lost_node_keeps_its_own_message() -> None:
    conditions = [
        {"type": "Ready", "status": "False", "lastTransitionTime": "T3"},
        {"type": "ContainersReady", "status": "True", "lastTransitionTime": "T2"},
    ]
    container = {"name": "a", "ready": True, "state": {"running": {"startedAt": "T2"}}}
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
    facts = make("Pod", spec={"nodeName": "edge-1"}, status=status)
    warned = KINDS_BY_NAME["Pod"].warn(facts.status, facts.details, [LOST])
    assert warned.status.message == "Its containers are ready, but node edge-1 may not answer any more"
    assert warned.shown == LOST


@pytest.mark.parametrize(("status", "message"), WARNED.values(), ids=WARNED)
def test_message_taken_from_a_warning(status: Json, message: str) -> None:
    facts = make("Pod", status=status)
    warned = KINDS_BY_NAME["Pod"].warn(facts.status, facts.details, [UNHEALTHY])
    assert (warned.status.reason, warned.status.message) == (facts.status.reason, message)
    assert warned.shown == (None if facts.status.severity == "Ready" else UNHEALTHY)
