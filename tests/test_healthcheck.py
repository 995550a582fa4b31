"""What the image's HEALTHCHECK says of a server that is there, over TLS, elsewhere, ill, or gone."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from astrolabe.cli.flags import SERVE
from astrolabe.healthcheck import probe
from tests.support.certificates import Pair
from tests.support.redis_server import free_port
from tests.support.serving import serve
from tests.support.worlds import shop


async def run(**environment: str) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr."""
    command = (sys.executable, "-m", "astrolabe.healthcheck")
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, out.decode(), err.decode()


async def test_a_running_server_is_alive() -> None:
    async with serve(shop()) as site:
        assert await run(PORT=str(site.port), ASTROLABE_TLS_CERT_FILE="") == (0, "", "")


async def test_a_server_with_tls_and_tokens_is_alive(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("open-sesame\n")
    pair = Pair(tmp_path)
    async with serve(shop(), auth="token", auth_token_file=str(tokens), **pair.settings) as site:
        port = str(site.port)
        assert await run(PORT=port, ASTROLABE_TLS_CERT_FILE=str(pair.certificate)) == (0, "", "")
        code, out, err = await run(PORT=port)
        assert (code, out) == (1, "")
        assert err.startswith(f"/livez at port {port}: ")


async def test_a_stopped_server_is_not_alive() -> None:
    port = str(free_port())
    assert await run(PORT=port) == (1, "", f"/livez at port {port}: [Errno 111] Connection refused\n")


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1", "localhost"])
async def test_the_check_uses_the_servers_address(host: str) -> None:
    async with serve(shop()) as site:
        environment = {"PORT": str(site.port), "ASTROLABE_HOST": host}
        assert await asyncio.to_thread(probe, environment) == ""


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "HTTP 503"),
        (b"220 mail.example.com ESMTP\r\n", "220 mail.example.com ESMTP"),
        (b"", "Remote end closed connection without response"),
    ],
)
async def test_another_program_on_the_port_is_named(answer: bytes, why: str) -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(play, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await asyncio.to_thread(probe, {"PORT": str(port)}) == f"/livez at port {port}: {why}"


def test_variables_and_defaults_equal_those_of_the_flags() -> None:
    source = Path(probe.__code__.co_filename).read_text()
    flags = {str(flag.envvar): flag for flag in SERVE}
    read = set(re.findall(r'environment\.get\("(\w+)"', source))
    assert read == {"ASTROLABE_HOST", "PORT", "ASTROLABE_TLS_CERT_FILE"}
    assert read <= flags.keys()
    assert f'"{flags["PORT"].default}"' in source


async def test_the_check_imports_little() -> None:
    code = "import sys, astrolabe.healthcheck; print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    out, _ = await process.communicate()
    loaded = set(out.decode().split())
    assert not loaded & {"asyncio", "click", "msgspec", "sanic", "aiohttp", "astrolabe.settings"}
    assert {name for name in loaded if name.startswith("astrolabe")} == {"astrolabe", "astrolabe.healthcheck"}
