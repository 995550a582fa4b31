from typing import Any

import pytest

from astrolabe.graph.model.facts import Derived, WarningEvent
from astrolabe.graph.state.status import Status
from astrolabe.kinds.job import JobRun
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.worst import Revised, WorstPod, blame, worst, worst_of
from tests.kinds.support import Other, derive
from tests.support.kinds import KINDS_BY_NAME

BACK_OFF = Status("Error", "CrashLoopBackOff", "back-off 5m0s restarting failed container", "T1")
PULL = Status("Error", "ImagePullBackOff")
RUNNING = Status("Ready", "Running", "Pod is running")
PROGRESSING = Status("Pending", "Progressing", "Partially ready (1/3)")


def pod(name: str, status: Status, restarts: int = 0) -> Other:
    return Other("Pod", name, status, PodDetails(restarts=restarts))


def test_the_pod_with_the_most_restarts_is_the_worst() -> None:
    pods = [pod("a", BACK_OFF, 1), pod("b", BACK_OFF, 7), pod("c", RUNNING, 99)]
    assert worst_of(pods) == worst_of(reversed(pods)) == WorstPod("b", 7, BACK_OFF)


def test_ties_are_broken_by_name() -> None:
    pods = [pod("b", PULL, 2), pod("a", BACK_OFF, 2), pod("c", BACK_OFF, 2)]
    assert worst_of(pods) == worst_of(reversed(pods)) == WorstPod("a", 2, BACK_OFF)


def test_there_may_be_no_worst_pod() -> None:
    assert worst_of([pod("a", RUNNING)]) is None
    assert worst([]) is None


WAITS = Status("Pending", "ContainerCreating", "container app is waiting: ContainerCreating")
UNSCHEDULABLE = Status("Pending", "Pending", "0/3 nodes are available: 3 Insufficient memory.")
LOST = Status("Unknown", "NodeLost", "The node of the pod does not answer")


def test_pods_in_error_come_before_unscheduled_pods() -> None:
    pods = [pod("a", WAITS, 9), pod("b", UNSCHEDULABLE), pod("c", LOST), pod("d", BACK_OFF)]
    assert worst_of(pods) == worst_of(reversed(pods)) == WorstPod("d", 0, BACK_OFF)
    assert worst_of(pods[:3]) == worst_of(pods[2::-1]) == WorstPod("b", 0, UNSCHEDULABLE)
    assert worst_of([pods[2], pods[0]]) == WorstPod("c", 0, LOST), "that one waits says nothing in particular"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (BACK_OFF, "pod a: CrashLoopBackOff: back-off 5m0s restarting failed container"),
        (PULL, "pod a: ImagePullBackOff"),
        (WAITS, "pod a: container app is waiting: ContainerCreating"),
        (UNSCHEDULABLE, "pod a: 0/3 nodes are available: 3 Insufficient memory."),
        (Status("Pending", "Pending"), "pod a: Pending"),
    ],
)
def test_worst_pod_in_words(status: Status, words: str) -> None:
    assert WorstPod("a", 0, status).words == words


EXCEEDED = Status("Error", "ProgressDeadlineExceeded", 'ReplicaSet "web-1" has timed out progressing.', "T9")
CRASHING = WorstPod("web-1", 3, BACK_OFF)
WAITING = WorstPod("web-1", 0, UNSCHEDULABLE)
QUOTA = Status("Error", "FailedCreate", "exceeded quota: small")

BLAMES: dict[str, tuple[Status, WorstPod | None, Status]] = {
    "a pod in Error": (
        PROGRESSING,
        CRASHING,
        Status(
            "Error",
            "CrashLoopBackOff",
            "pod web-1: CrashLoopBackOff: back-off 5m0s restarting failed container",
            "T1",
        ),
    ),
    "of which nothing more is known": (
        PROGRESSING,
        WorstPod("web-1", 3, PULL),
        Status("Error", "ImagePullBackOff", "pod web-1: ImagePullBackOff"),
    ),
    "a pod that waits": (
        PROGRESSING,
        WAITING,
        Status(
            "Pending",
            "Progressing",
            "Partially ready (1/3): pod web-1: 0/3 nodes are available: 3 Insufficient memory.",
        ),
    ),
    "a time-out does not hide what failed": (
        EXCEEDED,
        CRASHING,
        Status(
            "Error",
            "ProgressDeadlineExceeded",
            'ReplicaSet "web-1" has timed out progressing: pod web-1: CrashLoopBackOff: back-off 5m0s '
            "restarting failed container",
            "T9",
        ),
    ),
    "nor what it waits for": (
        EXCEEDED,
        WAITING,
        Status(
            "Error",
            "ProgressDeadlineExceeded",
            'ReplicaSet "web-1" has timed out progressing: pod web-1: 0/3 nodes are available: 3 Insufficient '
            "memory.",
            "T9",
        ),
    ),
    "pods that cannot be created, and one that fails": (
        QUOTA,
        WorstPod("web-1", 3, PULL),
        Status("Error", "FailedCreate", "exceeded quota: small: pod web-1: ImagePullBackOff"),
    ),
    "pods that cannot be created, and one that starts": (QUOTA, WAITING, QUOTA),
    "nothing is wrong": (PROGRESSING, None, PROGRESSING),
    "it does its work": (RUNNING, CRASHING, RUNNING),
    "its pods are on their way out": (
        Status("Pending", "ScalingDown", "Scaling to zero (2 left)"),
        CRASHING,
        Status("Pending", "ScalingDown", "Scaling to zero (2 left)"),
    ),
    "it is being deleted": (
        Status("Pending", "Terminating", "Waiting for finalizer x"),
        CRASHING,
        Status("Pending", "Terminating", "Waiting for finalizer x"),
    ),
}


@pytest.mark.parametrize(("status", "worst_pod", "expected"), BLAMES.values(), ids=BLAMES)
def test_status_of_an_owner_with_a_bad_pod(
    status: Status, worst_pod: WorstPod | None, expected: Status
) -> None:
    assert blame(status, worst_pod) == expected


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_owners_of_pods(kind: str) -> None:
    pods = [("owns", pod("web-1", BACK_OFF, 3)), ("owns", pod("web-2", RUNNING))]
    assert derive(kind, PROGRESSING, out=pods) == Derived(blame(PROGRESSING, CRASHING))
    assert derive(kind, RUNNING, out=pods) == Derived(RUNNING)
    assert derive(kind, PROGRESSING) == Derived(PROGRESSING)


def test_a_finished_pod_makes_no_owner_fail() -> None:
    evicted = Other("Pod", "web-0", Status("Error", "Evicted"), PodDetails(is_live=False))
    assert worst_of([evicted]) is None
    assert worst_of([evicted, pod("web-1", BACK_OFF)]) == WorstPod("web-1", 0, BACK_OFF)


def revised(name: str, status: Status, revision: str) -> tuple[str, Other]:
    return "owns", Other("Pod", name, status, PodDetails(revision=revision))


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_pod_of_an_old_revision_makes_no_owner_fail(kind: str) -> None:
    pods = [revised("db-0", PULL, "old"), revised("db-1", RUNNING, "new")]
    current = Revised(("new",))
    told = "Partially ready (1/3): pod db-0: ImagePullBackOff (of an old revision)"
    assert derive(kind, PROGRESSING, details=current, out=pods).status == Status(
        "Pending", "Progressing", told
    )
    both = Revised(("new", "old"))
    assert derive(kind, PROGRESSING, details=both, out=pods).status.reason == "ImagePullBackOff"
    reverse = [revised("db-0", RUNNING, "old"), revised("db-1", PULL, "new")]
    assert derive(kind, PROGRESSING, details=current, out=reverse).status.reason == "ImagePullBackOff"
    assert derive(kind, RUNNING, details=current, out=pods).status == RUNNING


@pytest.mark.parametrize(
    ("kind", "details", "severity"),
    [
        ("Deployment", None, "Pending"),
        ("ReplicaSet", None, "Pending"),
        ("StatefulSet", Revised(lacks_pods=True), "Error"),
        ("DaemonSet", Revised(lacks_pods=True), "Error"),
        ("Job", JobRun("T0", lacking=1), "Error"),
    ],
)
def test_a_warning_is_ignored_once_a_pod_exists(kind: str, details: Any, severity: str) -> None:
    """Of the first two a condition says that no pod can be created, and makes the Error."""
    warning = WarningEvent("FailedCreate", "exceeded quota", "T1", "T2")
    warn = KINDS_BY_NAME[kind].warn
    named = blame(PROGRESSING, WAITING)
    assert warn(named, details, [warning]) == (named, warning)
    assert warn(PROGRESSING, details, [warning]).status == Status(severity, "FailedCreate", "exceeded quota")


LEAVING = Status("Pending", "Terminating", "Pod is terminating; Node is not ready", "T1")


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_pod_that_blocks_its_replacement_is_reported(kind: str) -> None:
    leaving = ("owns", Other("Pod", "db-0", LEAVING, PodDetails(is_live=False)))
    told = "Partially ready (1/3): pod db-0: Pod is terminating; Node is not ready"
    assert derive(kind, PROGRESSING, out=[leaving]).status == Status("Pending", "Progressing", told)
    assert derive(kind, RUNNING, out=[leaving]).status == RUNNING
    crashing = ("owns", pod("db-1", BACK_OFF))
    assert derive(kind, PROGRESSING, out=[leaving, crashing]).status.reason == "CrashLoopBackOff"
