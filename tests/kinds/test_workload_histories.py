"""Incremental equals rebuilt for workloads, their Pods and Services as the API tells of them.

Owners that come, go and are let go of, templates that name what is not there yet, Pods and Jobs that end, slices
that change their Service.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.selector import Selector, equality
from tests.graph.test_model import World, check_equal
from tests.kinds.support import Json, read
from tests.support.kinds import KINDS

RULES = [kind.rules for kind in KINDS]
WORKLOADS = ("Deployment", "StatefulSet", "ReplicaSet", "CronJob", "Job")
OWNERS = ("Deployment x", "ReplicaSet x", "CronJob x", "Job x", "Service x", "Rollout x")
NEEDED = ("Secret", "ServiceAccount", "PersistentVolumeClaim")

names = st.sampled_from(("x", "y"))
revisions = st.sampled_from(("1", "2"))
EXCEEDED = {
    "type": "Progressing",
    "status": "False",
    "reason": "ProgressDeadlineExceeded",
    "message": "late.",
}
REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}
CREATING = {"waiting": {"reason": "ContainerCreating"}}
CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:02Z"}}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
_pod_statuses = st.sampled_from(
    (
        {"phase": "Running", "containerStatuses": [{"name": "a", "state": CRASHING, "restartCount": 2}]},
        {"phase": "Running", "containerStatuses": [{"name": "a", "state": RUNNING, "ready": False}]},
        {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        {"phase": "Pending", "containerStatuses": [{"name": "a", "state": CREATING}]},
        {"phase": "Pending", "conditions": [UNSCHEDULABLE]},
        {"phase": "Failed", "reason": "Evicted", "message": "low on memory"},
    )
)
some_names = st.lists(names, unique=True, max_size=2)


@st.composite
def _pods(draw: st.DrawFn) -> Json:
    optional = draw(st.booleans())
    return {
        "serviceAccountName": draw(st.sampled_from(("", "x", "y"))),
        "imagePullSecrets": [{"name": name} for name in draw(some_names)],
        "volumes": [
            *[
                {"name": f"s-{n}", "secret": {"secretName": n, "optional": optional}}
                for n in draw(some_names)
            ],
            *[{"name": n, "persistentVolumeClaim": {"claimName": n}} for n in draw(some_names)],
            *[{"name": f"e-{n}", "ephemeral": {}} for n in draw(some_names)],
        ],
    }


@st.composite
def _parts(draw: st.DrawFn, kind: str) -> Json:
    """Of a manifest of this kind all but its metadata."""
    if kind == "EndpointSlice":
        pods = [{"targetRef": {"kind": "Pod", "name": n, "uid": f"Pod {n}"}} for n in draw(some_names)]
        return {"endpoints": pods}
    if kind == "Pod":
        return {"spec": draw(_pods()), "status": draw(_pod_statuses)}
    if kind not in WORKLOADS:
        return {}
    spec: Json = {"template": {"spec": draw(_pods())}}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}, "suspend": draw(st.booleans())}
        return {"spec": spec, "status": {"lastScheduleTime": draw(st.sampled_from(("", "2026", "2027")))}}
    if kind == "Job":
        failed = draw(st.integers(0, 1))
        type = draw(st.sampled_from(("Complete", "Failed", "Suspended", "none")))
        conditions = [{"type": type, "status": "True", "reason": type}]
        return {"spec": spec, "status": {"failed": failed, "conditions": conditions}}
    if kind == "StatefulSet":
        spec["volumeClaimTemplates"] = [{"metadata": {"name": name}} for name in draw(some_names)]
    conditions = draw(st.sampled_from(([], [EXCEEDED], [REFUSED])))
    return {"spec": spec, "status": {"updateRevision": draw(revisions), "conditions": conditions}}


@st.composite
def manifests(draw: st.DrawFn) -> Facts:
    kind = draw(
        st.sampled_from(
            (*WORKLOADS, "Pod", "Pod", "Service", "Service", "EndpointSlice", "EndpointSlice", *NEEDED)
        )
    )
    name = draw(names)
    labels: Json = draw(st.sampled_from(({}, {"helm": "1"})))
    if kind == "Pod":
        labels = labels | draw(st.sampled_from(({}, {"controller-revision-hash": "1"})))
    if kind == "EndpointSlice":
        labels = labels | {"kubernetes.io/service-name": draw(st.sampled_from(("x", "y", "")))}
    owners = []
    for owner in draw(st.lists(st.sampled_from(OWNERS), unique=True, max_size=1)):
        of, _, its_name = owner.partition(" ")
        owners.append({"kind": of, "name": its_name, "uid": owner})
    release = (
        draw(st.sampled_from(({}, {"meta.helm.sh/release-name": "r"}))) if kind != "EndpointSlice" else {}
    )
    if kind in ("Deployment", "ReplicaSet"):
        release = release | {"deployment.kubernetes.io/revision": draw(revisions)}
    meta = {
        "name": name,
        "namespace": "shop",
        "uid": f"{kind} {name}",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": labels,
        "annotations": release,
        "ownerReferences": owners,
    }
    return read(kind, {"metadata": meta, **draw(_parts(kind))})


UIDS = [f"{kind} {name}" for kind in (*WORKLOADS, "Pod", "Service", *NEEDED) for name in ("x", "y")]
histories = st.lists(
    st.one_of(manifests(), manifests(), manifests(), st.sampled_from(UIDS), st.none()),
    min_size=8,
    max_size=40,
)
roots = st.sampled_from((None, equality({"helm": "1"})))


@settings(max_examples=120)
@given(history=histories, roots=roots, batched=st.booleans())
def test_incremental_equals_the_facts(history: list[Any], roots: Selector | None, batched: bool) -> None:
    world = World(roots, RULES)
    for kind in KINDS:
        world.step((kind.name, "", True))
    for step in history:
        world.step(step)
        if not batched:
            world.commit()
    world.commit()
    check_equal(world.graph, world.expected())
    for node in world.graph.nodes.values():
        assert "default" not in [
            each["name"] for each in node.document().get("unresolved", ()) if node.kind != "Pod"
        ]
