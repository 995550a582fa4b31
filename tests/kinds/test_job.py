import pytest

from astrolabe.graph.state.status import Status
from astrolabe.kinds.job import JobRun
from astrolabe.kinds.pod import PodDetails
from tests.kinds.support import Json, Other, condition, derive, judge, make

JOBS: dict[str, tuple[Json, Json, Status]] = {
    "failed": (
        {"completions": 2},
        {"conditions": [condition("Failed", "True", "BackoffLimitExceeded", "too often", "T5")]},
        Status("Error", "BackoffLimitExceeded", "too often", "T5"),
    ),
    "about to fail": (
        {},
        {"conditions": [condition("FailureTarget", "True", "BackoffLimitExceeded", "too often", "T4")]},
        Status("Error", "BackoffLimitExceeded", "too often", "T4"),
    ),
    "about to be complete": (
        {},
        {
            "conditions": [condition("SuccessCriteriaMet", "True", "CompletionsReached", at="T4")],
            "succeeded": 1,
        },
        Status("Ready", "Completed", "Completed (1/1)", "T4"),
    ),
    "retrying": (
        {},
        {"active": 1, "failed": 1, "startTime": "T1"},
        Status("Pending", "Running", "Running (0/1 completed, 1 active), retrying after 1 failure", "T1"),
    ),
    "retrying often": (
        {},
        {"active": 1, "failed": 2},
        Status("Pending", "Running", "Running (0/1 completed, 1 active), retrying after 2 failures"),
    ),
    "some of its indexes have failed": (
        {"completions": 9},
        {"active": 1, "failed": 2, "failedIndexes": "1,3-5"},
        Status("Pending", "Running", "Running (0/9 completed, 1 active), failed indexes: 1,3-5"),
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
        "images": ["app:1"],
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }


def test_conditions_with_unexpected_values() -> None:
    failed = {"conditions": [condition("Failed", "True", "DeadlineExceeded", "too long")]}
    assert make("Job", status=failed).metadata["conditions"] == [
        {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}
    ]
    complete = {"conditions": [condition("SuccessCriteriaMet", "True"), condition("Complete", "True")]}
    assert "conditions" not in make("Job", status=complete).metadata


def test_scheduled_time_of_a_run() -> None:
    at = {"annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T00:00:00+01:00"}}
    status = {"failed": 2, "conditions": [condition("FailureTarget", "True")]}
    assert make("Job", status=status).details == JobRun("2026-01-01T00:00:00Z", True, True, 2, lacking=1)
    assert make("Job", metadata=at).details == JobRun("2025-12-31T23:00:00Z", lacking=1)


def pod(name: str, status: Status, *, is_live: bool = True) -> tuple[str, Other]:
    return "owns", Other("Pod", name, status, PodDetails(is_live=is_live))


def ended(name: str, at: str, how: str) -> tuple[str, Other]:
    return pod(name, Status("Error", "Error", f"container app terminated: {how}", at), is_live=False)


RUNNING = Status("Pending", "Running", "Running (0/1 completed, 1 active)", "T1")
RETRYING = Status("Pending", "Running", "Running (0/1 completed, 1 active), retrying after 1 failure", "T1")
EXCEEDED = Status("Error", "BackoffLimitExceeded", "Job has reached the specified backoff limit", "T9")
FINE = pod("imp-c", Status("Ready", "Running", "Pod is running"))
CRASHING = pod("imp-c", Status("Error", "CrashLoopBackOff", "container app keeps ending", "T5"))
EVICTED = pod("imp-b", Status("Error", "Evicted", "low on memory", "T4"), is_live=False)
TRIED, RETRIED = JobRun("T0", failures=1), JobRun("T0", is_over=True, has_failed=True, failures=2)

DERIVED: dict[str, tuple[Status, JobRun, list[tuple[str, Other]], Status]] = {
    "a retry is no error, and why it is one is told": (
        RETRYING,
        TRIED,
        [ended("imp-a", "T3", "OOMKilled (exit code 137)"), FINE],
        Status(
            "Pending",
            "Running",
            f"{RETRYING.message}: pod imp-a: Error: container app terminated: OOMKilled (exit code 137)",
            "T1",
        ),
    ),
    "a pod that does not count": (RUNNING, JobRun("T0"), [EVICTED, FINE], RUNNING),
    "a live pod that fails": (
        RUNNING,
        JobRun("T0"),
        [CRASHING],
        Status("Error", "CrashLoopBackOff", "pod imp-c: CrashLoopBackOff: container app keeps ending", "T5"),
    ),
    "also in a retry": (
        RETRYING,
        TRIED,
        [ended("imp-a", "T3", "Error (exit code 1)"), CRASHING],
        Status("Error", "CrashLoopBackOff", "pod imp-c: CrashLoopBackOff: container app keeps ending", "T5"),
    ),
    "a limit does not hide how the last pod failed": (
        EXCEEDED,
        RETRIED,
        [ended("imp-b", "T3", "Error (exit code 1)"), ended("imp-a", "T4", "Error (exit code 2)")],
        Status(
            "Error",
            "BackoffLimitExceeded",
            f"{EXCEEDED.message}: pod imp-a: container app terminated: Error (exit code 2)",
            "T9",
        ),
    ),
    "its pods are gone": (EXCEEDED, RETRIED, [], EXCEEDED),
}


@pytest.mark.parametrize(("own", "run", "pods", "expected"), DERIVED.values(), ids=DERIVED)
def test_status_derived_from_its_pods(
    own: Status, run: JobRun, pods: list[tuple[str, Other]], expected: Status
) -> None:
    for out in (pods, pods[::-1]):
        assert derive("Job", own, details=run, out=out).status == expected
