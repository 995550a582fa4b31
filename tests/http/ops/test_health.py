import asyncio
from time import thread_time
from types import SimpleNamespace
from typing import Any

import pytest

from astrolabe.engine.inbox import InvalidObject, Scope
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.serving_state import ClusterInfo, PartialEntry, Progress, ServingState, assess_watches
from astrolabe.graph.model.faults import Fault
from astrolabe.http.ops.health import health, kinds_of, readyz
from astrolabe.http.source import LeaderReport, ReplicationHealth
from tests.support.serving import Site, serve
from tests.support.sources import FixedSource
from tests.support.worlds import EPOCH, World, facts

SYNCING = ServingState(
    "syncing",
    "2026-01-01T00:00:00Z",
    "1 of 3 kinds are listed",
    ClusterInfo(name="shop"),
    Progress(1, 3, 7),
    (
        PartialEntry("Node", "forbidden", "403 Forbidden"),
        PartialEntry("Pod", "skipped", "1 object is left out: a/b: deep", 1),
    ),
)
TRACKER = SimpleNamespace(refresh=lambda: SYNCING)
SHOWN = {
    "state": "syncing",
    "since": "2026-01-01T00:00:00Z",
    "why": "1 of 3 kinds are listed",
    "cluster": {"name": "shop", "context": "", "server": ""},
    "progress": {"kinds": 1, "of": 3, "objects": 7},
    "partial": [
        {"kind": "Node", "reason": "forbidden", "why": "403 Forbidden"},
        {"kind": "Pod", "reason": "skipped", "why": "1 object is left out: a/b: deep", "objects": 1},
    ],
}


async def test_health_of_a_synced_server(site: Site) -> None:
    document = await site.json("/health")
    kinds, since = document.pop("kinds"), document.pop("since")
    assert since.endswith("Z")
    assert document == {
        "status": "healthy",
        "state": "live",
        "why": "",
        "cluster": {"name": "shop", "context": "kind-shop", "server": "https://10.0.0.1:6443"},
        "progress": {"kinds": 8, "of": 8, "objects": 9},
        "partial": [],
        "nodes": 9,
        "edges": 5,
        "synced": True,
        "epoch": EPOCH,
        "seq": 2,
        "role": "leader",
    }
    assert kinds["Pod"] == {"state": "synced", "age": None, "objects": 2}
    assert kinds["ConfigMap"] == {"state": "synced", "age": None, "objects": 0}


def test_health_of_kinds() -> None:
    readiness = ReadinessTracker(
        [Scope("Pod", "a"), Scope("Pod", "b"), Scope("Node", required=False), Scope("Job")]
    )
    readiness.report("Pod", "a", "synced")
    readiness.report("Node", "", "unavailable", "403 Forbidden")
    readiness.note_message("Pod", "a", 100.0)
    readiness.note_message("Pod", "b", 97.0)
    source = FixedSource(readiness=readiness, plays="follower", lost={"Job": "refused"}, state=TRACKER)
    document = health(source, now=103.25)
    assert document == {
        "status": "healthy",
        **SHOWN,
        "nodes": 0,
        "edges": 0,
        "synced": False,
        "epoch": "e",
        "seq": 4,
        "role": "follower",
        "kinds": {
            "Pod": {"state": "listing", "age": 3.2, "objects": 3},
            "Node": {"state": "unavailable", "why": "403 Forbidden", "age": None, "objects": 4},
            "Job": {"state": "listing", "age": None, "connected": False, "why": "refused", "objects": 3},
        },
    }


def test_health_names_some_skipped_objects_and_why_kinds_are_unavailable() -> None:
    readiness = ReadinessTracker([Scope("Pod"), Scope("Secret")])
    readiness.report("Secret", "", "unavailable", "403 Forbidden", cause="forbidden")
    for number in range(7):
        readiness.skip("Pod", InvalidObject("shop", f"web-{number}", "is nested too deeply", f"u{number}"))
    readiness.failing = lambda: [Fault("Secret", "shop", "key", "KeyError in derive, line 1 of rules.py")]
    kinds = kinds_of(FixedSource(readiness=readiness), now=1.0)
    assert kinds["Secret"]["cause"] == "forbidden"
    assert kinds["Secret"]["ruleFailed"] == 1
    assert kinds["Secret"]["ruleFailedObjects"] == [
        {"name": "shop/key", "why": "KeyError in derive, line 1 of rules.py"}
    ]
    assert kinds["Pod"] == {
        "state": "listing",
        "age": None,
        "objects": 3,
        "skipped": 7,
        "skippedObjects": [
            {"name": f"shop/web-{number}", "why": "is nested too deeply"} for number in range(5)
        ],
    }


def test_naming_some_skipped_objects_takes_constant_time() -> None:
    """The state is looked at twice a second, and a kind may be left out whole."""
    readiness = ReadinessTracker([Scope("Pod")])
    for number in range(100_000):
        readiness.skip("Pod", InvalidObject("shop", f"web-{number}", "is nested too deeply", f"u{number}"))
    started = thread_time()
    for _ in range(20):
        shown = kinds_of(FixedSource(readiness=readiness), now=1.0)["Pod"]
        verdict = assess_watches(readiness, (), count=len, restored=False, now=1.0)
    assert thread_time() - started < 0.1
    assert (shown["skipped"], len(shown["skippedObjects"])) == (100_000, 5)
    assert verdict.partial[0].objects == 100_000


def test_ready_once_all_required_kinds_are_synced() -> None:
    readiness = ReadinessTracker(
        [Scope("Pod", "a"), Scope("Pod", "b"), Scope("Node", required=False), Scope("Job")]
    )
    readiness.report("Pod", "a", "synced")
    assert readyz(readiness) == (503, {"status": "not-ready", "waiting": ["Job", "Node", "Pod in b"]})
    nowhere = {"status": "not-ready", "waiting": ["Job", "Node", "Pod"]}
    assert readyz(readiness, places=False) == (503, nowhere)
    readiness.report("Pod", "b", "synced")
    readiness.report("Job", "", "synced")
    assert readyz(readiness) == (503, {"status": "not-ready", "waiting": ["Node"]})
    readiness.report("Node", "", "unavailable", "403 Forbidden", cause="forbidden")
    assert readyz(readiness) == (200, {"status": "ready"})


def test_a_follower_shows_the_leaders_report() -> None:
    readiness = ReadinessTracker([Scope("Pod")])
    told = LeaderReport(synced=True, kinds={"Pod": {"state": "synced", "age": 1.0, "objects": 7}})
    document = {"reachable": True, "lag": 0.0, "tickAge": 0.4, "stale": False}
    follower = ReplicationHealth(complete=True, stale=False, document=document, report=told)
    source = FixedSource(readiness=readiness, plays="follower", state=TRACKER, replicates=follower)
    shown = health(source, now=1.0)
    assert shown == {
        "status": "healthy",
        **SHOWN,
        "nodes": 0,
        "edges": 0,
        "synced": True,
        "epoch": "e",
        "seq": 4,
        "role": "follower",
        "kinds": told.kinds,
        "redis": document,
    }


@pytest.mark.parametrize(
    ("complete", "stale", "told", "status", "document"),
    [
        (True, False, None, 200, {"status": "ready", "waiting": ["Pod"], "stale": False}),
        (True, True, None, 200, {"status": "ready", "waiting": ["Pod"], "stale": True}),
        (True, False, LeaderReport(), 200, {"status": "ready", "waiting": [], "stale": False}),
        (False, True, None, 503, {"status": "not-ready", "waiting": ["Pod"], "stale": True}),
    ],
)
def test_a_replica_is_ready_once_its_graph_was_complete(
    complete: bool, stale: bool, told: LeaderReport | None, status: int, document: dict[str, Any]
) -> None:
    replication = ReplicationHealth(complete=complete, stale=stale, document={}, report=told)
    assert readyz(ReadinessTracker([Scope("Pod")]), replication) == (status, document)


async def test_probes() -> None:
    world = World()
    world.set(facts("Pod", "a"))
    async with serve(world) as site:
        assert await site.json("/livez") == {"status": "alive"}
        status, document = await site.refused("/readyz")
        assert status == 503
        assert "Pod" in document["waiting"]
        assert (await site.json("/health"))["synced"] is False
        world.sync()
        world.readiness.note_message("Pod", "", asyncio.get_running_loop().time())
        assert await site.json("/readyz") == {"status": "ready"}
        health = await site.json("/health")
        assert health["synced"] is True
        assert 0 <= health["kinds"]["Pod"]["age"] < 5
        assert health["kinds"]["Pod"]["objects"] == 1
