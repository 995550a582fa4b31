"""The generic status, step by step, each with the field that decided."""

from typing import Any

import pytest

from astrolabe.kinds.custom import words
from tests.kinds.custom.support import Json, facts, judged, kind


def condition(type: str, status: Any, reason: str = "", **more: Any) -> Json:
    return {"type": type, "status": status, "reason": reason, "lastTransitionTime": "T1", **more}


READY = condition("Ready", "True")

STEPS: list[tuple[str, Json, tuple[str, str, str]]] = [
    (
        "being deleted comes first",
        {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Failed"}},
        ("Pending", "Terminating", "metadata.deletionTimestamp"),
    ),
    (
        "an older generation",
        {"status": {"observedGeneration": 1, "conditions": [READY]}},
        ("Pending", "Progressing", "status.observedGeneration"),
    ),
    (
        "an older generation as text",
        {"status": {"observedGeneration": "1", "conditions": [READY]}},
        ("Pending", "Progressing", "status.observedGeneration"),
    ),
    (
        "an older generation inside the condition",
        {"status": {"conditions": [condition("Ready", "True", observedGeneration=1)]}},
        ("Pending", "Progressing", "status.conditions[Ready].observedGeneration"),
    ),
    (
        "paused in the spec",
        {"spec": {"suspend": True}, "status": {"conditions": [condition("Ready", "False")]}},
        ("Pending", "Paused", "spec.suspend"),
    ),
    ("no status yet", {"spec": {}}, ("Pending", "NoStatus", "status")),
    (
        "a condition whose True is bad",
        {"status": {"conditions": [condition("Ready", "True"), condition("Stalled", "True", "Bad")]}},
        ("Error", "Bad", "status.conditions[Stalled]"),
    ),
    (
        "a deadline",
        {"status": {"conditions": [READY, condition("Progressing", "False", "ProgressDeadlineExceeded")]}},
        ("Error", "ProgressDeadlineExceeded", "status.conditions[Progressing]"),
    ),
    (
        "a phase that says failed outranks conditions",
        {"status": {"phase": "Failed", "conditions": [READY]}},
        ("Error", "Failed", "status.phase"),
    ),
    (
        "at work",
        {
            "status": {
                "conditions": [condition("Reconciling", "True", "Progressing"), condition("Ready", "False")]
            }
        },
        ("Pending", "Progressing", "status.conditions[Reconciling]"),
    ),
    ("ready", {"status": {"conditions": [READY]}}, ("Ready", "Ready", "status.conditions[Ready]")),
    (
        "a boolean",
        {"status": {"conditions": [condition("Ready", True)]}},
        ("Ready", "Ready", "status.conditions[Ready]"),
    ),
    (
        "all of them",
        {"status": {"conditions": [READY, condition("Synced", "False", "Oops")]}},
        ("Error", "Oops", "status.conditions[Synced]"),
    ),
    (
        "still at it",
        {"status": {"conditions": [condition("Ready", "False", "Creating")]}},
        ("Pending", "Creating", "status.conditions[Ready]"),
    ),
    (
        "not known",
        {"status": {"conditions": [condition("Ready", "Unknown", "X")]}},
        ("Pending", "X", "status.conditions[Ready]"),
    ),
    (
        "of one parent",
        {"status": {"parents": [{"conditions": [condition("Accepted", "False", "NoMatchingParent")]}]}},
        ("Error", "NoMatchingParent", "status.parents[0].conditions[Accepted]"),
    ),
    ("a phase", {"status": {"phase": "Bound"}}, ("Ready", "Bound", "status.phase")),
    ("nothing that says so", {"status": {"color": "blue"}}, ("Unknown", "Unknown", "")),
    (
        "idle is no error",
        {"status": {"conditions": [condition("Active", "False")]}},
        ("Unknown", "Unknown", ""),
    ),
]


@pytest.mark.parametrize(("parts", "expected"), [case[1:] for case in STEPS], ids=[case[0] for case in STEPS])
def test_step(parts: Json, expected: tuple[str, str, str]) -> None:
    assert judged(kind(), **parts) == expected


def test_a_kind_without_status_is_unknown() -> None:
    assert judged(kind(has_status=False), spec={}) == ("Unknown", "NoStatus", "")


def test_since_is_the_transition_time_of_the_condition() -> None:
    assert facts(kind(), status={"conditions": [READY]}).status.since == "T1"


def widgets(**status: Any) -> Json:
    return {"status": status}


WORDS: list[tuple[str, Json, tuple[str, str, str]]] = [
    ("a part failed", widgets(environments=[{"phase": "ok"}, {"phase": "failure"}]), ("Error", "Failure", "status.environments[1].phase")),
    ("a part works on", widgets(conditions=[READY], domains=[{"status": "Provisioning"}]), ("Pending", "Provisioning", "status.domains[0].status")),
    ("a nested word", widgets(jobStatus={"state": "RUNNING"}), ("Ready", "RUNNING", "status.jobStatus.state")),
    ("the past does not count", widgets(phase="Ready", history=[{"phase": "Failed"}]), ("Ready", "Ready", "status.phase")),
    ("health outranks a phase", widgets(phase="Ready", health="yellow"), ("Pending", "Yellow", "status.health")),
    ("one word that nobody knows", widgets(phase="Ready", state="Zorped"), ("Unknown", "Unknown", "")),
    ("an error", widgets(error={"message": "no such volume"}), ("Error", "Error", "status.error.message")),
    ("too few replicas", {"spec": {"replicas": 3}, **widgets(readyReplicas=2)}, ("Pending", "ReplicasNotReady", "status.readyReplicas")),
    ("all replicas", {"spec": {"replicas": 3}, **widgets(readyReplicas=3)}, ("Ready", "Ready", "status.readyReplicas")),
    ("a flag", widgets(readyToUse=False), ("Pending", "NotReady", "status.readyToUse")),
    ("no condition yet", widgets(conditions=[]), ("Pending", "NoConditions", "status.conditions")),
    ("another controller is behind", widgets(schedulerObservedGeneration=1, conditions=[READY]), ("Pending", "Progressing", "status.schedulerObservedGeneration")),
    ("steps are not the end", widgets(conditions=[condition("Launched", "True"), condition("Registered", "True")]), ("Pending", "Registered", "status.conditions[Registered]")),
    ("True for a reason that says failed", widgets(conditions=[condition("Complete", "True", "JobFailed")]), ("Error", "JobFailed", "status.conditions[Complete]")),
    ("paused by the reason", widgets(conditions=[condition("Synced", "False", "ReconcilePaused")]), ("Pending", "Paused", "status.conditions[Synced]")),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "expected"), [case[1:] for case in WORDS], ids=[case[0] for case in WORDS])
def test_word(parts: Json, expected: tuple[str, str, str]) -> None:
    assert judged(kind(), **parts) == expected


#: What is Ready at first sight: something else in the status says that it is not.
CONTRADICTED: list[tuple[str, Json, tuple[str, str, str]]] = [
    (
        "a flag",
        {"phase": "Active", "ready": False},
        ("Pending", "NotReady", "status.ready"),
    ),
    (
        "replicas",
        {"phase": "Running", "replicas": 3, "readyReplicas": 1},
        ("Pending", "NotReady", "status.readyReplicas"),
    ),
    (
        "counts of desired and ready ones",
        {"state": "ready", "desiredWorkerReplicas": 2, "readyWorkerReplicas": 1},
        ("Pending", "NotReady", "status.readyWorkerReplicas"),
    ),
    (
        "a count as text",
        {"phase": "Running", "ready": "1/3"},
        ("Pending", "NotReady", "status.ready"),
    ),
    (
        "a count of what failed",
        {"state": "CREATED", "failedTasksCount": 1},
        ("Pending", "NotReady", "status.failedTasksCount"),
    ),
    (
        "how it ended",
        {"phase": "Completed", "result": "failed"},
        ("Error", "Failed", "status.result"),
    ),
    (
        "how a part ended",
        {"engineStatus": "completed", "experiments": [{"status": "Completed", "verdict": "Fail"}]},
        ("Error", "Fail", "status.experiments[0].verdict"),
    ),
    (
        "a part by its name",
        {"phase": "Running", "components": {"mysql": {"phase": "Failed"}}},
        ("Error", "Failed", "status.components.mysql.phase"),
    ),
    (
        "a part of a part by its name",
        {"serviceStatus": "Running", "active": {"apps": {"shop": {"status": "DEPLOY_FAILED"}}}},
        ("Error", "DEPLOY_FAILED", "status.active.apps.shop.status"),
    ),
    (
        "a part that is not ready, beside steps that are done",
        {"conditions": [condition("ReconcileSuccess", "True")], "services": [{"ready": False}]},
        ("Pending", "PartNotReady", "status.services[0].ready"),
    ),
    (
        "replicas of a part",
        {
            "conditions": [condition("ProxyAvailable", "True")],
            "instances": [{"replicas": 2, "readyReplicas": 1}],
        },
        ("Pending", "PartNotReady", "status.instances[0].readyReplicas"),
    ),
    (
        "conditions further down",
        {
            "conditions": [condition("Available", "True")],
            "resources": {"manifests": [{"conditions": [condition("Applied", "False", "ApplyFailed")]}]},
        },
        ("Error", "ApplyFailed", "status.resources.manifests[0].conditions[Applied]"),
    ),
    (
        "errors, in the plural",
        {"phase": "Running", "conditions": [condition("HasErrors", "True")]},
        ("Error", "HasErrors", "status.conditions[HasErrors]"),
    ),
    (
        "nobody reaches it",
        {"conditions": [condition("Provisioned", "True"), condition("Unreachable", "True", "Timeout")]},
        ("Error", "Timeout", "status.conditions[Unreachable]"),
    ),
    (
        "work that goes on while it serves",
        {"conditions": [READY, condition("ReplacingNodes", "True")]},
        ("Pending", "ReplacingNodes", "status.conditions[ReplacingNodes]"),
    ),
    (
        "a phase that is worse than its conditions",
        {"phase": "Critical", "conditions": [READY]},
        ("Error", "Critical", "status.phase"),
    ),
]


@pytest.mark.parametrize(
    ("status", "expected"), [case[1:] for case in CONTRADICTED], ids=[case[0] for case in CONTRADICTED]
)
def test_statuses_that_only_look_ready(status: Json, expected: tuple[str, str, str]) -> None:
    assert judged(kind(), status=status) == expected


def test_running_is_pending_for_kinds_that_complete() -> None:
    assert words.meaning("Running", "Widget") == "ready"
    assert words.meaning("Running", "WidgetJob") == "pending"
