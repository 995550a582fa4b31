"""Summaries and neighbourhoods by the Python client, against a real server."""

from __future__ import annotations

from astrolabe.client import Client
from tests.support.serving import serve
from tests.support.worlds import World, facts


async def test_a_summary_is_asked_once_and_followed() -> None:
    world = World()
    world.sync()
    world.set(facts("Namespace", "shop"), facts("Pod", "a"))
    async with serve(world) as site, Client(f"127.0.0.1:{site.port}") as client:
        (group,) = await client.summary("namespace", q="kind:pod")
        assert (group.id, group.namespace, group.total, group.ready) == ("shop", "shop", 1, 1)
        seen = []
        async for groups in client.summary("namespace"):
            seen.append([(each.id, each.total) for each in groups])
            if len(seen) == 2:
                break
            world.set(facts("Pod", "b", namespace="other"))
    assert seen == [[("shop", 2)], [("other", 1), ("shop", 2)]]


async def test_a_neighbourhood_is_followed_and_moves() -> None:
    world = World()
    world.sync()
    world.set(facts("Pod", "a"), facts("Pod", "b"))
    async with serve(world) as site, Client(f"127.0.0.1:{site.port}") as client:
        around = client.neighbourhood("pod-a", depth=0)
        seen = []
        async for graph in around:
            seen.append(sorted(graph.nodes))
            if len(seen) == 2:
                break
            await around.refocus(["pod-b"])
    assert seen == [["pod-a"], ["pod-b"]]
    assert list(around.graph.beyond) == []
