"""`/api/v1/find` over HTTP: the best hits, and how many there are."""

from __future__ import annotations

from urllib.parse import quote

from astrolabe.graph.state.status import ERROR, Status
from tests.support.serving import serve
from tests.support.worlds import World, facts

CRASH = Status(ERROR, "CrashLoopBackOff", "it keeps ending")


def a_world() -> World:
    world = World()
    world.set(
        facts("Pod", "cart-api-1"),
        facts("Pod", "cart-api-2", status=CRASH, release="cart"),
        facts("Service", "cart"),
        facts("Pod", "shopping-cart"),
        facts("Pod", "unlike", namespace="cart-team"),
        facts("Pod", "db", namespace="store"),
    )
    return world


async def test_the_best_hits_come_first_with_status_and_reason() -> None:
    async with serve(a_world()) as site:
        found = await site.json("/api/v1/find?q=cart")
        assert found["total"] == 5
        names = [each["name"] for each in found["hits"]]
        assert names == ["cart", "cart-api-2", "cart-api-1", "shopping-cart", "unlike"]
        assert found["hits"][1] == {
            "uid": "pod-cart-api-2",
            "kind": "Pod",
            "namespace": "shop",
            "name": "cart-api-2",
            "status": "Error",
            "reason": "CrashLoopBackOff",
            "message": "it keeps ending",
            "release": "cart",
        }


async def test_filter_and_limit_are_applied() -> None:
    async with serve(a_world()) as site:
        within = await site.json(f"/api/v1/find?q={quote('kind:pod name:cart*')}&namespace=shop&limit=1")
        assert (within["total"], [each["name"] for each in within["hits"]]) == (2, ["cart-api-2"])
        counted = await site.json("/api/v1/find?limit=0")
        assert counted == {"total": 6, "hits": []}


async def test_a_parse_error_is_refused_with_its_position() -> None:
    async with serve(a_world()) as site:
        status, said = await site.refused(f"/api/v1/find?q={quote('wéb sttus:Error')}")
        assert (status, said["error"], said["at"]) == (400, "bad-filter", 4)
        assert said["message"].startswith("q does not parse: unknown field 'sttus': did you mean status?")
        status, said = await site.refused("/api/v1/find?limit=1001")
        assert (status, said) == (
            400,
            {"error": "bad-filter", "message": "limit is a number up to 1000, not 1001"},
        )
