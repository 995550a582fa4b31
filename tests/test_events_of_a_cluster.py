"""Events of a simulated API server, from its watch to the words of a node."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from astrolabe.sim.cluster.factory import NOW
from astrolabe.sim.events import EventRecorder
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.support.cluster import Followed, followed
from tests.support.kinds import KINDS_BY_NAME

CLAIM = KINDS_BY_NAME["PersistentVolumeClaim"]
POD = KINDS_BY_NAME["Pod"]
NO_CLASS = 'storageclass.storage.k8s.io "fast" not found'


def claim(phase: str = "Pending") -> dict[str, Any]:
    return {
        "metadata": {"name": "data", "namespace": "shop", "uid": "c"},
        "spec": {},
        "status": {"phase": phase},
    }


def words(run: Followed, uid: str = "c") -> tuple[str, str, Any]:
    node = run.graph.nodes.get(uid)
    if node is None:
        return "", "", None
    document = node.document()
    return document["reason"], document["message"], document.get("warning")


WARNED = (
    "ProvisioningFailed",
    NO_CLASS,
    {"reason": "ProvisioningFailed", "message": NO_CLASS, "since": "2026-11-23T08:00:00Z"},
)


async def test_a_warning_says_why_until_it_expires_or_the_object_is_ready() -> None:
    store = ObjectStore()
    recorder = EventRecorder(store)
    store.create("PersistentVolumeClaim", claim())
    async with Simulator(store) as simulator, followed(simulator.url) as run:
        await run.until(lambda: "c" in run.graph.nodes)
        before = words(run)
        recorder.warn(CLAIM, claim(), "ProvisioningFailed", NO_CLASS, source="controller", now=NOW)
        await run.until(lambda: words(run) == WARNED)
        assert recorder.expire(NOW.replace(hour=10)) == 1
        await run.until(lambda: words(run) == before)
        recorder.warn(CLAIM, claim(), "ProvisioningFailed", NO_CLASS, source="controller", now=NOW)
        await run.until(lambda: words(run) == WARNED)
        store.update("PersistentVolumeClaim", claim("Bound"))
        await run.until(lambda: words(run)[0] == "Bound")
        assert words(run)[2] is None


@pytest.mark.parametrize("groups", [("", "events.k8s.io"), ("",)])
async def test_the_event_may_come_before_its_object(groups: tuple[str, ...]) -> None:
    store = ObjectStore()
    EventRecorder(store).warn(CLAIM, claim(), "ProvisioningFailed", NO_CLASS, source="controller", now=NOW)
    async with Simulator(store, event_groups=groups) as simulator, followed(simulator.url) as run:
        await run.readiness.wait()
        store.create("PersistentVolumeClaim", claim())
        await run.until(lambda: words(run) == WARNED)


async def test_without_events_nothing_changes() -> None:
    store = ObjectStore()
    store.create("PersistentVolumeClaim", claim())
    recorder = EventRecorder(store)
    recorder.warn(CLAIM, claim(), "ProvisioningFailed", NO_CLASS, source="controller", now=NOW)
    async with Simulator(store) as simulator:
        async with followed(simulator.url, events="off") as run:
            await run.until(lambda: "c" in run.graph.nodes)
            assert words(run)[2] is None
            assert not simulator.request_log.of("Event")
        simulator.authorizer.restrict("Event")
        async with followed(simulator.url) as run:
            await run.until(lambda: "c" in run.graph.nodes)
            await run.readiness.wait()
            assert words(run)[2] is None


async def test_a_storm_of_events_makes_no_delta_and_delays_nobody() -> None:
    """Each of 40 claims is warned 250 times; that is 40 deltas of nodes, and a change goes through at once."""
    store = ObjectStore()
    claims = [
        {**claim(), "metadata": {"name": f"c{number}", "namespace": "shop", "uid": f"c{number}"}}
        for number in range(40)
    ]
    for each in claims:
        store.create("PersistentVolumeClaim", each)
    recorder = EventRecorder(store)
    async with Simulator(store) as simulator, followed(simulator.url) as run:
        await run.readiness.wait()
        await run.until(lambda: len(run.graph.nodes) == 40)
        seq = run.graph.seq
        for number in range(10_000):
            each = claims[number % 40]
            recorder.warn(CLAIM, each, "ProvisioningFailed", NO_CLASS, source="controller", now=NOW)
            if not number % 200:
                await asyncio.sleep(0)
        store.create("Pod", {"metadata": {"name": "late", "namespace": "shop", "uid": "p"}})
        await run.until(lambda: "p" in run.graph.nodes)
        await run.until(lambda: all(words(run, f"c{number}") == WARNED for number in range(40)))
        told = [node.uid for batch in run.batches if batch.seq > seq for node in batch.changes.nodes_set]
        assert sorted(told) == sorted([f"c{number}" for number in range(40)] + ["p"])
