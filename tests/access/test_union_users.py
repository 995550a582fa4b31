"""Users of several clusters: each cluster's API server decides what they may see of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from astrolabe.sim.faults import HttpStatus
from astrolabe.sim.kubeconfig import kubeconfig
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.access.test_access import two_shops
from tests.access.test_changing_rights import Follower, follow
from tests.support.tenants import binding, grant, role, rule, tenancy, withdraw
from tests.support.union_tenants import united
from tests.support.unions import Upstream

pytestmark = pytest.mark.asyncio


def two_clusters() -> dict[str, ObjectStore]:
    """Clones but for one right: jane may see the shop of east, and the bank of west."""
    east, west = two_shops(), two_shops()
    withdraw(west, binding("jane", "reader", "User/jane", namespace="shop"))
    grant(west, binding("jane", "reader", "User/jane", namespace="bank"))
    return {"east": east, "west": west}


EVERYONE = ("jane", "admin", "nobody")


async def test_each_cluster_decides_about_its_own(tmp_path: Path) -> None:
    users = {"east": EVERYONE, "west": EVERYONE}
    async with united(tmp_path, two_clusters(), users) as site:
        assert await site.seen("jane") == {"east/shop-pod", "east/web", "west/bank-pod", "west/web"}
        assert await site.seen("nobody") == set()
        assert {"east/shop-secret", "west/bank-secret"} < await site.seen("admin")
        assert (await site.ask("stranger", "/api/v1/graph"))[0] == 401
        who = await site.json("jane", "/api/v1/whoami")
        assert [each["name"] for each in who["clusters"]] == ["east", "west"]
        coverage = {each["name"]: each for each in who["coverage"]["clusters"]}
        assert coverage["east"]["namespaces"] == ["shop"]
        assert coverage["west"]["namespaces"] == ["bank"]
        assert coverage["west"]["limited"] == ["Pod", "EndpointSlice", "Service", "Event"]
        assert (await site.json("admin", "/api/v1/whoami"))["coverage"] is None


async def test_a_token_of_one_cluster_shows_nothing_of_the_others(tmp_path: Path) -> None:
    """As that of a service account is; the name is not believed elsewhere, where it is somebody else's."""
    async with united(tmp_path, two_clusters(), {"east": ("jane",), "west": ("admin",)}) as site:
        assert await site.seen("jane") == {"east/shop-pod", "east/web"}
        assert {name.partition("/")[0] for name in await site.seen("admin")} == {"west"}
        who = await site.json("jane", "/api/v1/whoami")
        assert [each["name"] for each in who["clusters"]] == ["east"]
        west = {each["name"]: each for each in who["coverage"]["clusters"]}["west"]
        assert west["why"] == "this cluster does not know your token"
        counts = {each["name"]: each["counts"] for each in await site.json("jane", "/api/v1/clusters")}
        assert {name: sum(each.values()) for name, each in counts.items()} == {"east": 2, "west": 0}
        progress = {
            each["name"]: each["progress"]["objects"] for each in await site.json("jane", "/api/v1/clusters")
        }
        assert progress == {"east": 2, "west": 0}


async def test_rights_change_in_one_cluster_on_open_streams(tmp_path: Path) -> None:
    users = {"east": EVERYONE, "west": EVERYONE}
    async with united(tmp_path, two_clusters(), users) as site, follow(site, "jane") as socket:
        follower = Follower(socket)
        await follower.until("shop-pod", "web", "bank-pod", "web")
        withdraw(site.clusters["west"].store, binding("jane", "reader", "User/jane", namespace="bank"))
        await follower.until("shop-pod", "web")
        grant(site.clusters["east"].store, binding("jane-too", "reader", "User/jane", namespace="bank"))
        await follower.until("shop-pod", "web", "bank-pod", "web")
        assert all(uid.startswith("east/") for uid in follower.names)
        assert follower.snapshots == 1


async def test_a_cluster_whose_api_server_is_silent_shows_nothing_and_holds_up_no_other(
    tmp_path: Path,
) -> None:
    users = {"east": EVERYONE, "west": EVERYONE}
    async with united(tmp_path, two_clusters(), users) as site:
        faults = site.clusters["west"].faults
        silence = HttpStatus(verb="create", code=403, times=None)
        faults.add(silence)
        assert await site.seen("jane") == {"east/shop-pod", "east/web"}
        who = await site.json("jane", "/api/v1/whoami")
        west = {each["name"]: each for each in who["coverage"]["clusters"]}["west"]
        assert west["why"] == "the API server does not say whose your token is"
        async with follow(site, "jane") as socket:
            follower = Follower(socket)
            await follower.until("shop-pod", "web")
            faults.remove(silence)
            for _ in range(100):  # a token is asked about again by those who come
                if await site.seen("jane") != {"east/shop-pod", "east/web"}:
                    break
                await asyncio.sleep(0.1)
            await follower.until("shop-pod", "web", "bank-pod", "web")


async def test_a_cluster_that_comes_and_goes_while_a_stream_is_open(tmp_path: Path) -> None:
    users = {"east": EVERYONE, "west": EVERYONE}
    async with united(tmp_path, two_clusters(), users) as site, follow(site, "jane") as socket:
        follower = Follower(socket)
        await follower.until("shop-pod", "web", "bank-pod", "web")
        path = tmp_path / "clusters.yaml"
        whole = path.read_text()
        path.write_text(json.dumps({"clusters": [site.entry("east")]}))
        await _until(follower, "shop-pod", "web")
        path.write_text(whole + "\n")
        await _until(follower, "shop-pod", "web", "bank-pod", "web")


async def _until(follower: Follower, *names: str) -> None:
    """The list of clusters is looked at every two seconds, and then lists are made."""
    async with asyncio.timeout(20):
        while sorted(follower.names.values()) != sorted(names):
            message: dict[str, Any] = json.loads(await follower.socket.recv())
            follower.hear(message)


async def test_an_object_of_another_cluster_is_not_opened_by_a_name(tmp_path: Path) -> None:
    """A rule with `resourceNames` holds in its own cluster."""
    stores = two_clusters()
    named = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["shop-secret"]}
    meta = {"name": "named"}
    grant(stores["east"], ("ClusterRole", {"metadata": meta, "rules": [named]}))
    grant(stores["east"], binding("named", "named", "User/jane"))
    async with united(tmp_path, stores, {"east": EVERYONE, "west": EVERYONE}) as site:
        graph = await site.json("admin", "/api/v1/graph")
        secrets = {n["cluster"]: n["uid"] for n in graph["nodes"] if n["name"] == "shop-secret"}
        assert (await site.ask("jane", f"/api/v1/resources/{secrets['east'].replace('/', '%2F')}"))[0] == 200
        assert (await site.ask("jane", f"/api/v1/resources/{secrets['west'].replace('/', '%2F')}"))[0] == 404
        assert (await site.ask("jane", "/metrics"))[0] == 403
        assert (await site.ask("admin", "/metrics"))[0] == 200


async def test_what_another_server_watches_is_shown_if_the_list_says_so(tmp_path: Path) -> None:
    """The hub sees everything there, by its token; a user of the hub only what the list says."""
    async with Simulator(two_shops()) as simulator:
        upstream = Upstream(_kubeconfig(tmp_path, simulator.url))
        await upstream.begin()
        for shown, seen in ((False, {"east"}), (True, {"east", "far"})):
            far = {"name": "far", "url": upstream.url, "showToEveryone": shown}
            stores = {"east": two_shops()}
            async with united(tmp_path, stores, {"east": EVERYONE}, others=[far]) as site:
                assert {name.partition("/")[0] for name in await site.seen("jane")} == seen
                assert {name.partition("/")[0] for name in await site.seen("admin")} == seen
                who = await site.json("jane", "/api/v1/whoami")
                whys = {each["name"]: each["why"] for each in who["coverage"]["clusters"]}
                assert ("far" in whys) == (not shown)
        await upstream.end()


def _kubeconfig(folder: Path, url: str) -> str:
    path = folder / "far.kubeconfig"
    path.write_text(kubeconfig(url))
    return str(path)


async def test_a_forwarded_token_shows_what_the_other_server_shows_to_it(tmp_path: Path) -> None:
    """The hub sees everything there by its own token; its users what theirs show, and changes within seconds."""
    store = two_shops()
    everything = rule("*", group="*", verbs=["*"])
    grant(store, role("hub", everything), binding("hub", "hub", "User/hub"))
    async with tenancy(store, "hub", "jane", "admin") as there:
        token = tmp_path / "hub.token"
        token.write_text("hub")
        far = {"name": "far", "url": there.url(""), "tokenFile": str(token), "forwardToken": True}
        users = {"east": ("jane", "nobody")}
        async with united(tmp_path, {"east": two_shops()}, users, others=[far]) as site:
            assert await site.seen("jane") == {"east/shop-pod", "east/web", "far/shop-pod", "far/web"}
            assert {name.partition("/")[0] for name in await site.seen("admin")} == {"far"}
            assert "far/bank-secret" in await site.seen("admin")
            assert await site.seen("nobody") == set()
            assert (await site.ask("stranger", "/api/v1/graph"))[0] == 401
            who = await site.json("nobody", "/api/v1/whoami")
            whys = {each["name"]: each["why"] for each in who["coverage"]["clusters"]}
            assert whys == {"east": "", "far": "this cluster does not know your token"}
            async with follow(site, "jane") as socket:
                follower = Follower(socket)
                await follower.until("shop-pod", "web", "shop-pod", "web")
                withdraw(store, binding("jane", "reader", "User/jane", namespace="shop"))
                await _until(follower, "shop-pod", "web")
                assert all(uid.startswith("east/") for uid in follower.names)
                grant(store, binding("jane", "reader", "User/jane", namespace="bank"))
                await _until(follower, "shop-pod", "web", "bank-pod", "web")
                assert follower.snapshots == 1
            await there.application.stop()
            for _ in range(100):  # what was known is good for a moment
                if await site.seen("jane") == {"east/shop-pod", "east/web"}:
                    break
                await asyncio.sleep(0.1)
            assert await site.seen("jane") == {"east/shop-pod", "east/web"}
