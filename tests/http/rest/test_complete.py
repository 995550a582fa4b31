"""`/api/v1/complete` over HTTP."""

from __future__ import annotations

from urllib.parse import quote

from tests.support.serving import serve
from tests.support.worlds import World, facts


async def test_values_come_from_the_graph_with_counts() -> None:
    world = World()
    for name, namespace in (("web-1", "shop"), ("web-2", "shop"), ("db", "store"), ("lone", "other")):
        world.set(facts("Pod", name, namespace=namespace))
    async with serve(world) as site:
        answer = await site.json("/api/v1/complete?q=kind:pod+ns:s")
        names = await site.json("/api/v1/complete?q=web-")
        middle = await site.json(f"/api/v1/complete?q={quote('ns:s kind:pod')}&cursor=4")
    assert answer == {
        "start": 12,
        "end": 13,
        "proposals": [{"text": "shop", "resources": 2}, {"text": "store", "resources": 1}],
    }
    assert [each["text"] for each in names["proposals"]] == ["web-1", "web-2"]
    assert middle["proposals"] == answer["proposals"]
    assert (middle["start"], middle["end"]) == (3, 4)


async def test_invalid_requests_are_refused() -> None:
    async with serve(World()) as site:
        assert await site.refused("/api/v1/complete?text=x") == (
            400,
            {"error": "bad-filter", "message": "unknown parameter 'text'; this path has q and cursor"},
        )
        status, error = await site.refused(f"/api/v1/complete?q={'x' * 3000}")
    assert status == 400
    assert error["message"] == "q has 3000 bytes; at most 2048 are allowed (--max-filter-bytes)"
