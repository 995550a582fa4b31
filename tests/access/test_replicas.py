"""Users of several replicas that share a Redis: each replica asks the API server itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from astrolabe.app import Application
from astrolabe.settings import Settings
from astrolabe.sim.api.authorization import Authorizer
from astrolabe.sim.kubeconfig import kubeconfig_file
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.access.test_access import a_pod, two_shops
from tests.access.test_changing_rights import Follower, follow
from tests.support.fleet import Proxy, Serving
from tests.support.redis_server import redis_server
from tests.support.tenants import OWN, Tenancy, binding, grant, withdraw

pytestmark = pytest.mark.asyncio

JANE = binding("jane", "reader", "User/jane", namespace="shop")
HERS = {("Pod", "shop", "shop-pod"), ("Service", "shop", "web")}
#: Seconds for a new leader.
PATIENCE = 30.0


class Replicas:
    """leader, follower: as they started. proxy: between the follower and the API server."""

    def __init__(self, leader: Tenancy, follower: Tenancy, proxy: Proxy) -> None:
        self.leader = leader
        self.follower = follower
        self.proxy = proxy


async def until_synced(site: Tenancy, role: str) -> dict[str, Any]:
    """Wait until it has this role, and its graph is complete; its /health, as an administrator sees it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status, health = await site.ask("admin", "/health")
            if status == 200 and health["role"] == role and health["synced"]:
                return dict(health)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def replicas(store: ObjectStore, folder: Path, *users: str) -> AsyncIterator[Replicas]:
    authorizer = Authorizer(
        {OWN: "system:serviceaccount:astrolabe:astrolabe", **{user: user for user in users}}
    )
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(redis_server(folder))
        simulator = await stack.enter_async_context(Simulator(store, authorizer=authorizer))
        proxy = Proxy(int(simulator.url.rpartition(":")[2]))
        await proxy.start()
        stack.push_async_callback(proxy.stop)
        sites = []
        for url in (simulator.url, f"http://127.0.0.1:{proxy.port}"):
            path = stack.enter_context(kubeconfig_file(url, user={"token": OWN}))
            application = Application(
                Settings(
                    in_cluster=False,
                    kubeconfig=path,
                    host="127.0.0.1",
                    port=0,
                    label_selector="",
                    auth="kubernetes",
                    enable_persistence=True,
                    redis_addr=redis.address,
                )
            )
            await application.start()
            stack.push_async_callback(application.stop)
            http = await stack.enter_async_context(aiohttp.ClientSession())
            sites.append(Tenancy(simulator, application, http))
            await until_synced(sites[-1], "follower" if len(sites) > 1 else "leader")
        yield Replicas(*sites, proxy)


async def test_a_follower_enforces_rights_and_continues_as_leader(tmp_path: Path) -> None:
    store = two_shops()
    # An object that the graph leaves out is named to who may see it alone.
    store.create("Pod", {"metadata": {"name": "bank-vault", "namespace": "bank"}, "spec": "none"})
    async with replicas(store, tmp_path, "jane", "admin") as both:
        for site in (both.leader, both.follower):
            assert await site.names("jane") == HERS
            health = await site.json("jane", "/health")
            assert (health["nodes"], health["coverage"]["namespaces"]) == (2, ["shop"])
            assert site is both.leader or "bank" not in json.dumps(health)
            assert (await site.ask("jane", "/metrics"))[0] == 403
            assert (await site.ask("stranger", "/api/v1/graph"))[0] == 401
        assert "bank-vault" in json.dumps(await both.follower.json("admin", "/health"))
        async with follow(both.follower, "jane") as socket:
            follower = Follower(socket)
            await follower.until("shop-pod", "web")
            withdraw(store, JANE)
            await follower.until()
            grant(store, JANE)
            await follower.until("shop-pod", "web")
            await both.leader.application.stop()
            await until_synced(both.follower, "leader")
            store.create("Pod", a_pod("shop", "later"))
            store.create("Pod", a_pod("bank", "never"))
            await follower.until("shop-pod", "web", "later")
        assert await both.follower.names("jane") == {*HERS, ("Pod", "shop", "later")}


async def test_without_the_api_server_known_users_are_served_and_new_ones_refused(
    tmp_path: Path,
) -> None:
    store = two_shops()
    async with replicas(store, tmp_path, "jane", "john", "admin") as both:
        site = both.follower
        assert await site.names("jane") == HERS
        async with follow(site, "jane") as socket:
            follower = Follower(socket)
            await follower.until("shop-pod", "web")
            assert (await site.ask("admin", "/metrics"))[0] == 200
            both.proxy.lead_to(1)
            status, answer = await site.ask("john", "/api/v1/graph")
            assert status == 503
            assert answer["error"] == "identity-unknown"
            assert "127.0.0.1" not in json.dumps(answer)
            assert await site.names("jane") == HERS
            # What the leader tells comes, and what they may not see does not.
            store.create("Pod", a_pod("bank", "never"))
            store.create("Pod", a_pod("shop", "later"))
            await follower.until("shop-pod", "web", "later")
            metrics = await site.json("admin", "/metrics")
            assert 'astrolabe_access_review_failures_total{review="token"} 1.0' in metrics
            assert 'astrolabe_access_denials_total{reason="unknown"} 1.0' in metrics
            assert "jane" not in metrics
            assert "john" not in metrics
            both.proxy.lead_to(int(site.simulator.url.rpartition(":")[2]))
            assert await site.names("john") == set()


async def test_workers_of_one_port_each_know_users(tmp_path: Path) -> None:
    store = two_shops()
    authorizer = Authorizer({OWN: "system:serviceaccount:astrolabe:astrolabe", "jane": "jane"})
    with redis_server(tmp_path) as redis:
        async with Simulator(store, authorizer=authorizer) as simulator:
            with kubeconfig_file(simulator.url, user={"token": OWN}) as path:
                serving = Serving(path, redis.address, "--workers=2", "--auth=kubernetes")
                await serving.start()
                try:
                    roles = await roles_as_jane(serving)
                finally:
                    await serving.stop()
    assert roles == {"leader", "follower"}
    assert not [line for line in serving.lines if "jane" in line]


async def roles_as_jane(serving: Serving) -> set[str]:
    """The roles of those who answer, until there are two, each of which shows what is hers."""
    roles: set[str] = set()
    headers = {"Authorization": "Bearer jane"}
    async with asyncio.timeout(PATIENCE):
        while len(roles) < 2:
            # Each connection is given to one of them.
            async with aiohttp.ClientSession(serving.url, headers=headers) as http:
                async with http.get("/health") as answer:
                    health = await answer.json()
                async with http.get("/api/v1/graph") as answer:
                    graph = await answer.json()
            if answer.status == 200 and health.get("synced") and health["nodes"] == 2:
                assert {node["name"] for node in graph["nodes"]} == {"shop-pod", "web"}
                roles.add(health["role"])
            await asyncio.sleep(0.02)
    return roles
