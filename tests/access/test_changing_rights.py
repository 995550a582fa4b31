"""Rights that change while streams are open."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.access.test_access import a_pod, two_shops
from tests.support.tenants import Tenancy, binding, grant, tenancy, withdraw

pytestmark = pytest.mark.asyncio

#: Seconds in which a change takes effect on open streams.
EFFECT = 2.0


class Follower:
    """Holds what it is told over a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.names: dict[str, str] = {}
        self.snapshots = 0

    async def until(self, *names: str) -> None:
        """Read until it holds exactly these."""
        async with asyncio.timeout(EFFECT + 1):
            while sorted(self.names.values()) != sorted(names) or not self.snapshots:
                self.hear(json.loads(await self.socket.recv()))

    def hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "snapshot":
                self.snapshots += 1
                self.names |= {node["uid"]: node["name"] for node in message["nodes"]}
            case "delta":
                self.names |= {node["uid"]: node["name"] for node in message["nodes"].get("set", ())}
                for uid in message["nodes"].get("remove", ()):
                    del self.names[uid]
            case "reset":
                self.names = {}


def follow(site: Tenancy, user: str) -> connect:
    return connect(site.url("/api/v1/ws", "ws"), additional_headers={"Authorization": f"Bearer {user}"})


async def test_a_right_that_is_withdrawn_or_granted_takes_effect_on_open_streams() -> None:
    store = two_shops()
    jane = binding("jane", "reader", "User/jane", namespace="shop")
    more = binding("jane-too", "reader", "User/jane", namespace="bank")
    async with tenancy(store, "jane") as site, follow(site, "jane") as socket:
        follower = Follower(socket)
        await follower.until("shop-pod", "web")
        grant(store, more)
        await follower.until("shop-pod", "web", "bank-pod", "web")
        withdraw(store, jane)
        await follower.until("bank-pod", "web")
        store.create("Pod", a_pod("shop", "later"))
        store.create("Pod", a_pod("bank", "later-too"))
        await follower.until("bank-pod", "web", "later-too")
        withdraw(store, more)
        await follower.until()
        assert follower.snapshots == 1


async def test_of_users_with_equal_rights_only_who_loses_one_has_to_come_back() -> None:
    store = two_shops()
    for name in ("jane", "john"):
        grant(store, binding(name, "reader", f"User/{name}", namespace="shop"))
    async with (
        tenancy(store, "jane", "john") as site,
        follow(site, "jane") as one,
        follow(site, "john") as other,
    ):
        jane, john = Follower(one), Follower(other)
        await jane.until("shop-pod", "web")
        await john.until("shop-pod", "web")
        withdraw(store, binding("john", "reader", "User/john", namespace="shop"))
        with pytest.raises(ConnectionClosed):
            await john.until("nothing like that")
        assert other.close_code == 4010
        async with follow(site, "john") as again:
            await Follower(again).until()
        store.create("Pod", a_pod("shop", "later"))
        await jane.until("shop-pod", "web", "later")
        assert jane.snapshots == 1
