"""One graph served twice in one loop: by Astrolabe, and by a Sanic handler that returns the same bytes.

`python -m tests.benchmarks.answers NODES` prints both ports as JSON, then its CPU seconds for every line that it
reads, and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvloop
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.garbage import GC_THRESHOLDS
from tests.benchmarks.clusters import Cluster
from tests.support.serving import serve

PATH = "/api/v1/graph"


class Servers:
    """Both, in a process of their own. ports: `ours` and `theirs`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ports: dict[str, int] = json.loads(self._read())

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_seconds(self) -> float:
        """What the process has used until now, in system calls, too."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the servers have ended"
        return line


@contextmanager
def servers(nodes: int) -> Iterator[Servers]:
    """Both for a graph of about this many nodes; they end with the context."""
    command = [sys.executable, "-m", "tests.benchmarks.answers", str(nodes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Servers(process)
        finally:
            process.communicate(timeout=30)


class Asker:
    """A client that asks for the same again and again on one connection, and reads as fast as it can."""

    def __init__(self, port: int, path: str = PATH) -> None:
        self._path = path
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.settimeout(30)
        self._buffer = bytearray(1 << 20)

    def close(self) -> None:
        self._socket.close()

    def ask(self) -> int:
        """Returns the length of the body."""
        self._socket.sendall(f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head, end, rest = b"", b"", b""
        while not end:
            head += self._receive()
            start, end, rest = head.partition(b"\r\n\r\n")
        assert start.startswith(b"HTTP/1.1 200 "), start
        length = int(start.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        missing = length - len(rest)
        while missing > 0:
            missing -= len(self._receive())
        return length

    def _receive(self) -> memoryview:
        count = self._socket.recv_into(self._buffer)
        assert count, "the server has closed"
        return memoryview(self._buffer)[:count]


@asynccontextmanager
async def plain_server(body: bytes) -> AsyncIterator[int]:
    """The port of the other server."""
    app: Sanic[Any, Any] = Sanic("plain", configure_logging=False, env_prefix=None)
    # The first application has stripped Sanic's classes, which cannot be done twice: both profit.
    app.config.update(ACCESS_LOG=False, AUTO_EXTEND=False, MOTD=False, TOUCHUP=False)

    async def answer(_: Request) -> HTTPResponse:
        return HTTPResponse(body, content_type="application/json")

    app.add_route(answer, PATH)
    listening = socket.create_server(("127.0.0.1", 0))
    server: Any = await app.create_server(
        sock=listening, return_asyncio_server=True, asyncio_server_kwargs={"start_serving": False}
    )
    await server.startup()
    await server.start_serving()
    try:
        yield listening.getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def main(nodes: int) -> None:
    gc.set_threshold(*GC_THRESHOLDS)
    async with serve(Cluster(nodes)) as site:
        async with site.get(PATH) as answer:
            body = await answer.read()
        async with plain_server(body) as port:
            gc.collect()
            gc.freeze()
            print(json.dumps({"ours": site.port, "theirs": port}), flush=True)
            while await asyncio.to_thread(sys.stdin.readline):
                print(time.process_time(), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
