from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.sim.client import WATCH_METADATA, Client, summary

Json = dict[str, Any]
PODS = "/api/v1/pods"
WATCH_LIST = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}


def pod(name: str, namespace: str = "shop", **labels: str) -> Json:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": {}}


async def test_a_watch_from_a_version_sends_later_events(simulator: Simulator, client: Client) -> None:
    store = simulator.store
    store.create("Pod", pod("a"))
    store.create("Pod", pod("b"))
    async with client.watch(PODS, resourceVersion="1") as watching:
        assert summary([await watching.event()]) == [("ADDED", "b")]
        store.update("Pod", pod("a"))
        store.delete("Pod", pod("b"))
        events = await watching.events(2)
    assert summary(events) == [("MODIFIED", "a"), ("DELETED", "b")]
    assert [event["object"]["metadata"]["resourceVersion"] for event in events] == ["3", "4"]
    assert (events[0]["object"]["kind"], events[0]["object"]["apiVersion"]) == ("Pod", "v1")


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}])
async def test_a_watch_without_a_version_begins_with_existing_objects(
    simulator: Simulator, client: Client, query: dict[str, str]
) -> None:
    simulator.store.create("Pod", pod("b"))
    simulator.store.create("Pod", pod("a"))
    async with client.watch(PODS, **query) as watching:
        assert summary(await watching.events(2)) == [("ADDED", "a"), ("ADDED", "b")]
        simulator.store.create("Pod", pod("c"))
        assert summary([await watching.event()]) == [("ADDED", "c")]


async def test_watch_list_ends_with_its_bookmark_and_continues(simulator: Simulator, client: Client) -> None:
    for number in range(200):
        simulator.store.create("Pod", pod(f"p-{number:03}"))
    async with client.watch(PODS, **WATCH_LIST) as watching:
        events = await watching.events(201)
        assert summary(events[:200]) == [("ADDED", f"p-{number:03}") for number in range(200)]
        assert events[200]["type"] == "BOOKMARK"
        assert events[200]["object"]["metadata"] == {
            "resourceVersion": "200",
            "annotations": {"k8s.io/initial-events-end": "true"},
        }
        simulator.store.delete("Pod", pod("p-000"))
        assert summary([await watching.event()]) == [("DELETED", "p-000")]


async def test_one_namespace_and_metadata_only(simulator: Simulator, client: Client) -> None:
    async with client.watch("/api/v1/namespaces/shop/pods", WATCH_METADATA, resourceVersion="0") as watching:
        simulator.store.create("Pod", pod("a", "other"))
        simulator.store.create("Pod", pod("a", "shop"))
        object = (await watching.event())["object"]
    assert (object["kind"], object["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert object["metadata"]["namespace"] == "shop"
    assert set(object) == {"kind", "apiVersion", "metadata"}


async def test_leaving_a_selector_is_a_deletion_and_entering_an_addition(
    simulator: Simulator, client: Client
) -> None:
    store = simulator.store
    store.create("Pod", pod("in", app="web"))
    store.create("Pod", pod("out", app="db"))
    async with client.watch(PODS, resourceVersion="2", labelSelector="app=web") as watching:
        store.update("Pod", pod("in", app="db"))
        store.update("Pod", pod("out", app="db", again="yes"))
        store.update("Pod", pod("out", app="web"))
        store.update("Pod", pod("out", app="web", again="yes"))
        store.delete("Pod", pod("in"))
        store.delete("Pod", pod("out"))
        events = await watching.events(4)
    assert summary(events) == [("DELETED", "in"), ("ADDED", "out"), ("MODIFIED", "out"), ("DELETED", "out")]
    left = events[0]["object"]["metadata"]
    assert (left["labels"], left["resourceVersion"]) == ({"app": "web"}, "3")


async def test_bookmarks_are_sent_at_intervals_with_the_newest_version() -> None:
    store = ObjectStore()
    async with (
        Simulator(store, bookmark_interval=0.02) as simulator,
        aiohttp.ClientSession(simulator.url) as session,
    ):
        store.create("Pod", pod("a"))
        store.create("Namespace", {"metadata": {"name": "shop"}})
        async with Client(session).watch(PODS, resourceVersion="1", allowWatchBookmarks="true") as watching:
            first, second = await watching.events(2)
    assert first == second
    assert first["type"] == "BOOKMARK"
    assert first["object"]["metadata"] == {"resourceVersion": "2"}


async def test_a_last_bookmark_two_seconds_before_the_timeout(simulator: Simulator, client: Client) -> None:
    simulator.store.create("Pod", pod("a"))
    query = {"resourceVersion": "1", "allowWatchBookmarks": "true", "timeoutSeconds": "3"}
    async with client.watch(PODS, **query) as watching:
        async with asyncio.timeout(2.9):
            assert (await watching.event())["type"] == "BOOKMARK"


async def test_a_compaction_ends_resumed_watches_but_not_open_ones(
    simulator: Simulator, client: Client
) -> None:
    store = simulator.store
    store.create("Pod", pod("a"))
    store.create("Namespace", {"metadata": {"name": "shop"}})
    async with client.watch(PODS, resourceVersion="1") as watching:
        store.update("Pod", pod("a"))
        assert summary([await watching.event()]) == [("MODIFIED", "a")]
        store.create("Namespace", {"metadata": {"name": "other"}})
        store.compact()
        store.update("Pod", pod("a"))
        assert summary([await watching.event()]) == [("MODIFIED", "a")]
    async with client.watch(PODS, resourceVersion="3") as watching:
        (event,) = await watching.rest()
    assert event == {
        "type": "ERROR",
        "object": {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "too old resource version: 3 (4)",
            "reason": "Expired",
            "code": 410,
        },
    }


async def test_a_watch_behind_the_log_is_expired() -> None:
    store = ObjectStore(history=5)
    async with Simulator(store) as simulator, aiohttp.ClientSession(simulator.url) as session:
        store.create("Pod", pod("a"))
        async with Client(session).watch(PODS, resourceVersion="1") as watching:
            await simulator.request_log.until(lambda request_log: request_log.open_watches["Pod"] == 1)
            for _ in range(30):
                store.update("Pod", pod("a"))
            (event,) = await watching.rest()
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


async def test_a_thousand_events_at_once_arrive_in_order(simulator: Simulator, client: Client) -> None:
    async with client.watch(PODS, resourceVersion="0") as watching:
        for number in range(1000):
            simulator.store.create("Pod", pod(f"p-{number:04}"))
        events = await watching.events(1000)
    assert summary(events) == [("ADDED", f"p-{number:04}") for number in range(1000)]


@pytest.mark.parametrize(
    ("plays", "status", "field"),
    [("rejected", 422, "sendInitialEvents"), ("served", 422, "resourceVersionMatch")],
)
async def test_watch_list_refused(
    simulator: Simulator, client: Client, plays: Any, status: int, field: str
) -> None:
    simulator.faults.watch_list = plays
    query = {**WATCH_LIST, "watch": "1"}
    if plays == "served":
        del query["resourceVersionMatch"]
    status, answer = await client.refusal(PODS, **query)
    assert (status, answer["details"]["causes"][0]["field"]) == (422, field)


async def test_an_old_server_ignores_watch_list_and_sends_no_end(
    simulator: Simulator, client: Client
) -> None:
    simulator.faults.watch_list = "ignored"
    simulator.store.create("Pod", pod("a"))
    async with client.watch(PODS, **WATCH_LIST, timeoutSeconds="1") as watching:
        assert summary(await watching.rest()) == [("ADDED", "a")]


async def test_a_watch_ends_when_its_client_goes(simulator: Simulator, client: Client) -> None:
    async with client.watch(PODS):
        await simulator.request_log.until(lambda request_log: request_log.open_watches["Pod"] == 1)
        assert len(simulator.store.collection("Pod").listeners) == 1
    await simulator.request_log.until(lambda request_log: request_log.open_watches["Pod"] == 0)
    assert simulator.store.collection("Pod").listeners == set()
