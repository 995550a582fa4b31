"""`astrolabe mcp`: the Model Context Protocol over stdio, for agents on a person's machine.

Each line of stdin is sent to `/mcp` of a server, and its answer is a line of stdout. The server knows all
revisions of the protocol, so this command has none of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import click
import msgspec

from astrolabe.cli import client_flags
from astrolabe.cli.go_flags import GoCommand
from astrolabe.cli.running import complete
from astrolabe.cli.server_address import ServerAddress
from astrolabe.client import ClientError
from astrolabe.client.connection import base
from astrolabe.client.rest import RestClient, in_thread
from astrolabe.printable import printable

DEFAULT_SERVER = "http://localhost:8080"

#: Bytes of a line, as the server takes them; and requests that wait for their answers.
LONGEST_LINE = 64 * 1024
MOST_WAITING = 32

#: JSON-RPC 2.0, 5.1.
_INTERNAL_ERROR, _INVALID_REQUEST = -32603, -32600
_VERSION = "io.modelcontextprotocol/protocolVersion"


@click.command(
    name="mcp",
    cls=GoCommand,
    short_help="Serves agents on this machine, over stdio.",
    params=[
        click.Argument(["url"], default=DEFAULT_SERVER, type=ServerAddress("[URL]", base)),
        *client_flags.ACCESS,
    ],
)
def serve_agents(url: str, **given: Any) -> None:
    """Serves agents on this machine over stdio, by the Model Context Protocol.

    URL is the Astrolabe to ask: host:port, or a URL that starts with http:// or https://. The default is
    http://localhost:8080. Agents start this command; it ends when stdin does.
    """
    access = client_flags.access_from([url], given)
    click.echo(f"serving agents with what {printable(url)} knows", err=True)
    complete(StdioBridge(RestClient(url, **access), sys.stdin.buffer.readline, _write).run())


def _write(line: bytes) -> None:
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os._exit(0)  # who asked is gone, and stdin may stay open


class _Line(msgspec.Struct):
    """A message, as far as the headers of a request need it. Of a wrong one, what can be read."""

    method: str = ""
    id: str | int | None = None
    params: dict[str, Any] = {}


def _line_of(line: bytes) -> _Line:
    try:
        said = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return _Line()  # the server says what is wrong
    said = said if isinstance(said, dict) else {}
    method, id, params = said.get("method"), said.get("id"), said.get("params")
    return _Line(
        method if isinstance(method, str) else "",
        id if isinstance(id, str | int) else None,
        params if isinstance(params, dict) else {},
    )


class StdioBridge:
    """Forwards lines. read: returns the next one, b"" at the end. write: takes an answer with its newline."""

    def __init__(
        self, client: RestClient, read: Callable[[int], bytes], write: Callable[[bytes], None]
    ) -> None:
        self._client = client
        self._read = read
        self._write = write
        self._tasks: set[asyncio.Task[None]] = set()
        #: The tasks of requests, by id.
        self._waiting: dict[str | int, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(MOST_WAITING)

    async def run(self) -> None:
        """Forward lines until the last one has come; what is not answered then is not waited for."""
        try:
            while line := await in_thread(lambda: self._read(LONGEST_LINE + 1)):
                if line.strip():
                    await self._take(line)
        finally:
            for task in self._tasks:
                task.cancel()

    async def _take(self, line: bytes) -> None:
        if len(line) > LONGEST_LINE:
            while not line.endswith(b"\n") and line:
                line = await in_thread(lambda: self._read(LONGEST_LINE))
            self._refuse(None, _INVALID_REQUEST, f"a message has at most {LONGEST_LINE:,} bytes")
            return
        message = _line_of(line)
        if message.method == "notifications/cancelled":
            id = message.params.get("requestId")
            cancelled = self._waiting.get(id) if isinstance(id, str | int) else None
            if cancelled is not None:
                cancelled.cancel()
            return
        await self._places.acquire()
        task = asyncio.create_task(self._forward(line, message), name="astrolabe.mcp")
        self._tasks.add(task)
        if message.id is not None:
            self._waiting[message.id] = task
        task.add_done_callback(lambda task: self._done(message, task))

    def _done(self, message: _Line, task: asyncio.Task[None]) -> None:
        self._places.release()
        self._tasks.discard(task)
        if message.id is not None and self._waiting.get(message.id) is task:
            del self._waiting[message.id]

    async def _forward(self, line: bytes, message: _Line) -> None:
        try:
            answer = await self._client.post("/mcp", line, _headers(message))
            body = self._one_line(answer.body) if answer.body or message.id is not None else b""
        except ClientError as error:
            if message.id is not None:
                self._refuse(message.id, _INTERNAL_ERROR, str(error))
            click.echo(printable(str(error)), err=True)
            return
        if body:
            self._write(body + b"\n")

    def _one_line(self, body: bytes) -> bytes:
        """An answer on one line, as stdio has it. Raises ClientError if it is none."""
        try:
            return msgspec.json.encode(msgspec.json.decode(body, type=dict[str, Any]))
        except (ValueError, RecursionError):
            text = f"{self._client.shown} is not an Astrolabe server"
            raise ClientError(text, code="no-astrolabe") from None

    def _refuse(self, id: str | int | None, code: int, message: str) -> None:
        error = {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}
        self._write(msgspec.json.encode(error) + b"\n")


def _headers(message: _Line) -> dict[str, str]:
    """Those that repeat what the body says, since revision 2026-07-28."""
    meta = message.params.get("_meta")
    version = meta.get(_VERSION) if isinstance(meta, dict) else None
    if not isinstance(version, str) or not version.isprintable() or not version.isascii():
        return {}
    headers = {"MCP-Protocol-Version": version, "Mcp-Method": _header_of(message.method)}
    name = message.params.get("name")
    if message.method == "tools/call" and isinstance(name, str):
        headers["Mcp-Name"] = _header_of(name)
    return headers


def _header_of(text: str) -> str:
    """A text as the value of a header: in Base64 if it could be read differently."""
    if text.isascii() and text.isprintable() and text == text.strip() and not text.startswith("=?base64?"):
        return text
    return f"=?base64?{b64encode(text.encode()).decode()}?="
