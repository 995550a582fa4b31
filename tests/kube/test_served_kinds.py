"""Which kinds are served, by both forms of discovery."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kube.errors import RequestFailed
from astrolabe.kube.served_kinds import Discovery, discover
from astrolabe.sim.definitions import crd
from astrolabe.sim.server import Simulator
from tests.kube.support import RudeServer, answer, connected, refusal


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        simulator.store.define(crd("Certificate", "cert-manager.io", short_names=("cert",)))
        simulator.store.define(crd("Gateway", "example.com", versions=("v1beta1", "v1", "v2alpha1")))
        simulator.store.define(crd("Cell", "example.com", scope="Cluster", versions=("v1",)))
        yield simulator


@pytest.mark.parametrize("aggregates", [True, False])
async def test_every_kind_with_its_versions(simulator: Simulator, tmp_path: Path, aggregates: bool) -> None:
    simulator.aggregates = aggregates
    async with connected(simulator.url, tmp_path) as cluster:
        found = {kind.id.key: kind for kind in (await discover(cluster)).kinds}
    assert {"Deployment", "Ingress", "CustomResourceDefinition"} <= found.keys()
    assert found["Certificate.cert-manager.io"].short_names == ("cert",)
    assert [each.name for each in found["Gateway.example.com"].versions] == ["v1", "v1beta1", "v2alpha1"]
    assert not found["Cell.example.com"].namespaced
    assert len(simulator.request_log.requests) == 1 if aggregates else len(simulator.request_log.requests) > 9


PAGE = b"""{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[
  {"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1beta1","freshness":"Stale"}]},
  {"metadata":{"name":"example.com"},"versions":[{"version":"v1","freshness":"Current","resources":[
    {"resource":"widgets","responseKind":{"group":"example.com","version":"v1","kind":"Widget"},
     "scope":"Namespaced","singularResource":"widget","verbs":["get","list","watch"],"shortNames":["wd"],
     "categories":["all"],"subresources":[{"subresource":"status","verbs":["get","patch","update"]}]},
    {"resource":"listed","responseKind":{"group":"","version":"","kind":"Listed"},"scope":"Namespaced",
     "singularResource":"","verbs":["get","list"]},
    {"resource":"reviews","responseKind":null,"scope":"Cluster","singularResource":"","verbs":["create"]}]}]}]}"""


async def test_unwatchable_kinds_are_left_out_and_broken_groups_named(tmp_path: Path) -> None:
    kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    async with (
        RudeServer(answer(200, PAGE, {"Content-Type": kind})) as server,
        connected(server.url, tmp_path) as cluster,
    ):
        found = await discover(cluster)
        assert kind in server.asked[0].headers["Accept"]
    widget = Definition(
        group="example.com",
        kind="Widget",
        plural="widgets",
        versions=(ServedVersion("v1", has_status=True),),
        short_names=("wd",),
        categories=("all",),
    )
    assert found == Discovery((widget,), frozenset(("metrics.k8s.io",)))


async def test_a_failing_group_affects_no_other(tmp_path: Path) -> None:
    """Plain discovery: the page of one group is refused."""
    groups = b"""{"kind":"APIGroupList","apiVersion":"v1","groups":[
      {"name":"a.io","versions":[{"groupVersion":"a.io/v1","version":"v1"}],
       "preferredVersion":{"groupVersion":"a.io/v1","version":"v1"}}]}"""
    async with (
        RudeServer(answer(200, groups), refusal(503, "ServiceUnavailable")) as server,
        connected(server.url, tmp_path) as cluster,
    ):
        assert await discover(cluster) == Discovery((), frozenset(("a.io",)))


@pytest.mark.parametrize("step", [refusal(403, "Forbidden"), answer(200, b"nonsense"), answer(200, b"{}")])
async def test_a_missing_answer_is_not_an_empty_one(tmp_path: Path, step: object) -> None:
    async with (
        RudeServer(step) as server,  # type: ignore[arg-type]
        connected(server.url, tmp_path) as cluster,
    ):
        with pytest.raises(RequestFailed):
            await discover(cluster)
