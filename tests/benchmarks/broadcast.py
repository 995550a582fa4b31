"""Two servers in one loop that tell the same to as many clients each: Astrolabe's, and a handler that
sends to one after the other by Sanic's own WebSocket.

`python -m tests.benchmarks.broadcast` answers commands: see `Broadcast`, and `processes`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import uvloop
from sanic import Sanic, Websocket
from sanic.request import Request
from sanic.server.protocols.websocket_protocol import WebSocketProtocol

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.status import SEVERITIES, Status
from astrolabe.http.net.message import Message
from astrolabe.http.net.websocket import text_frame
from tests.benchmarks.processes import allow_many_files, answer
from tests.support.serving import Site, serve
from tests.support.worlds import World, facts

PODS = 20


class Broadcast:
    """site: Astrolabe. sockets: the clients of the other."""

    def __init__(self, site: Site, sockets: set[Websocket], port: int) -> None:
        self._site = site
        self._sockets = sockets
        self._port = port
        self._step = 0

    async def ports(self) -> dict[str, int]:
        return {"ours": self._site.port, "theirs": self._port}

    async def ours(self, *, changes: int, times: int) -> float:
        """CPU seconds of so many batches of so many changes each, to all clients."""
        return sum([await _cost(self._receive(self._change(changes))) for _ in range(times)])

    async def theirs(self, *, times: int) -> float:
        """CPU seconds of sending the text of one change so many times to all clients of the other server."""
        return sum([await _cost(self._send(self._text())) for _ in range(times)])

    async def system(self, *, times: int) -> float:
        """CPU seconds of send(2) alone, for the same frames to the same clients: nobody can be cheaper."""
        descriptors = [each.io_proto.transport.get_extra_info("socket").fileno() for each in self._sockets]
        return sum([await _cost(_write(descriptors, self._text())) for _ in range(times)])

    def _change(self, count: int) -> Changes:
        self._step += 1
        status = Status(SEVERITIES[self._step % len(SEVERITIES)], "Changed", f"in step {self._step}")
        for number in range(count):
            self._site.world.model.upsert(_pod(number, status))
        changes = self._site.world.model.commit()
        assert len(changes.nodes_set) == count
        return changes

    def _text(self) -> str:
        graph = self._site.hub.graph
        return wire.delta(
            "default",
            graph.epoch,
            since=graph.seq,
            seq=graph.seq + 1,
            changed=wire.changes_text(self._change(1)),
        )

    def _receive(self, changes: Changes) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            self._site.world.send(changes)

        return work

    def _send(self, text: str) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            for each in self._sockets:
                await each.send(text)

        return work


def _write(descriptors: list[int], text: str) -> Callable[[], Awaitable[None]]:
    frame = text_frame(Message("delta", text))

    async def work() -> None:
        for each in descriptors:
            assert os.write(each, frame) == len(frame)

    return work


async def _cost(work: Callable[[], Awaitable[None]]) -> float:
    """CPU seconds until all is written."""
    await asyncio.sleep(0)
    started = time.process_time()
    await work()
    await asyncio.sleep(0)  # what could not be written at once
    return time.process_time() - started


def _pod(number: int, status: Status) -> Any:
    """About 600 bytes of text."""
    metadata = {
        "nodeName": f"worker-{number}",
        "podIP": "10.0.0.1",
        "image": "registry.internal/shop/web:1.2.3",
        "restartCount": 0,
        "ready": "1/1",
    }
    labels = {"app.kubernetes.io/name": "web", "app.kubernetes.io/managed-by": "Helm"}
    return facts(
        "Pod",
        f"web-7c9d8-{number:05}",
        uid=f"00000000-0000-4000-8000-{number:012}",
        status=status,
        metadata=metadata,
        labels=labels,
        release="shop",
        chart="web-1.2.3",
    )


async def _serve_plainly(running: AsyncExitStack, sockets: set[Websocket]) -> int:
    """The other server; returns its port. It reads, or Sanic would close after one unread message."""
    app: Sanic[Any, Any] = Sanic("plain", configure_logging=False, env_prefix=None)
    # The first application has stripped Sanic's classes, which cannot be done twice: both profit.
    app.config.update(ACCESS_LOG=False, AUTO_EXTEND=False, MOTD=False, TOUCHUP=False)

    async def feed(_: Request, connection: Websocket) -> None:
        sockets.add(connection)
        try:
            async for _message in connection:
                pass
        finally:
            sockets.discard(connection)

    app.add_websocket_route(feed, "/")
    listening = running.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
    server: Any = await app.create_server(
        sock=listening,
        protocol=WebSocketProtocol,
        return_asyncio_server=True,
        asyncio_server_kwargs={"start_serving": False},
    )
    await server.startup()
    await server.start_serving()
    running.callback(server.close)
    port: int = listening.getsockname()[1]
    return port


async def main() -> None:
    allow_many_files()
    world = World()
    world.set(facts("Namespace", "shop"), *[_pod(number, Status("Ready", "Ready")) for number in range(PODS)])
    world.sync()
    sockets: set[Websocket] = set()
    async with AsyncExitStack() as running:
        site = await running.enter_async_context(serve(world))
        broadcast = Broadcast(site, sockets, await _serve_plainly(running, sockets))
        await answer(
            {
                "ports": broadcast.ports,
                "ours": broadcast.ours,
                "theirs": broadcast.theirs,
                "system": broadcast.system,
            }
        )


if __name__ == "__main__":
    uvloop.run(main())
