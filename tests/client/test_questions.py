"""What a client asks a server beside its stream."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from astrolabe.client import Client, ClientError, Position
from astrolabe.graph.model.links import Select
from astrolabe.graph.selector import equality
from astrolabe.graph.state.edge_types import SELECTS
from astrolabe.graph.state.status import ERROR, Status
from tests.support.serving import Site, serve
from tests.support.worlds import EPOCH, World, facts

CRASH = Status(ERROR, "CrashLoopBackOff", "container app keeps ending", "2026-01-01T00:05:00Z")
DOWN = Status(ERROR, "NoReadyEndpoints", "0/1 endpoints ready")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    selects = Select(SELECTS, "Pod", "shop", equality({"app": "web"}), "spec.selector")
    world = World()
    world.set(
        facts("Pod", "web", status=CRASH, labels={"app": "web"}),
        facts("Service", "web", status=DOWN, links=(selects,)),
        facts("Pod", "other", namespace="other", status=CRASH),
    )
    async with serve(world) as site:
        yield site


async def test_problems_of_the_part_that_the_filter_selects(site: Site) -> None:
    async with Client(f"127.0.0.1:{site.port}", {"namespace": ["shop"]}) as client:
        found = await client.problems(detail=True)
        assert len(await client.problems("name:nobody")) == 0
    (problem,) = found
    assert (found.position, found.state) == (Position(EPOCH, 1), site.state.current.state)
    assert (problem.status, problem.reason, problem.since) == (
        "Error",
        "CrashLoopBackOff",
        "2026-01-01T00:05:00Z",
    )
    assert (problem.cause.path, problem.cause.count) == ("Pod/shop/web", 1)
    assert problem.affected.kinds == {"Service": 1}
    assert [each.path for each in problem.affected.nodes] == ["Service/shop/web"]


async def test_why_and_impact(site: Site) -> None:
    async with Client(f"127.0.0.1:{site.port}") as client:
        told = await client.why("service-web")
        assert [(step.path, step.type, step.field) for step in told.chain] == [
            ("Pod/shop/web", "", ()),
            ("Service/shop/web", "selects", ("spec.selector",)),
        ]
        forecast = await client.impact("pod-web", "delete")
        assert [each.path for each in forecast.levels.stops] == ["Service/shop/web"]
        assert (forecast.counts.stops, forecast.counts.loses_copy) == ({"Service": 1}, {})
        for work, code in (
            (client.why("nobody"), "not-found"),
            (client.impact("pod-web", "drain"), "wrong-kind"),
            (client.impact("pod-web", "burn"), "bad-filter"),
            (client.find("nmae:x"), "bad-filter"),
        ):
            with pytest.raises(ClientError) as error:
                await work
            assert error.value.code == code


async def test_search_results(site: Site) -> None:
    async with Client(f"127.0.0.1:{site.port}", {"kind": ["Pod"]}) as client:
        found = await client.find("status:Error ns:other")
        assert [each["name"] for each in found] == ["other"]
        await client.ready()
        assert len(client.graph.nodes) == 2, "questions disturb no stream"


async def test_a_server_that_is_not_astrolabe(site: Site) -> None:
    for url, code, said in (
        ("localhost:1", "unreachable", "cannot connect to http://localhost:1: Connection refused"),
        (
            f"127.0.0.1:{site.port}/elsewhere",
            "no-astrolabe",
            f"http://127.0.0.1:{site.port}/elsewhere does not answer /elsewhere/api/v1/problems: it is no "
            "Astrolabe server, or too old",
        ),
    ):
        with pytest.raises(ClientError) as error:
            await Client(url).problems()
        assert (error.value.code, str(error.value)) == (code, said)
