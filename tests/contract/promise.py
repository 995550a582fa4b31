"""The API that clients may rely on: the OpenAPI document that was accepted last, and `make accept-api`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from astrolabe.http.mcp.tools import definitions
from tests.contract import schema_promise
from tests.support.api_changes import breaking_changes
from tests.support.serving import serve
from tests.support.worlds import World

ACCEPTED = Path(__file__).with_name("openapi.json")
ACCEPTED_TOOLS = Path(__file__).with_name("mcp-tools.json")


async def described() -> dict[str, Any]:
    """The document as it is now, where a token is needed: it says which paths need none."""
    with NamedTemporaryFile("w") as tokens:
        tokens.write("let-me-in")
        tokens.flush()
        async with serve(World(), auth="token", auth_token_file=tokens.name) as site:
            document: dict[str, Any] = await site.json("/openapi.json")
            return document


def accepted() -> dict[str, Any]:
    """The document that was accepted last."""
    document: dict[str, Any] = json.loads(ACCEPTED.read_text())
    return document


def refusal(changes: list[str]) -> str:
    """What is said of changes that break clients; "" when there are none."""
    if not changes:
        return ""
    lines = "\n".join(f"  {change}" for change in changes)
    return (
        f"The API is a promise, and this would break clients of it:\n{lines}\n"
        "Keep what was described and add beside it. If clients must break, say so in the release notes "
        "and run `make accept-api`."
    )


def tool_changes(accepted: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[str]:
    """What an agent could call that it no longer can."""
    found = []
    schemas = {tool["name"]: tool["inputSchema"] for tool in now}
    for tool in accepted:
        name, before, after = tool["name"], tool["inputSchema"], schemas.get(tool["name"])
        if after is None:
            found.append(f"the tool {name} is gone")
            continue
        found += [
            f"{name} needs {each}"
            for each in after.get("required", ())
            if each not in before.get("required", ())
        ]
        for argument, taken in before["properties"].items():
            found += _argument_changes(name, argument, taken, after["properties"].get(argument))
    return found


def _argument_changes(tool: str, name: str, before: dict[str, Any], now: dict[str, Any] | None) -> list[str]:
    if now is None:
        return [f"{tool} no longer takes {name}"]
    found = [
        f"{tool} no longer takes {value} as {name}"
        for value in before.get("enum", ())
        if value not in now.get("enum", before["enum"])
    ]
    if before.get("type") != now.get("type"):
        found.append(f"{tool} takes another type as {name}")
    if now.get("maximum", before.get("maximum", 0)) < before.get("maximum", 0):
        found.append(f"{tool} takes {name} only to {now['maximum']}")
    return found


def accept() -> None:
    """Keep the document as it is now, and tell which clients that breaks."""
    now = asyncio.run(described())
    if ACCEPTED.exists():
        for change in breaking_changes(accepted(), now):
            sys.stderr.write(f"breaks clients: {change}\n")
    ACCEPTED.write_text(json.dumps(now, indent=1) + "\n")
    ACCEPTED_TOOLS.write_text(json.dumps(definitions(), indent=1) + "\n")
    for change in schema_promise.accept():
        sys.stderr.write(f"breaks queries: {change}\n")


if __name__ == "__main__":
    accept()
