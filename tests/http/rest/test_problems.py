"""`/api/v1/problems`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from astrolabe.graph.model.links import RefByUid, Select
from astrolabe.graph.selector import equality
from astrolabe.graph.state.edge_types import OWNS, SELECTS
from astrolabe.graph.state.status import ERROR, READY, Status
from tests.support.serving import Site, serve
from tests.support.worlds import World, facts

CRASH = Status(ERROR, "CrashLoopBackOff", "container app keeps ending: OOMKilled", "2026-01-01T00:05:00Z")


def owned(kind: str, name: str) -> tuple[RefByUid]:
    uid = f"{kind}-{name}".lower()
    return (RefByUid(OWNS, uid, kind, "shop", name, "metadata.ownerReferences[0]", reverse=True),)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    world = World()
    down = Status(ERROR, "NoReadyEndpoints", "0/1 endpoints ready")
    selects = Select(SELECTS, "Pod", "shop", equality({"app": "web"}), "spec.selector")
    world.set(
        facts("Namespace", "shop"),
        facts("Deployment", "web", status=Status(ERROR, "ProgressDeadlineExceeded"), release="cart"),
        facts(
            "ReplicaSet", "web-1", status=Status(ERROR, "CrashLoopBackOff"), links=owned("Deployment", "web")
        ),
        facts("Pod", "web-1-a", status=CRASH, labels={"app": "web"}, links=owned("ReplicaSet", "web-1")),
        facts("Service", "web", status=down, metadata={"serviceType": "LoadBalancer"}, links=(selects,)),
        facts("Pod", "lone", namespace="other", status=Status(ERROR, "ImagePullBackOff", "denied")),
    )
    async with serve(world) as site:
        yield site


async def test_a_problem_says_what_is_broken_why_and_what_depends_on_it(site: Site) -> None:
    problem, other = await site.json("/api/v1/problems?detail=true")
    pod = {"kind": "Pod", "group": "", "namespace": "shop", "name": "web-1-a", "uid": "pod-web-1-a"}
    service = {"kind": "Service", "group": "", "namespace": "shop", "name": "web", "uid": "service-web"}
    deployment = {"kind": "Deployment", "group": "apps", "namespace": "shop", "name": "web"}
    replica_set = {"kind": "ReplicaSet", "group": "apps", "namespace": "shop", "name": "web-1"}
    bad = {"status": "Error"}
    assert len(problem.pop("id")) == 16
    assert problem == {
        "status": "Error",
        "reason": "CrashLoopBackOff",
        "message": "container app keeps ending: OOMKilled",
        "reach": 1002,
        "since": "2026-01-01T00:05:00Z",
        "cause": {**pod, **bad},
        "affected": {
            "total": 3,
            "kinds": {"Deployment": 1, "ReplicaSet": 1, "Service": 1},
            "nodes": [
                {**deployment, "uid": "deployment-web", **bad},
                {**replica_set, "uid": "replicaset-web-1", **bad},
                {**service, **bad},
            ],
        },
        "entries": [{**service, **bad}],
        "releases": [{"namespace": "shop", "name": "cart"}],
        "namespaces": ["shop"],
        "path": [
            {**service, **bad, "type": "selects", "field": ["spec.selector"]},
            {**pod, **bad},
        ],
        "also": [],
        "coverage": [],
    }
    assert other["cause"]["name"] == "lone"


async def test_only_a_single_problem_lists_affected_nodes(site: Site) -> None:
    listed = (await site.json("/api/v1/problems"))[0]
    assert "nodes" not in listed["affected"]
    one = await site.json(f"/api/v1/problems/{listed['id']}")
    assert [node["name"] for node in one["affected"].pop("nodes")] == ["web", "web-1", "web"]
    assert one == listed
    assert await site.refused("/api/v1/problems/nosuch") == (
        404,
        {"error": "not-found", "message": "there is no problem with the id 'nosuch'; it may have ended"},
    )


async def test_a_filter_limits_the_problems(site: Site) -> None:
    (problem,) = await site.json("/api/v1/problems?namespace=other")
    assert (problem["cause"]["name"], problem["namespaces"]) == ("lone", ["other"])
    (problem,) = await site.json("/api/v1/problems?kind=Deployment,ReplicaSet")
    assert problem["cause"]["name"] == "web-1"
    assert problem["affected"] == {"total": 1, "kinds": {"Deployment": 1}}


async def test_a_change_is_in_the_next_answer_and_the_id_stays(site: Site) -> None:
    first = (await site.json("/api/v1/problems"))[0]
    world = site.world
    world.remove("pod-web-1-a")
    ends = Status(ERROR, "Error", "container app ended: exit code 1")
    world.set(
        facts("Pod", "web-1-b", status=ends, labels={"app": "web"}, links=owned("ReplicaSet", "web-1")),
    )
    again = (await site.json("/api/v1/problems"))[0]
    assert (again["id"], again["cause"]["name"]) == (first["id"], "web-1-b")
    world.set(
        facts(
            "Pod",
            "web-1-b",
            status=Status(READY, "Running"),
            labels={"app": "web"},
            links=owned("ReplicaSet", "web-1"),
        ),
        facts("ReplicaSet", "web-1", links=owned("Deployment", "web")),
        facts("Deployment", "web"),
        facts("Service", "web"),
    )
    assert [each["cause"]["name"] for each in await site.json("/api/v1/problems")] == ["lone"]


async def test_orders_limits_and_caches(site: Site) -> None:
    names = [each["cause"]["name"] for each in await site.json("/api/v1/problems?sort=newest&limit=1")]
    assert names == ["web-1-a"]
    async with site.get("/api/v1/problems") as answer:
        etag = answer.headers["ETag"]
    async with site.get("/api/v1/problems", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304
    assert (await site.refused("/api/v1/problems?sort=colour"))[1] == {
        "error": "bad-filter",
        "message": "sort is one of severity, reach, age, newest, affected, not 'colour'",
    }
    assert (await site.refused("/api/v1/problems?limit=0"))[0] == 400


async def test_a_problem_names_related_problems_like_the_list(site: Site) -> None:
    down = Status(ERROR, "NoReadyEndpoints", "0/2 endpoints ready")
    selects = Select(SELECTS, "Pod", "third", equality({"app": "torn"}), "spec.selector")
    site.world.set(
        facts("Service", "torn", namespace="third", status=down, links=(selects,)),
        *(facts("Pod", name, namespace="third", status=CRASH, labels={"app": "torn"}) for name in "xy"),
    )
    first, second = await site.json("/api/v1/problems?namespace=third")
    assert (first["also"], second["also"]) == ([second["id"]], [first["id"]])
    assert (await site.json(f"/api/v1/problems/{first['id']}"))["also"] == [second["id"]]
