"""What agents of users with few rights are told."""

from __future__ import annotations

import pytest

from tests.access.test_access import two_shops
from tests.support.tenants import Tenancy, tenancy

pytestmark = pytest.mark.asyncio


async def ask(site: Tenancy, tool: str, **arguments: str) -> str:
    params = {"name": tool, "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"Authorization": "Bearer jane"}
    async with site.http.post(site.url("/mcp"), json=message, headers=headers) as answer:
        text: str = (await answer.json())["result"]["content"][0]["text"]
        return text


async def test_an_agent_counts_what_its_user_sees() -> None:
    async with tenancy(two_shops(), "jane") as site:
        lines = (await ask(site, "coverage")).split("\n")
        assert lines[2].startswith("2 resources: ")
        assert lines[3] == "kinds: 1 Pod, 1 Service"


async def test_what_is_not_visible_may_exist_and_is_not_suggested() -> None:
    async with tenancy(two_shops(), "jane") as site:
        for name in ("Secret/shop/shop-secret", "Secret/shop/shop-secres", "ReplicaSet/bank/web"):
            said, trust = (await ask(site, "why", resource=name)).split("\n")
            assert said == f"there is no '{name}', and nothing with a similar name"
            assert trust.startswith("Not everything is known: [cluster simulated | state live | position ")
            assert "not visible: " in trust
