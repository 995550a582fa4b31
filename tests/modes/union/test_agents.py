"""Agents that ask a server of several clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from tests.modes.union.test_crossings import with_web
from tests.support.simulated import generated
from tests.support.unions import union_of


async def test_clusters_are_told_apart(tmp_path: Path) -> None:
    """One cluster is a clone of the other, and the third cannot be reached."""
    stores = {name: with_web(generated(0.002, seed=5)) for name in ("east", "west", "north")}
    async with union_of(tmp_path, stores, offline=("north",)) as site, aiohttp.ClientSession() as http:

        async def ask(tool: str, **arguments: Any) -> str:
            params = {"name": tool, "arguments": arguments}
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            async with http.post(f"{site.url}/mcp", json=message) as answer:
                text: str = (await answer.json())["result"]["content"][0]["text"]
                return text

        await site.until(lambda: site.states() == {"east": "live", "west": "live", "north": "stale"})
        assert await ask("describe", resource="Deployment/shop/web") == (
            "'Deployment/shop/web' is the name of 2 resources; write one of these: "
            "east:Deployment/shop/web, west:Deployment/shop/web"
        )
        lines = (await ask("describe", resource="west:deploy/shop/web")).split("\n")
        assert lines[0].startswith("[clusters east, north, west | state stale since ")
        assert lines[1].startswith("west:Deployment/shop/web is ")
        (uid,) = [line.removeprefix("uid ") for line in lines if line.startswith("uid west/")]
        assert (await ask("describe", resource=uid)).split("\n")[1:] == lines[1:]
        told = await ask("coverage")
        assert "\ncluster east: live since " in told
        assert "\ncluster north: stale since " in told
        triage = await ask("triage", search="cluster:west", limit=50)
        assert ": west:" in triage
        assert "east:" not in triage
