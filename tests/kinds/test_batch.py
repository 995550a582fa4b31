import pytest

from astrolabe.graph.state.status import Status
from tests.kinds.support import Json, condition, judge, make

JOBS: dict[str, tuple[Json, Json, Status]] = {
    "failed": (
        {"completions": 2},
        {"conditions": [condition("Failed", "True", "BackoffLimitExceeded", "too often", "T5")]},
        Status("Error", "BackoffLimitExceeded", "too often", "T5"),
    ),
    "about to fail": (
        {},
        {"conditions": [condition("FailureTarget", "True", "BackoffLimitExceeded")], "startTime": "T1"},
        Status("Pending", "Running", "Running (0/1 completed, 0 active)", "T1"),
    ),
    "complete": (
        {"completions": 2},
        {
            "conditions": [
                condition("SuccessCriteriaMet", "True", "CompletionsReached", at="T4"),
                condition("Complete", "True", "CompletionsReached", at="T5"),
            ],
            "succeeded": 2,
        },
        Status("Ready", "Completed", "Completed (2/2)", "T5"),
    ),
    "suspended": (
        {"suspend": True},
        {"conditions": [condition("Suspended", "True", "JobSuspended", at="T5")]},
        Status("Pending", "Suspended", "Suspended (0/1 completed)", "T5"),
    ),
    "resumed": (
        {"completions": 3},
        {
            "conditions": [condition("Suspended", "False", "JobResumed")],
            "startTime": "T1",
            "active": 1,
            "succeeded": 1,
        },
        Status("Pending", "Running", "Running (1/3 completed, 1 active)", "T1"),
    ),
    "new": ({}, {"conditions": None}, Status("Pending", "Running", "Running (0/1 completed, 0 active)")),
}


@pytest.mark.parametrize(("spec", "status", "expected"), JOBS.values(), ids=JOBS)
def test_job(spec: Json, status: Json, expected: Status) -> None:
    assert judge("Job", spec=spec, status=status) == expected


JOB_SPEC = {"template": {"spec": {"containers": [{"image": "app:1"}]}}}


def test_metadata_of_a_job() -> None:
    facts = make("Job", spec={"completions": 2, **JOB_SPEC}, status={"succeeded": 1, "failed": 3})
    assert facts.metadata == {
        "completions": 2,
        "succeeded": 1,
        "failed": 3,
        "image": "app:1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }


RUN = "2026-01-01T00:02:00Z"
BEFORE = "2026-01-01T00:01:01Z"
AFTER = "2026-01-01T00:02:05Z"

CRONJOBS: dict[str, tuple[Json, Json, Status]] = {
    "suspended": (
        {"suspend": True},
        {"lastScheduleTime": RUN},
        Status("Ready", "Suspended", "Suspended"),
    ),
    "the last run failed": (
        {"suspend": False},
        {"lastScheduleTime": RUN, "lastSuccessfulTime": BEFORE, "active": None},
        Status("Error", "LastRunFailed", f"The run of {RUN} did not succeed", RUN),
    ),
    "no run ever succeeded": (
        {},
        {"lastScheduleTime": RUN},
        Status("Error", "LastRunFailed", f"The run of {RUN} did not succeed", RUN),
    ),
    "running": (
        {},
        {"lastScheduleTime": RUN, "lastSuccessfulTime": BEFORE, "active": [{"name": "x-1"}]},
        Status("Ready", "Ready", "1 job running"),
    ),
    "two running": (
        {},
        {"lastScheduleTime": RUN, "active": [{"name": "x-1"}, {"name": "x-2"}]},
        Status("Ready", "Ready", "2 jobs running"),
    ),
    "the last run succeeded": (
        {},
        {"lastScheduleTime": RUN, "lastSuccessfulTime": AFTER},
        Status("Ready", "Ready", "Last run succeeded"),
    ),
    "the last run succeeded at once": (
        {},
        {"lastScheduleTime": RUN, "lastSuccessfulTime": RUN},
        Status("Ready", "Ready", "Last run succeeded"),
    ),
    "new": ({}, {}, Status("Ready", "Ready", "Not run yet")),
}


@pytest.mark.parametrize(("spec", "status", "expected"), CRONJOBS.values(), ids=CRONJOBS)
def test_cronjob(spec: Json, status: Json, expected: Status) -> None:
    assert judge("CronJob", spec=spec, status=status) == expected


@pytest.mark.parametrize(("suspend", "expected"), [(True, True), (False, False), (None, False)])
def test_metadata_of_a_cronjob(suspend: bool | None, expected: bool) -> None:
    spec = {"schedule": "*/5 * * * *", "suspend": suspend, "jobTemplate": {"spec": JOB_SPEC}}
    assert make("CronJob", spec=spec, status={"lastScheduleTime": RUN}).metadata == {
        "schedule": "*/5 * * * *",
        "suspend": expected,
        "lastScheduleTime": RUN,
        "image": "app:1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
