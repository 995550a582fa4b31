"""Which words of a Warning a status takes."""

from __future__ import annotations

from typing import Any

import pytest

from astrolabe.graph.model.facts import Warned, WarningEvent
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.warnings import tell
from tests.kinds.support import make
from tests.support.kinds import KINDS_BY_NAME

Json = dict[str, Any]

PROVISIONING = WarningEvent(
    "ProvisioningFailed", 'storageclass "fast" not found', "2026-11-30T03:00:00Z", "2026-11-30T03:20:00Z"
)
OLDER = WarningEvent("FailedBinding", "no volume", "2026-11-30T02:00:00Z", "2026-11-30T02:50:00Z")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        pytest.param(
            Status(PENDING, "Pending", "Waiting for a volume"),
            Warned(Status(PENDING, "ProvisioningFailed", 'storageclass "fast" not found'), PROVISIONING),
            id="a vague word gives way",
        ),
        pytest.param(
            Status(PENDING, "Resizing"),
            Warned(Status(PENDING, "ProvisioningFailed", 'storageclass "fast" not found'), PROVISIONING),
            id="a word without a message gives way",
        ),
        pytest.param(
            Status(PENDING, "Pending", 'StorageClass "fast" does not exist'),
            Warned(Status(PENDING, "Pending", 'StorageClass "fast" does not exist'), PROVISIONING),
            id="what is missing is specific",
        ),
        pytest.param(
            Status(ERROR, "ResizeFailed", "no space"),
            Warned(Status(ERROR, "ResizeFailed", "no space"), PROVISIONING),
            id="a specific word stays",
        ),
        pytest.param(
            Status(READY, "Bound", "Bound"),
            Warned(Status(READY, "Bound", "Bound")),
            id="what is Ready shows none",
        ),
        pytest.param(
            Status(PENDING, "Pending", "Waiting", "2026-11-30T03:24:00Z"),
            Warned(
                Status(
                    PENDING, "ProvisioningFailed", 'storageclass "fast" not found', "2026-11-30T03:24:00Z"
                ),
                PROVISIONING,
            ),
            id="the last repetition may lag by five minutes",
        ),
        pytest.param(
            Status(PENDING, "Pending", "Waiting", "2026-11-30T03:25:01Z"),
            Warned(Status(PENDING, "Pending", "Waiting", "2026-11-30T03:25:01Z")),
            id="one from before the status began tells nothing",
        ),
        pytest.param(
            Status(PENDING, "Pending", "Waiting", "yesterday"),
            Warned(
                Status(PENDING, "ProvisioningFailed", 'storageclass "fast" not found', "yesterday"),
                PROVISIONING,
            ),
            id="a time that is none proves nothing",
        ),
    ],
)
def test_tell(status: Status, told: Warned) -> None:
    assert tell(status, None, (PROVISIONING, OLDER)) == told


def warning(reason: str, message: str, last: str = "2026-11-30T03:10:00Z") -> WarningEvent:
    return WarningEvent(reason, message, "2026-11-30T03:01:00Z", last)


QUOTA = 'Error creating: pods "settlement-" is forbidden: exceeded quota: team-budget'
FAILED_CREATE = warning("FailedCreate", QUOTA)
#: Manifests whose Pods, or Jobs, cannot be created; and healthy twins, of which the Warning tells the past.
LACK: dict[str, tuple[str, Json, Json]] = {
    "StatefulSet": ("StatefulSet", {"replicas": 2}, {"replicas": 1, "readyReplicas": 1}),
    "DaemonSet": (
        "DaemonSet",
        {},
        {"desiredNumberScheduled": 2, "currentNumberScheduled": 1, "numberReady": 1},
    ),
    "Job": ("Job", {}, {"startTime": "2026-11-30T03:01:00Z"}),
    "CronJob": ("CronJob", {"schedule": "@daily"}, {"lastScheduleTime": "2026-11-30T00:00:00Z"}),
}
HAVE: dict[str, tuple[str, Json, Json]] = {
    "StatefulSet": ("StatefulSet", {"replicas": 2}, {"replicas": 2, "readyReplicas": 1}),
    "DaemonSet": (
        "DaemonSet",
        {},
        {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberReady": 1},
    ),
    "Job": ("Job", {}, {"startTime": "2026-11-30T03:01:00Z", "active": 1}),
    "a Job that was started again": ("Job", {}, {"startTime": "2026-11-30T04:01:00Z"}),
    "a Job that is done": ("Job", {}, {"conditions": [{"type": "Complete", "status": "True"}]}),
    "CronJob": (
        "CronJob",
        {"schedule": "@daily"},
        {"lastScheduleTime": "2026-11-30T04:00:00Z", "lastSuccessfulTime": "2026-11-30T04:00:01Z"},
    ),
    "a suspended CronJob": ("CronJob", {"schedule": "@daily", "suspend": True}, {}),
}


@pytest.mark.parametrize(("kind", "spec", "status"), LACK.values(), ids=LACK)
def test_a_failed_creation_is_an_error_with_the_warnings_message(kind: str, spec: Json, status: Json) -> None:
    facts = make(kind, spec=spec, status=status)
    warned = KINDS_BY_NAME[kind].warn(facts.status, facts.details, [FAILED_CREATE])
    assert (warned.status.severity, warned.status.reason, warned.status.message) == (
        ERROR,
        "FailedCreate",
        QUOTA,
    )
    assert warned.shown == FAILED_CREATE


@pytest.mark.parametrize(("kind", "spec", "status"), HAVE.values(), ids=HAVE)
def test_a_failed_creation_does_not_count_after_a_newer_pod(kind: str, spec: Json, status: Json) -> None:
    facts = make(kind, spec=spec, status=status)
    assert KINDS_BY_NAME[kind].warn(facts.status, facts.details, [FAILED_CREATE]).status.severity != ERROR


def test_a_workload_whose_message_names_a_pod_keeps_it() -> None:
    named = Status(PENDING, "Progressing", "Partially ready (1/3): pod web-1: Readiness probe failed")
    other = warning("FailedUpdate", "no")
    for kind in ("Deployment", "ReplicaSet", "ReplicationController"):
        assert KINDS_BY_NAME[kind].warn(named, None, [other]) == Warned(named, other)
    vague = Status(PENDING, "Progressing", "Partially ready (1/3)")
    assert KINDS_BY_NAME["Deployment"].warn(vague, None, [other]).status == Status(
        PENDING, "FailedUpdate", "no"
    )


@pytest.mark.parametrize(
    ("spec", "reason", "message", "severity"),
    [
        (
            {"schedule": "0 0 31 2 *"},
            "InvalidSchedule",
            "invalid schedule: 0 0 31 2 * : less than 1 second",
            ERROR,
        ),
        ({"schedule": "every day"}, "UnparseableSchedule", 'unparseable schedule: "every day" : no', ERROR),
        (
            {"schedule": "@daily", "timeZone": "Mars/X"},
            "UnknownTimeZone",
            'invalid timeZone: "Mars/X": no',
            ERROR,
        ),
        (
            {"schedule": "@daily"},
            "InvalidSchedule",
            "invalid schedule: 0 0 31 2 * : less than 1 second",
            READY,
        ),
        ({"schedule": "@daily"}, "UnsupportedSchedule", 'CRON_TZ or TZ used in schedule "@daily"', READY),
    ],
    ids=["never", "no cron", "no time zone", "mended since", "only unusual"],
)
def test_a_schedule_that_cannot_be_used_is_an_error(
    spec: Json, reason: str, message: str, severity: str
) -> None:
    facts = make("CronJob", spec=spec)
    warned = KINDS_BY_NAME["CronJob"].warn(facts.status, facts.details, [warning(reason, message)])
    assert warned.status.severity == severity
    assert (warned.status.reason == reason) is (severity == ERROR)


def test_a_service_says_why_it_has_no_address() -> None:
    told = warning("SyncLoadBalancerFailed", "Error syncing load balancer: quota exceeded")
    facts = make("Service", spec={"type": "LoadBalancer"})
    waiting = Status(PENDING, "LoadBalancerPending", "Waiting for an address of the load balancer")
    assert KINDS_BY_NAME["Service"].warn(waiting, facts.details, [told]).status == Status(
        PENDING, "SyncLoadBalancerFailed", "Error syncing load balancer: quota exceeded"
    )
