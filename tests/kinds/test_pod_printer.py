"""The branches of the printer that the recorded zoo (see test_pod_status) does not have."""

import msgspec
import pytest

from astrolabe.kinds.pod import Pod
from astrolabe.kinds.pod_printer import Printed, print_pod
from tests.kinds.support import Json, condition

RUNNING = {"running": {"startedAt": "T1"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}


def waiting(reason: str) -> Json:
    return {"waiting": {"reason": reason}}


def ended(code: int, reason: str = "", signal: int = 0) -> Json:
    return {"terminated": {"exitCode": code, "reason": reason, "signal": signal}}


def container(name: str, state: Json | None, **more: object) -> Json:
    return {"name": name, "state": state, "ready": False, "restartCount": 0, **more}


def show(status: Json, *, sidecars: str = "", inits: str = "", deleted: bool = False) -> Printed:
    """What is printed of a pod with containers `a` and `b`, and init containers of these one-letter names."""
    init = [{"name": name, "restartPolicy": "Always"} for name in sidecars]
    init += [{"name": name} for name in inits]
    pod: Json = {
        "metadata": {"deletionTimestamp": "T9"} if deleted else {},
        "spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": init or None},
        "status": status,
    }
    return print_pod(msgspec.convert(pod, Pod))


def test_a_pod_without_status() -> None:
    assert print_pod(msgspec.convert({"metadata": {}}, Pod)) == Printed("Pending", 0, 0, 0)


def test_status_null_lists() -> None:
    status = {
        "phase": "Pending",
        "conditions": None,
        "containerStatuses": None,
        "initContainerStatuses": None,
    }
    assert show(status) == Printed("Pending", 0, 2, 0)


def test_the_first_container_decides_last() -> None:
    status = {
        "phase": "Running",
        "containerStatuses": [container("a", ended(2, "Error")), container("b", waiting("CrashLoopBackOff"))],
    }
    assert show(status).reason == "Error"


def test_waiting_without_a_reason_is_ignored() -> None:
    status = {"phase": "Pending", "containerStatuses": [container("a", waiting("")), container("b", None)]}
    assert show(status) == Printed("Pending", 0, 2, 0)


@pytest.mark.parametrize(
    ("first", "second", "ready", "reason"),
    [
        # the last ready container counts as running
        (DONE, RUNNING, "True", "Running"),
        (DONE, RUNNING, "False", "NotReady"),
        # a failure is remembered, unless the pod runs
        (DONE, ended(3, "Error"), "False", "Error"),
        (DONE, ended(3), "False", "ExitCode:3"),
        (DONE, ended(137, signal=9), "False", "Signal:9"),
        (DONE, ended(0, signal=9), "False", "Completed"),
        (DONE, DONE, "True", "Completed"),
    ],
)
def test_completed_is_replaced_while_other_containers_run(
    first: Json, second: Json, ready: str, reason: str
) -> None:
    status = {
        "phase": "Running",
        "conditions": [condition("Ready", ready)],
        "containerStatuses": [container("a", first), container("b", second, ready=second is RUNNING)],
    }
    assert show(status).reason == reason


def test_restarts_of_init_containers_count_while_they_run() -> None:
    status = {
        "phase": "Pending",
        "initContainerStatuses": [
            container("i", DONE, restartCount=2),
            container("j", waiting("CrashLoopBackOff"), restartCount=3),
            container("k", waiting("PodInitializing"), restartCount=9),
        ],
    }
    assert show(status, inits="ijk") == Printed("Init:CrashLoopBackOff", 0, 2, 5)


def test_after_initialization_only_restarts_of_sidecars_count() -> None:
    status = {
        "phase": "Running",
        "initContainerStatuses": [
            container("s", RUNNING, restartCount=2, started=True, ready=False),
            container("i", DONE, restartCount=7),
        ],
        "containerStatuses": [
            container("a", RUNNING, restartCount=1, ready=True),
            container("b", RUNNING, restartCount=1, ready=True),
        ],
    }
    assert show(status, sidecars="s", inits="i") == Printed("Running", 2, 3, 4)


def test_an_init_container_that_fails_in_an_initialized_pod() -> None:
    status = {
        "phase": "Running",
        "conditions": [condition("Initialized", "True")],
        "initContainerStatuses": [container("i", ended(1, "Error"), restartCount=7)],
        "containerStatuses": [container("a", RUNNING, ready=True), container("b", RUNNING, ready=True)],
    }
    assert show(status, inits="i") == Printed("Init:Error", 2, 2, 0)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (ended(0, "Completed"), "PodInitializing"),
        (ended(1), "Init:ExitCode:1"),
        (ended(1, signal=15), "Init:Signal:15"),
        (ended(1, "OOMKilled"), "Init:OOMKilled"),
        (waiting("ErrImagePull"), "Init:ErrImagePull"),
        (waiting("PodInitializing"), "Init:0/1"),
        (waiting(""), "Init:0/1"),
        (None, "Init:0/1"),
        (RUNNING, "Init:0/1"),
    ],
)
def test_reasons_that_stop_the_initialization(state: Json | None, reason: str) -> None:
    status = {
        "phase": "Pending",
        "initContainerStatuses": [container("i", state)],
        "containerStatuses": [container("a", waiting("PodInitializing")), container("b", None)],
    }
    assert show(status, inits="i").reason == reason


@pytest.mark.parametrize(
    ("phase", "own", "reason"),
    [
        ("Running", "", "Terminating"),
        ("Pending", "", "Terminating"),
        ("Succeeded", "", "Succeeded"),
        ("Failed", "Evicted", "Evicted"),
        ("Running", "NodeLost", "Unknown"),
        ("Failed", "NodeLost", "Unknown"),
    ],
)
def test_deletion(phase: str, own: str, reason: str) -> None:
    assert show({"phase": phase, "reason": own}, deleted=True).reason == reason
