import pytest

from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.model.node_text import encode_own
from astrolabe.graph.state.status import Status
from astrolabe.kinds.endpoint_slice import SliceDetails
from tests.kinds.support import Json, fields, make

GOING: Json = {"conditions": {"ready": False, "serving": False, "terminating": True}}
DRAINING: Json = {"conditions": {"ready": False, "serving": True, "terminating": True}}
READY: Json = {"conditions": {"ready": True}}
UNREADY: Json = {"conditions": {"ready": False}}


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([READY, READY], Status("Ready", "Ready", "2/2 endpoints ready")),
        ([{}, {"conditions": {}}, {"conditions": None}], Status("Ready", "Ready", "3/3 endpoints ready")),
        ([{"conditions": {"ready": None}}], Status("Ready", "Ready", "1/1 endpoints ready")),
        ([READY, READY, UNREADY], Status("Pending", "PartiallyReady", "2/3 endpoints ready")),
        ([UNREADY, UNREADY], Status("Error", "NoReadyEndpoints", "0/2 endpoints ready")),
        ([], Status("Ready", "NoEndpoints", "No endpoints")),
        (None, Status("Ready", "NoEndpoints", "No endpoints")),
        ([GOING, DRAINING], Status("Ready", "NoEndpoints", "Only endpoints that go (2)")),
        ([READY, GOING], Status("Ready", "Ready", "1/1 endpoints ready")),
    ],
)
def test_slice(endpoints: list[Json] | None, expected: Status) -> None:
    assert make("EndpointSlice", endpoints=endpoints).status == expected


LABELS = {"kubernetes.io/service-name": "web"}


def test_links_of_a_slice() -> None:
    endpoints = [
        {"targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "u0"}},
        {"targetRef": {"kind": "Pod", "namespace": "other", "name": "web-1"}},
        {"targetRef": {"kind": "Pod", "name": "web-2"}},
        {"targetRef": {"kind": "Pod", "name": "web-3", "uid": "u3"}},
        {"addresses": ["10.0.0.9"]},
        {"targetRef": {"kind": "Node", "name": "n", "uid": "u9"}},
        {"targetRef": {"kind": "Pod"}},
        {"targetRef": None},
    ]
    assert make("EndpointSlice", metadata={"labels": LABELS}, endpoints=endpoints).links == (
        Ref(
            "endpoints", "Service", "shop", "web", "metadata.labels[kubernetes.io/service-name]", reverse=True
        ),
        RefByUid("endpoints", "u0", "Pod", "shop", "web-0", "endpoints[0].targetRef"),
        Ref("endpoints", "Pod", "other", "web-1", "endpoints[1].targetRef"),
        Ref("endpoints", "Pod", "shop", "web-2", "endpoints[2].targetRef"),
        RefByUid("endpoints", "u3", "Pod", "shop", "web-3", "endpoints[3].targetRef"),
    )


def owned_by(kind: str, name: str, api_version: str) -> Json:
    return {"ownerReferences": [{"apiVersion": api_version, "kind": kind, "name": name, "uid": "u-o"}]}


OWNED = owned_by("Service", "web", "v1")


def test_a_slice_and_its_service_are_linked_once() -> None:
    """That the Service owns the slice is shown of it, and is no second edge; nor is it missing twice."""
    facts = make("EndpointSlice", metadata={**OWNED, "labels": LABELS})
    field = "metadata.labels[kubernetes.io/service-name]"
    assert facts.links == (
        RefByUid("endpoints", "u-o", "Service", "shop", "web", field, reverse=True, optional=True, group=""),
        Ref("endpoints", "Service", "shop", "web", field, reverse=True),
    )
    assert encode_own(facts, "v1").count('"ownerReferences":[{"kind":"Service","name":"web"}]') == 1


@pytest.mark.parametrize(
    ("owner", "labels"),
    [
        (OWNED, {}),
        (OWNED, {"kubernetes.io/service-name": "other"}),
        (owned_by("Service", "web", "serving.knative.dev/v1"), LABELS),
        (owned_by("Endpoints", "web", "v1"), LABELS),
    ],
    ids=["no label", "the label of another", "a Service of Knative", "mirrored from Endpoints"],
)
def test_an_owner_other_than_the_labelled_service_owns_the_slice(owner: Json, labels: Json) -> None:
    links = make("EndpointSlice", metadata={**owner, "labels": labels}).links
    assert [link.type for link in links] == ["owns", "endpoints"][: 1 + bool(labels)]


def test_target_pods_of_a_slice() -> None:
    pods = [{"targetRef": {"kind": "Pod", "name": name, "uid": f"u-{name}"}} for name in ("b", "a", "b")]
    others = [
        {},
        {"targetRef": None},
        {"targetRef": {"kind": "Pod"}},
        {"targetRef": {"kind": "Node", "name": "n"}},
    ]
    assert make("EndpointSlice", endpoints=pods + others).metadata["targetPods"] == ["a", "b"]
    assert "targetPods" not in make("EndpointSlice", endpoints=others).metadata


@pytest.mark.parametrize("labels", [None, {}, {"kubernetes.io/service-name": ""}])
def test_a_slice_without_service(labels: Json | None) -> None:
    assert fields(make("EndpointSlice", metadata={"labels": labels}, endpoints=None)) == []


def endpoint(address: str, target: Json | None = None, **conditions: bool | None) -> Json:
    return {"addresses": [address], "conditions": conditions, "targetRef": target}


POD = {"kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "u0"}


def test_endpoint_counts_that_a_service_reads() -> None:
    details = make(
        "EndpointSlice",
        endpoints=[
            endpoint("10.0.0.1", POD),
            endpoint("10.0.0.2", {"kind": "Pod", "namespace": "shop", "name": "web-1"}, ready=False),
            endpoint("10.0.0.3", ready=True, serving=False),
            endpoint("10.0.0.4", ready=False, serving=True, terminating=True),
            endpoint("10.0.0.5", ready=False, serving=False, terminating=True),
            {},
        ],
        ports=[{"name": "http", "port": 8080}, {"name": None, "port": 1}, {"port": 2}],
    ).details
    assert details == SliceDetails(
        ready=("u0", "10.0.0.3", "u-x 5"),
        unready=("Pod/shop/web-1",),
        published=("10.0.0.3",),
        draining=("10.0.0.4",),
        ports=("http", "", ""),
        bare="IPv4",
    )
    assert make("EndpointSlice", endpoints=None, ports=None).details == SliceDetails()
