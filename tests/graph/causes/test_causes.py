"""Following a graph: what is incremental equals what is worked out at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.causes.causes import Causes
from astrolabe.graph.causes.documents import document_of
from astrolabe.graph.causes.partial_graph import PartialGraph
from astrolabe.graph.causes.problems import FoundProblem
from astrolabe.graph.causes.standing import RankedProblems, StandingProblems
from astrolabe.graph.causes.why import why
from astrolabe.graph.causes.words import read_words
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.node import Node
from tests.support.sketches import NOW, Sketch, a_node, at, unresolved

_PENDING_POD = "0/2 nodes are available: 2 node(s) had untolerated taint(s)."
_NO_METRICS = "the server is currently unable to handle the request (get pods.metrics.k8s.io)"
_NOT_IN_TIME = (
    "Helm install failed for release shop/r with chart r@1: timeout waiting for: [Deployment/shop/web]"
)
_HOOK = 'failed calling webhook "v": Post "https://web.shop.svc:443/v": no endpoints available'

#: By kind: the states that a node may be in.
STATES: dict[str, list[tuple[str, ...]]] = {
    "Pod": [
        ("Ready", "Running"),
        ("Error", "CrashLoopBackOff", "keeps ending"),
        ("Error", "ImagePullBackOff", "denied"),
        ("Error", "CreateContainerConfigError", 'configmap "c" not found'),
        ("Pending", "Pending", _PENDING_POD),
        ("Pending", "ContainerCreating"),
        ("Pending", "Terminating"),
        ("Error", "Evicted"),
    ],
    "ReplicaSet": [("Ready", "Ready"), ("Pending", "Progressing"), ("Error", "FailedCreate", _HOOK)],
    "Deployment": [("Ready", "ScaledToZero"), ("Error", "ProgressDeadlineExceeded"), ("Ready", "Ready")],
    "Service": [("Ready", "Ready"), ("Error", "NoReadyEndpoints"), ("Pending", "NoMatchingPods")],
    "EndpointSlice": [("Ready", "Ready"), ("Error", "NoReadyEndpoints")],
    "Ingress": [("Ready", "Ready"), ("Error", "BackendUnavailable"), ("Error", "TLSSecretMissing")],
    "Node": [("Ready", "Ready"), ("Error", "NodeStatusUnknown"), ("Error", "KubeletHasDiskPressure")],
    "PersistentVolumeClaim": [("Ready", "Bound"), ("Pending", "Pending"), ("Pending", "Terminating")],
    "Namespace": [("Ready", "Active"), ("Pending", "Terminating")],
    "Job": [("Pending", "Running"), ("Error", "BackoffLimitExceeded")],
    "CronJob": [("Ready", "Ready"), ("Error", "LastRunFailed")],
    "Certificate.cert-manager.io": [("Ready", "Ready"), ("Pending", "Issuing"), ("Error", "Failed")],
    "ValidatingWebhookConfiguration": [("Ready", "Ready"), ("Error", "WebhookUnavailable")],
    "Secret": [("Ready", "Ready")],
    "APIService": [("Ready", "Passed"), ("Error", "MissingEndpoints")],
    "HorizontalPodAutoscaler": [("Ready", "Ready"), ("Error", "FailedGetResourceMetric", _NO_METRICS)],
    "HelmRelease.helm.toolkit.fluxcd.io": [
        ("Ready", "InstallSucceeded"),
        ("Error", "InstallFailed", _NOT_IN_TIME),
        ("Error", "InstallFailed", "Helm install failed for release shop/r with chart r@1: bad template"),
    ],
    "Kustomization.kustomize.toolkit.fluxcd.io": [
        ("Ready", "ReconciliationSucceeded"),
        ("Error", "HealthCheckFailed", _NOT_IN_TIME),
        ("Error", "BuildFailed"),
        ("Pending", "DependencyNotReady"),
    ],
}
NAMES = ("web", "db")
#: What may lead from one kind to another.
LINKS = [
    ("Deployment", "owns", "ReplicaSet"),
    ("ReplicaSet", "owns", "Pod"),
    ("Job", "owns", "Pod"),
    ("CronJob", "owns", "Job"),
    ("Service", "selects", "Pod"),
    ("Service", "endpoints", "EndpointSlice"),
    ("EndpointSlice", "endpoints", "Pod"),
    ("Ingress", "routes-to", "Service"),
    ("Pod", "runs-on", "Node"),
    ("Pod", "mounts", "PersistentVolumeClaim"),
    ("ValidatingWebhookConfiguration", "calls", "Service"),
    ("Certificate.cert-manager.io", "uses", "Certificate.cert-manager.io"),
    ("Certificate.cert-manager.io", "owns", "Service"),
    ("APIService", "calls", "Service"),
    ("HorizontalPodAutoscaler", "scales", "Deployment"),
    ("HelmRelease.helm.toolkit.fluxcd.io", "manages", "Deployment"),
    ("Kustomization.kustomize.toolkit.fluxcd.io", "manages", "Service"),
    ("Kustomization.kustomize.toolkit.fluxcd.io", "uses", "Kustomization.kustomize.toolkit.fluxcd.io"),
    ("Kustomization.kustomize.toolkit.fluxcd.io", "manages", "HelmRelease.helm.toolkit.fluxcd.io"),
]
#: The newest Warning about a Pod or what owns it.
_WARNINGS = (
    None,
    None,
    (
        "FailedMount",
        'MountVolume.SetUp failed for volume "c" : configmap "c" not found',
        "2026-01-01T00:40:00Z",
    ),
    ("FailedAttachVolume", "Multi-Attach error for volume pv-1", "2026-01-01T00:40:00Z"),
    ("FailedCreate", _HOOK, "2026-01-01T00:40:00Z"),
    ("Unhealthy", "Readiness probe failed: 503", "2026-01-01T00:59:50Z"),
)
_MISSING = {
    "Pod": [unresolved("uses-configmap", "ConfigMap", "c", "spec.volumes[c].configMap")],
    "Ingress": [unresolved("uses-secret", "Secret", "tls", "spec.tls[0].secretName")],
    "Certificate.cert-manager.io": [unresolved("makes", "Secret", "tls", "spec.secretName")],
}


def a_random_node(kind: str, name: str, draw: random.Random) -> Node:
    status, reason, *message = draw.choice(STATES[kind])
    labels: dict[str, str] = {"app": name[:-2]}
    metadata: dict[str, Any] = {}
    if kind == "Service":
        metadata["selector"] = {"app": draw.choice(NAMES)}
    if kind == "Pod":
        metadata["nodeName"] = draw.choice(("", "n"))
        metadata["phase"] = draw.choice(("", "Failed"))
    if kind == "Secret":
        labels = {
            "owner": "helm",
            "name": "r",
            "version": name[-1:],
            "status": draw.choice(("failed", "deployed")),
        }
        name = f"sh.helm.release.v1.{name}"
    if kind == "APIService":
        name = "v1beta1.metrics.k8s.io"
    own_status, own_reason, *own_message = draw.choice(STATES[kind])
    own = draw.choice((None, None, (own_status, own_reason, "".join(own_message))))
    return a_node(
        kind,
        name,
        status,
        reason,
        *message,
        since=draw.choice(("", "2026-01-01T00:30:00Z", "2026-01-01T00:59:30Z")),
        labels=labels,
        metadata=metadata,
        release=draw.choice(("", "r")),
        missing=draw.choice((_MISSING.get(kind, []), [])),
        own=own,
        warning=draw.choice(_WARNINGS) if status != "Ready" else None,
    )


class History:
    """A graph that changes at random, and the causes that follow it."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self.graph = ServedGraph("e")
        self.causes = Causes(self.graph)

    def step(self) -> None:
        """Change something."""
        draw, graph = self._draw, self.graph
        what = draw.random()
        kind = draw.choice(list(STATES))
        found = [node for node in graph.nodes.values() if node.kind == kind]
        if what < 0.5 or not graph.nodes:
            names = [f"{name}-{number}" for name in NAMES for number in (1, 2)]
            self._apply(Changes(nodes_set=[a_random_node(kind, draw.choice(names), draw)]))
        elif what < 0.8:
            source_kind, type, target_kind = draw.choice(LINKS)
            sources = [uid for uid, node in graph.nodes.items() if node.kind == source_kind]
            targets = [uid for uid, node in graph.nodes.items() if node.kind == target_kind]
            if sources and targets:
                edge = Edge(type, draw.choice(sources), draw.choice(targets), ("spec",))
                self._apply(Changes(edges_set=[edge]))
        elif what < 0.9:
            edges = list(graph.edges())
            if edges:
                self._apply(Changes(edges_removed=[draw.choice(edges).key]))
        elif found:
            self._remove(draw.choice(found).uid)

    def _remove(self, uid: str) -> None:
        ends: list[EdgeKey] = [edge.key for edge in (*self.graph.outgoing(uid), *self.graph.incoming(uid))]
        self._apply(Changes(edges_removed=list(dict.fromkeys(ends)), nodes_removed=[uid]))

    def _apply(self, changes: Changes) -> None:
        self.graph.load(changes)
        touched = {node.uid for node in changes.nodes_set} | set(changes.nodes_removed)
        keys = [*[edge.key for edge in changes.edges_set], *changes.edges_removed]
        for _, source, target in keys:
            touched |= {source, target}
        self.causes.take(sorted(touched), [target for type, _, target in keys if type == "owns"])


def normal(problems: list[FoundProblem]) -> dict[Any, Any]:
    """Problems without the order in which their parts were found."""
    return {
        each.group: (
            each.status,
            each.reason,
            each.message,
            each.since,
            each.due,
            each.members,
            each.missing,
            each.affected,
            each.kinds,
            each.entries,
            each.releases,
            each.namespaces,
            each.path,
        )
        for each in problems
    }


@given(st.integers(0, 2**32), st.integers(1, 80))
@settings(max_examples=120)
def test_incremental_causes_equal_causes_from_scratch(seed: int, steps: int) -> None:
    history = History(seed)
    for number in range(steps):
        history.step()
        if number % 7 == 3:
            history.causes.problems(at(NOW))
    now = at(NOW)
    followed = history.causes
    fresh = Causes.at_once(history.graph, list(history.graph.nodes.values()))
    assert normal(followed.problems(now)) == normal(fresh.problems(now))
    assert normal(list(followed.found())) == normal(list(fresh.found()))
    assert followed.next_change_at(now) == fresh.next_change_at(now)
    assert {item: set(arcs) for item, arcs in followed.arcs.items()} == {
        item: set(arcs) for item, arcs in fresh.arcs.items()
    }


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(max_examples=60)
def test_problems_follow_the_clock(seed: int, steps: int) -> None:
    history, draw, now = History(seed), random.Random(seed), at(NOW) - 1800
    standing, ranked = StandingProblems(history.causes), RankedProblems()
    for _ in range(steps):
        history.step()
        now += draw.choice((0.0, 1.0, 200.0, 700.0))
        for _ in history.causes.refresh():
            pass
        for group, problem in standing.look(now).items():
            ranked.remove(group)
            if problem is not None:
                ranked.put(problem)
        expected = sorted(history.causes.standing(now), key=lambda each: each.rank)
        assert standing.by_group == {each.group: each for each in expected}
        assert ranked.listed == expected
        assert standing.next_change_at == history.causes.next_change_at(now)


@given(st.integers(0, 2**32))
@settings(max_examples=30)
def test_nothing_remains_of_deleted_objects(seed: int) -> None:
    history = History(seed)
    for _ in range(40):
        history.step()
    history.causes.problems(at(NOW))
    for uid in list(history.graph.nodes):
        history._remove(uid)
    assert history.causes.problems(at(NOW)) == []
    causes = history.causes
    left = (causes.arcs, causes.effects, causes.register.words, causes.explainer.stranded)
    assert left == ({}, {}, {}, {})
    assert causes.register.places == {}


@given(st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_partial_graph_shows_only_its_own_objects(seed: int) -> None:
    history = History(seed)
    for _ in range(60):
        history.step()
    draw = random.Random(seed)
    nodes = [node for node in history.graph.nodes.values() if draw.random() < 0.6]
    kept = {node.uid for node in nodes}
    edges = [edge for edge in history.graph.edges() if {edge.source, edge.target} <= kept]
    part, alone = PartialGraph(), ServedGraph("e")
    for _ in part.fill(nodes, edges):
        pass
    alone.load(Changes(nodes_set=nodes, edges_set=edges))
    now = at(NOW)
    causes, others = Causes.at_once(part, nodes), Causes.at_once(alone, nodes)
    assert normal(causes.problems(now)) == normal(others.problems(now))
    told = [document_of(causes, each, id="", detail=True) for each in causes.found()]
    told += [why(causes, uid) for uid in kept]
    lacking = {each.missing[:3] for node in nodes for each in read_words(node).unresolved}
    for each in _objects_in(told):
        if "uid" in each:
            assert each["uid"] in kept
        elif "missing" in each:
            assert (f"{each['kind']}", each["namespace"], each["name"]) in lacking


def _objects_in(told: Any) -> Iterator[dict[str, Any]]:
    """All JSON objects in a document."""
    if isinstance(told, dict):
        yield told
    for each in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from _objects_in(each)


_TLS = unresolved("uses-secret", "Secret", "web-tls", "spec.tls[0].secretName")
_MAKES = unresolved("makes", "Secret", "web-tls", "spec.secretName")


def test_a_certificate_being_issued_is_not_a_problem_of_its_ingress() -> None:
    def told(created: str) -> list[str]:
        certificate = a_node(
            "Certificate.cert-manager.io", "web", "Pending", "DoesNotExist", created=created, missing=[_MAKES]
        )
        ingress = a_node("Ingress", "web", "Error", "TLSSecretMissing", created=created, missing=[_TLS])
        return Sketch().set(ingress, certificate).told()

    assert told("2026-01-01T00:59:00Z") == []
    assert told("2026-01-01T00:40:00Z") == [
        "Error DoesNotExist: Certificate web > Ingress web, missing Secret web-tls"
    ]


def test_a_since_of_1970_means_since_creation() -> None:
    def gateway(created: str) -> Node:
        kind = "Gateway.gateway.networking.k8s.io"
        return a_node(kind, "web", "Pending", "Pending", since="1970-01-01T00:00:00Z", created=created)

    assert Sketch().set(gateway("2026-01-01T00:59:00Z")).told() == []
    sketch = Sketch().set(gateway("2026-01-01T00:40:00Z"))
    assert sketch.told() == ["Pending Pending: Gateway web"]
    [problem] = sketch.causes().problems(at("2026-01-01T01:00:00Z"))
    assert problem.since == "2026-01-01T00:40:00Z"


def test_a_route_without_status_misses_its_gateway() -> None:
    gone = unresolved("uses", "Gateway.gateway.networking.k8s.io", "gone", "spec.parentRefs[0]")

    def told(status: str, created: str) -> list[str]:
        kind = "HTTPRoute.gateway.networking.k8s.io"
        return Sketch().set(a_node(kind, "web", status, "NoParent", created=created, missing=[gone])).told()

    for status in ("Unknown", "Pending"):
        assert told(status, "2026-01-01T00:59:00Z") == []
        assert told(status, "2026-01-01T00:40:00Z") == [
            f"{status} NotFound: missing Gateway.gateway.networking.k8s.io gone > HTTPRoute web"
        ]


def test_a_stuck_unschedulable_pod_joins_the_problem_of_the_others() -> None:
    message = "0/2 nodes are available: 2 Insufficient cpu."
    since = {"old": "2026-01-01T00:50:00Z", "new": "2026-01-01T00:58:00Z"}
    sketch = Sketch()
    for name, time in since.items():
        sketch.set(a_node("Pod", name, "Pending", "Pending", message, since=time, created=time))
    causes = sketch.causes()
    assert sketch.told("2026-01-01T00:54:00Z") == []
    assert sketch.told("2026-01-01T01:00:00Z") == ["Pending Pending: Pod old"]
    assert sketch.told("2026-01-01T01:04:00Z") == ["Pending Pending: Pod new, Pod old"]
    [early] = causes.problems(at("2026-01-01T01:00:00Z"))
    [late] = causes.problems(at("2026-01-01T01:04:00Z"))
    assert early.group == late.group
    assert causes.next_change_at(at("2026-01-01T00:54:00Z")) == at("2026-01-01T00:55:00Z")
    assert causes.next_change_at(at("2026-01-01T01:00:00Z")) == at("2026-01-01T01:03:00Z")
