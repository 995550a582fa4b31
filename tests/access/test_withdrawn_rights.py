"""What a withdrawn right leaves behind: nothing, on no door, for nobody.

Jane's stream goes on in the same history after a right of hers is withdrawn, and others join it who never had
that right.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.access.test_access import a_pod, two_shops
from tests.access.test_changing_rights import EFFECT
from tests.support.tenants import Tenancy, binding, grant, tenancy, withdraw

pytestmark = pytest.mark.asyncio

Json = dict[str, Any]

#: Streams, and how to say where one wants to go on.
GRAPH = "/api/v1/ws?since="
EVENTS = "/api/v1/events?since="
PROBLEMS = "/api/v1/ws?what=problems&detail=true&since="
FILTERED = "/api/v1/ws?what=problems&kind=Pod&since="
PROBLEM_EVENTS = "/api/v1/events?what=problems&detail=true&since="
RESUMABLE = (GRAPH, EVENTS, PROBLEMS, FILTERED, PROBLEM_EVENTS)
FLAT = ("/api/v1/ws/flat/changes", "/api/v1/ws/flat/changes/kind=Pod", "/api/v1/ws/flat/stats")
ANSWERS = (
    "/api/v1/graph",
    "/api/v1/resources",
    "/api/v1/problems?detail=true",
    "/api/v1/problems?detail=true&kind=Pod",
    "/api/v1/grafana/nodegraph",
    "/api/v1/grafana/frames",
    "/api/v1/find?q=bank",
    "/api/v1/complete?q=name:&cursor=5",
    "/api/v1/namespaces",
    "/api/v1/kinds",
    "/api/v1/whoami",
    "/health",
)


class Listener:
    """Hears what one stream says."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._news = asyncio.Event()

    def hear(self, text: str) -> None:
        self.heard.append(text)
        self._news.set()

    async def until(self, holds: Callable[[str], bool]) -> None:
        """Until one of the messages is like that."""
        async with asyncio.timeout(EFFECT + 1):
            while not any(map(holds, self.heard)):
                self._news.clear()
                await self._news.wait()

    def position(self) -> str:
        """The last one that was told."""
        told = [json.loads(text) for text in self.heard if text.startswith("{")]
        last = [each for each in told if each.get("id") and "seq" in each][-1]
        return f"{last['epoch']}:{last['seq']}"


@asynccontextmanager
async def listening(site: Tenancy, user: str, path: str) -> AsyncIterator[Listener]:
    listener, headers = Listener(), {"Authorization": f"Bearer {user}"}
    path = path.removesuffix("since=").rstrip("?&") if path.endswith("=") else path

    async def hear_events() -> None:
        async with site.http.get(site.url(path), headers=headers) as answer:
            assert answer.status == 200
            async for line in answer.content:
                if line.startswith(b"data:"):
                    listener.hear(line.removeprefix(b"data:").strip().decode())

    async def hear_messages() -> None:
        async with site.http.ws_connect(site.url(path), headers=headers) as socket:
            async for message in socket:
                listener.hear(message.data)

    task = asyncio.create_task(hear_events() if "/events" in path else hear_messages())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def a_failed_pod(namespace: str, name: str) -> Json:
    pod = a_pod(namespace, name)
    return {**pod, "status": {"phase": "Failed", "reason": "Evicted", "message": f"{name} went"}}


def removes(text: str) -> bool:
    """Whether it is a change that takes something away."""
    message = json.loads(text)
    changed = {"delta": "nodes", "problems-delta": "problems"}.get(message["type"])
    return changed is not None and bool(message[changed]["remove"])


async def test_withdrawn_objects_are_removed_and_return_on_no_door() -> None:
    store = two_shops()
    store.create("Pod", a_failed_pod("bank", "bank-vault"))
    more = binding("jane-too", "reader", "User/jane", namespace="bank")
    grant(store, more, binding("john", "reader", "User/john", namespace="shop"))
    async with tenancy(store, "jane", "john", "admin") as site, AsyncExitStack() as stack:
        everything = await site.json("admin", "/api/v1/graph")
        uids = [node["uid"] for node in everything["nodes"] if node["namespace"] == "bank"]
        streams = {
            path: await stack.enter_async_context(listening(site, "jane", path))
            for path in (*RESUMABLE, *FLAT)
        }
        for path in RESUMABLE:
            await streams[path].until(lambda text: "bank-vault" in text)
        await streams[FLAT[2]].until(lambda text: '"error"' in text)  # the others say nothing so far
        for path in ANSWERS:  # what they answer a moment later may have been made now
            await site.json("jane", path)
        positions = {path: streams[path].position() for path in RESUMABLE}

        withdraw(store, more)
        for path, listener in streams.items():
            if path not in FLAT:
                await listener.until(removes)
            elif path != FLAT[2]:
                await listener.until(lambda text: '"op":"remove"' in text and "bank-vault" in text)
        # Whoever comes now, comes into the same history, with positions from before.
        words = [*uids, "bank"]
        for user in ("john", "jane"):
            for path in ANSWERS:
                answer = json.dumps(await site.json(user, path)).replace("q=bank", "")
                assert [word for word in words if word in answer] == [], (user, path)
            for path in RESUMABLE:
                async with listening(site, user, f"{path}{positions[path]}") as late:
                    await late.until(lambda text: '"snapshot"' in text or '"problems"' in text)
                    said = "".join(late.heard)
                    assert '"reset"' in said, "a change from there would name what is gone"
                    assert [word for word in words if word in said] == [], (user, path)
        told = {path: len(listener.heard) for path, listener in streams.items()}
        store.create("Pod", a_failed_pod("bank", "bank-later"))
        store.create("Pod", a_failed_pod("shop", "later"))
        for path, listener in streams.items():
            if path != FLAT[2]:
                await listener.until(lambda text: "later" in text)
            after = "".join(listener.heard[told[path] :])
            assert [word for word in words if word in after] == [], path
