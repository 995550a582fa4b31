"""How many tokens agents pay: for the tools, and for answers about a large, broken cluster."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
from rs_bpe.bpe import openai

from astrolabe.http.mcp.tools import INSTRUCTIONS, definitions
from astrolabe.settings import DEFAULT_SELECTOR
from astrolabe.sim.store import ObjectStore
from tests.sim.cluster.test_incidents import CAUSES
from tests.sim.cluster.test_incidents import store as store
from tests.support.simulated import generated, simulated

Json = dict[str, Any]
#: That of many models; those of others come to much the same.
TOKENS = openai.o200k_base()


def count(text: str) -> int:
    return len(TOKENS.encode(text))


def test_the_tools_take_few_tokens() -> None:
    assert len(definitions()) <= 8
    assert count(json.dumps(definitions(), separators=(",", ":"))) <= 1_000
    assert count(INSTRUCTIONS) <= 120


class Agent:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def ask(self, tool: str, **arguments: Any) -> str:
        params = {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        async with self._http.post("/mcp", json=message) as answer:
            result = (await answer.json())["result"]
        assert "isError" not in result, result
        text: str = result["content"][0]["text"]
        return text


async def test_answers_about_a_large_cluster_are_short() -> None:
    """5,000 resources, of which hundreds are broken."""
    async with (
        simulated(generated(0.04, seed=3)) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        agent = Agent(http)
        async with http.get("/api/v1/graph") as answer:
            nodes = (await answer.json())["nodes"]
        assert len(nodes) > 5_000
        for limit in (10, 100):
            assert count(await agent.ask("triage", limit=limit)) <= 2_000
        broken = [node for node in nodes if node["status"] == "Error"]
        assert len(broken) > 100
        most = 0
        for node in broken[:: max(len(broken) // 60, 1)]:
            most = max(most, count(await agent.ask("why", resource=node["uid"])))
        assert 100 < most <= 500
        for node in nodes[:: len(nodes) // 30]:
            assert count(await agent.ask("describe", resource=node["uid"])) <= 1_200
            assert count(await agent.ask("relations", resource=node["uid"])) <= 2_000
        assert count(await agent.ask("find", search="status:Error", limit=200)) <= 2_000
        assert count(await agent.ask("coverage")) <= 1_200


async def test_the_answers_have_the_facts_of_each_incident(store: ObjectStore) -> None:
    """What is broken and why, of each incident of the demo, stands in the answer about its namespace."""
    async with (
        simulated(store, label_selector=DEFAULT_SELECTOR) as address,
        aiohttp.ClientSession(f"http://{address}") as http,
    ):
        agent = Agent(http)
        missed = {}
        for name, cause in CAUSES.items():
            words, _, what = cause.partition(": ")
            status, reason = words.split(" ")
            kind, object = what.removeprefix("missing ").split(" ")
            text = await agent.ask("triage", search=f"ns:incident-{name}", limit=5)
            facts = [status, "" if reason == status else reason, kind, object]
            facts += ["(missing)"] if "missing " in what else []
            if name not in ("lost-node", "certificate") and not all(fact in text for fact in facts):
                missed[name] = (facts, text)
        assert missed == {}
