"""By GraphQL, too, users see what Kubernetes grants them, and subscriptions follow what changes of that."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.access.test_access import two_shops
from tests.support.tenants import Tenancy, binding, tenancy, withdraw

pytestmark = pytest.mark.asyncio

QUERY = """
{ nodes { totalCount nodes { kind name owner { name } usedBy { nodes { name } } unresolved { name } } }
  namespaces kinds { kind } problems { reason affected { nodes { name } } } edges { nodes { target { name } } } }
"""


async def ask(site: Tenancy, user: str, query: str, **variables: Any) -> Any:
    headers = {"Authorization": f"Bearer {user}"} if user else {}
    body = {"query": query, "variables": variables}
    async with site.http.post(site.url("/graphql"), json=body, headers=headers) as answer:
        return await answer.json()


async def test_a_user_sees_what_they_may_list() -> None:
    async with tenancy(two_shops(), "jane", "admin") as site:
        everything = (await ask(site, "admin", QUERY))["data"]
        assert {"bank-pod", "bank-secret"} < {each["name"] for each in everything["nodes"]["nodes"]}
        answer = await ask(site, "jane", QUERY)
        assert {each["name"] for each in answer["data"]["nodes"]["nodes"]} == {"shop-pod", "web"}
        assert answer["data"]["namespaces"] == ["shop"]
        assert "bank" not in json.dumps(answer)
        assert "gone" not in json.dumps(answer)  # a Secret, which she may not list
        assert (await ask(site, "", QUERY))["error"] == "unauthorised"


async def test_what_is_hidden_is_as_what_does_not_exist() -> None:
    query = "query ($uid: ID!) { node(uid: $uid) { name } why(uid: $uid) { coverage } }"
    async with tenancy(two_shops(), "jane", "admin") as site:
        graph = await site.json("admin", "/api/v1/graph")
        (uid,) = [node["uid"] for node in graph["nodes"] if node["name"] == "bank-pod"]
        hidden, absent = await ask(site, "jane", query, uid=uid), await ask(site, "jane", query, uid="none")
        assert hidden["data"] == absent["data"] == {"node": None, "why": None}


async def test_a_subscription_follows_the_rights() -> None:
    store = two_shops()
    async with tenancy(store, "jane", "admin") as site:
        url, headers = site.url("/graphql", scheme="ws"), {"Authorization": "Bearer jane"}
        async with connect(url, subprotocols=["graphql-transport-ws"], additional_headers=headers) as opened:  # type: ignore[list-item]
            await opened.send('{"type":"connection_init"}')
            payload = {"query": "subscription { graph { type nodes { uid name } removedNodes } }"}
            await opened.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            assert json.loads(await opened.recv()) == {"type": "connection_ack"}
            held: dict[str, str] = {}

            async def hear() -> None:
                update = json.loads(await opened.recv())["payload"]["data"]["graph"]
                if update["type"] == "reset":
                    held.clear()
                held.update({node["uid"]: node["name"] for node in update["nodes"]})
                for uid in update["removedNodes"]:
                    del held[uid]

            async with asyncio.timeout(20):
                await hear()
                assert set(held.values()) == {"shop-pod", "web"}
                withdraw(store, binding("jane", "reader", "User/jane", namespace="shop"))
                while held:
                    await hear()
