"""`--helm-details` from end to end: what Helm keeps of a release is served beside what is there, never values."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from typing import Any

import aiohttp
import pytest

from astrolabe.sim.store import ObjectStore
from tests.kinds.test_helm_release import CANARY, RELEASE
from tests.support.simulated import simulated

Json = dict[str, Any]
HELM = {"app.kubernetes.io/managed-by": "Helm"}
MINE = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}


def manifest(*objects: tuple[str, str, str]) -> str:
    documents = [
        f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {name}\n" for version, kind, name in objects
    ]
    return "---\n".join(documents)


def kept(kind: str, declared: str, *, namespace: str = "shop") -> Json:
    """What Helm keeps, as the API has it."""
    text = base64.b64encode(gzip.compress(json.dumps({**RELEASE, "manifest": declared}).encode())).decode()
    if kind == "Secret":
        text = base64.b64encode(text.encode()).decode()
    labels = {"owner": "helm", "name": "shop", "version": "2", "status": "deployed"}
    meta = {"name": "sh.helm.release.v1.shop.v2", "namespace": namespace, "labels": labels}
    return {"metadata": meta, "data": {"release": text}}


def cluster(kind: str = "Secret", *, namespace: str = "shop", flux: str = "") -> ObjectStore:
    """A release of which one object is missing, one is of another kind, one has another name, and one is left."""
    store = ObjectStore()
    store.create("Namespace", {"metadata": {"name": "shop"}})
    labels = {**HELM, **({"helm.toolkit.fluxcd.io/namespace": flux} if flux else {})}
    there = [("ConfigMap", "web"), ("StatefulSet", "db"), ("Service", "new-name"), ("ConfigMap", "left")]
    for of, name in there:
        store.create(
            of, {"metadata": {"name": name, "namespace": "shop", "labels": labels, "annotations": MINE}}
        )
    owned = {"name": "db-made", "namespace": "shop", "labels": labels}
    owner = {"apiVersion": "v1", "kind": "Widget", "name": "w", "uid": "w"}
    store.create("ConfigMap", {"metadata": {**owned, "ownerReferences": [owner]}})
    declared = manifest(
        ("v1", "ConfigMap", "web"),
        ("v1", "Secret", "absent"),
        ("apps/v1", "Deployment", "db"),
        ("v1", "Service", "old-name"),
        ("example.com/v1", "Widget", "unknown"),
        ("v1", "LimitRange", "not-visible"),
    )
    store.create(kind, kept(kind, declared, namespace=namespace))
    return store


async def details_of(session: aiohttp.ClientSession) -> Json:
    """One release, once its details are read."""
    async with asyncio.timeout(10):
        while True:
            async with session.get("/api/v1/releases/shop/shop") as answer:
                assert answer.status == 200, await answer.text()
                found: Json = await answer.json()
            if "notes" in found:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "store", [cluster(), cluster("ConfigMap"), cluster(namespace="flux-system", flux="flux-system")]
)
async def test_declared_and_existing_objects(store: ObjectStore) -> None:
    selector = "app.kubernetes.io/managed-by=Helm"
    async with (
        simulated(store, helm_details=True, label_selector=selector) as host,
        aiohttp.ClientSession(f"http://{host}") as session,
    ):
        release = await details_of(session)
        async with session.get("/api/v1/releases?detail=true") as answer:
            (listed,) = await answer.json()
        async with session.get("/api/v1/releases/shop/other") as answer:
            assert answer.status == 404
    assert CANARY not in json.dumps(release)
    assert listed.items() <= release.items()
    assert (listed["chart"], listed["appVersion"], listed["lastAction"]) == (
        "shop-1.4.2",
        "2026.1",
        "Upgrade complete",
    )
    assert listed["lastDeployed"] == "2026-11-02T08:00:00Z"
    assert release["notes"] == "Visit https://shop.example.com"
    assert release["hooks"] == [
        {"kind": "Job", "name": "migrate", "events": ["pre-upgrade"], "phase": "Succeeded"}
    ]
    assert len(release["objects"]) == 6
    assert release["missing"] == [
        member("Deployment", "db", found=member("StatefulSet", "db")),
        member("Secret", "absent"),
        member("Service", "old-name", found=member("Service", "new-name")),
    ]
    assert release["undeclared"] == [
        member("ConfigMap", "left"),
        member("Service", "new-name"),
        member("StatefulSet", "db"),
    ]


def member(kind: str, name: str, **more: Json) -> Json:
    return {"kind": kind, "namespace": "shop", "name": name, **more}


async def test_invisible_objects_are_not_missing() -> None:
    """With a selector of one's own, what Helm applied need not be in the graph."""
    async with (
        simulated(cluster(), helm_details=True, label_selector="app=web") as host,
        aiohttp.ClientSession(f"http://{host}") as session,
    ):
        assert (await details_of(session))["missing"] == []


async def test_nothing_is_read_without_a_request() -> None:
    async with (
        simulated(cluster()) as host,
        aiohttp.ClientSession(f"http://{host}") as session,
        session.get("/api/v1/releases/shop/shop") as answer,
    ):
        release = await answer.json()
    assert release["revision"] == 2
    assert "notes" not in release
    assert "appVersion" not in release
