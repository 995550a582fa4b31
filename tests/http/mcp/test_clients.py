"""Agents as they come: the official client over HTTP, and over stdio by `astrolabe mcp`."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters

from tests.http.rest.test_problems import site as site
from tests.support.process import kill
from tests.support.serving import PATIENCE, Site

#: How a client begins: by asking which revisions are served, by the newest, or by a handshake.
MODES = ("auto", "2026-07-28", "legacy")


def text_of(result: object) -> str:
    (content,) = result.content  # type: ignore[attr-defined]
    text: str = content.text
    return text


async def use(client: Client) -> None:
    listed = await client.list_tools()
    names = [tool.name for tool in listed.tools]
    assert names == ["triage", "why", "impact", "find", "describe", "relations", "coverage"]
    assert all(tool.annotations is not None and tool.annotations.read_only_hint for tool in listed.tools)
    answer = await client.call_tool("why", {"resource": "deploy/shop/web"})
    assert not answer.is_error
    assert "Root cause: Pod/shop/web-1-a Error CrashLoopBackOff" in text_of(answer)
    wrong = await client.call_tool("why", {"resource": "deploy/shop/nosuch"})
    assert wrong.is_error
    assert text_of(wrong).startswith("there is no 'deploy/shop/nosuch'")


@pytest.mark.parametrize("mode", MODES)
async def test_the_official_client_over_http(site: Site, mode: str) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        Client(f"http://127.0.0.1:{site.port}/mcp", mode=mode) as client,
    ):
        await use(client)


@pytest.mark.parametrize("mode", MODES)
async def test_the_official_client_over_stdio(site: Site, mode: str) -> None:
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "astrolabe", "mcp", f"127.0.0.1:{site.port}"]
    )
    async with asyncio.timeout(PATIENCE), Client(command, mode=mode) as client:
        await use(client)


class Stdio:
    """`astrolabe mcp`, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def send(self, *lines: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join([line + b"\n" for line in lines]))

    async def receive(self) -> dict[str, object]:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            document: dict[str, object] = json.loads(await self._process.stdout.readline())
            return document

    async def end(self) -> tuple[int, bytes, bytes]:
        """The exit code, and what it still said."""
        async with asyncio.timeout(PATIENCE):
            out, err = await self._process.communicate(b"")
            assert self._process.returncode is not None
            return self._process.returncode, out, err


@asynccontextmanager
async def stdio_to(url: str) -> AsyncIterator[Stdio]:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "astrolabe", "mcp", url)
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        yield Stdio(process)
    finally:
        await kill(process)


async def test_stdio_answers_invalid_messages_and_continues(site: Site) -> None:
    async with stdio_to(f"127.0.0.1:{site.port}") as stdio:
        stdio.send(b"{", b"", b"x" * 200_000, b'{"jsonrpc":"2.0","id":7,"method":"ping"}')
        answers = [await stdio.receive() for _ in range(3)]
        code, out, err = await stdio.end()
    told = {each["id"]: each for each in answers if each["id"] is not None}
    assert told == {7: {"jsonrpc": "2.0", "id": 7, "result": {}}}
    codes = sorted([each["error"]["code"] for each in answers if each["id"] is None])  # type: ignore[index]
    assert codes == [-32700, -32600]
    assert (code, out) == (0, b"")
    assert err == f"serving agents with what http://127.0.0.1:{site.port} knows\n".encode()


async def test_stdio_takes_a_cancellation_of_anything(site: Site) -> None:
    async with stdio_to(f"127.0.0.1:{site.port}") as stdio:
        for wrong in (b"[1]", b"{}", b"null", b"1.5"):
            stdio.send(
                b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}' % wrong
            )
        stdio.send(b'{"jsonrpc":"2.0","id":7,"method":"ping"}')
        assert (await stdio.receive())["id"] == 7
        code, out, _ = await stdio.end()
    assert (code, out) == (0, b"")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'{\n "jsonrpc": "2.0",\n "id": 1,\n "result": {}\n}', {"jsonrpc": "2.0", "id": 1, "result": {}}),
        (b"", "is not an Astrolabe server"),
        (b'<html>\n{"jsonrpc"</html>', "is not an Astrolabe server"),
    ],
)
async def test_stdio_answers_with_one_line_whatever_the_server_says(answer: bytes, expected: object) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b'"ping"}')
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}"
        writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server, stdio_to(f"127.0.0.1:{server.sockets[0].getsockname()[1]}") as stdio:
        stdio.send(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        said = await stdio.receive()
        code, out, _ = await stdio.end()
    assert (code, out) == (0, b"")
    if isinstance(expected, str):
        assert said["id"] == 1
        assert expected in said["error"]["message"]  # type: ignore[index]
    else:
        assert said == expected


async def test_stdio_answers_an_odd_request_without_a_server(unused_port: int) -> None:
    async with stdio_to(f"127.0.0.1:{unused_port}") as stdio:
        stdio.send(b'{"jsonrpc":"2.0","id":5,"method":"ping","params":[1]}')
        assert (await stdio.receive())["id"] == 5


async def test_stdio_without_a_server_reports_it_in_each_answer(unused_port: int) -> None:
    ping, told = (
        b'{"jsonrpc":"2.0","id":"a","method":"ping"}',
        b'{"jsonrpc":"2.0","method":"notifications/x"}',
    )
    async with stdio_to(f"127.0.0.1:{unused_port}") as stdio:
        stdio.send(ping, told)
        answer = await stdio.receive()
        code, out, _ = await stdio.end()
    assert answer["id"] == "a"
    said = answer["error"]["message"]  # type: ignore[index]
    assert said.startswith(f"cannot connect to http://127.0.0.1:{unused_port}")
    assert (code, out) == (0, b"")


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def test_stdio_ends_when_nobody_reads_its_answers(site: Site) -> None:
    command = (sys.executable, "-m", "astrolabe", "mcp", f"127.0.0.1:{site.port}")
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=writing, stderr=asyncio.subprocess.PIPE
    )
    os.close(writing)
    os.close(reading)
    try:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
            assert b"Traceback" not in await process.stderr.read()
    finally:
        await kill(process)
