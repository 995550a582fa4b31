import pytest

from astrolabe.graph.model.facts import Derived
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.status import Status
from astrolabe.kinds.service import ServiceDetails
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
def test_an_address_is_no_condition(status: Json, message: str) -> None:
    assert judge("Ingress", status=status) == Status("Ready", "Ready", message)


def backend(name: str) -> Json:
    return {"service": {"name": name, "port": {"number": 80}}}


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
        {"http": {"paths": [{"backend": {"resource": {"kind": "Bucket", "name": "b"}}}, {"backend": None}]}},
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
        ("uses-secret", "Secret/shop/tls", "spec.tls[0].secretName"),
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


def missing(type: str, kind: str, name: str) -> Ref:
    return Ref(type, kind, "shop", name, "spec.somewhere")


MISSING_BACKENDS = [missing("routes-to", "Service", "b"), missing("routes-to", "Service", "a")]
MISSING_SECRET = missing("uses-secret", "Secret", "tls")
MISSING_CLASS = missing("uses-class", "IngressClass", "nginx")

DERIVED: dict[str, tuple[list[tuple[str, Other]], list[Ref], Status]] = {
    "no backends": ([], [], OWN),
    "all ready": ([service("a", FINE), service("b", FINE)], [], OWN),
    "one without selector": ([service("a", FINE), service("b", NO_ADDRESS, has_selector=False)], [], OWN),
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
def test_backends(out: list[tuple[str, Other]], unresolved: list[Ref], expected: Status) -> None:
    assert derive("Ingress", OWN, out=out, unresolved=unresolved) == Derived(expected)
    assert derive("Ingress", OWN, out=out[::-1], unresolved=unresolved[::-1]) == Derived(expected)


@pytest.mark.parametrize(
    ("unknown", "unseen", "expected"),
    [
        (["Service", "Secret"], [], OWN),
        (["Service", "Secret"], [MISSING_CLASS], OWN),
        (["Service"], MISSING_BACKENDS, Status("Unknown", "BackendNotVisible", "Service not visible: a, b")),
        (["Secret"], [MISSING_SECRET], Status("Unknown", "TLSSecretNotVisible", "Secret not visible: tls")),
    ],
)
def test_what_cannot_be_seen_is_not_ready(unknown: list[str], unseen: list[Ref], expected: Status) -> None:
    fine = [service("c", FINE)]
    assert derive("Ingress", OWN, out=fine, unseen=unseen, unknown=unknown) == Derived(expected)
    down = derive("Ingress", OWN, out=[service("c", DOWN)], unseen=unseen, unknown=unknown)
    assert down.status.severity == "Error", "what can be seen comes first"


def test_what_cannot_be_seen_any_more_is_not_ready() -> None:
    secret = ("uses-secret", Other("Secret", "tls", Status("Ready", "Ready")))
    out = [service("b", FINE), service("a", FINE), secret]
    gone = {"unknown": ["Service"], "outdated": ["Service"]}
    backends = Status("Unknown", "BackendNotVisible", "Service not visible any more: a, b")
    assert derive("Ingress", OWN, out=out, **gone) == Derived(backends)
    gone = {"unknown": ["Secret"], "outdated": ["Secret"]}
    secrets = Status("Unknown", "TLSSecretNotVisible", "Secret not visible any more: tls")
    assert derive("Ingress", OWN, out=out, **gone) == Derived(secrets)
    down = derive("Ingress", OWN, out=[service("c", DOWN), secret], **gone)
    assert down.status.severity == "Error", "what can be seen comes first"


def test_an_ingress_over_a_service_without_selector_of_which_nothing_is_known() -> None:
    derived = derive("Ingress", OWN, out=[service("a", UNSEEN, has_selector=False)])
    message = "service a: EndpointsNotVisible: No EndpointSlice is visible"
    assert derived.status == Status("Unknown", "BackendUnknown", message)


def test_an_ingress_that_is_being_deleted_says_so() -> None:
    deleted = Status("Pending", "Terminating", "Terminating", "T9")
    assert derive("Ingress", deleted, out=[service("a", DOWN)], unresolved=[MISSING_SECRET]) == Derived(
        deleted
    )


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
def test_what_a_policy_selects(selector: Json, text: str) -> None:
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
def test_a_policy_that_selects_nothing(spec: Json) -> None:
    assert fields(make("NetworkPolicy", spec=spec)) == []
