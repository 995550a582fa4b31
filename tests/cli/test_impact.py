"""`astrolabe impact`, of a served cluster."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.cli.asking import ask, served, store_of
from tests.incidents.made import MadeCluster, running


def budgeted(c: MadeCluster) -> None:
    c.workload("web", running())
    rule = {
        "backend": {"service": {"name": "web", "port": {"number": 80}}},
        "path": "/",
        "pathType": "Prefix",
    }
    c.add("Ingress", "web", spec={"rules": [{"http": {"paths": [rule]}}]}, status={})
    c.add(
        "PodDisruptionBudget",
        "web",
        spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        status={"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1},
    )


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setenv("COLUMNS", "70")
    async with served(store_of(budgeted)) as address:
        monkeypatch.setenv("ASTROLABE_SERVER", address)
        yield address


DRAIN = """\
If Node/n1 is drained:
  evictions in this order: 1 refused
    1. refused  Pod/shop/web-0
       PodDisruptionBudget web needs 1 healthy Pod and has 1
"""
FAIL = """\
If Pod/shop/web-0 is deleted:
  stops: 1 Ingress, 1 Deployment, 1 Service, 1 ReplicaSet,
  1 EndpointSlice
    Ingress/shop/web
    Deployment/shop/web
    Service/shop/web
    ReplicaSet/shop/web-5d
    EndpointSlice/shop/web-x
  Users notice: Ingress/shop/web
"""


async def test_a_drain_is_refused_by_a_budget(shop: str) -> None:
    code, out, err = await ask("impact", "node/n1", "--action", "drain")
    assert (code, out, err) == (0, DRAIN, "")


def scratched(c: MadeCluster) -> None:
    owner = c.add("ReplicaSet", "web", spec={"replicas": 1}, status={"replicas": 1})
    c.pod("web-0", running(spec={"volumes": [{"name": "tmp", "emptyDir": {}}]}), owner=owner)


FLAGS = """\
If Node/n1 is drained:
  evictions in this order: 1 evicted
  kubectl drain needs --delete-emptydir-data
    1. evicted  Pod/shop/web-0
       what it keeps in its emptyDir volume tmp is lost; a drain needs
       --delete-emptydir-data
  stops: 1 Pod, 1 ReplicaSet
    Pod/shop/web-0
    ReplicaSet/shop/web
"""


async def test_a_drain_says_which_flags_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    async with served(store_of(scratched)) as address:
        monkeypatch.setenv("ASTROLABE_SERVER", address)
        assert await ask("impact", "node/n1", "--action", "drain") == (0, FLAGS, "")


async def test_impact_of_a_pod(shop: str) -> None:
    code, out, err = await ask("impact", "po", "web-0", "--action=delete")
    assert (code, out, err) == (0, FAIL, "")
    code, out, _ = await ask("impact", "po", "web-0", "-o=json")
    assert (code, json.loads(out)["action"]) == (0, "fail")


async def test_an_unsupported_action(shop: str) -> None:
    said = "action drain is of Nodes, and this is a Service: ask for fail, delete or restart"
    assert await ask("impact", "svc/web", "--action=drain") == (2, "", f"astrolabe: {said}\n")
