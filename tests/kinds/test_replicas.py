import pytest

from astrolabe.graph.state.status import Status
from astrolabe.kinds.manifest import Condition
from astrolabe.kinds.replicas import (
    Replicas,
    ReplicaSpec,
    ReplicaStatus,
    all_ready,
    count_replicas,
    failed,
    progressing,
    tell,
)


@pytest.mark.parametrize(
    ("ready", "desired", "sentence"),
    [
        (3, 3, "All replicas ready (3/3)"),
        (4, 3, "All replicas ready (4/3)"),
        (1, 3, "Partially ready (1/3)"),
        (0, 3, "No replicas ready (0/3)"),
        (2, 0, "Scaling to zero (2 left)"),
        (0, 0, "Scaled to zero (0/0)"),
    ],
)
def test_tell(ready: int, desired: int, sentence: str) -> None:
    assert tell(ready, desired) == sentence


def test_all_ready() -> None:
    assert all_ready(3, 3, since="T1") == Status("Ready", "Ready", "All replicas ready (3/3)", "T1")


@pytest.mark.parametrize(
    ("ready", "updated", "available", "message"),
    [
        (1, 3, 1, "Partially ready (1/3)"),
        (0, 0, 0, "No replicas ready (0/3)"),
        (3, 2, 3, "All replicas ready (3/3), 2/3 updated"),
        (3, 3, 1, "All replicas ready (3/3), 1/3 available"),
        (3, 3, 3, "All replicas ready (3/3), rollout not complete"),
    ],
)
def test_progressing(ready: int, updated: int, available: int, message: str) -> None:
    status = progressing(ready, 3, updated=updated, available=available, since="T1")
    assert status == Status("Pending", "Progressing", message, "T1")


def test_failed() -> None:
    cause = Condition(
        type="ReplicaFailure", reason="FailedCreate", message="quota", last_transition_time="T1"
    )
    assert failed(cause) == Status("Error", "FailedCreate", "quota", "T1")
    assert failed(Condition(type="ReplicaFailure")) == Status("Error", "ReplicaFailure")


def test_desired() -> None:
    assert [ReplicaSpec(replicas=replicas).desired for replicas in (None, 0, 3)] == [1, 0, 3]


def test_counts() -> None:
    status = ReplicaStatus(replicas=4, ready_replicas=2, available_replicas=1)
    assert count_replicas(3, status) == Replicas(desired=3, current=4, ready=2, available=1)
