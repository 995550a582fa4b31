"""Incremental equals rebuilt for Services, their slices and Pods, and who looks at them.

Pods that start, fail, end and go; owners that come late and miss their deadline; slices that say so sooner or later, under one Service or another; Services that
change their ports and come back; Ingresses and PodDisruptionBudgets over all of it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model.facts import Facts
from tests.graph.test_model import World, check_equal
from tests.kinds.support import Json, condition, read
from tests.support.kinds import KINDS

RULES = [kind.rules for kind in KINDS]
OWNERS = {"Pod": "ReplicaSet", "ReplicaSet": "Deployment"}
KIND_NAMES = (*OWNERS, "Deployment", "EndpointSlice", "Service", "Ingress", "PodDisruptionBudget", "Secret")
WATCHED = ("Pod", "EndpointSlice", "Service", "Secret")

names = st.sampled_from(("x", "y"))


def pod_status(state: str) -> Json:
    at = "2026-11-01T00:00:00Z"
    if state in ("Succeeded", "Failed"):
        return {"phase": state}
    if state == "starting":
        return {"phase": "Pending", "conditions": [condition("Ready", "False", at=at)]}
    container: Json = {"name": "app", "state": {"running": {"startedAt": at}}}
    if state == "crashing":
        container = {"name": "app", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    ready = condition("Ready", str(state == "ready"), at="2026-11-02T00:00:00Z")
    return {"phase": "Running", "conditions": [ready], "containerStatuses": [container]}


@st.composite
def _pods(draw: st.DrawFn) -> Json:
    state = draw(
        st.sampled_from(("ready", "unready", "starting", "starting", "starting", "crashing", "Failed"))
    )
    ports = [{"name": draw(st.sampled_from(("web", "admin"))), "containerPort": 80}]
    return {"spec": {"containers": [{"name": "app", "ports": ports}]}, "status": pod_status(state)}


@st.composite
def _slices(draw: st.DrawFn) -> Json:
    flags = st.sampled_from((None, True, False))
    return {
        "endpoints": [
            {
                "addresses": [f"10.0.0.{n}"],
                "conditions": {"ready": draw(flags), "serving": draw(flags), "terminating": draw(flags)},
                "targetRef": draw(st.sampled_from((None, {"kind": "Pod", "name": n, "uid": f"Pod {n}"}))),
            }
            for n in draw(st.lists(names, unique=True, max_size=2))
        ],
        "ports": [{"name": name} for name in draw(st.sampled_from(((), ("http",), (""))))],
    }


@st.composite
def _services(draw: st.DrawFn) -> Json:
    port = {"name": "http", "port": 80, "targetPort": draw(st.sampled_from((8080, "web", "nosuch")))}
    spec: Json = {
        "type": draw(st.sampled_from(("ClusterIP", "ClusterIP", "LoadBalancer", "ExternalName"))),
        "selector": draw(st.sampled_from(({"app": "x"}, {"app": "x"}, {}))),
        "ports": [port, {"name": "admin", "port": 90}][: draw(st.integers(1, 2))],
    }
    return {"spec": spec}


@st.composite
def _ingresses(draw: st.DrawFn) -> Json:
    port = draw(st.sampled_from(({"number": 80}, {"name": "http"}, {"number": 90})))
    backend = {"service": {"name": draw(names), "port": port}}
    return {
        "spec": {"defaultBackend": backend, "tls": [{"secretName": draw(names)}][: draw(st.integers(0, 1))]}
    }


@st.composite
def _budgets(draw: st.DrawFn) -> Json:
    healthy = draw(st.integers(0, 2))
    status = {"currentHealthy": healthy, "desiredHealthy": 1, "disruptionsAllowed": 0, "expectedPods": 1}
    return {"spec": {"selector": {"matchLabels": {"app": "x"}}}, "status": status}


@st.composite
def _deployments(draw: st.DrawFn) -> Json:
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")
    status = {"conditions": [late][: draw(st.integers(0, 1))], "replicas": draw(st.integers(0, 1))}
    return {**draw(_templates()), "status": status}


@st.composite
def _templates(draw: st.DrawFn) -> Json:
    """What a workload without pods would have, if a Service asks."""
    template = {"metadata": {"labels": {"app": draw(st.sampled_from(("x", "x", "y")))}}}
    return {"spec": {"replicas": draw(st.integers(0, 1)), "template": template}}


PARTS = {
    "Pod": _pods(),
    "ReplicaSet": _templates(),
    "Deployment": _deployments(),
    "EndpointSlice": _slices(),
    "Service": _services(),
    "Ingress": _ingresses(),
    "PodDisruptionBudget": _budgets(),
    "Secret": st.just({}),
}


def of(kind: str, name: str, labels: Json, parts: Json, **meta: Any) -> Facts:
    named = {"name": name, "namespace": "shop", "uid": f"{kind} {name}", "labels": labels}
    created = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    return read(kind, {"metadata": {**named, **created, **meta}, **parts})


@st.composite
def manifests(draw: st.DrawFn) -> Facts:
    kind = draw(st.sampled_from(("Pod", "Pod", "EndpointSlice", "EndpointSlice", "Service", *KIND_NAMES)))
    name = draw(names)
    labels: Json = {}
    if kind == "EndpointSlice":
        labels = {"kubernetes.io/service-name": draw(st.sampled_from(("x", "x", "y")))}
    elif kind == "Pod":
        labels = {"app": draw(st.sampled_from(("x", "x", "y")))}
    meta: Json = {}
    owner = OWNERS.get(kind)
    if owner is not None and draw(st.booleans()):
        meta["ownerReferences"] = [{"kind": owner, "name": "x", "uid": f"{owner} {draw(names)}"}]
    if draw(st.integers(0, 7)) == 0:
        meta["deletionTimestamp"] = "2026-11-02T00:00:00Z"
    return of(kind, name, labels, draw(PARTS[kind]), **meta)


@st.composite
def _owned(draw: st.DrawFn) -> Facts:
    """A Pod that starts, or who may own it, directly or not."""
    kind = draw(st.sampled_from(("Pod", "ReplicaSet", "Deployment", "Deployment")))
    name, owner = draw(names) if kind != "Deployment" else "x", OWNERS.get(kind)
    parts = {"status": pod_status("starting")} if kind == "Pod" else draw(PARTS[kind])
    owners = [{"kind": owner, "name": "x", "uid": f"{owner} {draw(names)}"}] if owner else []
    return of(kind, name, {"app": "x"}, parts, ownerReferences=owners[: draw(st.integers(0, 3))])


UIDS = [f"{kind} {name}" for kind in KIND_NAMES for name in ("x", "y")]
scopes = st.tuples(st.sampled_from(WATCHED), st.just(""), st.booleans())
histories = st.lists(
    st.one_of(manifests(), manifests(), manifests(), manifests(), st.sampled_from(UIDS), scopes, st.none()),
    min_size=8,
    max_size=40,
)


@settings(max_examples=150)
@given(history=histories, batched=st.booleans())
def test_incremental_equals_the_facts(history: list[Any], batched: bool) -> None:
    world = World(None, RULES)
    for kind in WATCHED:
        world.step((kind, "", True))
    for step in history:
        world.step(step)
        if not batched:
            world.commit()
    world.commit()
    check_equal(world.graph, world.expected())


OWNED_UIDS = [f"{kind} {name}" for kind in ("Pod", "ReplicaSet", "Deployment") for name in ("x", "y")]


@settings(max_examples=150)
@given(history=st.lists(st.one_of(_owned(), _owned(), st.sampled_from(OWNED_UIDS)), min_size=6, max_size=20))
def test_a_first_start_ends_when_the_owners_are_ready(history: list[Any]) -> None:
    world = World(None, RULES)
    for kind in WATCHED:
        world.step((kind, "", True))
    world.step(of("Service", "x", {}, {"spec": {"selector": {"app": "x"}}}))
    for step in history:
        world.step(step)
        world.commit()
        check_equal(world.graph, world.expected())
