"""Every answer of a real 1.36 API server that was recorded, asked of the simulator over HTTP."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.server import Simulator
from tests.support.recording import RECORDINGS, Recording

Json = dict[str, Any]

TOKEN = "token-of-the-recorder"
CASES: list[Json] = msgspec.json.decode((RECORDINGS / "apiserver-behaviour.json").read_bytes())
BY_TITLE = {case["title"]: case for case in CASES}
CONFIGMAPS = "/api/v1/namespaces/shop/configmaps"

#: what the recording stopped to write down after some characters
CUT_SHORT = {
    "list from the watch cache",
    "metadata-only watch with initial events (watch-list)",
    "watch from an expired resourceVersion",
    "discovery, aggregated",
}

#: written down by hand, or at another version of the server
BY_HAND = {
    "watch from an expired resourceVersion after the server restarted: HTTP 200, the error is in the stream",
    "list at an exact resourceVersion that was compacted",
    "continue token that was compacted (the reply offers an inconsistent token)",
}


@pytest.fixture
async def server(recording: Recording) -> AsyncIterator[Simulator]:
    store = recording.final_store()
    async with Simulator(store, authorizer=Authorizer({TOKEN: "kubernetes-admin"})) as simulator:
        yield simulator


async def ask(server: Simulator, request: Json, **changed: str) -> tuple[int, Any, bytes]:
    headers = {"Accept": request["accept"]}
    if request["authenticated"]:
        headers["Authorization"] = f"Bearer {TOKEN}"
    parameters = {**request["params"], **changed}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as session,
        session.get(request["path"], params=parameters) as response,
    ):
        return response.status, response.headers, await response.read()


def sooner(request: Json) -> dict[str, str]:
    """Watches were recorded for up to two seconds; one does as well."""
    return {"timeoutSeconds": "1"} if "timeoutSeconds" in request["params"] else {}


def settle(server: Simulator, body: str) -> None:
    """Bring the store to the version at which an answer was recorded."""
    first = msgspec.json.decode(body.splitlines()[-1]) if body.endswith("}\n") else {}
    object = first.get("object", first)
    version = object.get("metadata", {}).get("resourceVersion", "")
    current = object.get("message", "").rpartition("current: ")[2]
    if (version or current).isdigit():
        server.store.settle(int(version or current))


@pytest.mark.parametrize("title", [t for t in BY_TITLE if t not in CUT_SHORT | BY_HAND | {"bad token"}])
async def test_answers_byte_for_byte(server: Simulator, title: str) -> None:
    request, recorded = BY_TITLE[title]["request"], BY_TITLE[title]["response"]
    settle(server, recorded["body_start"])
    status, headers, body = await ask(server, request, **sooner(request))
    assert status == recorded["status"]
    assert body.decode() == recorded["body_start"]
    for name in ("Content-Type", "Cache-Control", "Retry-After"):
        assert headers.get(name) == recorded["headers"].get(name)


async def test_bad_token(server: Simulator) -> None:
    recorded = BY_TITLE["bad token"]["response"]
    request = {**BY_TITLE["bad token"]["request"], "authenticated": False}
    async with (
        aiohttp.ClientSession(server.url, headers={"Authorization": "Bearer nonsense"}) as session,
        session.get(request["path"]) as response,
    ):
        assert response.status == recorded["status"]
        assert response.content_type == recorded["headers"]["Content-Type"]
        assert await response.text() == recorded["body_start"]


@pytest.mark.parametrize("title", sorted(CUT_SHORT - {"discovery, aggregated"}))
async def test_answers_that_were_cut_short(server: Simulator, title: str) -> None:
    request, recorded = BY_TITLE[title]["request"], BY_TITLE[title]["response"]
    server.store.settle(2318)
    status, headers, body = await ask(server, request, **sooner(request))
    assert status == recorded["status"]
    assert headers["Content-Type"] == recorded["headers"]["Content-Type"]
    assert body.decode()[: len(recorded["body_start"])] == recorded["body_start"]


async def test_the_watch_cache_ignores_the_limit(server: Simulator) -> None:
    _, _, body = await ask(server, BY_TITLE["list from the watch cache"]["request"])
    answer = msgspec.json.decode(body)
    assert len(answer["items"]) == 5
    assert set(answer["metadata"]) == {"resourceVersion"}


async def test_aggregated_discovery(server: Simulator) -> None:
    case = BY_TITLE["discovery, aggregated"]
    status, headers, body = await ask(server, case["request"])
    answer = msgspec.json.decode(body)
    assert (status, headers["Content-Type"]) == (200, case["response"]["headers"]["Content-Type"])
    assert list(answer) == ["kind", "apiVersion", "metadata", "items"]
    apps = next(item for item in answer["items"] if item["metadata"]["name"] == "apps")
    assert apps["versions"][0]["resources"][0] == {
        "resource": "deployments",
        "responseKind": {"group": "", "version": "", "kind": "Deployment"},
        "scope": "Namespaced",
        "singularResource": "deployment",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    }


async def test_watch_from_a_compacted_version(server: Simulator) -> None:
    case = BY_TITLE[next(title for title in BY_HAND if title.startswith("watch from"))]
    server.store.settle(2355)
    server.store.compact()
    status, headers, body = await ask(server, case["request"])
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert body.decode() == case["response"]["body_start"]


async def test_list_at_a_compacted_version(server: Simulator) -> None:
    case = BY_TITLE["list at an exact resourceVersion that was compacted"]
    server.store.compact()
    status, headers, body = await ask(server, case["request"])
    assert (status, headers["Content-Type"]) == (410, "application/json")
    assert msgspec.json.decode(body) == msgspec.json.decode(case["response"]["body_start"])


async def test_continue_token_that_was_compacted(server: Simulator) -> None:
    case = BY_TITLE["continue token that was compacted (the reply offers an inconsistent token)"]
    token = base64.urlsafe_b64encode(b'{"v":"meta.k8s.io/v1","rv":900,"start":"a\\u0000"}').decode()
    server.store.compact()
    status, headers, body = await ask(server, case["request"], **{"continue": token})
    assert (status, headers["Content-Type"]) == (410, "application/json")
    answer, recorded = msgspec.json.decode(body), msgspec.json.decode(case["response"]["body_start"])
    assert answer.pop("message").startswith(recorded.pop("message").removesuffix("..."))
    assert answer == recorded


async def test_list_continues_with_the_inconsistent_token(server: Simulator) -> None:
    request = BY_TITLE["list, first page of two"]["request"]
    _, _, body = await ask(server, request)
    token = msgspec.json.decode(body)["metadata"]["continue"]
    server.store.create("ConfigMap", {"metadata": {"name": "in-between", "namespace": "shop"}})
    server.store.compact()
    _, _, body = await ask(server, request, **{"continue": token})
    status, _, body = await ask(
        server, request, **{"continue": msgspec.json.decode(body)["metadata"]["continue"]}
    )
    assert status == 200
    names = [item["metadata"]["name"] for item in msgspec.json.decode(body)["items"]]
    assert names == ["in-between", "kube-root-ca.crt"]


def test_every_recorded_answer_is_requested() -> None:
    assert set(BY_TITLE) > CUT_SHORT | BY_HAND
    assert len(BY_TITLE) == len(CASES) == 24
