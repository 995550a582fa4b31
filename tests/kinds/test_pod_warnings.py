"""What Warnings say of a pod, and what they no longer say."""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.graph.model.facts import WarningEvent
from tests.kinds.support import make
from tests.support.kinds import KINDS_BY_NAME

Json = dict[str, Any]


def warning(reason: str, message: str, last: str = "2026-11-30T03:10:00Z") -> WarningEvent:
    return WarningEvent(reason, message, "2026-11-30T03:00:00Z", last)


BACK_OFF = warning("BackOff", "Back-off restarting failed container app in pod search-0_shop(u)")
LIVENESS = warning(
    "Unhealthy", 'Liveness probe failed: Get "http://10.0.0.1/healthz": context deadline exceeded'
)
STARTUP = warning("Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 500")
READINESS = warning("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
SCHEDULING = warning("FailedScheduling", "0/4 nodes are available: 4 Insufficient cpu.")
MOUNT = warning(
    "FailedMount", 'MountVolume.SetUp failed for volume "data" : references non-existent secret key: x'
)
SANDBOX = warning("FailedCreatePodSandBox", "Failed to create pod sandbox: no addresses left")
NODE = warning("NodeNotReady", "Node is not ready")

SCHEDULED: Json = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-30T03:01:00Z"}


def unready(at: str = "2026-11-30T03:01:02Z") -> Json:
    return {
        "type": "Ready",
        "status": "False",
        "reason": "ContainersNotReady",
        "message": "containers with unready status: [app]",
        "lastTransitionTime": at,
    }


def pod(state: Json, *, restarts: int = 0, phase: str = "Running", at: str = "2026-11-30T03:01:02Z") -> Json:
    last = {"terminated": {"exitCode": 137, "reason": "Error", "finishedAt": "2026-11-30T03:00:11Z"}}
    container = {
        "name": "app",
        "ready": False,
        "restartCount": restarts,
        "state": state,
        **({"lastState": last} if restarts else {}),
    }
    return {"phase": phase, "conditions": [unready(at), SCHEDULED], "containerStatuses": [container]}


CRASH_LOOP = pod({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}, restarts=7)
RUNNING: Json = {"running": {"startedAt": "2026-11-30T03:00:41Z"}}
CREATING = pod({"waiting": {"reason": "ContainerCreating"}}, phase="Pending")
UNSCHEDULED: Json = {"phase": "Pending"}

SAYS: dict[str, tuple[Json, list[WarningEvent], str, WarningEvent | None]] = {
    "a crash loop that a probe causes": (
        CRASH_LOOP,
        [BACK_OFF, LIVENESS],
        "container app keeps ending: Error (exit code 137), 7 restarts, last at 2026-11-30T03:00:11Z; "
        'Liveness probe failed: Get "http://10.0.0.1/healthz": context deadline exceeded',
        LIVENESS,
    ),
    "a crash loop by itself": (
        CRASH_LOOP,
        [BACK_OFF, READINESS],
        "container app keeps ending: Error (exit code 137), 7 restarts, last at 2026-11-30T03:00:11Z",
        READINESS,
    ),
    "it runs and is not ready": (
        pod(RUNNING),
        [READINESS],
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
        READINESS,
    ),
    "it was started again and is not ready": (
        pod(RUNNING, restarts=2),
        [BACK_OFF, STARTUP],
        "Startup probe failed: HTTP probe failed with statuscode: 500; container app is not ready; it keeps "
        "ending: Error (exit code 137), 2 restarts, last at 2026-11-30T03:00:11Z",
        STARTUP,
    ),
    "it was ready after the Warning": (
        pod(RUNNING, at="2026-11-30T03:16:00Z"),
        [READINESS],
        "containers with unready status: [app]",
        None,
    ),
    "a volume": (CREATING, [MOUNT, SCHEDULING], f"FailedMount: {MOUNT.message}", MOUNT),
    "a sandbox": (CREATING, [SANDBOX], f"FailedCreatePodSandBox: {SANDBOX.message}", SANDBOX),
    "a volume that is mounted by now": (pod(RUNNING), [MOUNT], "containers with unready status: [app]", None),
    "it is scheduled by now": (CREATING, [SCHEDULING], "container app is waiting: ContainerCreating", None),
    "it is not scheduled": (UNSCHEDULED, [SCHEDULING], f"FailedScheduling: {SCHEDULING.message}", SCHEDULING),
    "its node is gone": (pod(RUNNING), [NODE], "NodeNotReady: Node is not ready", NODE),
    "only an echo": (pod(RUNNING), [BACK_OFF], "containers with unready status: [app]", BACK_OFF),
}


@pytest.mark.parametrize(("status", "warnings", "message", "shown"), SAYS.values(), ids=SAYS)
def test_warnings_of_a_pod(
    status: Json, warnings: list[WarningEvent], message: str, shown: WarningEvent | None
) -> None:
    facts = make("Pod", status=status)
    warned = KINDS_BY_NAME["Pod"].warn(facts.status, facts.details, warnings)
    assert (warned.status.message, warned.shown) == (message, shown)
    assert (warned.status.severity, warned.status.reason) == (facts.status.severity, facts.status.reason)
