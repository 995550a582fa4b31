"""Rights that change while streams are open."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from astrolabe.settings import Limits
from astrolabe.sim.cluster.custom import definitions
from tests.access.test_access import a_pod, two_shops
from tests.support.tenants import Tenancy, binding, grant, role, rule, tenancy, withdraw

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


async def test_among_users_with_equal_rights_only_the_changed_one_is_reset() -> None:
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
        await other.send(json.dumps({"type": "subscribe", "id": "problems", "what": "problems"}))
        withdraw(store, binding("john", "reader", "User/john", namespace="shop"))
        await john.until()  # by a reset, which a snapshot follows
        while john.snapshots < 2:
            john.hear(json.loads(await asyncio.wait_for(other.recv(), EFFECT)))
        assert john.names == {}
        store.create("Pod", a_pod("shop", "later"))
        await jane.until("shop-pod", "web", "later")
        # The same connection: it is told what John sees, and takes further messages.
        assert (await site.json("john", "/api/v1/graph"))["nodes"] == []
        await other.send(json.dumps({"type": "unsubscribe", "id": "problems"}))
        grant(store, binding("john", "reader", "User/john", namespace="bank"))
        await john.until("bank-pod", "web")
        store.create("Pod", a_pod("bank", "the-last"))
        await john.until("bank-pod", "web", "the-last")
        store.delete("Pod", a_pod("shop", "later"))
        await jane.until("shop-pod", "web")
        assert jane.snapshots == 1


async def test_server_sent_events_go_on_when_their_user_sees_something_else() -> None:
    store = two_shops()
    for name in ("jane", "john"):
        grant(store, binding(name, "reader", f"User/{name}", namespace="shop"))
    async with tenancy(store, "jane", "john") as site, follow(site, "jane") as one:
        await Follower(one).until("shop-pod", "web")
        headers = {"Authorization": "Bearer john"}
        async with site.http.get(site.url("/api/v1/events"), headers=headers) as events:
            john = Follower(one)

            async def until(*names: str) -> None:
                async with asyncio.timeout(EFFECT + 1):
                    while sorted(john.names.values()) != sorted(names) or not john.snapshots:
                        line = await events.content.readline()
                        if line.startswith(b"data: "):
                            john.hear(json.loads(line[6:]))

            await until("shop-pod", "web")
            withdraw(store, binding("john", "reader", "User/john", namespace="shop"))
            await until()
            grant(store, binding("john", "reader", "User/john", namespace="bank"))
            await until("bank-pod", "web")


async def test_streams_continue_when_a_user_gains_or_loses_full_visibility() -> None:
    store = two_shops()
    all = role("all", rule("*", group="*"))
    jane_reads = binding("jane", "reader", "User/jane", namespace="shop")
    grant(store, jane_reads, all, binding("admin", "all", "User/admin"))
    async with tenancy(store, "jane", "admin") as site, follow(site, "jane") as socket:
        jane = Follower(socket)
        await jane.until("shop-pod", "web")
        grant(store, binding("jane-all", "all", "User/jane"))
        await jane.until(*[name for _, _, name in await site.names("admin")])
        withdraw(store, binding("jane-all", "all", "User/jane"))
        await jane.until("shop-pod", "web")


async def test_rights_on_all_known_kinds_do_not_show_later_kinds() -> None:
    store = two_shops()
    named = [rule(kind.plural, group=kind.group) for kind in store.kinds]
    grant(store, role("lister", *named), binding("lister", "lister", "User/lister"))
    async with tenancy(store, "lister", "admin") as site, follow(site, "lister") as socket:
        lister = Follower(socket)
        everything = sorted(name for _, _, name in await site.names("lister"))
        await lister.until(*everything)
        definition = next(each for each in definitions() if each["spec"]["names"]["kind"] == "AppProject")
        store.define(definition)
        kind = "AppProject.argoproj.io"
        store.create(kind, {"metadata": {"name": "secret-project", "namespace": "bank"}, "spec": {}})
        for _ in range(100):  # until it is discovered
            if any(name == "secret-project" for _, _, name in await site.names("admin")):
                break
            await asyncio.sleep(0.1)
        else:
            pytest.fail("the kind is not discovered")
        seen = {name for _, _, name in await site.names("lister")}
        assert "secret-project" not in seen
        store.create("Pod", a_pod("shop", "the-last"))
        await lister.until(*seen, "the-last", "web")
        grant(store, role("lister", *named, rule("appprojects", group="argoproj.io")))
        await lister.until(*seen, "the-last", "web", "secret-project")


async def test_a_stream_ends_when_its_token_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astrolabe.http.access.authentication.ACCEPTED_SECONDS", 0.2)
    limits = Limits(heartbeat=0.2)
    async with (
        tenancy(two_shops(), "jane", "john", limits=limits) as site,
        follow(site, "jane") as one,
        follow(site, "john") as other,
    ):
        await Follower(one).until("shop-pod", "web")
        del site.simulator.authorizer.tokens["jane"]
        await asyncio.wait_for(one.wait_closed(), 10)
        assert one.close_code == 4501
        await Follower(other).until()
