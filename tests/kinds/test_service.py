import pytest

from astrolabe.graph.model.facts import Derived
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import Status
from astrolabe.kinds.endpoint_slice import SliceDetails
from astrolabe.kinds.endpoints import ServiceDetails
from astrolabe.kinds.pod import PodDetails
from tests.kinds.support import Json, Other, derive, fields, judge, make

WAITING = Status("Pending", "LoadBalancerPending", "Waiting for an address of the load balancer")

NOTHING_BEHIND = Status(
    "Pending", "NoEndpoints", "It has no selector and no EndpointSlice, so nothing answers"
)


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
def test_status_before_endpoints_are_counted(spec: Json, status: Json, expected: Status) -> None:
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


def test_selector_of_a_service() -> None:
    facts = make("Service", spec={"selector": {"tier": "front", "app": "web"}})
    assert fields(facts) == [
        ("selects", "Pod/shop?app=web,tier=front", "spec.selector"),
        ("would-select", "idle workload/shop?app=web,tier=front", "spec.selector"),
    ]
    assert facts.details == ServiceDetails(has_selector=True, selector={"tier": "front", "app": "web"})


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
    """Slices of so many targets that are ready, of all, each of its own."""
    return [
        around_slice(
            ready=tuple(f"{index}.{number}" for number in range(ready)),
            unready=tuple(f"{index}.{number}" for number in range(ready, total)),
        )
        for index, (ready, total) in enumerate(counts)
    ]


def around_slice(**details: tuple[str, ...]) -> tuple[str, Other]:
    return "endpoints", Other("EndpointSlice", "s", NO_ENDPOINTS, SliceDetails(**details))


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
            Status("Error", "NoReadyEndpoints", "0/2 endpoints ready: pod a: Ready: own message"),
        ),
        (
            OWN,
            True,
            pods("a"),
            Status("Error", "NoReadyEndpoints", "0/1 endpoints ready: pod a: Ready: own message"),
        ),
        (OWN, True, slices((0, 0)), Status("Pending", "NoMatchingPods", "The selector matches no pod")),
        (OWN, True, [], Status("Pending", "NoMatchingPods", "The selector matches no pod")),
        (OWN, False, slices((1, 1)), Status("Ready", "Ready", "1/1 endpoints ready")),
        (OWN, False, slices((0, 1)), Status("Error", "NoReadyEndpoints", "0/1 endpoints ready")),
        (
            OWN,
            False,
            slices((0, 0)),
            Status("Error", "NoReadyEndpoints", "Its EndpointSlices have no endpoints"),
        ),
        (OWN, False, [], NOTHING_BEHIND),
        (WAITING, True, slices((3, 3)), WAITING),
        (WAITING, True, [], Status("Pending", "NoMatchingPods", "The selector matches no pod")),
        (
            WAITING,
            True,
            slices((0, 1)) + pods("a"),
            Status("Error", "NoReadyEndpoints", "0/1 endpoints ready: pod a: Ready: own message"),
        ),
        (WAITING, False, [], NOTHING_BEHIND),
    ],
)
def test_status_with_endpoints(
    own: Status, has_selector: bool, around: list[tuple[str, Other]], expected: Status
) -> None:
    details = ServiceDetails(has_selector=has_selector)
    derived = derive("Service", own, details=details, out=around)
    assert derived.status == expected
    assert (derived.details is not None) is (expected == WAITING)
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
        (["Pod"], slices((0, 2)), Status("Error", "NoReadyEndpoints", "0/2 endpoints ready")),
        (
            ["Pod"],
            slices((0, 0)),
            Status("Pending", "NoReadyEndpoints", "0/0 endpoints ready"),
        ),
    ],
)
def test_unknown_endpoints_raise_no_alarm(
    unknown: list[str], around: list[tuple[str, Other]], expected: Status
) -> None:
    details = ServiceDetails(has_selector=True)
    assert derive("Service", OWN, details=details, out=around, unknown=unknown).status == expected


@pytest.mark.parametrize("has_selector", [True, False])
@pytest.mark.parametrize(("ready", "total"), [(2, 3), (0, 3)])
def test_endpoints_that_become_unreadable_keep_their_last_counts(
    has_selector: bool, ready: int, total: int
) -> None:
    around = {"out": slices((ready, total)), "unknown": ["EndpointSlice"], "outdated": ["EndpointSlice"]}
    derived = derive("Service", OWN, details=ServiceDetails(has_selector=has_selector), **around)
    message = f"{ready}/{total} endpoints ready when EndpointSlices could last be read"
    assert derived.status == Status("Unknown", "EndpointsNotVisible", message)


def test_target_pods_by_name() -> None:
    details = ServiceDetails(has_selector=True)
    going = Status("Pending", "Terminating", "Terminating")
    derived = derive("Service", going, details=details, out=pods("c", "a", "b"))
    assert derived == Derived(going, {"targetPods": ["a", "b", "c"]})
    assert derive("Service", going, details=details) == Derived(going)


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (ServiceDetails(has_selector=False, is_alias=True), OWN),
        (ServiceDetails(has_selector=False), NOT_VISIBLE),
    ],
)
def test_without_endpoint_slices_only_an_external_name_is_ready(
    details: ServiceDetails, expected: Status
) -> None:
    assert derive("Service", OWN, details=details, unknown=["EndpointSlice"]).status == expected


@pytest.mark.parametrize(
    ("name", "leads_to"),
    [
        ("web.shop.svc.clusterset.local", ["shop/web"]),
        ("web.shop.svc.cluster.local", []),
        ("a.web.shop.svc.clusterset.local", []),
        ("example.com", []),
    ],
)
def test_an_alias_of_the_cluster_set_leads_to_its_import(name: str, leads_to: list[str]) -> None:
    links = make("Service", spec={"type": "ExternalName", "externalName": name}).links
    assert [f"{link.namespace}/{link.name}" for link in links if isinstance(link, Ref)] == leads_to
