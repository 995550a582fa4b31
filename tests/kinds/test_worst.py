import pytest

from astrolabe.graph.model.facts import Derived
from astrolabe.graph.state.status import Status
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.worst import WorstPod, blame, worst, worst_of
from tests.kinds.support import Other, derive

BACK_OFF = Status("Error", "CrashLoopBackOff", "back-off 5m0s restarting failed container", "T1")
PULL = Status("Error", "ImagePullBackOff")
RUNNING = Status("Ready", "Running", "Pod is running")
PROGRESSING = Status("Pending", "Progressing", "Partially ready (1/3)")


def pod(name: str, status: Status, restarts: int = 0) -> Other:
    return Other("Pod", name, status, PodDetails(restarts=restarts))


def test_the_worst_has_the_most_restarts() -> None:
    pods = [pod("a", BACK_OFF, 1), pod("b", BACK_OFF, 7), pod("c", RUNNING, 99)]
    assert worst_of(pods) == worst_of(reversed(pods)) == WorstPod("b", 7, BACK_OFF)


def test_then_the_first_name() -> None:
    pods = [pod("b", PULL, 2), pod("a", BACK_OFF, 2), pod("c", BACK_OFF, 2)]
    assert worst_of(pods) == worst_of(reversed(pods)) == WorstPod("a", 2, BACK_OFF)


def test_there_may_be_none() -> None:
    assert worst_of([pod("a", RUNNING), pod("b", PROGRESSING)]) is None
    assert worst([]) is None


@pytest.mark.parametrize(
    ("status", "worst_pod", "expected"),
    [
        (
            PROGRESSING,
            WorstPod("web-1", 3, BACK_OFF),
            Status(
                "Error",
                "CrashLoopBackOff",
                "pod web-1: CrashLoopBackOff: back-off 5m0s restarting failed container",
                "T1",
            ),
        ),
        (
            PROGRESSING,
            WorstPod("web-1", 3, PULL),
            Status("Error", "ImagePullBackOff", "pod web-1: ImagePullBackOff"),
        ),
        (PROGRESSING, None, PROGRESSING),
        (RUNNING, WorstPod("web-1", 3, BACK_OFF), RUNNING),
        (Status("Error", "FailedCreate"), WorstPod("web-1", 3, BACK_OFF), Status("Error", "FailedCreate")),
    ],
)
def test_blame(status: Status, worst_pod: WorstPod | None, expected: Status) -> None:
    assert blame(status, worst_pod) == expected


@pytest.mark.parametrize("kind", ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"])
def test_owners_of_pods(kind: str) -> None:
    pods = [("owns", pod("web-1", BACK_OFF, 3)), ("owns", pod("web-2", RUNNING))]
    exported = WorstPod("web-1", 3, BACK_OFF)
    assert derive(kind, PROGRESSING, out=pods) == Derived(blame(PROGRESSING, exported), details=exported)
    assert derive(kind, RUNNING, out=pods) == Derived(RUNNING, details=exported)
    assert derive(kind, PROGRESSING) == Derived(PROGRESSING)


def test_a_deployment_hears_of_it_from_its_replicasets() -> None:
    new = Other("ReplicaSet", "web-new", PROGRESSING, WorstPod("web-new-1", 0, PULL))
    old = Other("ReplicaSet", "web-old", RUNNING, WorstPod("web-old-1", 3, BACK_OFF))
    fine = Other("ReplicaSet", "web-older", RUNNING)
    around = [("owns", each) for each in (new, old, fine)]
    exported = WorstPod("web-old-1", 3, BACK_OFF)
    assert derive("Deployment", PROGRESSING, out=around) == Derived(
        blame(PROGRESSING, exported), details=exported
    )
    assert derive("Deployment", PROGRESSING, out=around[::-1]) == derive(
        "Deployment", PROGRESSING, out=around
    )
    assert derive("Deployment", PROGRESSING, out=around[:1]).status.reason == "ImagePullBackOff"
    assert derive("Deployment", RUNNING, out=around) == Derived(RUNNING, details=exported)
    assert derive("Deployment", PROGRESSING, out=around[2:]) == Derived(PROGRESSING)


def test_a_pod_that_is_over_is_nobody_elses_error() -> None:
    evicted = Other("Pod", "web-0", Status("Error", "Evicted"), PodDetails(is_live=False))
    assert worst_of([evicted]) is None
    assert worst_of([evicted, pod("web-1", BACK_OFF)]) == WorstPod("web-1", 0, BACK_OFF)
