"""Jobs and CronJobs as people run them: by index, by hand, suspended, refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.field.test_workloads import (
    COMPLETE,
    CRASHING,
    CREATING,
    EVICTED,
    FAILED,
    PULL,
    READY,
    SYNC,
    T1,
    T2,
    T3,
    TOO_OFTEN,
    UNSCHEDULABLE,
    Expected,
    Json,
    Object,
    a,
    condition,
    event,
    pods,
    told,
)

BY_HAND = {"cronjob.kubernetes.io/instantiate": "manual"}


def job(
    name: str,
    *conditions: Json,
    spec: Json | None = None,
    made: str = T1,
    owner: str = "",
    hand: bool = False,
    **status: Any,
) -> Object:
    notes = BY_HAND if hand else {}
    return a(
        "Job",
        name,
        owner=owner,
        made=made,
        annotations=notes,
        spec={"completions": 1, "parallelism": 1, **(spec or {})},
        status={"conditions": list(conditions), **status},
    )


def cronjob(last: str = T1, succeeded: str = "", **spec: Any) -> Object:
    times = {"lastScheduleTime": last, "lastSuccessfulTime": succeeded}
    return a(
        "CronJob",
        "sync",
        spec={"schedule": "*/5 * * * *", **spec},
        status={key: time for key, time in times.items() if time},
    )


INDEXED = {"completions": 5, "parallelism": 3, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
BY_INDEX = condition("Failed", "True", "FailedIndexes", "Job has failed indexes")
TOO_MANY = condition(
    "FailureTarget",
    "True",
    "MaxFailedIndexesExceeded",
    "Job has exceeded the specified maximal number of failed indexes",
)
BY_POLICY = condition(
    "Failed",
    "True",
    "PodFailurePolicy",
    "Container app for pod shop/imp-0 failed with exit code 3 matching FailJob rule at index 0",
)
TOO_LONG = condition("Failed", "True", "DeadlineExceeded", "Job was active longer than specified deadline")
ENOUGH = condition("SuccessCriteriaMet", "True", "SuccessPolicy", "Matched rules at index 0")
SUSPENDED = condition("Suspended", "True", "JobSuspended", "Job suspended")
RESUMED = condition("Suspended", "False", "JobResumed", "Job resumed")
QUOTA = 'Error creating: pods "imp-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3'
FAILED_OFTEN = "BackoffLimitExceeded: Job has reached the specified backoff limit"

RUNS: dict[str, tuple[list[Object], Expected]] = {
    "some indexes have failed, and others go on": (
        [
            job("imp", spec=INDEXED, active=2, succeeded=1, failed=4, failedIndexes="1,3", startTime=T1),
            *pods("Job imp", FAILED, READY, READY),
        ],
        {
            "Job imp": (
                "Pending",
                "Running",
                "Running (1/5 completed, 2 active), failed indexes: 1,3: pod imp-0: container app terminated: Error (exit code 3)",
            )
        },
    ),
    "it is over, and some indexes have failed": (
        [
            job("imp", BY_INDEX, spec=INDEXED, succeeded=3, failed=4, failedIndexes="1,3"),
            *pods("Job imp", FAILED),
        ],
        {
            "Job imp": (
                "Error",
                "FailedIndexes",
                "Job has failed indexes: 1,3: pod imp-0: container app terminated: Error (exit code 3)",
            )
        },
    ),
    "too many indexes have failed, and pods still end": (
        [job("imp", TOO_MANY, spec=INDEXED, active=1, succeeded=1, failed=6, failedIndexes="0-2")],
        {"Job imp": ("Error", "MaxFailedIndexesExceeded", "maximal number of failed indexes: 0-2")},
    ),
    "a policy ends it": (
        [job("imp", BY_POLICY, failed=1), *pods("Job imp", FAILED)],
        {
            "Job imp": (
                "Error",
                "PodFailurePolicy",
                "matching FailJob rule at index 0: pod imp-0: container app terminated: Error (exit code 3)",
            )
        },
    ),
    "it was too slow": (
        [job("imp", TOO_LONG, failed=1, startTime=T1)],
        {"Job imp": ("Error", "DeadlineExceeded", "Job was active longer than specified deadline")},
    ),
    "it was too slow, as its image does not exist": (
        [
            job("imp", condition("FailureTarget", "True", "DeadlineExceeded", "too long"), active=1),
            *pods("Job imp", PULL),
        ],
        {"Job imp": ("Error", "DeadlineExceeded", "too long: pod imp-0: ImagePullBackOff: Back-off pulling")},
    ),
    "enough have succeeded": (
        [job("imp", ENOUGH, spec=INDEXED, succeeded=1, active=2), *pods("Job imp", CRASHING, READY)],
        {"Job imp": ("Ready", "Completed", "Completed (1/5): Matched rules at index 0")},
    ),
    "it waits to be admitted, and its controller has not looked at it yet": (
        [job("imp", spec={"suspend": True})],
        {"Job imp": ("Pending", "Suspended", "Suspended (0/1 completed)")},
    ),
    "it was suspended while a pod of it crashed": (
        [job("imp", SUSPENDED, spec={"suspend": True}, failed=1), *pods("Job imp", FAILED)],
        {"Job imp": ("Pending", "Suspended", "Suspended (0/1 completed)")},
    ),
    "it was resumed": (
        [job("imp", RESUMED, spec={"suspend": False}, active=1, startTime=T2), *pods("Job imp", CREATING)],
        {
            "Job imp": (
                "Pending",
                "Running",
                "Running (0/1 completed, 1 active): pod imp-0: container app is waiting: ContainerCreating",
            )
        },
    ),
    "no pod of it may be created": (
        [job("imp", startTime=T1), event("Job imp", "FailedCreate", QUOTA)],
        {"Job imp": ("Error", "FailedCreate", "exceeded quota: small")},
    ),
    "three pods run, and two more may not be created": (
        [
            job("imp", spec={"completions": 9, "parallelism": 5}, active=3, startTime=T1),
            *pods("Job imp", READY, READY, READY),
            event("Job imp", "FailedCreate", QUOTA),
        ],
        {"Job imp": ("Pending", "FailedCreate", "exceeded quota: small")},
    ),
    "its pod could not be created for a while": (
        [
            job("imp", active=1, startTime=T1),
            *pods("Job imp", READY),
            event("Job imp", "FailedCreate", "failed calling webhook"),
        ],
        {"Job imp": ("Pending", "Running", "Running (0/1 completed, 1 active)")},
    ),
    "the last of its pods run": (
        [
            job("imp", spec={"completions": 9, "parallelism": 5}, active=2, succeeded=7, startTime=T1),
            *pods("Job imp", READY, READY),
            event("Job imp", "FailedCreate", QUOTA),
        ],
        {"Job imp": ("Pending", "Running", "Running (7/9 completed, 2 active)")},
    ),
    "it retries, and no node has room": (
        [job("imp", active=1, failed=1, startTime=T1), *pods("Job imp", FAILED, UNSCHEDULABLE)],
        {
            "Job imp": (
                "Pending",
                "Running",
                "retrying after 1 failure: pod imp-1: 0/3 nodes are available: 3 Insufficient memory; "
                "pod imp-0: container app terminated: Error (exit code 3)",
            )
        },
    ),
    "its pod was evicted, which counts": (
        [job("imp", active=0, failed=1, startTime=T1), *pods("Job imp", EVICTED)],
        {
            "Job imp": (
                "Pending",
                "Running",
                "retrying after 1 failure: pod imp-0: Evicted: The node was low on resource: memory.",
            )
        },
    ),
    "its image does not exist": (
        [job("imp", active=1, startTime=T1), *pods("Job imp", PULL)],
        {
            "Job imp": (
                "Error",
                "ImagePullBackOff",
                'pod imp-0: ImagePullBackOff: Back-off pulling image "web:2"',
            )
        },
    ),
    "someone tried it by hand, and it failed": (
        [
            cronjob(T1, T2),
            job("sync-1", COMPLETE, owner=SYNC, succeeded=1),
            job("sync-try", TOO_OFTEN, owner=SYNC, made=T3, hand=True, failed=7),
        ],
        {
            SYNC: (
                "Ready",
                "Ready",
                f"Last run succeeded; job sync-try, started by hand, failed: {FAILED_OFTEN}",
            ),
            "Job sync-try": ("Error", "BackoffLimitExceeded", ""),
        },
    ),
    "someone tried it by hand before it ever ran": (
        [
            a("CronJob", "sync", spec={"schedule": "0 3 * * *"}),
            job("sync-try", TOO_OFTEN, owner=SYNC, hand=True, failed=7),
        ],
        {SYNC: ("Ready", "Ready", f"Not run yet; job sync-try, started by hand, failed: {FAILED_OFTEN}")},
    ),
    "it succeeded after someone had tried it in vain": (
        [
            cronjob(T3, T3),
            job("sync-try", TOO_OFTEN, owner=SYNC, made=T2, hand=True, failed=7),
            job("sync-2", COMPLETE, owner=SYNC, made=T3, succeeded=1),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded")},
    ),
    "it failed, and someone tried it in vain": (
        [
            cronjob(T2, ""),
            job("sync-2", TOO_OFTEN, owner=SYNC, made=T2, failed=7),
            job("sync-try", TOO_OFTEN, owner=SYNC, made=T3, hand=True, failed=7),
        ],
        {
            SYNC: (
                "Error",
                "LastRunFailed",
                f"job sync-2 failed: {FAILED_OFTEN}; job sync-try, started by hand, failed: {FAILED_OFTEN}",
            )
        },
    ),
    "it failed, and someone repaired it by hand": (
        [
            cronjob(T2, T3),
            job("sync-2", TOO_OFTEN, owner=SYNC, made=T2, failed=7),
            job("sync-try", COMPLETE, owner=SYNC, made=T3, hand=True, succeeded=1),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded")},
    ),
    "someone tries it by hand now": (
        [
            cronjob(T1, T1),
            job("sync-1", COMPLETE, owner=SYNC),
            job("sync-try", owner=SYNC, made=T3, hand=True, active=1),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded; 1 job running")},
    ),
    "its Job waits to be admitted": (
        [
            a(
                "CronJob",
                "sync",
                spec={"schedule": "* * * * *"},
                status={"lastScheduleTime": T2, "lastSuccessfulTime": T1, "active": [{"name": "sync-2"}]},
            ),
            job("sync-1", COMPLETE, owner=SYNC),
            job("sync-2", SUSPENDED, owner=SYNC, made=T2, spec={"suspend": True}),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded; 1 job suspended")},
    ),
    "one of its Jobs runs, two wait to be admitted": (
        [
            cronjob(T3, T1),
            job("sync-1", owner=SYNC, active=1),
            job("sync-2", SUSPENDED, owner=SYNC, made=T2, spec={"suspend": True}),
            job("sync-3", owner=SYNC, made=T3, spec={"suspend": True}),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded; 1 job running, 2 jobs suspended")},
    ),
    "the run that runs has a pod that no node has room for": (
        [
            cronjob(T2, T1),
            job("sync-1", COMPLETE, owner=SYNC),
            job("sync-2", owner=SYNC, made=T2, active=1),
            *pods("Job sync-2", UNSCHEDULABLE),
        ],
        {
            SYNC: (
                "Ready",
                "Ready",
                "1 job running; job sync-2: Running (0/1 completed, 1 active): pod sync-2-0: 0/3 nodes are available",
            )
        },
    ),
    "a run was missed": (
        [
            cronjob(T1, T2),
            job("sync-1", COMPLETE, owner=SYNC),
            event(
                SYNC,
                "MissSchedule",
                "Missed scheduled time to start a job: Mon, 02 Nov 2026 10:03:00 +0000",
                since=T3,
            ),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded; Missed scheduled time to start a job")},
    ),
    "a run was missed before the last one": (
        [
            cronjob(T3, T3),
            job("sync-1", COMPLETE, owner=SYNC, made=T3),
            event(SYNC, "MissSchedule", "Missed scheduled time to start a job", since=T2),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded")},
    ),
    "its schedule cannot be read": (
        [
            a("CronJob", "sync", spec={"schedule": "61 3 * * *"}),
            event(SYNC, "UnparseableSchedule", 'unparseable schedule: "61 3 * * *" : above maximum (59)'),
        ],
        {SYNC: ("Error", "UnparseableSchedule", "above maximum (59)")},
    ),
    "its schedule could not be read before someone mended it": (
        [
            a("CronJob", "sync", spec={"schedule": "1 3 * * *"}),
            event(SYNC, "UnparseableSchedule", 'unparseable schedule: "61 3 * * *" : above maximum (59)'),
        ],
        {SYNC: ("Ready", "Ready", "Not run yet")},
    ),
    "someone ran it by hand before it ever ran": (
        [a("CronJob", "sync", spec={"schedule": "0 3 * * *"}, status={"lastSuccessfulTime": T2})],
        {SYNC: ("Ready", "Ready", "Last run succeeded")},
    ),
    "its Jobs may not be created": (
        [
            cronjob(T1, T2),
            job("sync-1", COMPLETE, owner=SYNC),
            event(SYNC, "FailedCreate", "Error creating job: admission webhook denied the request", since=T3),
        ],
        {SYNC: ("Error", "FailedCreate", "denied the request")},
    ),
    "its Jobs could not be created for a while": (
        [
            cronjob(T3, T3),
            job("sync-1", COMPLETE, owner=SYNC, made=T3),
            event(SYNC, "FailedCreate", "Error creating job: denied", since=T2),
        ],
        {SYNC: ("Ready", "Ready", "Last run succeeded")},
    ),
    "it was suspended after it had failed": (
        [cronjob(T2, "", suspend=True), job("sync-2", TOO_OFTEN, owner=SYNC, made=T2)],
        {SYNC: ("Ready", "Suspended", f"Suspended. job sync-2 failed: {FAILED_OFTEN}")},
    ),
}


@pytest.mark.parametrize(("objects", "expected"), RUNS.values(), ids=RUNS)
def test_status_of_runs(objects: list[Object], expected: Expected) -> None:
    nodes = told(objects)
    for name, (status, reason, words) in expected.items():
        node = nodes[name]
        assert (node["status"], node["reason"]) == (status, reason), node["message"]
        assert words in node["message"]
        assert words or name != SYNC
    assert told(reversed(objects)) == nodes


@pytest.mark.parametrize("type", ["Complete", "Failed"])
def test_a_finished_job_has_no_unresolved_references(type: str) -> None:
    alive = job("sync-1", owner="CronJob gone", active=1)
    assert [each["kind"] for each in told([alive])["Job sync-1"]["unresolved"]] == ["CronJob"]
    assert (
        "unresolved" not in told([job("sync-1", condition(type, "True"), owner="CronJob gone")])["Job sync-1"]
    )
