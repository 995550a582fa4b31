"""A real server on its own port, and clients for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from sanic.router import Router
from websockets.asyncio.client import ClientConnection, connect

from astrolabe.engine.serving_state import StateTracker
from astrolabe.http.server import HttpServer, create_server
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.settings import Limits, Settings
from tests.support.kinds import CATALOGUE
from tests.support.worlds import World

#: Seconds after which something that should have happened has not.
PATIENCE = 10.0


class Site:
    """A served world: where it is, and how to ask it."""

    def __init__(
        self,
        world: World,
        server: HttpServer,
        port: int,
        http: aiohttp.ClientSession,
        state: StateTracker,
    ) -> None:
        self.state = state
        self.world = world
        self.hub = world.hub
        self.server = server
        self.port = port
        self.http = http

    def get(self, path: str, *, scheme: str = "http", **options: Any) -> Any:
        """An aiohttp request, to be used as a context manager."""
        return self.http.get(f"{scheme}://127.0.0.1:{self.port}{path}", **options)

    async def json(self, path: str) -> Any:
        """The JSON document of a 200 answer."""
        async with self.get(path) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "application/json"
            return await answer.json()

    async def refused(self, path: str) -> tuple[int, dict[str, Any]]:
        """The status and the JSON document of any answer."""
        async with self.get(path) as answer:
            return answer.status, await answer.json()

    def stream(self, path: str = "/api/v1/ws", *, scheme: str = "ws", **options: Any) -> connect:
        """A WebSocket client, to be used as a context manager."""
        return connect(f"{scheme}://127.0.0.1:{self.port}{path}", max_size=None, compression=None, **options)


@asynccontextmanager
async def serve(
    world: World,
    limits: Limits | None = None,
    *,
    catalogue: Catalogue = CATALOGUE,
    port: int = 0,
    **settings: Any,
) -> AsyncIterator[Site]:
    """Serve a world; whatever still runs afterwards is a leak. port: any when 0."""
    before = asyncio.all_tasks()
    source = world.source(catalogue)
    server = create_server(
        Settings(port=port, limits=limits or Limits(), **{"host": "127.0.0.1", **settings}),
        source,
    )
    port = await server.start()
    async with aiohttp.ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"}) as http:
        try:
            yield Site(world, server, port, http, source.state)
        finally:
            await server.stop()
            # One for all servers of a process: it would keep the last thousand of them, 3 MB each.
            Router.get.cache_clear()
    await asyncio.sleep(0)
    leaked = {
        task for task in asyncio.all_tasks() - before if "astrolabe" in repr(task) or "sanic" in repr(task)
    }
    assert not leaked


async def read(socket: ClientConnection) -> dict[str, Any]:
    """The next message, but for the state of what is served, which clients may pass over."""
    async with asyncio.timeout(PATIENCE):
        while True:
            document: dict[str, Any] = json.loads(await socket.recv())
            if document.get("type") != "state":
                return document


async def read_types(socket: ClientConnection, *types: str) -> list[dict[str, Any]]:
    """The next messages, which must be of these types in this order."""
    messages = [await read(socket) for _ in types]
    assert [message["type"] for message in messages] == list(types)
    return messages


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for something that no event tells of."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)
