"""A fault in the midst of a change of the graph: the object that is to blame is left out, all others are exact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine import engine as engine_module
from astrolabe.engine.engine import Engine
from astrolabe.engine.inbox import Deleted, InboxMessage, ObjectChanges, Replace, Scope, WatchStatus
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.graph.model import releases
from astrolabe.graph.model.commit import Settlement
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.linker import Linker
from astrolabe.graph.model.links import RefByUid
from astrolabe.graph.model.model import Model
from astrolabe.graph.model.record import Record
from astrolabe.graph.model.release_index import ReleaseIndex
from astrolabe.graph.model.scopes import Scopes
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.batch import Batch, Changes, Undo
from astrolabe.graph.state.edge_types import OWNS
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import READY, Status
from tests.graph.histories import KINDS, RULES, histories, roots
from tests.graph.model.test_salvage import lines_of
from tests.graph.test_model import check_equal
from tests.support.cluster import Followed
from tests.support.injector import SERVED, Injector
from tests.support.oracle import Expected


def pod(name: str, *owners: str, note: str = "") -> Facts:
    links = [RefByUid(OWNS, owner, "Pod", "a", owner, f"f{owner}", reverse=True) for owner in owners]
    return Facts(
        kind="Pod",
        uid=name,
        name=name,
        namespace="a",
        labels={},
        status=Status(READY, "Active", note),
        metadata={"creationTimestamp": ""},
        links=tuple(links),
    )


def oracle(*facts: Facts) -> Expected:
    return Expected(facts, RULES, synced={"Pod": {""}})


class Running(Followed):
    """An engine at work, and what it publishes."""

    def __init__(self, engine: Engine, bus: MemoryBus) -> None:
        super().__init__(engine.readiness, bus)
        self.engine = engine
        self.task = asyncio.create_task(engine.run())

    async def take(self, message: InboxMessage) -> None:
        """Put it in, and wait until it is served."""
        await self.engine.put(message)
        watch = self.readiness.states[Scope("Namespace")]
        for _ in range(2):  # the second is taken in when all before the first is served
            watch.last_message = None
            await self.engine.put(ObjectChanges("Namespace", []))
            while watch.last_message is None:
                await asyncio.sleep(0)
                if self.task.done():
                    self.task.result()


@asynccontextmanager
async def running(
    roots: Selector | None = None, *, restored: Changes | None = None
) -> AsyncIterator[Running]:
    """restored: what is served already when the engine begins."""
    bus = MemoryBus()
    readiness = ReadinessTracker([Scope(kind) for kind in KINDS])
    model = Model(RULES, roots=roots)
    engine = Engine(
        model, bus, readiness, epoch="e", window=0.0, served=lambda: run.graph, restored=restored is not None
    )
    run = Running(engine, bus)
    if restored is not None:
        run.graph.apply(Batch("e", 1, restored))
        engine.seq = 1
    try:
        yield run
    finally:
        run.task.cancel()
        await asyncio.gather(run.task, return_exceptions=True)


def break_linker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The links of `bad` cannot be set: in the midst of taking it in."""
    original = Linker._set_links

    def set_links(self: Linker, holder: Record, links: Any) -> None:
        original(self, holder, links)
        if holder.name == "bad" and links:
            raise KeyError("a secret")

    monkeypatch.setattr(Linker, "_set_links", set_links)


def break_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be settled that `bad` is part of."""
    original = releases.settle

    def settle(touched: Any, linker: Linker, index: ReleaseIndex) -> Any:
        if any(record.name == "bad" for record in touched):
            raise KeyError("a secret")
        return original(touched, linker, index)

    monkeypatch.setattr(releases, "settle", settle)


@pytest.mark.parametrize("fault", [break_linker, break_commit])
async def test_an_object_that_breaks_the_graph_is_left_out(
    fault: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault(monkeypatch)
    good = [pod("a"), pod("b", "a"), pod("c", "b", "bad")]
    async with running() as run:
        skipped = run.readiness.skipped["Pod"]
        await run.take(Replace("Pod", "", [good[0], pod("bad", "a"), *good[1:]]))
        check_equal(run.graph, oracle(*good))
        assert list(skipped) == ["bad"]
        assert skipped["bad"].why.startswith("it cannot be added to the graph: KeyError in ")
        good += [pod("d", "bad", "c")]
        await run.take(ObjectChanges("Pod", [pod("bad", "b"), good[-1]]))
        check_equal(run.graph, oracle(*good))
        await run.take(ObjectChanges("Pod", [Deleted("a"), Deleted("bad")]))
        check_equal(run.graph, oracle(*good[1:]))
        assert skipped == {}
        assert run.readiness.states[Scope("Pod")].state == "synced"
    assert "a secret" not in caplog.text
    said = [record.getMessage().partition(": ")[0] for record in caplog.records]
    assert said == ["a graph update failed; rebuilding the graph", "Pod a/bad is left out"]


@pytest.mark.parametrize("fault", [break_linker, break_commit])
async def test_a_known_object_that_breaks_the_graph_is_removed(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [pod("a"), pod("b", "a"), pod("c", "bad")]
    async with running() as run:
        await run.take(Replace("Pod", "", [*good, pod("bad")]))
        assert len(run.graph.nodes) == 4
        fault(monkeypatch)
        await run.take(ObjectChanges("Pod", [pod("bad", "b", note="changed")]))
        check_equal(run.graph, oracle(*good))
        assert list(run.readiness.skipped["Pod"]) == ["bad"]


async def test_a_fault_without_a_culprit_makes_the_graph_stale(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The engine does not end. It serves what it served before, says so, and tries again."""
    monkeypatch.setattr(engine_module, "FIRST_RETRY", 0.01)
    good = [pod("a"), pod("b", "a")]
    async with running() as run:
        await run.take(Replace("Pod", "", [*good]))
        with monkeypatch.context() as fault:
            attempts, often = 0, asyncio.Event()

            def settle(*_: Any) -> None:
                nonlocal attempts
                attempts += 1
                if attempts == 20:  # more than one rebuild
                    often.set()
                raise KeyError("a secret")

            fault.setattr(Settlement, "settle", settle)
            await run.engine.put(ObjectChanges("Pod", [pod("c", "b")]))
            await often.wait()
            check_equal(run.graph, oracle(*good))
            assert run.engine.rebuilding
            assert run.engine.rebuild_error.startswith("KeyError in settle, line ")
        await run.until(lambda: "c" in run.graph.nodes)
        good += [pod("c", "b"), pod("d", "c")]
        await run.take(ObjectChanges("Pod", [good[-1]]))
        check_equal(run.graph, oracle(*good))
        assert (run.engine.rebuilding, run.engine.rebuild_error) == (False, "")
        assert run.readiness.skipped["Pod"] == {}
    assert "a secret" not in caplog.text


async def test_a_failing_change_of_many_objects_is_retried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "FIRST_RETRY", 0.01)
    original, failures = Scopes.mark, 3

    def mark(self: Scopes, *args: Any) -> bool:
        nonlocal failures
        if failures:
            failures -= 1
            raise KeyError("a secret")
        return original(self, *args)

    async with running() as run:
        monkeypatch.setattr(Scopes, "mark", mark)
        await run.take(Replace("Pod", "", [pod("a")]))
        assert failures == 0
        check_equal(run.graph, oracle(pod("a")))
        assert (run.engine.rebuilding, run.engine.rebuild_error) == (False, "")


async def test_takeover_of_a_restored_graph_works_with_a_rebuilt_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is served as it was until all kinds are listed; then what is known takes its place."""
    break_linker(monkeypatch)
    before, good = Model(RULES), [pod("a"), pod("b", "a", note="new"), pod("c", "bad")]
    for facts in (pod("a"), pod("b"), pod("gone"), pod("bad")):
        before.upsert(facts)
    async with running(restored=before.commit()) as run:
        await run.take(Replace("Pod", "", [good[0], pod("bad", "a"), *good[1:]]))
        assert sorted(run.graph.nodes) == ["a", "b", "bad", "gone"]
        for kind in KINDS:
            if kind != "Pod":
                await run.take(Replace(kind, "", []))
        check_equal(run.graph, Expected(good, RULES, synced={kind: {""} for kind in KINDS}))
        await run.take(ObjectChanges("Pod", [pod("d", "c")]))
        assert sorted(run.graph.nodes) == ["a", "b", "c", "d"]


@settings(max_examples=30)
@given(history=histories, roots=roots, share=st.floats(0, 1))
def test_a_fault_at_any_line_of_the_model_ends_nothing(
    history: list[Any], roots: Selector | None, share: float
) -> None:
    """It comes once: what is served is as if it had never been."""
    injector = Injector(int(share * lines_of(history, roots)) + 1)
    asyncio.run(follow(history, roots, injector))


@settings(max_examples=30)
@given(history=histories, roots=roots, share=st.floats(0, 1))
def test_a_fault_at_any_line_of_the_served_graph_ends_nothing(
    history: list[Any], roots: Selector | None, share: float
) -> None:
    """Readers begin anew, with a graph that is as if it had never been."""
    counted = Injector(0, SERVED)
    assert asyncio.run(follow(history, roots, counted)) == 0
    at = int(share * (counted.lines - 1)) + 1 if counted.lines else 0
    assert asyncio.run(follow(history, roots, Injector(at, SERVED))) == bool(at)


async def test_only_the_node_that_the_served_graph_rejects_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = ServedGraph._take

    def take(self: ServedGraph, changes: Changes, before: Undo) -> None:
        original(self, changes, before)
        if any(node.name == "bad" for node in changes.nodes_set):
            raise KeyError("a secret")

    monkeypatch.setattr(ServedGraph, "_take", take)
    good = [pod("a"), pod("b", "a"), pod("c", "b")]
    async with running() as run:
        await run.take(Replace("Pod", "", [good[0], pod("bad", "a"), *good[1:]]))
        check_equal(run.graph, oracle(*good))
        skipped = run.readiness.skipped["Pod"]
        assert [(each.label, each.why) for each in skipped.values()] == [
            ("a/bad", "the served graph cannot hold it")
        ]
        good += [pod("d", "bad", "c")]
        await run.take(ObjectChanges("Pod", [pod("bad", note="again"), good[-1]]))
        check_equal(run.graph, oracle(*good))
        assert (run.renewals, run.readiness.rebuilds, list(skipped)) == (2, 2, ["bad"])
        await run.take(ObjectChanges("Pod", [Deleted("bad")]))
        check_equal(run.graph, oracle(*good))
        assert skipped == {}


async def test_an_inconsistent_served_graph_is_rebuilt() -> None:
    """It lacks what it should hold, beside what it could not take."""
    good = [pod("a"), pod("b", "a"), pod("c", "b")]
    async with running() as run:
        await run.take(Replace("Pod", "", [*good]))
        graph = run.graph
        assert graph.edge_count == 2
        graph._outgoing.pop("b")  # nobody says that b owns c
        graph._incoming.pop("b")  # b does not know who owns it
        graph.nodes.pop("c")
        await run.take(ObjectChanges("Pod", [Deleted("a")]))
        assert run.renewals == 1
        check_equal(run.graph, oracle(*good[1:]))
        await run.take(ObjectChanges("Pod", [pod("d", "b")]))
        check_equal(run.graph, oracle(*good[1:], pod("d", "b")))


async def follow(history: list[Any], roots: Selector | None, injector: Injector) -> int:
    """Returns how often the served graph was made anew."""
    truth = Truth()
    async with running(roots) as run:
        with injector():
            for step in history:
                await truth.step(run, step)
        assert not any(run.readiness.skipped.values())
        expected = Expected(
            truth.facts.values(), RULES, roots=roots, synced=truth.synced, outdated=truth.outdated
        )
        check_equal(run.graph, expected)
        return run.renewals


class Truth:
    """What the messages of a history say."""

    def __init__(self) -> None:
        self.facts: dict[str, Facts] = {}
        self.synced: dict[str, set[str]] = {}
        self.outdated: dict[str, set[str]] = {}

    async def step(self, run: Running, step: Any) -> None:
        if isinstance(step, Facts):
            await run.take(ObjectChanges(step.kind, [step]))
            self.facts[step.uid] = step
        elif isinstance(step, str):
            await run.take(ObjectChanges("Pod", [Deleted(step)]))
            self.facts.pop(step, None)
        elif step is not None:
            kind, namespace, synced = step
            await run.take(WatchStatus(kind, namespace, "synced" if synced else "unavailable"))
            for scopes, is_so in ((self.synced, synced), (self.outdated, not synced)):
                known = scopes.setdefault(kind, set())
                known.add(namespace) if is_so else known.discard(namespace)
