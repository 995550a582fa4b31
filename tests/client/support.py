"""Clients of a script, and what they tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from astrolabe.client import Backoff, Change, Client, Update
from tests.support.serving import PATIENCE
from tests.support.stage import Act, Stage, stage


def client_of(url: str, filter: dict[str, Any] | None = None) -> Client:
    return Client(url, filter, backoff=Backoff(base=0.01, longest=0.05))


@asynccontextmanager
async def playing(*acts: Act) -> AsyncIterator[tuple[Client, Stage]]:
    """A client of a script; whatever task still runs afterwards is a leak."""
    before = asyncio.all_tasks()
    async with stage(*acts) as server, client_of(server.url) as client, asyncio.timeout(PATIENCE):
        yield client, server
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before


async def until(client: Client, event: str) -> list[Update]:
    """What happens up to the first such event."""
    updates = []
    async for update in client.updates():
        updates.append(update)
        if update.event == event:
            break
    return updates


async def some(client: Client, count: int) -> list[Change]:
    """The next changes."""
    changes = client.changes()
    return [await anext(changes) for _ in range(count)]
