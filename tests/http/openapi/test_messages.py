"""Every message of the streams is as the document says, in both directions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection

from astrolabe.graph.state.status import ERROR, Status
from astrolabe.http.stream.session import ClientMessage
from astrolabe.settings import Limits
from tests.support.description import Described, Json
from tests.support.documents import VECTORS
from tests.support.recording import Recording, replay
from tests.support.serving import PATIENCE, Site, read, serve
from tests.support.simulated import simulated
from tests.support.worlds import facts, shop

#: All but the one about what is not described.
GOLDEN = {
    path.stem: json.loads(path.read_text()) for path in VECTORS.glob("*.json") if path.stem != "unknown"
}
WS, SSE, FLAT = "/api/v1/ws", "/api/v1/events", "/api/v1/ws/flat"

#: What the golden sequences leave out of a node, to be read more easily; no server does.
ALWAYS = {
    "apiVersion": "v1",
    "namespace": "",
    "reason": "",
    "message": "",
    "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
}

ASKED: list[Json] = [
    {"type": "ping"},
    {"type": "subscribe", "id": "pods", "filter": {"namespace": ["shop"], "kind": ["Pod"], "status": []}},
    {
        "type": "subscribe",
        "id": "web",
        "filter": {"release": "shop-app", "selector": "app in (web)", "q": "w"},
    },
    {"type": "subscribe", "id": "old", "filter": None, "since": {"epoch": "another", "seq": 3}},
    {"type": "subscribe", "id": "broken", "what": "problems"},
    {"type": "subscribe", "id": "counted", "what": "summary", "by": ["namespace", "owner"]},
    {"type": "subscribe", "id": "near", "what": "neighbourhood", "focus": ["pod-lone"], "types": ["owns"]},
    {"type": "refocus", "id": "near", "focus": ["pod-web", "no-such"]},
    {"type": "unsubscribe", "id": "web"},
]
REFUSED: list[Json] = [
    {"type": "subscribe", "id": "bad", "filter": {"kind": ["Pood"]}},
    {"type": "subscribe", "id": "bad", "filter": {"name": "web"}},
    {"type": "subscribe", "id": "bad", "what": "weather"},
]


#: What an event stream of the graph does not say.
_OTHERS = {"error", "problems", "problems-delta", "summary", "summary-delta"}


async def heard(socket: ClientConnection, types: set[str]) -> list[Json]:
    """The messages up to the one with which each of these types has come."""
    messages: list[Json] = []
    async with asyncio.timeout(PATIENCE):
        while types - {message["type"] for message in messages}:
            messages.append(json.loads(await socket.recv()))
    return messages


async def test_every_server_message_is_described() -> None:
    async with serve(shop(), Limits(heartbeat=0.2)) as site:
        described = Described(await site.json("/openapi.json"))
        types = described.types_said(WS, "server")
        async with site.stream() as socket:
            messages = await heard(socket, {"hello", "snapshot"})
            for message in [*ASKED, *REFUSED]:
                await socket.send(json.dumps(message))
            messages += await heard(socket, {"problems", "summary"})
            site.world.set(facts("Pod", "lone", namespace="other", status=Status(ERROR, "Broken")))
            messages += await heard(socket, types - {message["type"] for message in messages})
    assert types == {message["type"] for message in messages}
    assert [fault for message in messages for fault in described.faults_said(WS, "server", message)] == []


async def test_real_manifests_in_motion() -> None:
    recording = Recording()
    store = recording.store()
    async with simulated(store) as address, aiohttp.ClientSession(f"http://{address}") as http:
        async with http.get("/openapi.json") as answer:
            described = Described(await answer.json())
        async with http.ws_connect(WS) as stream, asyncio.timeout(2 * PATIENCE):
            messages = [await stream.receive_json() for _ in range(3)]
            replay(store, recording.changes)
            manifests = [each for kind in recording.kinds for each in store.manifests(kind.name)]
            listed = {manifest["metadata"]["uid"] for manifest in manifests}
            held = {node["uid"] for node in messages[2]["nodes"]}
            while held != listed:
                messages.append(await stream.receive_json())
                if messages[-1]["type"] == "delta":
                    held |= {node["uid"] for node in messages[-1]["nodes"]["set"]}
                    held -= set(messages[-1]["nodes"]["remove"])
    assert [fault for message in messages for fault in described.faults_said(WS, "server", message)] == []


async def test_client_messages(described: Described) -> None:
    for message in ASKED:
        assert described.faults_said(WS, "client", message) == []
        msgspec.convert(message, ClientMessage)
    for message in REFUSED:
        assert described.faults_said(WS, "client", message)


@pytest.mark.parametrize(("what", "query"), [("problems", ""), ("summary", "&by=release,node")])
async def test_problems_and_summaries_are_events_too(what: str, query: str) -> None:
    async with serve(shop()) as site:
        described = Described(await site.json("/openapi.json"))
        messages: list[Json] = []
        async with site.get(f"{SSE}?what={what}{query}") as answer, asyncio.timeout(PATIENCE):
            async for line in answer.content:
                if line.startswith(b"data: "):
                    messages.append(json.loads(line.removeprefix(b"data: ")))
                    if messages[-1]["type"] == what:
                        site.world.set(
                            facts("Pod", "lone", namespace="other", status=Status(ERROR, "Broken"))
                        )
                if messages and messages[-1]["type"] == f"{what}-delta":
                    break
    assert [fault for message in messages for fault in described.faults_said(SSE, "server", message)] == []


async def test_events_are_the_same_messages() -> None:
    async with serve(shop(), Limits(heartbeat=0.2)) as site:
        described = Described(await site.json("/openapi.json"))
        types = described.types_said(SSE, "server") - _OTHERS
        messages: list[Json] = []
        async with site.get(f"{SSE}?since=another:3") as answer, asyncio.timeout(PATIENCE):
            site.world.set(facts("Pod", "lone", namespace="other", status=Status(ERROR, "Broken")))
            async for line in answer.content:
                if line.startswith(b"data: "):
                    messages.append(json.loads(line.removeprefix(b"data: ")))
                    if messages[-1]["type"] == "snapshot":
                        site.world.remove("pod-lone")
                if not types - {message["type"] for message in messages}:
                    break
    assert [fault for message in messages for fault in described.faults_said(SSE, "server", message)] == []


@pytest.mark.parametrize("path", [f"{FLAT}/changes", f"{FLAT}/stats"])
async def test_flat_objects(site: Site, described: Described, path: str) -> None:
    async with site.stream(path) as socket:
        site.world.set(facts("Pod", "lone", namespace="other", status=Status(ERROR, "Broken")))
        site.world.remove("pod-lone")
        messages = [await read(socket), await read(socket)]
    assert [fault for message in messages for fault in described.faults_said(path, "server", message)] == []


@pytest.mark.parametrize("name", sorted(GOLDEN))
async def test_the_golden_sequences(described: Described, name: str) -> None:
    messages = [
        _complete(step["hear"]) for step in GOLDEN[name]["steps"] if "hear" in step and "changes" in step
    ]
    assert [fault for message in messages for fault in described.faults_said(WS, "server", message)] == []


def _complete(message: Json) -> Json:
    """The message with all that a server says of a node."""
    nodes: Any = message.get("nodes")
    if isinstance(nodes, dict):
        nodes = {**nodes, "set": [{**ALWAYS, **node} for node in nodes["set"]]}
    elif nodes is not None:
        nodes = [{**ALWAYS, **node} for node in nodes]
    return message if nodes is None else {**message, "nodes": nodes}
