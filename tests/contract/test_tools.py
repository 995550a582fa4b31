"""The tools of agents are a promise: what an agent calls today, it can call tomorrow."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from astrolabe.http.mcp.tools import definitions
from tests.contract.promise import ACCEPTED_TOOLS, tool_changes

Json = dict[str, Any]


def accepted() -> list[Json]:
    tools: list[Json] = json.loads(ACCEPTED_TOOLS.read_text())
    return tools


def test_the_tools_of_agents_are_stable() -> None:
    assert tool_changes(accepted(), definitions()) == []


def test_the_golden_file_is_of_today() -> None:
    assert accepted() == definitions(), "run `make accept-api`, and read what changed"


def remove(tools: list[Json]) -> None:
    tools.pop()


def rename_argument(tools: list[Json]) -> None:
    tools[0]["inputSchema"]["properties"]["query"] = tools[0]["inputSchema"]["properties"].pop("search")


def require(tools: list[Json]) -> None:
    tools[0]["inputSchema"]["required"] = ["search"]


def narrow(tools: list[Json]) -> None:
    tools[0]["inputSchema"]["properties"]["sort"]["enum"].remove("newest")


def lower(tools: list[Json]) -> None:
    tools[0]["inputSchema"]["properties"]["limit"]["maximum"] = 5


def retype(tools: list[Json]) -> None:
    tools[0]["inputSchema"]["properties"]["limit"]["type"] = "string"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (remove, "the tool coverage is gone"),
        (rename_argument, "triage no longer takes search"),
        (require, "triage needs search"),
        (narrow, "triage no longer takes newest as sort"),
        (lower, "triage takes limit only to 5"),
        (retype, "triage takes another type as limit"),
    ],
)
def test_changes_that_break_an_agent_are_noticed(change: Any, told: str) -> None:
    now = deepcopy(accepted())
    change(now)
    assert tool_changes(accepted(), now) == [told]


def test_additions_break_nobody() -> None:
    now = deepcopy(accepted())
    now.append({"name": "timeline", "inputSchema": {"type": "object", "properties": {}}})
    now[0]["inputSchema"]["properties"]["at"] = {"type": "string", "default": ""}
    now[0]["inputSchema"]["properties"]["sort"]["enum"].append("age")
    assert tool_changes(accepted(), now) == []
