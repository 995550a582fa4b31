"""What is missing is told once: by the Pods that lack it, by the workload while there are none of these."""

from typing import Any

import pytest

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from tests.kinds.support import Json, read
from tests.support.kinds import KINDS
from tests.support.serving import Site, serve
from tests.support.worlds import World

FIELD = "containers[app].envFrom[0].secretRef"
RUNNING: Json = {"phase": "Running"}
DONE: Json = {"phase": "Succeeded"}


def pod(*secrets: str) -> Json:
    sources = [{"secretRef": {"name": name}} for name in secrets]
    return {"serviceAccountName": "web", "containers": [{"name": "app", "envFrom": sources}]}


def made(kind: str, name: str, owner: tuple[str, str] | None = None, **parts: Any) -> Facts:
    """What the API server tells of an object; owner: its kind and name."""
    meta: Json = {"name": name, "namespace": "shop", "uid": f"{kind}-{name}"}
    if owner is not None:
        meta["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "uid": "-".join(owner)}]
    return read(kind, {"metadata": meta, **parts})


def deployment(*secrets: str) -> Facts:
    return made("Deployment", "web", spec={"template": {"spec": pod(*secrets)}})


REPLICASET = made("ReplicaSet", "web-1", ("Deployment", "web"), spec={"template": {"spec": pod("keys")}})


def pods(*names: str, status: Json = RUNNING) -> list[Facts]:
    return [made("Pod", name, ("ReplicaSet", "web-1"), spec=pod("keys"), status=status) for name in names]


@pytest.fixture
def world() -> World:
    """Of all kinds, completely known."""
    world = World()
    world.model = Model([kind.rules for kind in KINDS])
    for kind in KINDS:
        world.model.set_synced(kind.name, "", True)
    world.set(made("ServiceAccount", "web"))
    return world


async def told(site: Site, query: str = "") -> list[tuple[str, str, str]]:
    """(holder, missing, field) of each entry."""
    return [
        (
            f"{each['kind']} {each['name']}",
            f"{each['reference']['type']} {each['reference']['name']}",
            each["reference"]["field"],
        )
        for each in await site.json(f"/api/v1/unresolved{query}")
    ]


BY_TEMPLATE = ("Deployment web", "uses-secret keys", f"spec.template.spec.{FIELD}")


async def test_a_workload_without_pods_reports_its_templates_missing_references(world: World) -> None:
    world.set(deployment("keys"), REPLICASET)
    async with serve(world) as site:
        assert await told(site) == [BY_TEMPLATE]


async def test_pods_report_missing_references_instead_of_their_workload(world: World) -> None:
    world.set(deployment("keys"), REPLICASET, *pods("web-1-a", "web-1-b"))
    async with serve(world) as site:
        of_pods = [(f"Pod {name}", "uses-secret keys", f"spec.{FIELD}") for name in ("web-1-a", "web-1-b")]
        assert await told(site) == of_pods
        assert await told(site, "?kind=Pod") == of_pods
        assert await told(site, "?kind=Deployment") == [BY_TEMPLATE]
        world.remove("Pod-web-1-a")
        world.set(*pods("web-1-b", status=DONE))
        assert await told(site) == [BY_TEMPLATE]


async def test_references_missing_only_in_the_template_are_reported_too(world: World) -> None:
    world.set(deployment("keys", "more"), REPLICASET, *pods("web-1-a"))
    async with serve(world) as site:
        field = "spec.template.spec.containers[app].envFrom[1].secretRef"
        assert await told(site) == [
            ("Deployment web", "uses-secret more", field),
            ("Pod web-1-a", "uses-secret keys", f"spec.{FIELD}"),
        ]


async def test_a_cronjob_reports_missing_references_before_its_next_run(world: World) -> None:
    template = {"spec": {"template": {"spec": pod("keys")}}}
    world.set(made("CronJob", "report", spec={"schedule": "0 3 * * *", "jobTemplate": template}))
    async with serve(world) as site:
        field = f"spec.jobTemplate.spec.template.spec.{FIELD}"
        assert await told(site) == [("CronJob report", "uses-secret keys", field)]
        node = (await site.json("/api/v1/resources/CronJob-report"))["node"]
        assert (node["status"], node["reason"]) == ("Ready", "Ready")
        assert [each["name"] for each in node["unresolved"]] == ["keys"]
        job = made("Job", "report-1", ("CronJob", "report"), spec=template["spec"])
        world.set(job, made("Pod", "report-1-x", ("Job", "report-1"), spec=pod("keys")))
        assert await told(site) == [("Pod report-1-x", "uses-secret keys", f"spec.{FIELD}")]


async def test_who_uses_a_secret(world: World) -> None:
    """The Deployment at zero and the nightly job are among them, an old revision is not."""
    template = {"spec": {"template": {"spec": pod("keys")}}}
    world.set(
        made("Secret", "keys"),
        made("CronJob", "report", spec={"jobTemplate": template}),
        made("Deployment", "web", spec={"replicas": 0, "template": {"spec": pod("keys")}}),
        REPLICASET,
    )
    async with serve(world) as site:
        users = (await site.json("/api/v1/resources/Secret-keys"))["edges"]["in"]
        assert sorted((each["type"], each["other"]["kind"], each["other"]["name"]) for each in users) == [
            ("uses-secret", "CronJob", "report"),
            ("uses-secret", "Deployment", "web"),
        ]
        assert await told(site) == []


async def test_owners_in_a_circle(world: World) -> None:
    a = made("Deployment", "a", ("Deployment", "b"), spec={"template": {"spec": pod("keys")}})
    b = made("Deployment", "b", ("Deployment", "a"), spec={"template": {"spec": pod("more")}})
    world.set(a, b)
    async with serve(world) as site:
        assert [each[:2] for each in await told(site)] == [
            ("Deployment a", "uses-secret keys"),
            ("Deployment b", "uses-secret more"),
        ]
