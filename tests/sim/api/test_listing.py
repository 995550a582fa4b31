from __future__ import annotations

from typing import Any

import pytest

from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.sim.client import LIST_METADATA, WATCH_METADATA, Client

Json = dict[str, Any]
SECRETS = "/api/v1/namespaces/shop/secrets"


def fill(store: ObjectStore, *names: str, namespace: str = "shop", **labels: str) -> None:
    for name in names:
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        store.create("Secret", {"metadata": metadata, "data": {"password": "c2VjcmV0"}, "type": "Opaque"})


def names(answer: Json) -> list[str]:
    return [item["metadata"]["name"] for item in answer["items"]]


async def test_lists_one_namespace_all_and_cluster_scoped(simulator: Simulator, client: Client) -> None:
    fill(simulator.store, "b", "a")
    fill(simulator.store, "c", namespace="other")
    simulator.store.create("Namespace", {"metadata": {"name": "shop"}})
    assert names(await client.get(SECRETS)) == ["a", "b"]
    assert names(await client.get("/api/v1/secrets")) == ["c", "a", "b"]
    assert names(await client.get("/api/v1/namespaces")) == ["shop"]
    assert names(await client.get("/api/v1/namespaces/absent/secrets")) == []


async def test_gets_one_object(simulator: Simulator, client: Client) -> None:
    fill(simulator.store, "a")
    simulator.store.create("Namespace", {"metadata": {"name": "shop"}})
    secret = await client.get(f"{SECRETS}/a")
    assert (secret["kind"], secret["apiVersion"], secret["type"]) == ("Secret", "v1", "Opaque")
    assert "data" not in await client.get(f"{SECRETS}/a", WATCH_METADATA)
    assert (await client.get("/api/v1/namespaces/shop"))["metadata"]["name"] == "shop"
    status, answer = await client.refusal("/apis/apps/v1/namespaces/shop/deployments/web")
    assert status == 404
    assert answer["message"] == 'deployments.apps "web" not found'
    assert answer["details"] == {"name": "web", "group": "apps", "kind": "deployments"}


async def test_pages_are_of_one_version(simulator: Simulator, client: Client) -> None:
    fill(simulator.store, *"abcdefgh")
    whole = await client.get("/api/v1/secrets")
    page = await client.get("/api/v1/secrets", limit="3")
    found = page["items"]
    simulator.store.delete("Secret", {"metadata": {"name": "e", "namespace": "shop"}})
    simulator.store.update("Secret", {"metadata": {"name": "h", "namespace": "shop"}, "data": {}})
    fill(simulator.store, "da", "zz")
    fill(simulator.store, "a", namespace="zoo")
    while "continue" in page["metadata"]:
        page = await client.get("/api/v1/secrets", limit="3", continue_=page["metadata"]["continue"])
        assert page["metadata"]["resourceVersion"] == whole["metadata"]["resourceVersion"]
        found += page["items"]
    assert found == whole["items"]
    assert "remainingItemCount" not in page["metadata"]


async def test_remaining_item_count_is_absent_with_a_selector(simulator: Simulator, client: Client) -> None:
    fill(simulator.store, *"abcde", app="web")
    assert (await client.get(SECRETS, limit="2"))["metadata"]["remainingItemCount"] == 3
    selected = await client.get(SECRETS, limit="2", labelSelector="app=web")
    assert "continue" in selected["metadata"]
    assert "remainingItemCount" not in selected["metadata"]
    assert "continue" not in (await client.get(SECRETS, limit="5", labelSelector="app=web"))["metadata"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"labelSelector": "app=web"}, ["a", "b"]),
        ({"labelSelector": "app notin (web)"}, ["c"]),
        ({"labelSelector": "app,tier!=back"}, ["a", "b"]),
        ({"fieldSelector": "metadata.name=b"}, ["b"]),
        ({"fieldSelector": "metadata.name!=b,metadata.namespace==shop"}, ["a"]),
        ({"fieldSelector": "metadata.namespace=other", "labelSelector": "app"}, ["c"]),
    ],
)
async def test_selectors(
    simulator: Simulator, client: Client, query: dict[str, str], expected: list[str]
) -> None:
    fill(simulator.store, "a", "b", app="web", tier="front")
    fill(simulator.store, "c", namespace="other", app="db", tier="back")
    assert names(await client.get("/api/v1/secrets", **query)) == expected


async def test_metadata_only_carries_annotations_but_no_data(simulator: Simulator, client: Client) -> None:
    applied = '{"stringData":{"password":"s3cr3t-must-never-leak"}}\n'
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    metadata = {"name": "a", "namespace": "shop", "annotations": annotations}
    simulator.store.create("Secret", {"metadata": metadata, "data": {"password": "eA=="}, "type": "Opaque"})
    item = (await client.get(SECRETS, LIST_METADATA))["items"][0]
    assert set(item) == {"kind", "apiVersion", "metadata"}
    assert item["metadata"]["annotations"] == annotations


async def test_a_list_is_not_an_object(client: Client) -> None:
    async with client.session.get(SECRETS, headers={"Accept": WATCH_METADATA}) as response:
        assert response.status == 406
        assert "the requested object is a list (*v1.SecretList)" in await response.text()
    watch = client.session.get(SECRETS, params={"watch": "1"}, headers={"Accept": LIST_METADATA})
    async with watch as response:
        assert response.status == 406


async def test_lists_at_an_exact_version(simulator: Simulator, client: Client) -> None:
    fill(simulator.store, "a", "b")
    simulator.store.delete("Secret", {"metadata": {"name": "a", "namespace": "shop"}})
    then = await client.get(SECRETS, resourceVersion="2", resourceVersionMatch="Exact")
    assert (names(then), then["metadata"]["resourceVersion"]) == (["a", "b"], "2")
    now = await client.get(SECRETS, resourceVersion="2", resourceVersionMatch="NotOlderThan")
    assert (names(now), now["metadata"]["resourceVersion"]) == (["b"], "3")


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"limit": "x"}, 400, 'limit: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax'),
        ({"fieldSelector": "spec.nodeName=a"}, 400, "field label not supported: spec.nodeName"),
        ({"fieldSelector": "what"}, 400, "invalid selector: 'what'; can't understand 'what'"),
        ({"continue": "e30"}, 400, "invalid continue token: continue key is not valid"),
        (
            {"continue": "x", "resourceVersion": "5"},
            400,
            "specifying resource version is not allowed when using continue",
        ),
        ({"resourceVersionMatch": "Exact"}, 422, "is forbidden unless resourceVersion is provided"),
        (
            {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
            422,
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
        ({"sendInitialEvents": "true"}, 422, "sendInitialEvents is forbidden for list"),
        (
            {"resourceVersion": "9", "resourceVersionMatch": "Exact"},
            504,
            "Too large resource version: 9, current: 0",
        ),
    ],
)
async def test_refusals(client: Client, query: dict[str, str], status: int, message: str) -> None:
    got, answer = await client.refusal(SECRETS, **query)
    assert (got, answer["code"]) == (status, status)
    assert message in answer["message"]
