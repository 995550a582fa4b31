"""What Astrolabe's own rule, which is held to the recorded printer, says of pods that ail as generated."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from astrolabe.sim.cluster.failures import FAILURE_MODES, FailingPod
from astrolabe.sim.cluster.podstatus import (
    Placement,
    Timestamps,
    crashed,
    finished,
    lost,
    running,
    scheduled,
    unscheduled,
    waiting,
)
from astrolabe.sim.cluster.template import PodOptions, pod_spec
from tests.support.kinds import KINDS_BY_NAME
from tests.support.recording import Recording

Json = dict[str, Any]

MOMENT = Timestamps("2026-11-23T08:00:00Z", "2026-11-23T08:05:00Z")
PLACE = Placement("node-1", "10.0.0.2", "10.128.0.9")
SPEC = pod_spec(
    PodOptions(
        name="web", image="web:1", port=80, secret="web-keys", overrides="web-overrides", waits_for="db"
    )
)


def printed(status: Json, **metadata: str) -> tuple[str, str]:
    """(level, reason) of a pod with this status."""
    kind = KINDS_BY_NAME["Pod"]
    pod = {"metadata": {"name": "web-1", "namespace": "shop", **metadata}, "spec": SPEC, "status": status}
    found = kind.facts(kind.decoder.decode(msgspec.json.encode(pod))).status
    return found.severity, found.reason


@pytest.mark.parametrize(
    ("failure_mode", "level", "reason"),
    [
        ("crash-loop", "Error", "CrashLoopBackOff"),
        ("out-of-memory", "Error", "CrashLoopBackOff"),
        ("image-pull", "Error", "ImagePullBackOff"),
        ("config-missing", "Error", "CreateContainerConfigError"),
        ("secret-missing", "Error", "CreateContainerConfigError"),
        ("unschedulable", "Pending", "Pending"),
    ],
)
def test_failure_modes(failure_mode: str, level: str, reason: str) -> None:
    failing = FailingPod(SPEC, MOMENT, PLACE, 4, random.Random(1))
    assert printed(FAILURE_MODES[failure_mode].status(failing)) == (level, reason)


def test_missing_objects_are_named() -> None:
    failing = FailingPod(SPEC, MOMENT, PLACE, 4, random.Random(1))
    for failure_mode, message in (
        ("config-missing", 'configmap "web-overrides" not found'),
        ("secret-missing", 'secret "web-keys" not found'),
    ):
        status = FAILURE_MODES[failure_mode].status(failing)
        assert status["containerStatuses"][0]["state"]["waiting"]["message"] == message


def test_a_healthy_pod() -> None:
    bare = Placement("node-1", "10.0.0.2", "")
    assert printed(unscheduled()) == ("Pending", "Pending")
    assert printed(scheduled(MOMENT)) == ("Pending", "Pending")
    creating = waiting(SPEC, MOMENT, bare, reason="ContainerCreating")
    assert printed(creating) == ("Pending", "ContainerCreating")
    assert "podIP" not in creating
    assert printed(running(SPEC, MOMENT, PLACE, ready=False)) == ("Pending", "Running")
    assert printed(running(SPEC, MOMENT, PLACE)) == ("Ready", "Running")
    assert printed(finished(SPEC, MOMENT, PLACE)) == ("Ready", "Completed")
    assert printed(finished(SPEC, MOMENT, PLACE, code=1)) == ("Error", "Error")


def test_a_pod_on_a_lost_node_is_not_ready() -> None:
    status = lost(running(SPEC, MOMENT, PLACE), "2026-11-23T09:00:00Z")
    assert printed(status) == ("Pending", "Running")
    ready = next(one for one in status["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["lastTransitionTime"]) == ("False", "2026-11-23T09:00:00Z")


@pytest.mark.parametrize(("restarts", "back_off"), [(1, "20s"), (3, "1m20s"), (9, "5m0s"), (500, "5m0s")])
def test_back_off_grows_to_five_minutes(restarts: int, back_off: str) -> None:
    first = crashed(SPEC, MOMENT, PLACE, restarts=restarts)["containerStatuses"][0]
    message = first["state"]["waiting"]["message"]
    assert message == f"back-off {back_off} restarting failed container=web"
    assert first["restartCount"] == restarts
    assert first["lastState"]["terminated"]["exitCode"] == 1


def test_pod_statuses_have_the_fields_of_a_recorded_kubelet(recording: Recording) -> None:
    pods = recording.items(KINDS_BY_NAME["Pod"])
    recorded = next(pod["status"] for pod in pods if pod["status"]["phase"] == "Running")
    ours = running(pod_spec(PodOptions(name="web", image="web:1")), MOMENT, PLACE)
    assert list(ours) == list(recorded)
    assert list(ours["containerStatuses"][0]) == list(recorded["containerStatuses"][0])
    assert [one["type"] for one in ours["conditions"]] == [one["type"] for one in recorded["conditions"]]
