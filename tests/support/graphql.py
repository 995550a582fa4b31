"""Asking a served site by GraphQL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.serving import PATIENCE, Site

PROTOCOL = "graphql-transport-ws"


async def post(site: Site, body: Any, **headers: str) -> tuple[int, Any]:
    """The status and document of an answer. body: JSON, or bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with site.http.post(
        f"http://127.0.0.1:{site.port}/graphql",
        data=content,
        headers={"Content-Type": "application/json", **named},
    ) as answer:
        return answer.status, json.loads(await answer.read())


async def ask(site: Site, query: str, **variables: Any) -> Any:
    """The data of an answer without errors."""
    status, answer = await post(site, {"query": query, "variables": variables})
    assert status == 200
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


async def errors(site: Site, query: str, **variables: Any) -> list[dict[str, Any]]:
    """The errors of an answer."""
    _, answer = await post(site, {"query": query, "variables": variables})
    found: list[dict[str, Any]] = answer["errors"]
    return found


@asynccontextmanager
async def socket(site: Site) -> AsyncIterator[ClientConnection]:
    """A WebSocket that has begun."""
    async with open_socket(site) as opened:
        await say(opened, type="connection_init")
        assert await hear(opened) == {"type": "connection_ack"}
        yield opened


def open_socket(site: Site) -> connect:
    """A WebSocket that has not."""
    url = f"ws://127.0.0.1:{site.port}/graphql"
    return connect(url, subprotocols=[PROTOCOL], max_size=None, compression=None)  # type: ignore[list-item]


async def say(opened: ClientConnection, **message: Any) -> None:
    """Send a message."""
    await opened.send(json.dumps(message))


async def hear(opened: ClientConnection) -> dict[str, Any]:
    """The next message."""
    async with asyncio.timeout(PATIENCE):
        document: dict[str, Any] = json.loads(await opened.recv())
        return document


async def subscribe(opened: ClientConnection, query: str, id: str = "1", **variables: Any) -> None:
    """Begin an operation."""
    await say(opened, type="subscribe", id=id, payload={"query": query, "variables": variables})


async def hear_data(opened: ClientConnection, id: str = "1") -> Any:
    """The data of the next message, which is an answer without errors."""
    message = await hear(opened)
    assert (message["type"], message["id"]) == ("next", id), message
    assert "errors" not in message["payload"], message
    return message["payload"]["data"]
