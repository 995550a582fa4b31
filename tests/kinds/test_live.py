"""Which pods count, and what a pod tells of its life. T1 to T9 are times, in order."""

import pytest

from astrolabe.graph.state.status import Status
from astrolabe.kinds.live import live_pods
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.pod_words import BY_POD, GENERAL
from tests.kinds.support import Json, Other, condition, make

CREATING = {"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}
RUNNING = {"name": "app", "state": {"running": {"startedAt": "T3"}}}
CRASHED = {
    "name": "app",
    "restartCount": 2,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"exitCode": 1, "startedAt": "T4", "finishedAt": "T5"}},
}
READY = condition("Ready", "True", at="T4")
DELETED = {"deletionTimestamp": "2026-01-01T00:00:30Z"}


def unready(at: str) -> Json:
    return condition("Ready", "False", "ContainersNotReady", at=at)


def status(phase: str, container: Json | None = None, ready: Json | None = None) -> Json:
    return {
        "phase": phase,
        "containerStatuses": [container] if container else [],
        "conditions": [ready] if ready else [],
    }


STARTING = PodDetails(is_waiting=True, is_starting=True, rank=GENERAL)
SERVING = PodDetails(is_ready=True, was_ready=True)
OVER = PodDetails(is_live=False)

LIVES: dict[str, tuple[Json, Json, PodDetails]] = {
    "not scheduled yet": ({}, status("Pending"), STARTING),
    "its container is created": ({}, status("Pending", CREATING, unready("T2")), STARTING),
    "it runs, and has never been ready": (
        {},
        status("Running", RUNNING, unready("T2")),
        PodDetails(is_starting=True, rank=GENERAL),
    ),
    "it is ready": ({}, status("Running", RUNNING, READY), SERVING),
    "it was ready": ({}, status("Running", RUNNING, unready("T7")), PodDetails(was_ready=True, rank=GENERAL)),
    "it was ready before it crashed": (
        {},
        status("Running", CRASHED, unready("T5")),
        PodDetails(restarts=2, was_ready=True),
    ),
    "it has crashed ever since": ({}, status("Running", CRASHED, unready("T2")), PodDetails(restarts=2)),
    "its image cannot be pulled": (
        {},
        status("Pending", {"name": "app", "state": {"waiting": {"reason": "ErrImagePull"}}}, unready("T2")),
        PodDetails(is_waiting=True, rank=GENERAL),
    ),
    "its node does not answer": ({}, status("Unknown"), PodDetails(rank=BY_POD)),
    "it succeeded": ({}, status("Succeeded"), OVER),
    "it failed": ({}, status("Failed"), OVER),
    "it is being deleted, though ready": (
        DELETED,
        status("Running", RUNNING, READY),
        PodDetails(is_live=False, was_ready=True),
    ),
    "of a StatefulSet": (
        {"labels": {"controller-revision-hash": "db-7", "pod-template-hash": "no"}},
        status("Pending"),
        PodDetails(is_waiting=True, is_starting=True, revision="db-7", rank=GENERAL),
    ),
    "of a Deployment": (
        {"labels": {"pod-template-hash": "5c"}},
        status("Pending"),
        PodDetails(is_waiting=True, is_starting=True, revision="5c", rank=GENERAL),
    ),
}


@pytest.mark.parametrize(("metadata", "status", "expected"), LIVES.values(), ids=LIVES)
def test_liveness_of_a_pod(metadata: Json, status: Json, expected: PodDetails) -> None:
    assert make("Pod", metadata=metadata, status=status).details == expected


def test_live_pods() -> None:
    fine = Other("Pod", "a", Status("Ready", "Running"), PodDetails(revision="2"))
    old = Other("Pod", "b", Status("Ready", "Running"), PodDetails(revision="1"))
    silent = Other("Pod", "c", Status("Ready", "Running"), PodDetails())
    evicted = Other("Pod", "d", Status("Error", "Evicted"), PodDetails(is_live=False, revision="2"))
    pods = [fine, old, silent, evicted]
    assert live_pods(pods) == [fine, old, silent]
    assert live_pods(pods, ("2",)) == [fine, silent]
    assert live_pods(pods, ("1", "2")) == [fine, old, silent]
