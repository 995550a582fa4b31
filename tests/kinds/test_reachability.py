"""Who can be reached: Services, slices and Ingresses in small clusters, each with its healthy twin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.graph.test_model import World
from tests.kinds.support import Json, condition, read
from tests.support.kinds import KINDS

LONG_AGO, LATER = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"


def named(kind: str, name: str, labels: Json | None = None, **parts: Any) -> Json:
    meta = {"name": name, "namespace": "shop", "uid": f"{kind}/{name}", "creationTimestamp": LONG_AGO}
    return {"kind": kind, "metadata": {**meta, "labels": labels or {}, **parts.pop("metadata", {})}, **parts}


def pod(name: str, *, ports: tuple[str, ...] = (), phase: str = "Running", **status: Any) -> Json:
    """A Pod of `web`; by default it is ready. ports: names, each of which may have a protocol (`dns/UDP`)."""
    named_ports = []
    for port in ports:
        port_name, _, protocol = port.partition("/")
        named_ports.append({"name": port_name, "containerPort": 8080, "protocol": protocol or "TCP"})
    meta = status.pop("metadata", {})
    container = {"name": "app", "ready": True, "state": {"running": {"startedAt": LONG_AGO}}}
    stated = {
        "conditions": [condition("Ready", "True", at=LATER)],
        "containerStatuses": [container],
        **status,
    }
    spec = {"containers": [{"name": "app", "image": "a:1", "ports": named_ports}]}
    return named("Pod", name, {"app": "web"}, metadata=meta, spec=spec, status={"phase": phase, **stated})


def crashing(name: str) -> Json:
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}
    container = {"name": "app", "restartCount": 9, "state": {"waiting": waiting}}
    return pod(name, conditions=[condition("Ready", "False", at=LATER)], containerStatuses=[container])


def starting(name: str) -> Json:
    waiting = {"reason": "ContainerCreating"}
    container = {"name": "app", "restartCount": 0, "state": {"waiting": waiting}}
    unready = [condition("Ready", "False", at=LONG_AGO)]
    return pod(name, phase="Pending", conditions=unready, containerStatuses=[container])


def was_ready(name: str) -> Json:
    """It ran before it became unready."""
    unready = [
        condition("Ready", "False", "ContainersNotReady", "containers with unready status: [app]", LATER)
    ]
    return pod(name, conditions=unready)


def going(name: str) -> Json:
    return pod(name, metadata={"deletionTimestamp": LATER})


def over(name: str, phase: str = "Failed") -> Json:
    return pod(name, phase=phase, conditions=[], containerStatuses=[])


def service(
    *, type: str = "ClusterIP", selector: Json | None = None, status: Json | None = None, **spec: Any
) -> Json:
    spec = {"ports": [{"port": 80}], "selector": {"app": "web"} if selector is None else selector} | spec
    return named("Service", "web", spec={"type": type, **spec}, status=status or {})


def endpoint(target: str, address: str = "10.0.0.1", **conditions: bool) -> Json:
    """Of a Pod, or when the target is "", of the address alone."""
    reference = {"kind": "Pod", "namespace": "shop", "name": target, "uid": f"Pod/{target}"}
    return {"addresses": [address], "conditions": conditions, "targetRef": reference if target else None}


def slice_of(*endpoints: Json, name: str = "web-a", ports: tuple[str, ...] = ("",)) -> Json:
    labels = {"kubernetes.io/service-name": "web"}
    listed = [{"name": port, "port": 8080} for port in ports]
    return named("EndpointSlice", name, labels, endpoints=list(endpoints), ports=listed)


def ingress(number: int = 80, **spec: Any) -> Json:
    backend = {"service": {"name": "web", "port": {"number": number}}}
    return named("Ingress", "web", spec={"defaultBackend": backend, **spec})


def judged(*objects: Json, unknown: tuple[str, ...] = ()) -> dict[str, tuple[str, str, str]]:
    """Kind and name → status, reason and message."""
    world = World(None, [kind.rules for kind in KINDS])
    for kind in KINDS:
        world.step((kind.key, "", kind.name not in unknown))
    for each in objects:
        world.step(read(each["kind"], {key: value for key, value in each.items() if key != "kind"}))
    world.commit()
    documents = [node.document() for node in world.graph.nodes.values()]
    return {f"{n['kind']} {n['name']}": (n["status"], n["reason"], n["message"]) for n in documents}


def words(*objects: Json, **known: Any) -> list[str]:
    """What the Service and the Ingress say: status and reason."""
    found = judged(*objects, **known)
    return [" ".join(found[who][:2]) for who in ("Service web", "Ingress web") if who in found]


BUDGET = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 1, "expectedPods": 1}
NAMED = {"ports": [{"name": "http", "port": 80, "targetPort": "web"}]}
UNREADY = slice_of(endpoint("a", ready=False))
READY = slice_of(endpoint("a", ready=True))

CASES: dict[str, tuple[list[Json], list[str]]] = {
    "healthy": ([pod("a"), READY, service()], ["Ready Ready", "Ready Ready"]),
    "down": ([crashing("a"), UNREADY, service()], ["Error NoReadyEndpoints", "Error BackendUnavailable"]),
    "no longer ready": (
        [was_ready("a"), UNREADY, service()],
        ["Error NoReadyEndpoints", "Error BackendUnavailable"],
    ),
    "starting, not in a slice yet": (
        [starting("a"), slice_of(), service()],
        ["Pending Starting", "Pending BackendPending"],
    ),
    "starting, in a slice": (
        [starting("a"), UNREADY, service()],
        ["Pending Starting", "Pending BackendPending"],
    ),
    "starting, and one crashes": (
        [starting("a"), crashing("b"), UNREADY, service()],
        ["Error NoReadyEndpoints", "Error BackendUnavailable"],
    ),
    "starting after an outage": (
        [starting("a"), was_ready("b"), UNREADY, service()],
        ["Error NoReadyEndpoints", "Error BackendUnavailable"],
    ),
    "starting in place of what is being deleted": (
        [starting("a"), going("b"), slice_of(), service()],
        ["Error NoReadyEndpoints", "Error BackendUnavailable"],
    ),
    "starting in place of what still serves": (
        [starting("a"), going("b"), slice_of(endpoint("b", serving=True, terminating=True)), service()],
        ["Pending NoReadyEndpoints", "Pending BackendPending"],
    ),
    "ready before its slice says so": (
        [pod("a"), slice_of(), service()],
        ["Pending NoReadyEndpoints", "Pending BackendPending"],
    ),
    "no pod": ([slice_of(), service()], ["Pending NoMatchingPods", "Pending BackendPending"]),
    "failed pods only": (
        [over("a"), over("b", "Succeeded"), slice_of(), service()],
        ["Pending NoMatchingPods", "Pending BackendPending"],
    ),
    "pods that are being deleted only": (
        [going("a"), slice_of(endpoint("a", ready=False, serving=False, terminating=True)), service()],
        ["Pending NoMatchingPods", "Pending BackendPending"],
    ),
    "a failed pod beside a healthy one": (
        [over("old"), pod("a"), READY, service()],
        ["Ready Ready", "Ready Ready"],
    ),
    "a failed pod beside one that is down": (
        [over("old"), crashing("a"), UNREADY, service()],
        ["Error NoReadyEndpoints", "Error BackendUnavailable"],
    ),
    "no address, and down": (
        [crashing("a"), UNREADY, service(type="LoadBalancer")],
        ["Error NoReadyEndpoints", "Error BackendUnavailable"],
    ),
    "no address, and healthy": (
        [pod("a"), READY, service(type="LoadBalancer")],
        ["Pending LoadBalancerPending", "Ready Ready"],
    ),
    "no address, and no pod": (
        [slice_of(), service(type="LoadBalancer")],
        ["Pending NoMatchingPods", "Pending BackendPending"],
    ),
    "an address of its own": (
        [pod("a"), READY, service(type="LoadBalancer", externalIPs=["198.51.100.7"])],
        ["Ready Ready", "Ready Ready"],
    ),
    "an address of the load balancer": (
        [
            pod("a"),
            READY,
            service(type="LoadBalancer", status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
        ],
        ["Ready Ready", "Ready Ready"],
    ),
    "without a selector": (
        [slice_of(endpoint("", ready=True)), service(selector={})],
        ["Ready Ready", "Ready Ready"],
    ),
    "without a selector, and down": (
        [slice_of(endpoint("", ready=False)), service(selector={})],
        ["Error NoReadyEndpoints", "Error BackendUnavailable"],
    ),
    "without a selector or slices": (
        [service(selector={})],
        ["Pending NoEndpoints", "Pending BackendPending"],
    ),
    "headless, and down": (
        [crashing("a"), UNREADY, service(clusterIP="None")],
        ["Error NoReadyEndpoints", "Error BackendUnavailable"],
    ),
    "an alias": (
        [service(type="ExternalName", externalName="status.example", selector={})],
        ["Ready Ready", "Ready Ready"],
    ),
    "publishes what starts for the first time": (
        [starting("a"), slice_of(endpoint("a", ready=True, serving=False)), service(clusterIP="None")],
        ["Ready Ready", "Pending BackendPending"],
    ),
    "publishes what is not ready": (
        [was_ready("a"), slice_of(endpoint("a", ready=True, serving=False)), service(clusterIP="None")],
        ["Ready Ready", "Error BackendUnavailable"],
    ),
    "publishes what is not ready, and is": (
        [pod("a"), slice_of(endpoint("a", ready=True, serving=True)), service(clusterIP="None")],
        ["Ready Ready", "Ready Ready"],
    ),
    "a target port that no pod has": (
        [pod("a", ports=("metrics",)), slice_of(endpoint("a", ready=True), ports=()), service(**NAMED)],
        ["Error NoSuchTargetPort", "Error BackendUnavailable"],
    ),
    "a target port that the pods have": (
        [pod("a", ports=("web",)), slice_of(endpoint("a", ready=True), ports=("http",)), service(**NAMED)],
        ["Ready Ready", "Ready Ready"],
    ),
    "a target port that one of the pods has": (
        [
            pod("a", ports=("metrics",)),
            pod("b", ports=("web",)),
            slice_of(endpoint("a", ready=True), ports=()),
            slice_of(endpoint("b", ready=True), name="web-b", ports=("http",)),
            service(**NAMED),
        ],
        ["Ready Ready", "Ready Ready"],
    ),
    "a target port of another protocol": (
        [pod("a", ports=("web/UDP",)), slice_of(endpoint("a", ready=True), ports=()), service(**NAMED)],
        ["Error NoSuchTargetPort", "Error BackendUnavailable"],
    ),
    "a target port that no pod has, while none is ready": (
        [crashing("a"), slice_of(endpoint("a", ready=False), ports=()), service(**NAMED)],
        ["Error NoSuchTargetPort", "Error BackendUnavailable"],
    ),
    "a target port by number, and a slice without ports": (
        [
            pod("a"),
            slice_of(endpoint("a", ready=True), ports=()),
            service(ports=[{"port": 80, "targetPort": 8080}]),
        ],
        ["Ready Ready", "Ready Ready"],
    ),
    "a target port that no pod has, beside one that the Ingress uses": (
        [
            pod("a", ports=("web",)),
            slice_of(endpoint("a", ready=True), ports=("http",)),
            service(ports=[*NAMED["ports"], {"name": "metrics", "port": 9090, "targetPort": "metrics"}]),
        ],
        ["Error NoSuchTargetPort", "Ready Ready"],
    ),
    "being deleted": (
        [pod("a"), READY, {**service(), "metadata": {**service()["metadata"], "deletionTimestamp": LATER}}],
        ["Pending Terminating", "Pending BackendPending"],
    ),
}


@pytest.mark.parametrize(("objects", "expected"), CASES.values(), ids=CASES)
def test_a_service_and_the_ingress_over_it(objects: list[Json], expected: list[str]) -> None:
    assert words(*objects, ingress()) == expected
    assert words(ingress(), *reversed(objects)) == expected


def owned(kind: str, name: str, by: str, api_version: str, **parts: Any) -> Json:
    owner = {"apiVersion": api_version, "kind": by.partition("/")[0], "name": by.partition("/")[2], "uid": by}
    return named(kind, name, metadata={"ownerReferences": [owner]}, **parts)


LATE = condition(
    "Progressing", "False", "ProgressDeadlineExceeded", "ReplicaSet web-1 has timed out progressing."
)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], ["Pending Starting", "Pending BackendPending"]),
        ([LATE], ["Error NoReadyEndpoints", "Error BackendUnavailable"]),
        (
            [condition("Progressing", "True", "ReplicaSetUpdated")],
            ["Pending Starting", "Pending BackendPending"],
        ),
    ],
)
def test_the_deadline_of_a_deployment_ends_its_first_start(
    conditions: list[Json], expected: list[str]
) -> None:
    new = starting("a")
    new["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "ReplicaSet/web-1"}
    ]
    replica_set = owned("ReplicaSet", "web-1", "Deployment/web", "apps/v1", spec={"replicas": 1})
    deployment = named("Deployment", "web", spec={"replicas": 1}, status={"conditions": conditions})
    objects = [new, replica_set, deployment, UNREADY, service(), ingress()]
    assert words(*objects) == expected
    assert words(*reversed(objects)) == expected
    budget = named(
        "PodDisruptionBudget", "web", spec={"selector": {"matchLabels": {"app": "web"}}}, status=BUDGET
    )
    found = judged(*objects, budget)["PodDisruptionBudget web"]
    assert found[0] == expected[0].partition(" ")[0]


def test_a_message_includes_the_reason_of_the_dependency() -> None:
    found = judged(crashing("a"), UNREADY, service(), ingress())
    said = "0/1 endpoints ready: pod a: CrashLoopBackOff: "
    assert found["Service web"][2].startswith(said)
    assert found["Ingress web"][2].startswith(f"service web: NoReadyEndpoints: {said}")


def test_a_pod_that_is_ready_before_its_endpoint_slice() -> None:
    said = judged(pod("b"), pod("a"), slice_of(), service())["Service web"][2]
    assert said == "0/2 endpoints ready, though pod a is ready: the EndpointSlices do not say so yet"


RECORDINGS = Path(__file__).parent.parent / "recordings" / "shop"


def recorded() -> Iterator[tuple[str, Json]]:
    """What the API server of a small cluster told while all of it was made and changed, in its order."""
    events = []
    for kind in KINDS:
        path = RECORDINGS / f"{kind.plural}.watch.jsonl"
        for line in path.read_text().splitlines() if path.exists() else ():
            at, _, event = line.partition("\t")
            events.append((float(at), kind.name, json.loads(event)))
    for _, kind_name, event in sorted(events, key=lambda each: each[0]):
        if event["type"] != "BOOKMARK":
            yield kind_name, event


def test_no_errors_while_a_cluster_starts_and_scales() -> None:
    world = World(None, [kind.rules for kind in KINDS])
    for kind in KINDS:
        world.step((kind.key, "", True))
    told: dict[str, set[str]] = {}
    for kind_name, event in recorded():
        gone = event["type"] == "DELETED"
        world.step(event["object"]["metadata"]["uid"] if gone else read(kind_name, event["object"]))
        for node in world.commit().nodes_set:
            told.setdefault(node.kind, set()).add(node.status)
    for kind_name in ("Service", "EndpointSlice", "PodDisruptionBudget"):
        assert told[kind_name] == {"Ready", "Pending"}


@pytest.mark.parametrize(
    ("slices", "counts"),
    [
        ([slice_of(endpoint("a", "10.0.0.1")), slice_of(endpoint("a", "fd00::1"), name="six")], "1/1"),
        (
            [slice_of(endpoint("a"), endpoint("b")), slice_of(endpoint("b"), name="split", ports=("x",))],
            "2/2",
        ),
        ([slice_of(endpoint("a", ready=False)), slice_of(endpoint("a", ready=True), name="split")], "1/1"),
        ([slice_of(endpoint("a")), slice_of(endpoint("b", ready=False), name="other")], "1/2"),
        ([slice_of(endpoint("", "10.0.0.1"), endpoint("", "10.0.0.2"))], "2/2"),
        ([slice_of(endpoint("a"), endpoint("b", ready=False, serving=True, terminating=True))], "1/1"),
    ],
    ids=["dual stack", "split", "split, half told", "two slices", "addresses alone", "one that is going"],
)
def test_endpoints_are_counted_by_target(slices: list[Json], counts: str) -> None:
    assert judged(pod("a"), *slices, service())["Service web"] == (
        "Ready",
        "Ready",
        f"{counts} endpoints ready",
    )


@pytest.mark.parametrize(
    ("objects", "slice_says"),
    [
        ([slice_of(), service()], ("Ready", "NoEndpoints")),
        ([over("a"), slice_of(), service()], ("Ready", "NoEndpoints")),
        ([starting("a"), slice_of(), service()], ("Pending", "NoEndpoints")),
        ([crashing("a"), slice_of(), service()], ("Pending", "NoEndpoints")),
        ([starting("a"), UNREADY, service()], ("Pending", "Starting")),
        ([crashing("a"), UNREADY, service()], ("Error", "NoReadyEndpoints")),
        ([pod("a"), slice_of(), slice_of(endpoint("a"), name="six"), service()], ("Ready", "NoEndpoints")),
        ([slice_of()], ("Ready", "NoEndpoints")),
    ],
)
def test_an_empty_slice_has_the_status_of_its_service(
    objects: list[Json], slice_says: tuple[str, str]
) -> None:
    assert judged(*objects)["EndpointSlice web-a"][:2] == slice_says


def test_why_a_service_has_no_pod() -> None:
    def message(*objects: Json) -> str:
        return judged(*objects, service())["Service web"][2]

    assert message() == "The selector app=web matches no pod"
    assert message(over("a")) == "The only pod that it selects, a, is not alive"
    assert message(over("a"), going("b")) == "None of the 2 pods that it selects is alive"
    draining = slice_of(endpoint("b", ready=False, serving=True, terminating=True))
    assert message(going("b"), draining) == (
        "The only pod that it selects, b, is not alive; endpoints that still serve until they are gone: 1"
    )


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (
            [pod("a", ports=("metrics", "dns/UDP"))],
            "Its pods have no port named web (of port 80); they have dns/UDP, metrics",
        ),
        ([pod("a")], "Its pods have no port named web (of port 80); they name none"),
        ([], "No pod has a port named web (of port 80)"),
    ],
)
def test_which_target_port_is_missing(objects: list[Json], message: str) -> None:
    slices = slice_of(endpoint("a", ready=True), ports=())
    unknown = () if objects else ("Pod",)
    found = judged(*objects, slices, service(**NAMED), unknown=unknown)
    assert found["Service web"] == ("Error", "NoSuchTargetPort", message)


@pytest.mark.parametrize("unknown", [("EndpointSlice",), ("EndpointSlice", "Pod")])
def test_invisible_dependencies_make_a_service_unknown(unknown: tuple[str, ...]) -> None:
    objects = [crashing("a")] if "Pod" not in unknown else []
    expected = ["Unknown EndpointsNotVisible", "Unknown BackendUnknown"]
    assert words(*objects, service(), ingress(), unknown=unknown) == expected
    assert words(*objects, service(type="LoadBalancer"), ingress(), unknown=unknown) == expected


@pytest.mark.parametrize(
    ("pods", "unknown", "expected"),
    [
        ([crashing("a")], (), ("Error", "InsufficientPods")),
        ([starting("a")], (), ("Pending", "Starting")),
        ([starting("a"), was_ready("b")], (), ("Error", "InsufficientPods")),
        ([over("a")], (), ("Ready", "NoMatchingPods")),
        ([], ("Pod",), ("Error", "InsufficientPods")),
    ],
)
def test_a_disruption_budget_counts_live_pods_only(
    pods: list[Json], unknown: tuple[str, ...], expected: tuple[str, str]
) -> None:
    spec = {"selector": {"matchLabels": {"app": "web"}}}
    budget = named("PodDisruptionBudget", "web", spec=spec, status=BUDGET)
    assert judged(*pods, budget, unknown=unknown)["PodDisruptionBudget web"][:2] == expected
