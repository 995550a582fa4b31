"""The single writer: batching, replacement as a difference, readiness, and a loop that stays free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import thread_time

import msgspec
import pytest

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.engine import COMMIT_LIMIT, INBOX_LIMIT, Engine
from astrolabe.engine.inbox import (
    Deleted,
    InvalidObject,
    KindRemoved,
    KindsChanged,
    ObjectChanges,
    Replace,
    Scope,
    WatchStatus,
)
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.model.facts import Derived, Facts, Neighborhood, Peer, Read, Rules
from astrolabe.graph.model.links import Link, Ref, Select
from astrolabe.graph.model.model import Model
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.status import READY, Status
from tests.support.cluster import Followed

RULES = (Rules(kind="Pod", api_version="v1"), Rules(kind="ConfigMap", api_version="v1"))


def resource(kind: str, name: str, uid: str = "", *, note: str = "", links: tuple[Link, ...] = ()) -> Facts:
    return Facts(
        kind=kind,
        uid=uid or f"{kind}-{name}",
        name=name,
        namespace="shop",
        labels={},
        status=Status(READY, "Active", note),
        metadata={"creationTimestamp": "2026-01-01T00:00:00Z"},
        links=links,
    )


class Running(Followed):
    """An engine at work, and everything that it published."""

    def __init__(self, engine: Engine, bus: MemoryBus) -> None:
        super().__init__(engine.readiness, bus)
        self.engine = engine

    def names(self) -> list[str]:
        return sorted(node.name for node in self.graph.nodes.values())


@asynccontextmanager
async def running(*scopes: Scope, window: float = 0.05) -> AsyncIterator[Running]:
    bus = MemoryBus()
    readiness = ReadinessTracker(scopes or (Scope("Pod"), Scope("ConfigMap")))
    engine = Engine(Model(RULES), bus, readiness, epoch="e", window=window)
    task = asyncio.create_task(engine.run())
    try:
        yield Running(engine, bus)
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_single_change_is_published_at_once() -> None:
    async with running(window=60.0) as run:
        await run.engine.put(ObjectChanges("Pod", [resource("Pod", "first")]))
        await run.until(lambda: run.names() == ["first"])


async def test_changes_after_the_first_are_published_together() -> None:
    async with running(window=0.5) as run:
        clock = asyncio.get_running_loop().time
        started = clock()
        for name in ("first", "second", "third"):
            await run.engine.put(ObjectChanges("Pod", [resource("Pod", name)]))
            await run.until(lambda: "first" in run.names())
        await run.until(lambda: run.names() == ["first", "second", "third"])
        assert clock() - started >= 0.5
        assert [batch.seq for batch in run.batches] == [1, 2]


async def test_no_batch_without_a_change() -> None:
    async with running(window=0.0) as run:
        await run.engine.put(ObjectChanges("Pod", [resource("Pod", "a")]))
        await run.until(lambda: run.names() == ["a"])
        await run.engine.put(ObjectChanges("Pod", [resource("Pod", "a"), Deleted("never-known")]))
        await run.engine.put(ObjectChanges("Pod", [resource("Pod", "b")]))
        await run.until(lambda: run.names() == ["a", "b"])
        assert [len(batch.changes.nodes_set) for batch in run.batches] == [1, 1]


async def test_a_replacement_is_one_batch_with_the_difference() -> None:
    async with running(window=0.0) as run:
        await run.engine.put(Replace("Pod", "", [resource("Pod", name) for name in "abc"]))
        await run.until(lambda: run.names() == ["a", "b", "c"])
        relisted = [
            resource("Pod", "a"),
            resource("Pod", "b", note="changed"),
            resource("Pod", "c", uid="new"),
        ]
        await run.engine.put(Replace("Pod", "", relisted))
        await run.until(lambda: len(run.batches) == 2)
        changes = run.batches[1].changes
        assert sorted(node.uid for node in changes.nodes_set) == ["Pod-b", "new"]
        assert changes.nodes_removed == ["Pod-c"]


async def test_a_replacement_in_one_namespace_leaves_the_others() -> None:
    async with running(Scope("Pod", "shop"), Scope("Pod", "plain"), window=0.0) as run:
        await run.engine.put(Replace("Pod", "shop", [resource("Pod", "a")]))
        await run.engine.put(Replace("Pod", "plain", []))
        await asyncio.wait_for(run.readiness.wait(), 5)
        assert run.names() == ["a"]


async def test_ready_when_every_required_kind_is_synced_and_served() -> None:
    scopes = (Scope("Pod"), Scope("ConfigMap", required=False))
    async with running(*scopes) as run:
        readiness = run.readiness
        assert not readiness.ready
        assert readiness.unready() == [scopes[0]]
        await run.engine.put(WatchStatus("ConfigMap", "", "unavailable", "403", "forbidden"))
        await run.engine.put(Replace("Pod", "", [resource("Pod", "a")]))
        await asyncio.wait_for(readiness.wait(), 5)
        assert run.names() == ["a"]
        assert (readiness.states[scopes[1]].why, readiness.states[scopes[1]].cause) == ("403", "forbidden")


async def test_references_to_an_unavailable_kind_are_unknown() -> None:
    wanting = resource(
        "Pod", "a", links=(Ref("uses-configmap", "ConfigMap", "shop", "absent", "spec.volumes[c].configMap"),)
    )
    async with running(window=0.0) as run:
        await run.engine.put(Replace("Pod", "", [wanting]))
        await run.until(lambda: run.names() == ["a"])
        assert not run.graph.nodes["Pod-a"].unresolved
        await run.engine.put(Replace("ConfigMap", "", []))
        await run.until(lambda: run.graph.nodes["Pod-a"].unresolved)
        await run.engine.put(WatchStatus("ConfigMap", "", "unavailable", "forbidden"))
        await run.until(lambda: not run.graph.nodes["Pod-a"].unresolved)


async def test_a_removed_kind_removes_its_objects() -> None:
    uses = Ref("uses-configmap", "ConfigMap", "shop", "c", "spec.volumes[c].configMap")
    async with running(window=0.0) as run:
        await run.engine.put(Replace("ConfigMap", "", [resource("ConfigMap", "c")]))
        await run.engine.put(Replace("Pod", "", [resource("Pod", "a", links=(uses,))]))
        await run.until(lambda: run.names() == ["a", "c"])
        await run.engine.put(WatchStatus("ConfigMap", "", "unavailable", "403", "forbidden"))
        await run.engine.put(ObjectChanges("Pod", [resource("Pod", "b")]))
        await run.until(lambda: "b" in run.names())
        assert run.names() == ["a", "b", "c"], "what may not be read any more stays"
        await run.engine.put(WatchStatus("ConfigMap", "", "unavailable", "404", "not-served"))
        await run.engine.put(KindRemoved("ConfigMap", ""))
        await run.until(lambda: run.names() == ["a", "b"])
        assert not run.graph.nodes["Pod-a"].unresolved
        state = run.readiness.states[Scope("ConfigMap")]
        assert (state.state, state.cause, state.removed) == ("unavailable", "not-served", True)
        await run.engine.put(Replace("ConfigMap", "", [resource("ConfigMap", "c")]))
        await run.until(lambda: run.names() == ["a", "b", "c"])
        assert not state.removed


DEEP = InvalidObject("shop", "b", "is nested too deeply", "Pod-b")


async def test_an_invalid_object_keeps_its_last_state_until_it_is_fixed() -> None:
    async with running(window=0.0) as run:
        skipped = run.readiness.skipped["Pod"]
        await run.engine.put(Replace("Pod", "", [resource("Pod", "a"), resource("Pod", "b")]))
        await run.until(lambda: run.names() == ["a", "b"])
        await run.engine.put(ObjectChanges("Pod", [DEEP, resource("Pod", "c")]))
        await run.until(lambda: run.names() == ["a", "b", "c"])
        assert skipped == {"Pod-b": DEEP}
        await run.engine.put(ObjectChanges("Pod", [resource("Pod", "b", note="mended")]))
        await run.until(lambda: run.graph.nodes["Pod-b"].document().get("message") == "mended")
        assert skipped == {}


async def test_an_object_left_out_by_name_is_counted_once() -> None:
    nameless = InvalidObject("shop", "b", "is not valid JSON")
    async with running(window=0.0) as run:
        skipped = run.readiness.skipped["Pod"]
        await run.engine.put(ObjectChanges("Pod", [nameless, resource("Pod", "a")]))
        await run.until(lambda: run.names() == ["a"])
        assert skipped == {"shop/b": nameless}
        await run.engine.put(ObjectChanges("Pod", [DEEP, resource("Pod", "c")]))
        await run.until(lambda: run.names() == ["a", "c"])
        assert skipped == {"Pod-b": DEEP}
        await run.engine.put(ObjectChanges("Pod", [nameless, resource("Pod", "b")]))
        await run.until(lambda: run.names() == ["a", "b", "c"])
        assert skipped == {}


async def test_a_list_keeps_invalid_objects_that_it_names() -> None:
    async with running(window=0.0) as run:
        await run.engine.put(Replace("Pod", "", [resource("Pod", "a"), resource("Pod", "b")]))
        await run.until(lambda: run.names() == ["a", "b"])
        unknown = InvalidObject("shop", "new", "is nested too deeply", "Pod-new")
        await run.engine.put(Replace("Pod", "", [resource("Pod", "c")], [DEEP, unknown]))
        await run.until(lambda: run.names() == ["b", "c"])
        assert list(run.readiness.skipped["Pod"]) == ["Pod-b", "Pod-new"]
        await run.engine.put(ObjectChanges("Pod", [Deleted("Pod-b")]))
        await run.until(lambda: run.names() == ["c"])
        assert list(run.readiness.skipped["Pod"]) == ["Pod-new"]
        await run.engine.put(Replace("Pod", "", [resource("Pod", "d")]))
        await run.until(lambda: run.names() == ["d"])
        assert run.readiness.skipped["Pod"] == {}


async def test_impossible_facts_affect_only_their_object(caplog: pytest.LogCaptureFixture) -> None:
    odd = msgspec.structs.replace(resource("Pod", "odd"), metadata={"creationTimestamp": object()})
    async with running(window=0.0) as run:
        await run.engine.put(Replace("Pod", "", [odd, resource("Pod", "a")]))
        await run.engine.put(ObjectChanges("Pod", [odd, resource("Pod", "b")]))
        await run.until(lambda: run.names() == ["a", "b"])
        assert list(run.readiness.skipped["Pod"]) == ["Pod-odd"]
    (record,) = caplog.records
    assert record.getMessage().startswith("Pod shop/odd is left out: it cannot be added to the graph: ")


async def test_a_rule_that_raises_is_logged_once_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def derive(pod: Peer, _: Neighborhood) -> Derived:
        raise KeyError("a secret")

    bus = MemoryBus()
    engine = Engine(
        Model([Rules(kind="Pod", api_version="v1", derive=derive)]),
        bus,
        ReadinessTracker([Scope("Pod")]),
        epoch="e",
        window=0.0,
    )
    run = Running(engine, bus)
    task = asyncio.create_task(engine.run())
    await engine.put(Replace("Pod", "", [resource("Pod", "a")]))
    await engine.put(ObjectChanges("Pod", [resource("Pod", "a", note="again")]))
    await engine.put(ObjectChanges("Pod", [resource("Pod", "b")]))
    await run.until(lambda: run.names() == ["a", "b"])
    assert {node.document()["reason"] for node in run.graph.nodes.values()} == {"RuleFailed"}
    assert sorted(fault.name for fault in run.readiness.failing()) == ["a", "b"]
    await engine.put(ObjectChanges("Pod", [Deleted("Pod-a")]))
    await run.until(lambda: run.names() == ["b"])
    assert [fault.name for fault in run.readiness.failing()] == ["b"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    told = [record.getMessage().partition(": ")[0] for record in caplog.records]
    assert told == [
        "Pod shop/a keeps its own status because its rule failed",
        "Pod shop/b keeps its own status because its rule failed",
    ]
    assert "a secret" not in caplog.text


async def test_the_inbox_applies_backpressure() -> None:
    engine = Engine(Model(RULES), MemoryBus(), ReadinessTracker(()), epoch="e", window=0.0)
    for _ in range(INBOX_LIMIT):
        await engine.put(ObjectChanges("Pod", []))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(engine.put(ObjectChanges("Pod", [])), 0.01)


async def test_a_large_list_does_not_hold_the_loop() -> None:
    async with running() as run:
        count = 12 * COMMIT_LIMIT
        await run.engine.put(Replace("Pod", "", [resource("Pod", f"p{number}") for number in range(count)]))
        longest, last = 0.0, thread_time()
        while run.readiness.states[Scope("Pod")].state != "synced":
            await asyncio.sleep(0)
            now = thread_time()  # of the processor: a busy machine does not fail it
            longest, last = max(longest, now - last), now
        assert len(run.graph.nodes) == count
        assert longest < 0.1


async def test_a_kind_with_many_references_does_not_hold_the_loop_when_listed() -> None:
    count = 12 * COMMIT_LIMIT
    uses = Ref("uses-configmap", "ConfigMap", "shop", "absent", "spec.volumes[c].configMap")
    async with running() as run:
        pods = [resource("Pod", f"p{number}", links=(uses,)) for number in range(count)]
        await run.engine.put(Replace("Pod", "", pods))
        await run.until(lambda: len(run.graph.nodes) == count)
        before = len(run.batches)
        await run.engine.put(Replace("ConfigMap", "", []))
        await asyncio.wait_for(run.readiness.wait(), 20)
        assert all(node.unresolved for node in run.graph.nodes.values()), "synced means served"
        assert max(len(batch.changes.nodes_set) for batch in run.batches[before:]) == COMMIT_LIMIT


async def test_a_commit_of_many_edges_is_split() -> None:
    pods = [msgspec.structs.replace(resource("Pod", f"p{number}"), selectable={}) for number in range(100)]
    every = Select("selects", "Pod", "shop", Selector(), "spec.podSelector")
    policies = [resource("ConfigMap", f"c{number}", links=(every,)) for number in range(60)]
    async with running(window=0.0) as run:
        await run.engine.put(Replace("Pod", "", pods))
        await run.engine.put(Replace("ConfigMap", "", policies))
        await asyncio.wait_for(run.engine.readiness.wait(), 5)
        assert run.graph.edge_count == 6000
        assert max(len(batch.changes.edges_set) for batch in run.batches) <= COMMIT_LIMIT + len(pods)


WIDGET = Rules("Widget.example.com", "example.com/v1", "Widget")


async def test_readiness_survives_changing_kinds() -> None:
    async with running(window=0.0) as run:
        for kind in ("Pod", "ConfigMap"):
            await run.engine.put(Replace(kind, "", [resource(kind, kind)]))
        await run.until(lambda: run.readiness.ready)
        scope = Scope(WIDGET.kind, required=False, expected=False)
        await run.engine.put(KindsChanged((WIDGET,), (scope,)))
        await run.engine.put(
            Replace(WIDGET.kind, "", [resource(WIDGET.kind, "w"), resource(WIDGET.kind, "v")])
        )
        await run.until(lambda: run.names() == ["ConfigMap", "Pod", "v", "w"])
        assert run.readiness.is_listed(WIDGET.kind, "shop")
        assert run.engine.count(WIDGET.kind) == 2
        await run.engine.put(KindsChanged(removed=(WIDGET.kind,)))
        await run.until(lambda: run.names() == ["ConfigMap", "Pod"])
        assert scope not in run.readiness.states
        assert run.readiness.ready
        assert run.engine.count(WIDGET.kind) == 0


async def test_a_kind_in_another_version_keeps_its_objects_until_listed() -> None:
    async with running(window=0.0) as run:
        scope = Scope(WIDGET.kind, required=False)
        await run.engine.put(KindsChanged((WIDGET,), (scope,)))
        await run.engine.put(
            Replace(WIDGET.kind, "", [resource(WIDGET.kind, "w"), resource(WIDGET.kind, "v")])
        )
        await run.until(lambda: run.names() == ["v", "w"])
        newer = msgspec.structs.replace(WIDGET, api_version="example.com/v2")
        await run.engine.put(KindsChanged((newer,), (scope,)))
        await run.engine.put(Replace(WIDGET.kind, "", [resource(WIDGET.kind, "w")]))
        await run.until(lambda: run.names() == ["w"])
        (node,) = run.graph.nodes.values()
        assert node.document()["apiVersion"] == "example.com/v2"
        assert sum(len(batch.changes.nodes_removed) for batch in run.batches) == 1


async def test_contradictory_rules_affect_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    reads = (Read("outgoing", "uses", WIDGET.kind),)
    circle = msgspec.structs.replace(WIDGET, reads=reads, derive=lambda own, _: Derived(own.status))
    async with running(window=0.0) as run:
        await run.engine.put(KindsChanged((circle,), (Scope(WIDGET.kind, required=False),)))
        await run.engine.put(Replace(WIDGET.kind, "", [resource(WIDGET.kind, "w")]))
        await run.engine.put(Replace("Pod", "", [resource("Pod", "a")]))
        await run.until(lambda: run.names() == ["a"])
        assert "Widget.example.com cannot be watched: kinds read each other in a circle" in caplog.text
        assert len(run.readiness.skipped[WIDGET.kind]) == 1
        await run.engine.put(KindsChanged(removed=(WIDGET.kind,)))
        await run.engine.put(KindsChanged((WIDGET,), (Scope(WIDGET.kind, required=False),)))
        await run.engine.put(Replace(WIDGET.kind, "", [resource(WIDGET.kind, "w")]))
        await run.until(lambda: run.names() == ["a", "w"])
