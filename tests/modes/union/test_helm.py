"""What Helm keeps of releases of the same name in several clusters."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from astrolabe.sim.store import ObjectStore
from tests.support.tenants import binding, grant, role, rule
from tests.support.union_tenants import united
from tests.support.unions import UnionSite, union_of
from tests.test_helm_details import cluster, kept, manifest, member

pytestmark = pytest.mark.asyncio


def two_clusters() -> dict[str, ObjectStore]:
    """In west, all that the release declares is there."""
    west = ObjectStore()
    west.create("Namespace", {"metadata": {"name": "shop"}})
    meta = {"name": "web", "namespace": "shop", "labels": {"app.kubernetes.io/managed-by": "Helm"}}
    west.create("ConfigMap", {"metadata": meta})
    west.create("Secret", kept("Secret", manifest(("v1", "ConfigMap", "web"))))
    return {"east": cluster(), "west": west}


async def details_of(site: UnionSite, name: str) -> Any:
    """Of the release there, once they are read."""
    async with asyncio.timeout(10):
        while True:
            found = await site.json(f"/api/v1/releases/shop/shop?cluster={name}")
            if "notes" in found:
                return found
            await asyncio.sleep(0.05)


async def test_the_details_of_a_release_are_those_of_its_cluster(tmp_path: Path) -> None:
    async with union_of(tmp_path, two_clusters(), helm_details=True) as site:
        east, west = await details_of(site, "east"), await details_of(site, "west")
        assert (east["cluster"], west["cluster"]) == ("east", "west")
        assert [each["name"] for each in east["missing"]] == ["db", "absent", "old-name"]
        assert west["missing"] == []
        assert len(west["objects"]) == 1
        version = (await site.json("/api/v1/releases?detail=true"))[0]["appVersion"]
        assert version == "2026.1"
        site.list("west")
        await site.until(lambda: "east" not in site.states())
        assert [each["cluster"] for each in await site.json("/api/v1/releases?detail=true")] == ["west"]


async def test_the_details_are_told_to_who_may_see_the_secret_of_that_cluster(tmp_path: Path) -> None:
    stores = two_clusters()
    for store, kinds in ((stores["east"], ("configmaps",)), (stores["west"], ("configmaps", "secrets"))):
        grant(store, role("some", rule(*kinds)), binding("jane", "some", "User/jane"))
    users = {"east": ("jane",), "west": ("jane",)}
    async with united(tmp_path, stores, users, helm_details=True) as site:
        async with asyncio.timeout(10):
            while True:
                west = await site.json("jane", "/api/v1/releases/shop/shop?cluster=west")
                if "notes" in west:
                    break
                await asyncio.sleep(0.05)
        assert member("ConfigMap", "web") not in west["missing"]
        status, east = await site.ask("jane", "/api/v1/releases/shop/shop?cluster=east")
        assert status == 404 or "notes" not in east
