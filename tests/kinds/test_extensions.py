"""Whether an API works: APIService and CustomResourceDefinition by their conditions; ResourceClaims by theirs."""

from typing import Any

import pytest

from astrolabe.graph.state.status import ERROR, PENDING, READY, UNKNOWN, Status
from tests.kinds.support import condition, judge, make


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ([], Status(PENDING, "Pending", "Waiting for the API server to check it")),
        ([condition("Available", "True", "Local", "always")], Status(READY, "Available", "", "T1")),
        (
            [condition("Available", "False", "FailedDiscoveryCheck", "no response")],
            Status(ERROR, "FailedDiscoveryCheck", "no response", "T1"),
        ),
        ([condition("Available", "Unknown")], Status(UNKNOWN, "Unavailable", "", "T1")),
    ],
)
def test_an_api_service(conditions: list[Any], status: Status) -> None:
    assert judge("APIService", status={"conditions": conditions}) == status


def test_an_api_service_served_by_the_api_server_itself() -> None:
    facts = make("APIService", spec={"group": "apps", "version": "v1"})
    assert (facts.metadata["service"], facts.links) == ("Local", ())


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ([], Status(PENDING, "Installing", "Waiting for the API server to serve it")),
        (
            [condition("NamesAccepted", "True"), condition("Established", "False", "Installing")],
            Status(PENDING, "Installing", "Waiting for the API server to serve it"),
        ),
        ([condition("Established", "True")], Status(READY, "Established", "", "T1")),
        (
            [condition("NamesAccepted", "False", "PluralConflict", '"widgets" is already in use')],
            Status(ERROR, "PluralConflict", '"widgets" is already in use', "T1"),
        ),
        (
            [condition("Established", "False", "NotAccepted", "not all names are accepted")],
            Status(ERROR, "NotAccepted", "not all names are accepted", "T1"),
        ),
        (
            [
                condition("Established", "True"),
                condition("Terminating", "True", "InstanceDeletionInProgress", "x"),
            ],
            Status(PENDING, "Terminating", "x", "T1"),
        ),
    ],
)
def test_a_crd(conditions: list[Any], status: Status) -> None:
    assert judge("CustomResourceDefinition", status={"conditions": conditions}) == status


def test_a_resource_claim() -> None:
    assert judge("ResourceClaim").reason == "Pending"
    assert judge("ResourceClaim", status={"allocation": {}}).reason == "Allocated"
    reserved = {"allocation": {}, "reservedFor": [{"resource": "pods", "name": "a"}]}
    assert judge("ResourceClaim", status=reserved).reason == "Reserved"


def test_a_mirror_pod_needs_no_service_account_and_ends_the_closure() -> None:
    mirror = {"annotations": {"kubernetes.io/config.mirror": "abc"}}
    static = make("Pod", metadata=mirror, spec={"nodeName": "node-1", "containers": []})
    assert [(link.type, link.kind) for link in static.links] == [("runs-on", "Node")]
    assert static.closure_ends
    assert not make("Pod", spec={}).closure_ends


def test_a_stateful_set_without_its_service() -> None:
    (link, *_) = make("StatefulSet", spec={"serviceName": "db"}).links
    assert (link.type, link.kind, link.field) == ("governed-by", "Service", "spec.serviceName")
    assert make("StatefulSet", spec={"serviceName": ""}).links == ()


def test_the_classes_of_a_pod() -> None:
    spec = {"priorityClassName": "high", "runtimeClassName": "gvisor", "serviceAccountName": "x"}
    pod, template = make("Pod", spec=spec), make("Deployment", spec={"template": {"spec": spec}})
    for facts, optional in ((pod, True), (template, False)):
        classes = {link.kind: link for link in facts.links if link.type == "uses-class"}
        assert classes["PriorityClass"].optional is optional  # type: ignore[union-attr]
        assert not classes["RuntimeClass"].optional  # type: ignore[union-attr]
