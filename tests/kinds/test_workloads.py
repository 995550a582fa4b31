import pytest

from astrolabe.graph.model.links import Select
from astrolabe.graph.selector import equality
from astrolabe.graph.state.status import Status
from astrolabe.kinds.persistent_volume_claim import CLAIM_PREFIX_LABEL
from astrolabe.kinds.worst import Revised
from tests.kinds.support import Json, condition, fields, judge, make

ZERO = Status("Ready", "ScaledToZero", "Scaled to zero (0/0)")
EXCEEDED = condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out", "T5")
AVAILABLE = condition("Available", "True", "MinimumReplicasAvailable", at="T2")
UNAVAILABLE = condition("Available", "False", "MinimumReplicasUnavailable", at="T3")


def counts(replicas: int, updated: int, ready: int, available: int, **more: object) -> Json:
    return {
        "replicas": replicas,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": available,
        **more,
    }


DEPLOYMENTS: dict[str, tuple[Json, Json, Status]] = {
    "progress deadline exceeded": (
        {"replicas": 3, "paused": True},
        counts(3, 3, 3, 3, conditions=[condition("ReplicaFailure", "False"), EXCEEDED]),
        Status("Error", "ProgressDeadlineExceeded", "timed out", "T5"),
    ),
    "replica failure, after the deadline too": (
        {"replicas": 3},
        counts(
            3, 3, 3, 3, conditions=[EXCEEDED, condition("ReplicaFailure", "True", "FailedCreate", "quota")]
        ),
        Status("Error", "FailedCreate", "quota", "T1"),
    ),
    "no progress for another reason": (
        {"replicas": 3},
        counts(3, 3, 3, 3, conditions=[condition("Progressing", "False", "Other")]),
        Status("Ready", "Ready", "All replicas ready (3/3)"),
    ),
    "progress, of which the reason is not over": (
        {"replicas": 3},
        counts(3, 3, 3, 3, conditions=[condition("Progressing", "True", "ProgressDeadlineExceeded")]),
        Status("Ready", "Ready", "All replicas ready (3/3)"),
    ),
    "replica failure": (
        {"replicas": 3},
        counts(0, 0, 0, 0, conditions=[condition("ReplicaFailure", "True", "FailedCreate", "quota", "T6")]),
        Status("Error", "FailedCreate", "quota", "T6"),
    ),
    "no replica failure": (
        {"replicas": 1},
        counts(1, 1, 1, 1, conditions=[condition("ReplicaFailure", "False", "FailedCreate")]),
        Status("Ready", "Ready", "All replicas ready (1/1)"),
    ),
    "paused": (
        {"replicas": 3, "paused": True},
        counts(3, 1, 3, 3),
        Status("Pending", "Paused", "Rollouts are paused. All replicas ready (3/3)"),
    ),
    "paused at zero": (
        {"replicas": 0, "paused": True},
        {},
        Status("Pending", "Paused", "Rollouts are paused. Scaled to zero (0/0)"),
    ),
    "scaled to zero": ({"replicas": 0}, {}, ZERO),
    "scaling to zero": (
        {"replicas": 0},
        counts(2, 2, 2, 2),
        Status("Pending", "ScalingDown", "Scaling to zero (2 left)"),
    ),
    "one by default": ({}, counts(1, 1, 1, 1), Status("Ready", "Ready", "All replicas ready (1/1)")),
    "not updated": (
        {"replicas": 3},
        counts(3, 2, 3, 3, conditions=[AVAILABLE]),
        Status("Pending", "Progressing", "All replicas ready (3/3), 2/3 updated"),
    ),
    "old replicas are left": (
        {"replicas": 3},
        counts(4, 3, 4, 4, conditions=[AVAILABLE]),
        Status("Pending", "Progressing", "All replicas ready (4/3), rollout not complete"),
    ),
    "not available": (
        {"replicas": 3},
        counts(3, 3, 1, 1, conditions=[UNAVAILABLE]),
        Status("Pending", "Progressing", "Partially ready (1/3)", "T3"),
    ),
    "not available yet, though ready": (
        {"replicas": 3},
        counts(3, 3, 3, 2, conditions=[AVAILABLE]),
        Status("Pending", "Progressing", "All replicas ready (3/3), 2/3 available"),
    ),
    "nothing there": (
        {"replicas": 3},
        {"conditions": None},
        Status("Pending", "Progressing", "No replicas ready (0/3)"),
    ),
    "ready": (
        {"replicas": 3},
        counts(3, 3, 3, 3, conditions=[AVAILABLE]),
        Status("Ready", "Ready", "All replicas ready (3/3)", "T2"),
    ),
}


@pytest.mark.parametrize(("spec", "status", "expected"), DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_deployment(spec: Json, status: Json, expected: Status) -> None:
    assert judge("Deployment", spec=spec, status=status) == expected


REPLICASETS: dict[str, tuple[Json, Json, Status]] = {
    "replica failure": (
        {"replicas": 0},
        {"conditions": [condition("ReplicaFailure", "True", "FailedCreate", "quota", "T6")]},
        Status("Error", "FailedCreate", "quota", "T6"),
    ),
    "no replica failure": (
        {"replicas": 0},
        {"conditions": [condition("ReplicaFailure", "False", "FailedCreate")]},
        ZERO,
    ),
    "zero wanted, and some are left": (
        {"replicas": 0},
        counts(2, 0, 2, 2),
        Status("Pending", "ScalingDown", "Scaling to zero (2 left)"),
    ),
    "scaled to zero": ({"replicas": 0}, {}, ZERO),
    "not available": (
        {"replicas": 2},
        counts(2, 0, 1, 1),
        Status("Pending", "Progressing", "Partially ready (1/2)"),
    ),
    "not available yet, though ready": (
        {"replicas": 2},
        counts(2, 0, 2, 1),
        Status("Pending", "Progressing", "All replicas ready (2/2), 1/2 available"),
    ),
    "ready": ({"replicas": 2}, counts(2, 0, 2, 2), Status("Ready", "Ready", "All replicas ready (2/2)")),
    "one by default": ({}, {}, Status("Pending", "Progressing", "No replicas ready (0/1)")),
}


@pytest.mark.parametrize(("spec", "status", "expected"), REPLICASETS.values(), ids=REPLICASETS)
def test_replicaset(spec: Json, status: Json, expected: Status) -> None:
    assert judge("ReplicaSet", spec=spec, status=status) == expected


def rolling(partition: int | None = None) -> Json:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}


STATEFULSETS: dict[str, tuple[Json, Json, Status]] = {
    "scaled to zero": ({"replicas": 0}, {}, ZERO),
    "scaling to zero": (
        {"replicas": 0},
        counts(1, 1, 1, 1),
        Status("Pending", "ScalingDown", "Scaling to zero (1 left)"),
    ),
    "not ready": (
        {"replicas": 2},
        counts(2, 2, 1, 1),
        Status("Pending", "Progressing", "Partially ready (1/2)"),
    ),
    "ready, and not for long enough yet": (
        {"replicas": 3, "minReadySeconds": 30},
        counts(3, 3, 3, 2),
        Status("Pending", "Progressing", "All replicas ready (3/3), 2/3 available"),
    ),
    "ready is enough where no time is asked for": (
        {"replicas": 3},
        counts(3, 3, 3, 2),
        Status("Ready", "Ready", "All replicas ready (3/3)"),
    ),
    "one by default": ({}, {}, Status("Pending", "Progressing", "No replicas ready (0/1)")),
    "not updated": (
        {"replicas": 3, "updateStrategy": rolling(0)},
        counts(3, 1, 3, 3),
        Status("Pending", "Progressing", "All replicas ready (3/3), 1/3 updated"),
    ),
    "no partition is partition 0": (
        {"replicas": 3, "updateStrategy": rolling(None)},
        counts(3, 1, 3, 3),
        Status("Pending", "Progressing", "All replicas ready (3/3), 1/3 updated"),
    ),
    "updated beyond the partition": (
        {"replicas": 3, "updateStrategy": rolling(2)},
        counts(3, 1, 3, 3, currentRevision="a", updateRevision="b"),
        Status("Ready", "Ready", "All replicas ready (3/3)"),
    ),
    "not updated beyond the partition": (
        {"replicas": 3, "updateStrategy": rolling(1)},
        counts(3, 1, 3, 3, currentRevision="a", updateRevision="b"),
        Status("Pending", "Progressing", "All replicas ready (3/3), 1/3 updated"),
    ),
    "a revision not rolled out": (
        {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": None}},
        counts(3, 3, 3, 3, currentRevision="a", updateRevision="b"),
        Status("Pending", "Progressing", "All replicas ready (3/3), rollout not complete"),
    ),
    "a revision rolled out": (
        {"replicas": 3, "updateStrategy": None},
        counts(3, 0, 3, 3, currentRevision="b", updateRevision="b"),
        Status("Ready", "Ready", "All replicas ready (3/3)"),
    ),
    "on delete, old revisions are in order": (
        {"replicas": 3, "updateStrategy": {"type": "OnDelete"}},
        counts(3, 0, 3, 3, currentRevision="a", updateRevision="b"),
        Status("Ready", "Ready", "All replicas ready (3/3)"),
    ),
    "on delete, not ready": (
        {"replicas": 3, "updateStrategy": {"type": "OnDelete"}},
        counts(3, 0, 2, 2),
        Status("Pending", "Progressing", "Partially ready (2/3)"),
    ),
}


@pytest.mark.parametrize(("spec", "status", "expected"), STATEFULSETS.values(), ids=STATEFULSETS)
def test_statefulset(spec: Json, status: Json, expected: Status) -> None:
    assert judge("StatefulSet", spec=spec, status=status) == expected


def scheduled(desired: int, updated: int, ready: int, available: int) -> Json:
    return {
        "desiredNumberScheduled": desired,
        "updatedNumberScheduled": updated,
        "numberReady": ready,
        "numberAvailable": available,
    }


DAEMONSETS: dict[str, tuple[Json, Json, Status]] = {
    "ready": ({}, scheduled(5, 5, 5, 5), Status("Ready", "Ready", "All replicas ready (5/5)")),
    "not updated": (
        {},
        scheduled(5, 4, 5, 5),
        Status("Pending", "Progressing", "All replicas ready (5/5), 4/5 updated"),
    ),
    "not available": ({}, scheduled(5, 5, 3, 3), Status("Pending", "Progressing", "Partially ready (3/5)")),
    "not available yet, though ready": (
        {},
        scheduled(5, 5, 5, 3),
        Status("Pending", "Progressing", "All replicas ready (5/5), 3/5 available"),
    ),
    "on delete, not updated": (
        {"updateStrategy": {"type": "OnDelete"}},
        scheduled(5, 0, 5, 5),
        Status("Ready", "Ready", "All replicas ready (5/5)"),
    ),
    "on delete, not available": (
        {"updateStrategy": {"type": "OnDelete"}},
        scheduled(5, 0, 4, 4),
        Status("Pending", "Progressing", "Partially ready (4/5)"),
    ),
    "no node is to run it any more": (
        {},
        {**scheduled(0, 0, 0, 0), "numberMisscheduled": 3},
        Status(
            "Pending",
            "Misscheduled",
            "3 pods are on nodes that do not match its node selector, affinity and tolerations",
        ),
    ),
    "no node is to run it": (
        {"updateStrategy": None},
        scheduled(0, 0, 0, 0),
        Status(
            "Ready", "NoMatchingNodes", "No node matches its node selector, affinity and tolerations (0/0)"
        ),
    ),
}


@pytest.mark.parametrize(("spec", "status", "expected"), DAEMONSETS.values(), ids=DAEMONSETS)
def test_daemonset(spec: Json, status: Json, expected: Status) -> None:
    assert judge("DaemonSet", spec=spec, status=status) == expected


@pytest.mark.parametrize(
    "kind", ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet"]
)
def test_an_object_its_controller_has_never_observed(kind: str) -> None:
    zeros = {"replicas": 0} if kind != "DaemonSet" else {}
    for status in ({}, scheduled(0, 0, 0, 0)):
        found = judge(kind, metadata={"generation": 1}, spec=zeros, status=status)
        assert (found.severity, found.reason) == ("Pending", "Progressing")
        assert found.message == "Waiting for the controller to see it for the first time"


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"])
def test_a_change_not_observed_by_the_controller_yet(kind: str) -> None:
    status = judge(kind, metadata={"generation": 3}, spec={}, status={"observedGeneration": 2})
    assert (status.severity, status.reason) == ("Pending", "Progressing")
    assert status.message == "Waiting for the controller to see the latest change"


TEMPLATE = {"spec": {"containers": [{"image": "app:1"}, {"image": "log:1"}]}}


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet"])
def test_metadata(kind: str) -> None:
    facts = make(kind, spec={"replicas": 3, "template": TEMPLATE}, status=counts(4, 2, 2, 1))
    assert facts.metadata["replicas"] == {"desired": 3, "current": 4, "ready": 2, "available": 1}
    assert facts.metadata["image"] == "app:1"
    assert facts.metadata["images"] == ["app:1", "log:1"]
    zeros = {"desired": 1, "current": 0, "ready": 0, "available": 0}
    assert make(kind).metadata == {"replicas": zeros, "creationTimestamp": "2026-01-01T00:00:00Z"}


def test_metadata_of_a_daemonset() -> None:
    status = {**scheduled(5, 0, 3, 2), "currentNumberScheduled": 4}
    facts = make("DaemonSet", spec={"template": TEMPLATE}, status=status)
    assert facts.metadata["replicas"] == {"desired": 5, "current": 4, "ready": 3, "available": 2}
    assert facts.metadata["image"] == "app:1"


def test_claims_of_a_statefulset() -> None:
    templates = [{"metadata": {"name": "data", "creationTimestamp": None}}, {"metadata": {"name": "log"}}]
    facts = make("StatefulSet", spec={"volumeClaimTemplates": templates})
    kind = "PersistentVolumeClaim"
    assert facts.links == (
        Select(
            "owns",
            kind,
            "shop",
            equality({CLAIM_PREFIX_LABEL: "data-x"}),
            "spec.volumeClaimTemplates[data]",
        ),
        Select(
            "owns", kind, "shop", equality({CLAIM_PREFIX_LABEL: "log-x"}), "spec.volumeClaimTemplates[log]"
        ),
    )


@pytest.mark.parametrize("templates", [None, [], [{}], [{"metadata": None}], [{"metadata": {}}]])
def test_a_statefulset_without_claims(templates: list[Json] | None) -> None:
    assert fields(make("StatefulSet", spec={"volumeClaimTemplates": templates})) == []


REVISED = {"deployment.kubernetes.io/revision": "3"}
REVISIONS: dict[str, tuple[Json, Json, str]] = {
    "Deployment": ({"annotations": REVISED}, {}, "3"),
    "ReplicaSet": ({"annotations": REVISED}, {}, "3"),
    "StatefulSet": ({}, {"currentRevision": "db-6", "updateRevision": "db-7"}, "db-7"),
    "DaemonSet": ({"annotations": {"deprecated.daemonset.template.generation": "2"}}, {}, "2"),
}


@pytest.mark.parametrize("kind", REVISIONS)
def test_revision_in_the_metadata(kind: str) -> None:
    metadata, status, revision = REVISIONS[kind]
    assert make(kind, metadata=metadata, status=status).metadata["revision"] == revision
    assert "revision" not in make(kind).metadata


def test_conditions_with_unexpected_values() -> None:
    status = {
        "conditions": [
            UNAVAILABLE,
            condition("Progressing", "True", "ReplicaSetUpdated"),
            condition("ReplicaFailure", "True", "FailedCreate", "quota"),
        ]
    }
    assert make("Deployment", status=status).metadata["conditions"] == [
        {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"},
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"},
    ]
    fine = {"conditions": [AVAILABLE, condition("ReplicaFailure", "False")]}
    assert "conditions" not in make("Deployment", status=fine).metadata


@pytest.mark.parametrize(
    ("spec", "revisions"),
    [
        ({}, ("new",)),
        ({"updateStrategy": rolling(0)}, ("new",)),
        ({"updateStrategy": rolling(2)}, ("new", "old")),
        ({"updateStrategy": {"type": "OnDelete"}}, ("new", "old")),
    ],
)
def test_current_revisions_of_a_statefulset(spec: Json, revisions: tuple[str, ...]) -> None:
    status = {"currentRevision": "old", "updateRevision": "new"}
    assert make("StatefulSet", spec=spec, status=status).details == Revised(revisions, lacks_pods=True)
    assert make("StatefulSet", spec=spec).details == Revised(lacks_pods=True)


def test_current_revision_of_a_daemonset() -> None:
    metadata = {"annotations": {"deprecated.daemonset.template.generation": "2"}}
    assert make("DaemonSet", metadata=metadata).details == Revised(("2",))
    by_hand = {"updateStrategy": {"type": "OnDelete"}}
    assert make("DaemonSet", metadata=metadata, spec=by_hand).details == Revised()
