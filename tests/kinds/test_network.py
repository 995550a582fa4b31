from typing import Any

import pytest

from astrolabe.graph.model.facts import Derived
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import Status
from astrolabe.kinds.endpoints import Port, ServiceDetails
from astrolabe.kinds.network import IngressDetails
from tests.kinds.support import Json, Other, derive, fields, judge, make

ANNOTATED = {"kubernetes.io/ingress.class": "legacy"}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"loadBalancer": {}}, "No address yet"),
        ({}, "No address yet"),
        ({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}, "Address 192.0.2.1"),
        (
            {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example"}, {}]}},
            "Address 192.0.2.1, lb.example",
        ),
    ],
)
def test_an_ingress_is_ready_without_an_address(status: Json, message: str) -> None:
    assert judge("Ingress", status=status) == Status("Ready", "Ready", message)


def backend(name: str) -> Json:
    return {"service": {"name": name, "port": {"number": 80}}}


BUCKET = {"resource": {"apiGroup": "s3.example", "kind": "Bucket", "name": "b"}}
SPEC: Json = {
    "ingressClassName": "nginx",
    "defaultBackend": backend("fallback"),
    "rules": [
        {
            "host": "shop.example",
            "http": {"paths": [{"backend": backend("web")}, {"backend": backend("api")}]},
        },
        {"host": "www.example", "http": {"paths": [{"backend": backend("web")}]}},
        {"host": "shop.example", "http": None},
        {"http": {"paths": [{"backend": BUCKET}, {"backend": None}]}},
    ],
    "tls": [{"hosts": ["shop.example"], "secretName": "tls"}, {"hosts": ["www.example"]}],
}


def test_metadata_of_an_ingress() -> None:
    assert make("Ingress", spec=SPEC).metadata == {
        "ingressClass": "nginx",
        "hosts": ["shop.example", "www.example"],
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    assert make("Ingress", metadata={"annotations": ANNOTATED}).metadata["ingressClass"] == "legacy"


def test_links_of_an_ingress() -> None:
    assert fields(make("Ingress", spec=SPEC)) == [
        ("routes-to", "Service/shop/fallback", "spec.defaultBackend.service.name"),
        ("routes-to", "Service/shop/web", "spec.rules[0].http.paths[0].backend.service.name"),
        ("routes-to", "Service/shop/api", "spec.rules[0].http.paths[1].backend.service.name"),
        ("routes-to", "Service/shop/web", "spec.rules[1].http.paths[0].backend.service.name"),
        ("routes-to", "Bucket.s3.example/shop/b", "spec.rules[3].http.paths[0].backend.resource.name"),
        ("uses-secret", "Secret/shop/tls", "spec.tls[0].secretName"),
        ("uses", "Certificate.cert-manager.io/shop/tls", "spec.tls[0].secretName"),
        ("uses-class", "IngressClass//nginx", "spec.ingressClassName"),
    ]


BY_FIELD = Ref("uses-class", "IngressClass", "", "nginx", "spec.ingressClassName")
BY_ANNOTATION = Ref(
    "uses-class",
    "IngressClass",
    "",
    "legacy",
    "metadata.annotations[kubernetes.io/ingress.class]",
    optional=True,
)


@pytest.mark.parametrize(
    ("annotations", "name", "links"),
    [
        (None, "nginx", (BY_FIELD,)),
        (ANNOTATED, "nginx", (BY_FIELD,)),
        (ANNOTATED, None, (BY_ANNOTATION,)),
        (ANNOTATED, "", (BY_ANNOTATION,)),
        (None, None, ()),
        ({}, None, ()),
    ],
)
def test_the_class_of_an_ingress(annotations: Json | None, name: str | None, links: tuple[Ref, ...]) -> None:
    nulls = {"ingressClassName": name, "rules": None, "tls": None, "defaultBackend": None}
    assert make("Ingress", metadata={"annotations": annotations}, spec=nulls).links == links


OWN = Status("Ready", "Ready", "No address yet")
FINE = Status("Ready", "Ready", "3/3 endpoints ready")
DOWN = Status("Error", "NoReadyEndpoints", "0/3 endpoints ready", "T1")
UNSEEN = Status("Unknown", "EndpointsNotVisible", "No EndpointSlice is visible")
EMPTY = Status("Pending", "NoMatchingPods", "The selector matches no pod")
NO_ADDRESS = Status("Pending", "LoadBalancerPending", "Waiting for an address of the load balancer")


def service(name: str, status: Status, *, has_selector: bool = True) -> tuple[str, Other]:
    return "routes-to", Other("Service", name, status, ServiceDetails(has_selector=has_selector))


#: Of an Ingress whose ports are none of the test's business.
PLAIN = IngressDetails()


def missing(type: str, kind: str, name: str) -> Ref:
    return Ref(type, kind, "shop", name, "spec.somewhere")


MISSING_BACKENDS = [missing("routes-to", "Service", "b"), missing("routes-to", "Service", "a")]
MISSING_SECRET = missing("uses-secret", "Secret", "tls")
MISSING_CLASS = missing("uses-class", "IngressClass", "nginx")

UNSERVED = "service a: NoReadyEndpoints: It publishes endpoints, of which none is ready"

DERIVED: dict[str, tuple[list[tuple[str, Other]], list[Ref], Status]] = {
    "no backends": ([], [], OWN),
    "all ready": ([service("a", FINE), service("b", FINE)], [], OWN),
    "one without an address of its own": (
        [
            service("a", FINE),
            (
                "routes-to",
                Other("Service", "b", NO_ADDRESS, ServiceDetails(has_selector=True, only_unaddressed=True)),
            ),
        ],
        [],
        OWN,
    ),
    "one without selector": (
        [service("a", FINE), service("b", DOWN, has_selector=False)],
        [],
        Status("Error", "BackendUnavailable", "service b: NoReadyEndpoints: 0/3 endpoints ready", "T1"),
    ),
    "backends missing": (
        [service("c", DOWN)],
        [*MISSING_BACKENDS, MISSING_SECRET],
        Status("Error", "BackendMissing", "Service not found: a, b"),
    ),
    "secret missing": (
        [service("c", DOWN)],
        [MISSING_CLASS, MISSING_SECRET],
        Status("Error", "TLSSecretMissing", "Secret not found: tls"),
    ),
    "class missing": ([service("a", FINE)], [MISSING_CLASS], OWN),
    "one unavailable": (
        [service("a", EMPTY), service("c", DOWN), service("b", DOWN), service("d", FINE)],
        [],
        Status("Error", "BackendUnavailable", "service b: NoReadyEndpoints: 0/3 endpoints ready", "T1"),
    ),
    "one that publishes only what is not ready": (
        [("routes-to", Other("Service", "a", FINE, ServiceDetails(has_selector=True, only_published=True)))],
        [],
        Status("Error", "BackendUnavailable", UNSERVED),
    ),
    "one unknown": (
        [service("b", UNSEEN), service("a", FINE)],
        [],
        Status("Unknown", "BackendUnknown", "service b: EndpointsNotVisible: No EndpointSlice is visible"),
    ),
    "one pending, one unknown": (
        [service("b", UNSEEN), service("c", EMPTY)],
        [],
        Status("Pending", "BackendPending", "service c: NoMatchingPods: The selector matches no pod"),
    ),
    "one pending": (
        [service("b", EMPTY), service("a", FINE)],
        [],
        Status("Pending", "BackendPending", "service b: NoMatchingPods: The selector matches no pod"),
    ),
}


@pytest.mark.parametrize(("out", "unresolved", "expected"), DERIVED.values(), ids=DERIVED)
def test_status_follows_the_backends(
    out: list[tuple[str, Other]], unresolved: list[Ref], expected: Status
) -> None:
    assert derive("Ingress", OWN, details=PLAIN, out=out, unresolved=unresolved) == Derived(expected)
    assert derive("Ingress", OWN, details=PLAIN, out=out[::-1], unresolved=unresolved[::-1]) == Derived(
        expected
    )


@pytest.mark.parametrize(
    ("unknown", "unseen", "expected"),
    [
        (["Service", "Secret"], [], OWN),
        (["Service", "Secret"], [MISSING_CLASS], OWN),
        (["Service"], MISSING_BACKENDS, Status("Unknown", "BackendNotVisible", "Service not visible: a, b")),
        (["Secret"], [MISSING_SECRET], Status("Unknown", "TLSSecretNotVisible", "Secret not visible: tls")),
    ],
)
def test_an_ingress_whose_backends_cannot_be_seen_is_not_ready(
    unknown: list[str], unseen: list[Ref], expected: Status
) -> None:
    fine = [service("c", FINE)]
    assert derive("Ingress", OWN, details=PLAIN, out=fine, unseen=unseen, unknown=unknown) == Derived(
        expected
    )
    down = derive("Ingress", OWN, details=PLAIN, out=[service("c", DOWN)], unseen=unseen, unknown=unknown)
    assert down.status.severity == "Error", "what can be seen comes first"


def test_an_ingress_whose_backend_is_no_longer_visible_is_not_ready() -> None:
    secret = ("uses-secret", Other("Secret", "tls", Status("Ready", "Ready")))
    out = [service("b", FINE), service("a", FINE), secret]
    gone = {"unknown": ["Service"], "outdated": ["Service"]}
    backends = Status("Unknown", "BackendNotVisible", "Service not visible any more: a, b")
    assert derive("Ingress", OWN, details=PLAIN, out=out, **gone) == Derived(backends)
    gone = {"unknown": ["Secret"], "outdated": ["Secret"]}
    secrets = Status("Unknown", "TLSSecretNotVisible", "Secret not visible any more: tls")
    assert derive("Ingress", OWN, details=PLAIN, out=out, **gone) == Derived(secrets)
    down = derive("Ingress", OWN, details=PLAIN, out=[service("c", DOWN), secret], **gone)
    assert down.status.severity == "Error", "what can be seen comes first"


def test_an_ingress_whose_service_has_neither_selector_nor_endpoints() -> None:
    derived = derive("Ingress", OWN, details=PLAIN, out=[service("a", UNSEEN, has_selector=False)])
    message = "service a: EndpointsNotVisible: No EndpointSlice is visible"
    assert derived.status == Status("Unknown", "BackendUnknown", message)


def test_an_ingress_being_deleted_is_terminating() -> None:
    deleted = Status("Pending", "Terminating", "Terminating", "T9")
    assert derive(
        "Ingress", deleted, details=PLAIN, out=[service("a", DOWN)], unresolved=[MISSING_SECRET]
    ) == Derived(deleted)


@pytest.mark.parametrize("kind", ["IngressClass", "NetworkPolicy"])
def test_always_ready(kind: str) -> None:
    assert judge(kind) == Status("Ready", "Ready")


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({}, ""),
        ({"matchLabels": {"app": "db"}}, "app=db"),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}, "app notin (db)"),
        ({"matchExpressions": [{"key": "app", "operator": "Exists", "values": None}]}, "app"),
    ],
)
def test_selector_of_a_network_policy(selector: Json, text: str) -> None:
    facts = make("NetworkPolicy", spec={"podSelector": selector})
    assert fields(facts) == [("selects", f"Pod/shop?{text}", "spec.podSelector")]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"podSelector": None},
        {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]}},
    ],
)
def test_network_policy_without_selector(spec: Json) -> None:
    assert fields(make("NetworkPolicy", spec=spec)) == []


def to(service: str, **port: Any) -> Json:
    return {"http": {"paths": [{"backend": {"service": {"name": service, "port": port}}}]}}


def test_the_ports_of_an_ingress() -> None:
    rules = [to("web", number=80), to("web", name="http"), to("web", number=80), to("api", number=0), to("x")]
    action = to("redirect", name="use-annotation")
    spec = {"defaultBackend": backend("fallback"), "rules": [*rules, action]}
    details = make("Ingress", spec=spec).details
    assert details == IngressDetails(ports=(("fallback", 80), ("web", 80), ("web", "http")))


def test_an_action_of_the_aws_controller_is_not_a_service() -> None:
    links = fields(
        make("Ingress", spec={"rules": [to("redirect", name="use-annotation"), to("web", number=80)]})
    )
    assert links == [("routes-to", "Service/shop/web", "spec.rules[1].http.paths[0].backend.service.name")]


WEB = ServiceDetails(has_selector=True, ports=(Port(80, "http"), Port(9090)))
ALIAS = ServiceDetails(has_selector=False, is_alias=True, ports=(Port(80, "http"),))


@pytest.mark.parametrize(
    ("service_details", "port", "message"),
    [
        (WEB, 80, ""),
        (WEB, "http", ""),
        (WEB, 9090, ""),
        (WEB, 9999, "service web has no port 9999 (its ports: http 80, 9090)"),
        (WEB, "https", "service web has no port https (its ports: http 80, 9090)"),
        (ServiceDetails(has_selector=True), 80, "service web has no port 80 (it has none)"),
        (ALIAS, 443, ""),
        (ALIAS, "http", ""),
        (ALIAS, "https", "service web has no port https (its ports: http 80)"),
    ],
)
@pytest.mark.parametrize("status", [FINE, DOWN, UNSEEN])
def test_a_backend_port_missing_in_the_service(
    service_details: ServiceDetails, port: str | int, message: str, status: Status
) -> None:
    out = [("routes-to", Other("Service", "web", status, service_details))]
    details = IngressDetails(ports=(("web", port), ("gone", 1)))
    derived = derive("Ingress", OWN, details=details, out=out, unresolved=[MISSING_SECRET]).status
    reason = "PortMissing" if message else "TLSSecretMissing"
    assert (derived.severity, derived.reason) == ("Error", reason)
    assert derived.message == (message or "Secret not found: tls")


def test_a_missing_backend_of_another_kind() -> None:
    bucket = Ref("routes-to", "Bucket.s3.example", "shop", "b", "spec.defaultBackend.resource.name")
    derived = derive("Ingress", OWN, details=PLAIN, unresolved=[bucket])
    assert derived.status == Status("Error", "BackendMissing", "Bucket not found: b")


LOST = Status(
    "Error", "NoSuchTargetPort", "Its pods have no port named metrics (of port 9090); they have web"
)


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ((), ("Error", "BackendUnavailable")),
        ((("web", 80),), ("Ready", "Ready")),
        ((("web", "http"), ("other", 9090)), ("Ready", "Ready")),
        ((("web", 9090),), ("Error", "BackendUnavailable")),
        ((("web", 80), ("web", "metrics")), ("Error", "BackendUnavailable")),
    ],
)
def test_only_ingresses_that_use_a_broken_port_report_it(ports: Any, expected: tuple[str, str]) -> None:
    web, metrics = Port(80, "http", "web/TCP"), Port(9090, "metrics", "metrics/TCP")
    details = ServiceDetails(has_selector=True, ports=(web, metrics), lost=(metrics,))
    out = [("routes-to", Other("Service", "web", LOST, details))]
    status = derive("Ingress", OWN, details=IngressDetails(ports=ports), out=out).status
    assert (status.severity, status.reason) == expected
