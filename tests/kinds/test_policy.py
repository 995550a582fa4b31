import pytest

from astrolabe.graph.model.facts import Derived
from astrolabe.graph.state.status import Status
from tests.kinds.support import Json, Other, condition, derive, fields, judge, make

HPA = "HorizontalPodAutoscaler"
CREATED = "2026-01-01T00:00:00Z"
ABLE = condition("AbleToScale", "True", "ReadyForNewScale", at="T1")
ACTIVE = condition("ScalingActive", "True", "ValidMetricFound", at="T2")


def able(reason: str) -> Json:
    return condition("AbleToScale", "False", reason, "cannot", "T3")


def limited(reason: str, message: str) -> Json:
    return condition("ScalingLimited", "True", reason, message, "T5")


def inactive(reason: str) -> Json:
    return condition("ScalingActive", "False", reason, "not active", "T4")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([able("FailedGetScale"), ACTIVE], Status("Error", "FailedGetScale", "cannot", "T3")),
        ([able("FailedUpdateScale"), ACTIVE], Status("Error", "FailedUpdateScale", "cannot", "T3")),
        ([able("InvalidSelector"), ACTIVE], Status("Error", "InvalidSelector", "cannot", "T3")),
        ([able("BackoffBoth"), ACTIVE], Status("Ready", "Ready", "2-9 replicas, now 3, wants 4", "T2")),
        (
            [ABLE, inactive("FailedGetResourceMetric")],
            Status("Error", "FailedGetResourceMetric", "not active", "T4"),
        ),
        ([ABLE, inactive("InvalidSelector")], Status("Error", "InvalidSelector", "not active", "T4")),
        ([ABLE, inactive("AmbiguousSelector")], Status("Error", "AmbiguousSelector", "not active", "T4")),
        ([ABLE, inactive("ScalingDisabled")], Status("Ready", "ScalingDisabled", "not active", "T4")),
        ([ABLE, inactive("Other")], Status("Ready", "Ready", "2-9 replicas, now 3, wants 4", "T4")),
        ([ABLE, ACTIVE], Status("Ready", "Ready", "2-9 replicas, now 3, wants 4", "T2")),
        (
            [ABLE, ACTIVE, limited("TooManyReplicas", "more is wanted")],
            Status(
                "Ready", "AtMaximum", "At its maximum of 9 replicas, now 3, wants 4: more is wanted", "T5"
            ),
        ),
        (
            [ABLE, ACTIVE, limited("TooManyReplicas", "")],
            Status("Ready", "AtMaximum", "At its maximum of 9 replicas, now 3, wants 4", "T5"),
        ),
        (
            [ABLE, ACTIVE, limited("TooFewReplicas", "at its minimum")],
            Status("Ready", "Ready", "2-9 replicas, now 3, wants 4", "T2"),
        ),
        (
            [ABLE, inactive("FailedGetResourceMetric"), limited("TooManyReplicas", "as last known")],
            Status("Error", "FailedGetResourceMetric", "not active", "T4"),
        ),
        (
            [ABLE, inactive("ScalingDisabled"), limited("TooManyReplicas", "as last known")],
            Status("Ready", "ScalingDisabled", "not active", "T4"),
        ),
        ([ABLE], Status("Ready", "Ready", "2-9 replicas, now 3, wants 4", None)),
        ([], Status("Pending", "Pending", "Not yet looked at by the autoscaling controller")),
        (None, Status("Pending", "Pending", "Not yet looked at by the autoscaling controller")),
    ],
)
def test_autoscaler(conditions: list[Json] | None, expected: Status) -> None:
    spec = {"minReplicas": 2, "maxReplicas": 9}
    status = {"conditions": conditions, "currentReplicas": 3, "desiredReplicas": 4}
    assert judge(HPA, spec=spec, status=status) == expected


def test_minimum_replicas_default_to_one() -> None:
    status = {"conditions": [ACTIVE]}
    message = "1-9 replicas, now 0, wants 0"
    assert judge(HPA, spec={"maxReplicas": 9}, status=status).message == message
    assert judge(HPA, spec={"maxReplicas": 9, "minReplicas": 0}, status=status).message == f"0{message[1:]}"


def test_metadata_of_an_autoscaler() -> None:
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 9,
    }
    assert make(HPA, spec=spec, status={"currentReplicas": 3}).metadata == {
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "minReplicas": 1,
        "maxReplicas": 9,
        "currentReplicas": 3,
        "desiredReplicas": 0,
        "creationTimestamp": CREATED,
    }


@pytest.mark.parametrize(
    ("api_version", "kind", "target"),
    [
        ("apps/v1", "Deployment", "Deployment/shop/web"),
        ("apps/v1beta9", "Deployment", "Deployment/shop/web"),
        ("apps/v1", "StatefulSet", "StatefulSet/shop/web"),
        ("v1", "ReplicationController", "ReplicationController/shop/web"),
        ("example.com/v1", "Deployment", "Deployment.example.com/shop/web"),
    ],
)
def test_targets_by_group_and_kind(api_version: str, kind: str, target: str) -> None:
    ref = {"apiVersion": api_version, "kind": kind, "name": "web"}
    assert fields(make(HPA, spec={"scaleTargetRef": ref})) == [("scales", target, "spec.scaleTargetRef")]


@pytest.mark.parametrize(
    "ref",
    [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "web"},
        {"apiVersion": "v1", "kind": "Deployment", "name": "web"},
        {"kind": "Deployment", "name": "web"},
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": ""},
        {},
        None,
    ],
)
def test_invalid_targets(ref: Json | None) -> None:
    assert fields(make(HPA, spec={"scaleTargetRef": ref})) == []


PDB = "PodDisruptionBudget"


def allowed(status: str, reason: str) -> Json:
    return condition("DisruptionAllowed", status, reason, "message", "T5")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            {"conditions": [allowed("False", "SyncFailed")], "disruptionsAllowed": 0},
            Status("Error", "SyncFailed", "message", "T5"),
        ),
        (
            {"conditions": [allowed("False", "InsufficientPods")], "currentHealthy": 1, "desiredHealthy": 3},
            Status("Error", "InsufficientPods", "Too few pods are healthy (1/3 healthy)", "T5"),
        ),
        (
            {"conditions": [allowed("False", "InsufficientPods")], "currentHealthy": 3, "desiredHealthy": 3},
            Status(
                "Ready", "BlocksEviction", "Blocks every eviction: all pods must stay (3/3 healthy)", "T5"
            ),
        ),
        (
            {
                "conditions": [allowed("True", "SufficientPods")],
                "disruptionsAllowed": 2,
                "currentHealthy": 3,
                "desiredHealthy": 1,
            },
            Status("Ready", "Ready", "2 disruptions allowed (3/1 healthy)", "T5"),
        ),
        (
            {"currentHealthy": 2, "desiredHealthy": 2, "expectedPods": 3},
            Status("Ready", "Ready", "0 disruptions allowed (2/2 healthy)"),
        ),
        (
            {"currentHealthy": 3, "desiredHealthy": 3, "expectedPods": 3},
            Status("Ready", "BlocksEviction", "Blocks every eviction: all pods must stay (3/3 healthy)"),
        ),
        (
            {"currentHealthy": 0, "desiredHealthy": 1, "expectedPods": 0},
            Status("Ready", "NoMatchingPods", "The selector matches no pod"),
        ),
        (
            {"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "conditions": None},
            Status("Ready", "Ready", "1 disruption allowed (3/2 healthy)"),
        ),
        (
            {"currentHealthy": 0, "desiredHealthy": 1},
            Status("Error", "InsufficientPods", "Too few pods are healthy (0/1 healthy)"),
        ),
    ],
)
def test_budget(status: Json, expected: Status) -> None:
    assert judge(PDB, status=status) == expected


@pytest.mark.parametrize("kind", [HPA, PDB])
def test_a_change_not_observed_by_the_controller_yet(kind: str) -> None:
    status = judge(kind, metadata={"generation": 2}, status={"observedGeneration": 1})
    assert (status.severity, status.reason) == ("Pending", "Progressing")


def test_metadata_of_a_budget() -> None:
    status = {"disruptionsAllowed": 2, "currentHealthy": 3, "desiredHealthy": 1}
    assert make(PDB, spec={"maxUnavailable": "25%"}, status=status).metadata == {
        "maxUnavailable": "25%",
        "disruptionsAllowed": 2,
        "currentHealthy": 3,
        "desiredHealthy": 1,
        "creationTimestamp": CREATED,
    }
    assert make(PDB, spec={"minAvailable": 0, "maxUnavailable": None}).metadata["minAvailable"] == 0


def test_pod_counts_of_a_budget() -> None:
    status = Status("Ready", "Ready", "1 disruption allowed (3/2 healthy)")
    pods = [("selects", Other("Pod", name, Status("Ready", "Running"))) for name in ("c", "a", "b")]
    assert derive(PDB, status, out=pods) == Derived(status, {"targetPods": ["a", "b", "c"]})
    assert derive(PDB, status) == Derived(status)


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({}, ""),
        ({"matchLabels": {"app": "web"}, "matchExpressions": None}, "app=web"),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["a", "b"]},
                    {"key": "old", "operator": "DoesNotExist"},
                ],
            },
            "app=web,tier in (a,b),!old",
        ),
    ],
)
def test_selector_of_a_budget(selector: Json, text: str) -> None:
    assert fields(make(PDB, spec={"selector": selector})) == [
        ("selects", f"Pod/shop?{text}", "spec.selector")
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"selector": None},
        {"selector": {"matchExpressions": [{"key": "a", "operator": "Almost", "values": ["b"]}]}},
    ],
)
def test_budget_without_selector(spec: Json) -> None:
    assert fields(make(PDB, spec=spec)) == []
