"""What counts as evidence for the generic status: one of a kind each, as some controller writes it."""

from __future__ import annotations

from random import Random

import pytest

from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.entry import CustomKind, entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from tests.kinds.custom.support import Json, judged
from tests.kinds.custom.test_generic import condition

AVAILABLE = condition("Available", "True")
ACCEPTED = condition("Accepted", "True")


def named(name: str) -> CustomKind:
    definition = Definition(
        group="example.com", kind=name, plural=f"{name.lower()}s", versions=(ServedVersion("v1", (), True),)
    )
    return entry_of(definition, RuleBook())


TROUBLE: list[tuple[str, Json, tuple[str, str, str]]] = [
    ("a condition of unknown meaning that is False because of an error", {"phase": "Running", "conditions": [condition("Tokens", "False", "TokenError")]}, ("Error", "TokenError", "status.conditions[Tokens]")),
    ("but not beside one that sums up all", {"conditions": [AVAILABLE, condition("RetrievedUpdates", "False", "RemoteFailed")]}, ("Ready", "Available", "status.conditions[Available]")),
    ("nor one whose True is bad, and whose reason is its own name", {"phase": "Running", "conditions": [condition("NoMatchingNode", "False", "MissingNode")]}, ("Ready", "Running", "status.phase")),
    ("work that ended in an error", {"conditions": [condition("Synchronizing", "False", "Error")]}, ("Error", "Error", "status.conditions[Synchronizing]")),
    ("a condition whose type has a domain", {"conditions": [condition("cilium.io/MissingPeerConfigs", "True", "X")]}, ("Error", "X", "status.conditions[cilium.io/MissingPeerConfigs]")),
    ("what is out of balance", {"conditions": [AVAILABLE, condition("Balanced", "False", "Unbalanced")]}, ("Error", "Unbalanced", "status.conditions[Balanced]")),
    ("the last operation is the one under way", {"conditions": [condition("ControlPlaneHealthy", "True")], "lastOperation": {"state": "Error"}}, ("Error", "Error", "status.lastOperation.state")),
    ("an operation that went well says nothing of health", {"lastOperation": {"state": "Succeeded"}}, ("Unknown", "Unknown", "")),
    ("a list of problems", {"active": True, "problems": ["no such output"]}, ("Error", "Error", "status.problems")),
    ("an error with a description", {"reconciliationError": {"statusCode": "409", "description": "taken"}}, ("Error", "Error", "status.reconciliationError.description")),
    ("no error", {"phase": "Running", "reconciliationError": {}, "syncError": ""}, ("Ready", "Running", "status.phase")),
    ("an error of the past", {"phase": "Running", "lastSyncError": "timeout"}, ("Ready", "Running", "status.phase")),
    ("nobody reaches it", {"conditions": [condition("Offline", "True", "ClusterNotReachable")]}, ("Error", "ClusterNotReachable", "status.conditions[Offline]")),
    ("how an inner part ended", {"id": "x", "latestExecution": {"id": "y", "executionResult": {"status": "failed"}}}, ("Error", "Failed", "status.latestExecution.executionResult.status")),
    ("True, and the reason says degraded", {"conditions": [condition("Ready", "True", "Degraded")]}, ("Error", "Degraded", "status.conditions[Ready]")),
    ("a phase whose reason is a failure", {"phase": "Ready", "reason": "SyncFailed"}, ("Error", "SyncFailed", "status.reason")),
    ("a flag that it has expired", {"phase": "Active", "expired": True}, ("Error", "Expired", "status.expired")),
    ("a state of a container", {"state": "ImagePullBackOff"}, ("Error", "ImagePullBackOff", "status.state")),
    ("a message that is an error", {"message": "Decryption error"}, ("Error", "Error", "status.message")),
    ("a phase that is not supported", {"phase": "Unsupported"}, ("Error", "Unsupported", "status.phase")),
]  # fmt: skip

UNFINISHED: list[tuple[str, Json, tuple[str, str, str]]] = [
    ("accepted, and not yet begun", {"phase": "Pending", "conditions": [ACCEPTED]}, ("Pending", "Pending", "status.phase")),
    ("accepted, and not ready", {"ready": False, "conditions": [ACCEPTED]}, ("Pending", "NotReady", "status.ready")),
    ("a part that is not applied", {"conditions": [condition("FullyApplied", "True")], "members": [{"applied": False}]}, ("Pending", "PartNotReady", "status.members[0].applied")),
    ("not done, and no word why", {"conditions": [condition("Done", "False"), condition("Started", "True")]}, ("Pending", "NotDone", "status.conditions[Done]")),
    ("parts that are being provisioned", {"conditions": [condition("Provisioned", "False", "PodsProvisioning")]}, ("Pending", "PodsProvisioning", "status.conditions[Provisioned]")),
    ("promoting", {"conditions": [condition("Promoting", "True"), condition("Ready", "False", "Active")]}, ("Pending", "Promoting", "status.conditions[Promoting]")),
    ("not ready, in two words", {"phase": "Not Ready"}, ("Pending", "NotReady", "status.phase")),
    ("out of sync", {"syncStatus": "OutOfSync"}, ("Pending", "OutOfSync", "status.syncStatus")),
    ("partly", {"state": "ONLINE_PARTIAL"}, ("Pending", "ONLINE_PARTIAL", "status.state")),
    ("too few of something", {"desiredInstances": 3, "healthyInstances": 2}, ("Pending", "ReplicasNotReady", "status.healthyInstances")),
    ("counts in one object", {"replicas": {"all": 2, "ready": 1}}, ("Pending", "ReplicasNotReady", "status.replicas.ready")),
    ("a service of an application that is not healthy", {"status": "running", "services": [{"name": "a", "healthy": False}]}, ("Pending", "NotReady", "status.services[0].healthy")),
    ("accepted, and not in force", {"conditions": [ACCEPTED, condition("Enforced", "False", "Unknown")]}, ("Pending", "Unknown", "status.conditions[Enforced]")),
    ("complete, and at work again", {"state": "Secondary", "conditions": [condition("Completed", "True", "Demoted"), condition("Resyncing", "True")]}, ("Pending", "Resyncing", "status.conditions[Resyncing]")),
    ("failing over is no failure", {"phase": "FailingOver", "conditions": [condition("Available", "False", "FailingOver")]}, ("Pending", "FailingOver", "status.phase")),
    ("a flag by another name", {"phase": "Running", "isHealthy": False}, ("Pending", "NotReady", "status.isHealthy")),
    ("a flag about a part", {"phase": "Running", "databaseReady": False}, ("Pending", "NotReady", "status.databaseReady")),
    ("replicas that are not available", {"phase": "Running", "unavailableReplicas": 2}, ("Pending", "NotReady", "status.unavailableReplicas")),
    ("members that are not ready", {"phase": "Running", "notReadyMembers": 1}, ("Pending", "NotReady", "status.notReadyMembers")),
    ("members by their names", {"phase": "Running", "members": {"ready": ["a"], "unready": ["b"]}}, ("Pending", "NotReady", "status.members.unready")),
    ("not verified", {"verified": False}, ("Pending", "NotReady", "status.verified")),
    ("a flag as a word", {"registered": "False"}, ("Pending", "NotReady", "status.registered")),
]  # fmt: skip

FINE: list[tuple[str, Json, tuple[str, str, str]]] = [
    ("nobody has suspended it", {"conditions": [condition("RayClusterProvisioned", "True"), condition("RayClusterSuspended", "False", "RayClusterSuspended")]}, ("Ready", "RayClusterProvisioned", "status.conditions[RayClusterProvisioned]")),
    ("somebody has", {"conditions": [condition("RayClusterSuspended", "True")]}, ("Pending", "Paused", "status.conditions[RayClusterSuspended]")),
    ("all of something", {"desiredInstances": 3, "healthyInstances": 3}, ("Ready", "Ready", "status.healthyInstances")),
    ("a flag that it is not so", {"phase": "Running", "notReady": False}, ("Ready", "Running", "status.phase")),
    ("members that are all ready", {"phase": "Running", "members": {"ready": ["a"], "unready": []}}, ("Ready", "Running", "status.phase")),
    ("a fraction is no word", {"phase": "Completed", "health": "2/2"}, ("Ready", "Completed", "status.phase")),
    ("a word with the name of the kind before it", {"state": "ClusterRunning"}, ("Ready", "ClusterRunning", "status.state")),
    ("managing is no work in progress", {"phase": "Ready", "releases": [{"status": "Managing"}]}, ("Ready", "Ready", "status.phase")),
    ("active, where nothing else is said", {"conditions": [condition("Active", "True", "Ready")]}, ("Ready", "Ready", "status.conditions[Active]")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "expected"),
    [case[1:] for case in (*TROUBLE, *UNFINISHED, *FINE)],
    ids=[case[0] for case in (*TROUBLE, *UNFINISHED, *FINE)],
)
def test_evidence(status: Json, expected: tuple[str, str, str]) -> None:
    assert judged(named("Widget"), status=status) == expected


RUNS: list[tuple[str, Json, tuple[str, str, str]]] = [
    ("DataUpload", {"phase": "Accepted"}, ("Pending", "Accepted", "status.phase")),
    ("Promotion", {"phase": "Running"}, ("Pending", "Running", "status.phase")),
    ("ActionSet", {"state": "running"}, ("Pending", "Running", "status.state")),
    (
        "DeleteBackupRequest",
        {"phase": "Processed", "errors": ["backup not found"]},
        ("Error", "Error", "status.errors"),
    ),
    ("Machine", {"phase": "Provisioned"}, ("Pending", "Provisioned", "status.phase")),
    ("WidgetRestore", {"phase": "Restored"}, ("Ready", "Restored", "status.phase")),
    (
        "WidgetJob",
        {"conditions": [condition("Started", "True")]},
        ("Pending", "Started", "status.conditions[Started]"),
    ),
    ("DeleteBackupRequest", {"phase": "Processed"}, ("Ready", "Processed", "status.phase")),
    (
        "Backup",
        {"phase": "Complete", "conditions": [condition("Running", "True"), condition("Complete", "True")]},
        ("Ready", "Complete", "status.conditions[Complete]"),
    ),
]


@pytest.mark.parametrize(("name", "status", "expected"), RUNS)
def test_kinds_that_run_to_an_end(name: str, status: Json, expected: tuple[str, str, str]) -> None:
    assert judged(named(name), status=status) == expected


def test_a_ready_object_may_list_earlier_errors() -> None:
    status = {"status": "Completed", "errors": ["timed out once"]}
    assert judged(named("Widget"), status=status)[0] == "Ready"


def test_the_short_way_finds_the_same() -> None:
    """A status of conditions alone has one; a field that says nothing makes it go the long way."""
    chance = Random(1)
    types = ("Ready", "Synced", "Available", "Created", "Stalled", "Reconciling", "Active", "Odd", "Complete")
    for _ in range(2_000):
        conditions = [
            condition(
                type,
                chance.choice(("True", "True", "True", "False", "Unknown", True)),
                chance.choice(("", "Done", "SyncFailed", "ReconcilePaused", "Creating")),
                observedGeneration=chance.choice((0, 1, 2, 2)),
            )
            for type in chance.sample(types, chance.randrange(1, 4))
        ]
        short = judged(named("Widget"), status={"conditions": conditions})
        assert short == judged(named("Widget"), status={"conditions": conditions, "color": "blue"}), (
            conditions
        )
