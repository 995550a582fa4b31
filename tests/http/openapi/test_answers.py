"""Schemathesis asks a served cluster all that the document allows, and much that it does not.

It looks at every answer: no 5xx, and status, type, headers and body as they are described; what the document
forbids is refused, what it allows is not; and where a token is needed nothing is answered without one.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Any

from tests.support.process import kill
from tests.support.redis_server import redis_server
from tests.support.simulated import generated, simulated

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
SCHEMATHESIS = Path(sys.executable).with_name("st")

#: Of streams no answer comes to an end; test_messages.py follows them. MCP has a protocol of its own, which
#: the official client speaks in tests/http/mcp.
OTHERS = "/ws|/events|/mcp"
TOKEN = "let-me-in"


async def ask(address: str, folder: Path, *options: str) -> tuple[int, str]:
    """The exit code of Schemathesis, and what it found."""
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "--config-file", FOLDER / "schemathesis.toml", "run", "--no-color"),
        *(f"http://{address}/openapi.json", "--exclude-path-regex", OTHERS, *options),
        stdout=PIPE,
        stderr=STDOUT,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.http.openapi.hooks"},
    )
    try:
        async with asyncio.timeout(100):
            found, _ = await process.communicate()
    finally:
        await kill(process)
    assert process.returncode is not None
    return process.returncode, found.decode()


async def test_every_answer_is_as_described(tmp_path: Path) -> None:
    async with simulated(generated()) as address:
        code, found = await ask(address, tmp_path)
    assert code == 0, found
    assert "36 selected / 43 total" in found


async def test_where_a_token_is_needed(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKEN)
    settings: dict[str, Any] = {"auth": "token", "auth_token_file": str(tokens)}
    async with simulated(generated(), **settings) as address:
        code, found = await ask(
            address, tmp_path, "--phases=coverage", f"--header=Authorization: Bearer {TOKEN}"
        )
    assert code == 0, found


async def test_with_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as redis:
        settings: dict[str, Any] = {"enable_persistence": True, "redis_addr": redis.address}
        async with simulated(generated(), **settings) as address:
            code, found = await ask(address, tmp_path, "--phases=coverage", "--include-tag=process")
    assert code == 0, found
