"""What an API server says of itself, and what is made of answers that say nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from astrolabe.kube.client import Cluster
from astrolabe.kube.discovery import served_resources, version_of
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.kube.support import RudeServer, Step, answer, refusal, settings_for, write_kubeconfig
from tests.support.kinds import KINDS


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    kinds = [kind for kind in KINDS if kind.name in ("Pod", "Service", "Job")]
    async with Simulator(ObjectStore(kinds), authorizer=Authorizer()) as simulator:
        yield simulator


@pytest.fixture
async def cluster(simulator: Simulator) -> AsyncIterator[Cluster]:
    with kubeconfig_file(simulator.url) as path:
        cluster = await Cluster.connect(Settings(in_cluster=False, kubeconfig=path))
    yield cluster
    await cluster.close()


async def test_resources_of_a_group_and_version(cluster: Cluster) -> None:
    assert await served_resources(cluster, "v1") == {"pods", "services"}
    assert await served_resources(cluster, "batch/v1") == {"jobs"}


async def test_a_group_or_version_that_is_not_there_serves_nothing(cluster: Cluster) -> None:
    assert await served_resources(cluster, "apps/v1") == frozenset()
    assert await served_resources(cluster, "batch/v2") == frozenset()


async def test_the_version(cluster: Cluster) -> None:
    assert (await version_of(cluster)).startswith("v0.0.0-master+")


@pytest.mark.parametrize(
    "step",
    [
        refusal(403, "Forbidden"),
        refusal(503, "ServiceUnavailable"),
        answer(200, b"{}"),
        answer(200, b"nonsense"),
        answer(200, b"<html>", {"Content-Type": "text/html"}),
    ],
)
async def test_a_failed_request_is_not_an_empty_answer(tmp_path: Path, step: Step) -> None:
    async with RudeServer(step, step) as server:
        cluster = await Cluster.connect(settings_for(write_kubeconfig(tmp_path / "config", server.url)))
        assert await served_resources(cluster, "autoscaling/v2") is None
        assert await version_of(cluster) == ""
        await cluster.close()
    assert [asked.path for asked in server.asked] == ["/apis/autoscaling/v2", "/version"]
