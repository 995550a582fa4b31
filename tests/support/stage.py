"""A scripted server of the stream over real sockets, and its messages."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

Act = Callable[[ServerConnection], Awaitable[None]]

HELLO: dict[str, Any] = {"type": "hello", "protocol": "astrolabe.v1", "epoch": "e", "seq": 1, "heartbeat": 15}


class Stage:
    """Plays one act a connection, in order. heard: the first message of each client."""

    def __init__(self, *acts: Act) -> None:
        self.heard: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.url = ""
        self._acts = deque(acts)

    async def play(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.heard.append(json.loads(await connection.recv()))
        await self._acts.popleft()(connection)


@asynccontextmanager
async def stage(*acts: Act) -> AsyncIterator[Stage]:
    """url: of the running server, as host:port."""
    playing = Stage(*acts)
    async with serve(playing.play, "127.0.0.1", 0) as server:
        playing.url = f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield playing


def send(*messages: dict[str, Any] | str | bytes, code: int | None = None) -> Act:
    """Send these; then close with that code, or wait until the client goes."""

    async def act(connection: ServerConnection) -> None:
        for message in messages:
            await connection.send(json.dumps(message) if isinstance(message, dict) else message)
        if code is not None:
            await connection.close(code)
        await connection.wait_closed()

    return act


async def cut(connection: ServerConnection) -> None:
    """Send a snapshot and be gone without a word."""
    for message in (HELLO, snapshot(node("a"))):
        await connection.send(json.dumps(message))
    await asyncio.sleep(0)
    connection.transport.abort()


def node(uid: str, status: str = "Ready") -> dict[str, Any]:
    return {"uid": uid, "kind": "Pod", "name": uid, "namespace": "shop", "status": status}


def edge(source: str, target: str, field: str = "metadata.ownerReferences[0].uid") -> dict[str, Any]:
    return {"type": "owns", "from": source, "to": target, "field": [field]}


def key(source: str, target: str) -> dict[str, str]:
    return {"type": "owns", "from": source, "to": target}


def snapshot(
    *nodes: dict[str, Any],
    edges: tuple[dict[str, Any], ...] = (),
    epoch: str = "e",
    seq: int = 1,
    part: int = 1,
    last: bool = True,
) -> dict[str, Any]:
    head = {"type": "snapshot", "id": "default", "epoch": epoch, "seq": seq, "part": part, "last": last}
    return {**head, "nodes": list(nodes), "edges": list(edges)}


def delta(
    since: int,
    seq: int,
    *nodes: dict[str, Any],
    gone: tuple[str, ...] = (),
    edges: tuple[dict[str, Any], ...] = (),
    removed: tuple[dict[str, str], ...] = (),
) -> dict[str, Any]:
    head = {"type": "delta", "id": "default", "epoch": "e", "from": since, "seq": seq}
    return {
        **head,
        "nodes": {"set": list(nodes), "remove": list(gone)},
        "edges": {"set": list(edges), "remove": list(removed)},
    }


def state(state: str, **parts: Any) -> dict[str, Any]:
    """With all keys of a real one."""
    cluster = {"name": "prod", "context": "kind-prod", "server": "https://10.0.0.1:443"}
    progress = {"kinds": 38, "of": 38, "objects": 37158}
    told = {
        "since": "2026-11-30T04:05:00Z",
        "why": "",
        "cluster": cluster,
        "progress": progress,
        "partial": [],
    }
    return {"type": "state", "state": state, **told, **parts}


def bookmark(seq: int, epoch: str = "e") -> dict[str, Any]:
    return {"type": "bookmark", "id": "default", "epoch": epoch, "seq": seq}


def reset(reason: str) -> dict[str, Any]:
    return {"type": "reset", "id": "default", "reason": reason}
