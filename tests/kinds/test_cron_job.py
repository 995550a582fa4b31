import pytest

from astrolabe.graph.state.status import Status
from astrolabe.kinds.cron_job import Schedule
from astrolabe.kinds.job import JobRun
from tests.kinds.support import Json, Other, derive, judge, make

JOB_SPEC = {"template": {"spec": {"containers": [{"image": "app:1"}]}}}
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
        "images": ["app:1"],
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }


def test_time_zone_of_a_cronjob() -> None:
    spec = {"schedule": "0 2 * * *", "timeZone": "Europe/Berlin"}
    assert make("CronJob", spec=spec).metadata["timeZone"] == "Europe/Berlin"


def test_runs_of_a_cronjob() -> None:
    times = {"lastScheduleTime": RUN, "lastSuccessfulTime": BEFORE}
    assert make("CronJob", status=times).details == Schedule(False, RUN, BEFORE, False)
    assert make("CronJob", spec={"suspend": True}).details == Schedule(True, "", "", False)
    assert make("CronJob", spec={"failedJobsHistoryLimit": 0}).details == Schedule(False, "", "", True)
    expiring = {"jobTemplate": {"spec": {"ttlSecondsAfterFinished": 60}}}
    assert make("CronJob", spec=expiring).details == Schedule(False, "", "", True)


def job(name: str, at: str, status: Status, **details: bool) -> tuple[str, Other]:
    return "owns", Other("Job", name, status, JobRun(at, **details))


def succeeded(name: str, at: str) -> tuple[str, Other]:
    return job(name, at, Status("Ready", "Completed", "Completed (1/1)", "T9"), is_over=True)


def failed(name: str, at: str) -> tuple[str, Other]:
    status = Status("Error", "BackoffLimitExceeded", "too often", "T8")
    return job(name, at, status, is_over=True, has_failed=True)


def running(name: str, at: str) -> tuple[str, Other]:
    return job(name, at, Status("Pending", "Running", "Running (0/1 completed, 1 active)"))


def crashing(name: str, at: str) -> tuple[str, Other]:
    return job(name, at, Status("Error", "CrashLoopBackOff", "pod x"))


def stuck(name: str, at: str) -> tuple[str, Other]:
    return job(name, at, Status("Pending", "Running", "Running: pod x-3-a: no node"))


LAST = Schedule(False, "T2", "T9", False)
NEVER = Schedule(False, "", "", False)
FAILED = "job x-2 failed: BackoffLimitExceeded: too often"

DERIVED: dict[str, tuple[Schedule, list[tuple[str, Other]], Status]] = {
    "new": (NEVER, [], Status("Ready", "Ready", "Not run yet")),
    "the first run runs": (
        Schedule(False, "T1", "", False),
        [running("x-1", "T1")],
        Status("Ready", "Ready", "No run has ended yet; 1 job running"),
    ),
    "the last run succeeded": (
        LAST,
        [failed("x-1", "T1"), succeeded("x-2", "T2")],
        Status("Ready", "Ready", "Last run succeeded"),
    ),
    "the last run failed, and an older one succeeded later": (
        LAST,
        [succeeded("x-1", "T1"), failed("x-2", "T2")],
        Status("Error", "LastRunFailed", FAILED, "T8"),
    ),
    "also while the next one runs": (
        Schedule(False, "T3", "T1", False),
        [failed("x-2", "T2"), running("x-3", "T3")],
        Status("Error", "LastRunFailed", f"{FAILED}; 1 job running", "T8"),
    ),
    "it fails again": (
        Schedule(False, "T3", "T1", False),
        [failed("x-2", "T2"), crashing("x-3", "T3")],
        Status("Error", "LastRunFailed", f"{FAILED}; 1 job running; job x-3: CrashLoopBackOff: pod x", "T8"),
    ),
    "a run that does not get on": (
        Schedule(False, "T3", "T1", False),
        [succeeded("x-2", "T2"), stuck("x-3", "T3")],
        Status(
            "Ready",
            "Ready",
            "Last run succeeded; 1 job running; job x-3: Running: pod x-3-a: no node",
        ),
    ),
    "runs pile up": (
        Schedule(False, "T4", "T1", False),
        [succeeded("x-1", "T1"), running("x-2", "T2"), running("x-3", "T3"), running("x-4", "T4")],
        Status("Ready", "Ready", "Last run succeeded; 3 jobs running at once"),
    ),
    "a run by hand repaired it": (
        LAST,
        [failed("x-2", "T2"), succeeded("x-by-hand", "T3")],
        Status("Ready", "Ready", "Last run succeeded"),
    ),
    "those that succeed are not kept": (
        Schedule(False, "T5", "T6", False),
        [failed("x-2", "T2")],
        Status("Ready", "Ready", "Last run succeeded"),
    ),
    "those that fail are not kept": (
        Schedule(False, "T5", "T4", True),
        [],
        Status("Error", "LastRunFailed", "The run of T5 did not succeed, and its Job is gone", "T5"),
    ),
    "someone has removed the one that failed": (
        Schedule(False, "T5", "T4", False),
        [],
        Status("Ready", "Ready", "Last run succeeded"),
    ),
    "suspended": (
        Schedule(True, "T2", "T9", False),
        [succeeded("x-2", "T2")],
        Status("Ready", "Suspended", "Suspended"),
    ),
    "suspended after it failed": (
        Schedule(True, "T2", "", False),
        [failed("x-2", "T2")],
        Status("Ready", "Suspended", f"Suspended. {FAILED}"),
    ),
}


@pytest.mark.parametrize(("schedule", "jobs", "expected"), DERIVED.values(), ids=DERIVED)
def test_status_derived_from_its_jobs(
    schedule: Schedule, jobs: list[tuple[str, Other]], expected: Status
) -> None:
    own = Status("Ready", "Suspended", "Suspended") if schedule.suspended else Status("Error", "ByItsTimes")
    for out in (jobs, jobs[::-1]):
        assert derive("CronJob", own, details=schedule, out=out).status == expected


def test_invisible_jobs_change_nothing() -> None:
    own = Status("Error", "LastRunFailed", "The run of T2 did not succeed", "T2")
    assert derive("CronJob", own, details=LAST, unknown=["Job"]).status == own
