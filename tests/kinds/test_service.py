import pytest

from astrolabe.graph.model.facts import Derived
from astrolabe.graph.model.links import Ref, RefByUid
from astrolabe.graph.model.node_text import encode_own
from astrolabe.graph.state.status import Status
from astrolabe.kinds.pod import PodDetails
from astrolabe.kinds.service import EndpointCount, ServiceDetails
from tests.kinds.support import Json, Other, derive, fields, judge, make

WAITING = Status("Pending", "LoadBalancerPending", "Waiting for an address of the load balancer")


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"type": "LoadBalancer"}, {"loadBalancer": {}}, WAITING),
        ({"type": "LoadBalancer"}, {"loadBalancer": {"ingress": None}}, WAITING),
        ({"type": "LoadBalancer"}, {"loadBalancer": None}, WAITING),
        (
            {"type": "LoadBalancer"},
            {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
            Status("Ready", "Ready", "No selector"),
        ),
        (
            {"type": "LoadBalancer"},
            {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}},
            Status("Ready", "Ready", "No selector"),
        ),
        (
            {"type": "ExternalName", "externalName": "status.example"},
            {},
            Status("Ready", "Ready", "Alias of status.example"),
        ),
        ({"selector": None}, {}, Status("Ready", "Ready", "No selector")),
        ({"selector": {"app": "web"}}, {}, Status("Ready", "Ready")),
    ],
)
def test_before_its_endpoints_are_counted(spec: Json, status: Json, expected: Status) -> None:
    assert judge("Service", spec=spec, status=status) == expected


def test_metadata_of_a_service() -> None:
    spec = {
        "type": "NodePort",
        "clusterIP": "10.0.0.1",
        "ports": [
            {"port": 80, "protocol": "TCP", "nodePort": 30080},
            {"port": 53, "protocol": "UDP"},
            {"port": 9},
        ],
    }
    assert make("Service", spec=spec).metadata == {
        "clusterIP": "10.0.0.1",
        "serviceType": "NodePort",
        "ports": ["80:30080/TCP", "53/UDP", "9/TCP"],
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    external = {"type": "ExternalName", "externalName": "status.example", "ports": None}
    assert make("Service", spec=external).metadata == {
        "serviceType": "ExternalName",
        "externalName": "status.example",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }


def test_what_a_service_selects() -> None:
    facts = make("Service", spec={"selector": {"tier": "front", "app": "web"}})
    assert fields(facts) == [("selects", "Pod/shop?app=web,tier=front", "spec.selector")]
    assert facts.details == ServiceDetails(has_selector=True)


@pytest.mark.parametrize(
    "spec", [{}, {"selector": None}, {"selector": {}}, {"type": "ExternalName", "selector": {"app": "web"}}]
)
def test_a_service_that_selects_nothing(spec: Json) -> None:
    facts = make("Service", spec=spec)
    assert fields(facts) == []
    alias = spec.get("type") == "ExternalName"
    assert facts.details == ServiceDetails(has_selector=False, is_alias=alias)


OWN = Status("Ready", "Ready", "own message")
NO_ENDPOINTS = Status("Error", "NoReadyEndpoints")
NOT_VISIBLE = Status(
    "Unknown",
    "EndpointsNotVisible",
    "No EndpointSlice is visible, so it is not known whether endpoints are ready",
)


def slices(*counts: tuple[int, int]) -> list[tuple[str, Other]]:
    return [
        ("endpoints", Other("EndpointSlice", f"s{index}", NO_ENDPOINTS, EndpointCount(ready, total)))
        for index, (ready, total) in enumerate(counts)
    ]


def pods(*names: str) -> list[tuple[str, Other]]:
    return [("selects", Other("Pod", name, OWN, PodDetails(restarts=0))) for name in names]


@pytest.mark.parametrize(
    ("own", "has_selector", "around", "expected"),
    [
        (OWN, True, slices((3, 3)) + pods("a", "b", "c"), Status("Ready", "Ready", "3/3 endpoints ready")),
        (OWN, True, slices((1, 2), (1, 2)) + pods("a"), Status("Ready", "Ready", "2/4 endpoints ready")),
        (
            OWN,
            True,
            slices((0, 2)) + pods("a", "b"),
            Status("Error", "NoReadyEndpoints", "0/2 endpoints ready"),
        ),
        (OWN, True, pods("a"), Status("Error", "NoReadyEndpoints", "0/0 endpoints ready")),
        (OWN, True, slices((0, 0)), Status("Pending", "NoMatchingPods", "The selector matches no pod")),
        (OWN, True, [], Status("Pending", "NoMatchingPods", "The selector matches no pod")),
        (OWN, False, slices((1, 1)), Status("Ready", "Ready", "1/1 endpoints ready")),
        (OWN, False, slices((0, 1)), Status("Ready", "Ready", "0/1 endpoints ready")),
        (OWN, False, [], OWN),
        (WAITING, True, slices((3, 3)), WAITING),
        (WAITING, True, [], WAITING),
    ],
)
def test_with_its_endpoints_counted(
    own: Status, has_selector: bool, around: list[tuple[str, Other]], expected: Status
) -> None:
    details = ServiceDetails(has_selector=has_selector)
    derived = derive("Service", own, details=details, out=around)
    assert derived.status == expected
    assert derived.details is None
    assert derive("Service", own, details=details, out=around[::-1]) == derived


@pytest.mark.parametrize(
    ("unknown", "around", "expected"),
    [
        (["EndpointSlice"], pods("a"), NOT_VISIBLE),
        (["EndpointSlice", "Pod"], [], NOT_VISIBLE),
        (
            ["EndpointSlice"],
            slices((0, 1)) + pods("a"),
            Status(
                "Unknown",
                "EndpointsNotVisible",
                "0/1 endpoints ready; there may be more EndpointSlices that are not visible",
            ),
        ),
        (["EndpointSlice"], slices((2, 3)), Status("Ready", "Ready", "2/3 endpoints ready")),
        (["Pod"], slices((2, 3)), Status("Ready", "Ready", "2/3 endpoints ready")),
        (["Pod"], slices((0, 2)), Status("Pending", "NoReadyEndpoints", "0/2 endpoints ready")),
    ],
)
def test_what_is_not_known_is_no_alarm(
    unknown: list[str], around: list[tuple[str, Other]], expected: Status
) -> None:
    details = ServiceDetails(has_selector=True)
    assert derive("Service", OWN, details=details, out=around, unknown=unknown).status == expected


@pytest.mark.parametrize("has_selector", [True, False])
@pytest.mark.parametrize(("ready", "total"), [(2, 3), (0, 3)])
def test_endpoints_that_cannot_be_read_any_more_are_those_of_then(
    has_selector: bool, ready: int, total: int
) -> None:
    around = {"out": slices((ready, total)), "unknown": ["EndpointSlice"], "outdated": ["EndpointSlice"]}
    derived = derive("Service", OWN, details=ServiceDetails(has_selector=has_selector), **around)
    message = f"{ready}/{total} endpoints ready when EndpointSlices could last be read"
    assert derived.status == Status("Unknown", "EndpointsNotVisible", message)


def test_target_pods_by_name() -> None:
    details = ServiceDetails(has_selector=True)
    derived = derive("Service", WAITING, details=details, out=pods("c", "a", "b"))
    assert derived == Derived(WAITING, {"targetPods": ["a", "b", "c"]})
    assert derive("Service", WAITING, details=details) == Derived(WAITING)


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
        ([], Status("Pending", "NoEndpoints", "No endpoints")),
        (None, Status("Pending", "NoEndpoints", "No endpoints")),
    ],
)
def test_slice(endpoints: list[Json] | None, expected: Status) -> None:
    facts = make("EndpointSlice", endpoints=endpoints)
    assert facts.status == expected
    ready = sum(1 for each in endpoints or () if each is not UNREADY)
    assert facts.details == EndpointCount(ready, len(endpoints or ()))


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
def test_an_owner_that_is_not_the_service_of_the_label_owns(owner: Json, labels: Json) -> None:
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
def test_a_slice_of_no_service(labels: Json | None) -> None:
    assert fields(make("EndpointSlice", metadata={"labels": labels}, endpoints=None)) == []


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (ServiceDetails(has_selector=False, is_alias=True), OWN),
        (ServiceDetails(has_selector=False), NOT_VISIBLE),
    ],
)
def test_without_a_view_of_slices_only_an_alias_is_ready(details: ServiceDetails, expected: Status) -> None:
    assert derive("Service", OWN, details=details, unknown=["EndpointSlice"]).status == expected
