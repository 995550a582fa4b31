"""A new writer publishes the difference to what was restored, once it knows enough; and only of what it knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.bus.memory import MemoryBus
from astrolabe.engine.engine import Engine
from astrolabe.engine.inbox import (
    Deleted,
    KindRemoved,
    KindsChanged,
    ObjectChanges,
    Replace,
    Scope,
    WatchStatus,
)
from astrolabe.engine.readiness import ReadinessTracker
from astrolabe.engine.takeover import Takeover
from astrolabe.graph.model.facts import Facts, Rules
from astrolabe.graph.model.links import Link, Ref
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import parse_node
from astrolabe.graph.state.status import READY, Status

RULES = (
    Rules(kind="Pod", api_version="v1"),
    Rules(kind="ConfigMap", api_version="v1"),
    Rules(kind="Secret", api_version="v1"),
)
SCOPES = (Scope("Pod"), Scope("ConfigMap", required=False), Scope("Secret"))


def resource(
    kind: str, name: str, *, note: str = "", links: tuple[Link, ...] = (), revision: int | None = None
) -> Facts:
    release = Release("shop", "web")
    return Facts(
        kind=kind,
        uid=f"{kind}-{name}",
        name=name,
        namespace="shop",
        labels={},
        status=Status(READY, "Active", note),
        metadata={"creationTimestamp": "2026-01-01T00:00:00Z"},
        links=links,
        revision=HelmRevision(release, revision, "deployed") if revision is not None else None,
    )


def uses(name: str) -> tuple[Link, ...]:
    return (Ref("uses-configmap", "ConfigMap", "shop", name, "spec.volumes[0]", True),)


def graph_of(*facts: Facts) -> ServedGraph:
    """The graph that a model makes of these."""
    model = Model(RULES)
    for each in facts:
        model.upsert(each)
    graph = ServedGraph("e")
    graph.apply(Batch("e", 1, model.commit()))
    return graph


class Running:
    """An engine that takes over a restored graph. batches: what it published, of which `graph` is made."""

    def __init__(self, graph: ServedGraph, readiness: ReadinessTracker) -> None:
        self.graph = graph
        self.readiness = readiness
        self.batches: list[Changes] = []
        bus = MemoryBus()
        bus.subscribe(self._receive)
        self.engine = Engine(
            Model(RULES), bus, readiness, epoch="x", window=0.0, served=lambda: self.graph, restored=True
        )

    def _receive(self, batch: Batch) -> None:
        self.batches.append(batch.changes)
        self.graph.apply(Batch("e", self.graph.seq + 1, batch.changes))

    async def tell(self, *messages: Replace | ObjectChanges | WatchStatus | KindsChanged) -> None:
        """Put these, and wait until they were taken: the loop has nothing else to do."""
        for message in messages:
            await self.engine.put(message)
        for _ in range(50):
            await asyncio.sleep(0)

    def names(self) -> list[str]:
        return sorted(node.uid for node in self.graph.nodes.values())

    def edges(self) -> list[tuple[str, str]]:
        return sorted((edge.source, edge.target) for edge in self.graph.edges())


@asynccontextmanager
async def taking_over(graph: ServedGraph, *scopes: Scope) -> AsyncIterator[Running]:
    run = Running(graph, ReadinessTracker(scopes or SCOPES))
    task = asyncio.create_task(run.engine.run())
    try:
        yield run
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_nothing_is_published_before_all_required_kinds_are_listed() -> None:
    async with taking_over(graph_of(resource("Pod", "a"), resource("Secret", "s"))) as run:
        await run.tell(Replace("Pod", "", [resource("Pod", "b")]))
        assert (run.batches, run.names()) == ([], ["Pod-a", "Secret-s"])
        assert not run.readiness.ready
        await run.tell(Replace("Secret", "", [resource("Secret", "s")]))
        assert run.names() == ["Pod-b", "Secret-s"]
        assert not run.readiness.ready
        await run.tell(WatchStatus("ConfigMap", "", "unavailable", "403 Forbidden", cause="forbidden"))
        assert run.readiness.ready


async def test_the_difference_is_one_minimal_batch() -> None:
    before = graph_of(
        resource("Pod", "same"), resource("Pod", "other"), resource("Pod", "gone"), resource("Secret", "s")
    )
    async with taking_over(before) as run:
        await run.tell(
            Replace(
                "Pod",
                "",
                [resource("Pod", "same"), resource("Pod", "other", note="now"), resource("Pod", "new")],
            ),
            Replace("Secret", "", [resource("Secret", "s")]),
        )
        (changes,) = run.batches
        assert sorted(node.uid for node in changes.nodes_set) == ["Pod-new", "Pod-other"]
        assert changes.nodes_removed == ["Pod-gone"]


async def test_an_unchanged_cluster_makes_no_batch() -> None:
    facts = (
        resource("Pod", "a", links=uses("c")),
        resource("ConfigMap", "c"),
        resource("Secret", "s", revision=2),
    )
    async with taking_over(graph_of(*facts)) as run:
        for kind in ("Pod", "ConfigMap", "Secret"):
            await run.tell(Replace(kind, "", [each for each in facts if each.kind == kind]))
        assert run.batches == []
        await run.tell(ObjectChanges("Pod", [Deleted("Pod-a")]))
        assert [changes.nodes_removed for changes in run.batches] == [["Pod-a"]]


async def test_a_graph_stored_by_an_older_version_is_replaced() -> None:
    """It left out an empty message; seen by the text, whatever the stored form is called."""
    restored = graph_of(resource("Pod", "a"), resource("Pod", "b", note="x"), resource("Secret", "s"))
    for uid in ("Pod-a", "Pod-b"):
        node = restored.nodes[uid]
        older = parse_node(node.text.replace(',"message":""', ""))
        restored.apply(Batch("e", restored.seq + 1, Changes(nodes_set=[older])))
    async with taking_over(restored) as run:
        await run.tell(
            Replace("Pod", "", [resource("Pod", "a"), resource("Pod", "b", note="x")]),
            Replace("Secret", "", [resource("Secret", "s")]),
        )
        (changes,) = run.batches
        assert [node.uid for node in changes.nodes_set] == ["Pod-a"]
        assert run.graph.nodes["Pod-a"].document()["message"] == ""


async def test_kinds_that_cannot_be_listed_keep_their_nodes_and_edges() -> None:
    before = graph_of(
        resource("Pod", "a", links=uses("c")),
        resource("Pod", "b", links=uses("c")),
        resource("ConfigMap", "c"),
        resource("ConfigMap", "d"),
        resource("Secret", "s"),
    )
    async with taking_over(before) as run:
        await run.tell(
            WatchStatus("ConfigMap", "", "unavailable", "403"),
            Replace(
                "Pod", "", [resource("Pod", "a", links=uses("c")), resource("Pod", "b", links=uses("c"))]
            ),
            Replace("Secret", "", [resource("Secret", "s")]),
        )
        assert run.names() == ["ConfigMap-c", "ConfigMap-d", "Pod-a", "Pod-b", "Secret-s"]
        assert run.edges() == [("Pod-a", "ConfigMap-c"), ("Pod-b", "ConfigMap-c")]
        await run.tell(ObjectChanges("Pod", [Deleted("Pod-b")]))
        assert run.edges() == [("Pod-a", "ConfigMap-c")], "an edge goes with its end"
        await run.tell(Replace("ConfigMap", "", [resource("ConfigMap", "c")]))
        assert run.names() == ["ConfigMap-c", "Pod-a", "Secret-s"]
        assert run.edges() == [("Pod-a", "ConfigMap-c")]


@pytest.mark.parametrize("early", [True, False])
async def test_a_removed_kind_removes_its_restored_nodes(early: bool) -> None:
    before = graph_of(
        resource("Pod", "a", links=uses("c")), resource("ConfigMap", "c"), resource("Secret", "s")
    )
    pods = Replace("Pod", "", [resource("Pod", "a", links=uses("c"))])
    async with taking_over(before) as run:
        await run.tell(
            WatchStatus("ConfigMap", "", "unavailable", "404", "not-served"),
            WatchStatus("Secret", "", "unavailable", "403", "forbidden"),
        )
        gone = KindRemoved("ConfigMap", "")
        for message in (gone, pods) if early else (pods, gone):
            assert "ConfigMap-c" in run.names()
            await run.tell(message)
        assert run.names() == ["Pod-a", "Secret-s"]
        assert run.edges() == []


async def test_a_forbidden_required_kind_delays_nothing() -> None:
    async with taking_over(graph_of(resource("Pod", "a"), resource("Secret", "s"))) as run:
        await run.tell(
            WatchStatus("Secret", "", "unavailable", "403"), Replace("Pod", "", [resource("Pod", "b")])
        )
        assert run.names() == ["Pod-b", "Secret-s"]
        assert not run.readiness.ready


async def test_kinds_that_are_no_longer_watched_are_removed() -> None:
    before = graph_of(resource("Pod", "a"), resource("ConfigMap", "c"))
    async with taking_over(before, Scope("Pod")) as run:
        await run.tell(Replace("Pod", "", [resource("Pod", "a")]))
        assert run.names() == ["Pod-a"]


WIDGET = Rules("Widget.example.com", "example.com/v1", "Widget")
WIDGETS = Scope("Widget.example.com", required=False, expected=False)


def widget(name: str) -> Facts:
    return resource("Widget.example.com", name)


def graph_with_widgets(*names: str) -> ServedGraph:
    model, graph = Model((*RULES, WIDGET)), ServedGraph("e")
    for each in (resource("Pod", "a"), resource("Secret", "s"), *map(widget, names)):
        model.upsert(each)
    graph.apply(Batch("e", 1, model.commit()))
    return graph


async def test_a_kind_removed_meanwhile_is_deleted_once_all_kinds_are_known() -> None:
    async with taking_over(graph_with_widgets("w")) as run:
        run.readiness.complete = False
        await run.tell(Replace("Pod", "", [resource("Pod", "a")]), Replace("Secret", "", []))
        assert run.names() == ["Pod-a", "Widget.example.com-w"]
        await run.tell(KindsChanged())
        assert run.names() == ["Pod-a"]


async def test_a_kind_that_is_known_again_keeps_its_nodes() -> None:
    async with taking_over(graph_with_widgets("same", "gone")) as run:
        run.readiness.complete = False
        await run.tell(
            KindsChanged((WIDGET,), (WIDGETS,)),
            Replace("Pod", "", [resource("Pod", "a")]),
            Replace("Secret", "", [resource("Secret", "s")]),
        )
        assert run.batches == [], "custom resources are waited for"
        await run.tell(Replace("Widget.example.com", "", [widget("same")]))
        (changes,) = run.batches
        assert (changes.nodes_set, changes.nodes_removed) == ([], ["Widget.example.com-gone"])


async def test_unlistable_custom_resources_delay_nothing_and_stay() -> None:
    async with taking_over(graph_with_widgets("w")) as run:
        run.readiness.complete = False
        await run.tell(
            KindsChanged((WIDGET,), (WIDGETS,)),
            WatchStatus("Widget.example.com", "", "listing", "500: its webhook is broken"),
            Replace("Pod", "", [resource("Pod", "b")]),
            Replace("Secret", "", [resource("Secret", "s")]),
        )
        assert run.names() == ["Pod-b", "Secret-s", "Widget.example.com-w"]
        await run.tell(KindsChanged(removed=("Widget.example.com",)))
        assert run.names() == ["Pod-b", "Secret-s"]


async def test_releases_follow_their_secrets() -> None:
    before = graph_of(resource("Secret", "old", revision=1), resource("Pod", "a"))
    async with taking_over(before) as run:
        await run.tell(
            Replace("Pod", "", [resource("Pod", "a")]),
            Replace("Secret", "", [resource("Secret", "new", revision=2)]),
        )
        assert [revision.revision for revision in run.graph.releases.values()] == [2]
        await run.tell(ObjectChanges("Secret", [Deleted("Secret-new")]))
        assert run.graph.releases == {}


@settings(max_examples=150)
@given(seed=st.integers(0, 10_000))
def test_a_restored_graph_converges_to_the_cluster(seed: int) -> None:
    random = Random(seed)
    before, now = (
        [
            resource(kind, str(number), note=str(random.randrange(2)), links=links(kind, random))
            for kind in ("Pod", "ConfigMap", "Secret")
            for number in range(4)
            if random.random() < 0.7
        ]
        for _ in range(2)
    )
    model, readiness, graph = Model(RULES), ReadinessTracker(SCOPES), graph_of(*before)
    for each in now:
        model.upsert(each)
    model.commit()
    for scope in SCOPES:
        readiness.report(scope.kind, "", "synced")
    takeover = Takeover(model, readiness, lambda: graph)
    for changes in filter(None, takeover.difference()):
        graph.apply(Batch("e", graph.seq + 1, changes))
    expected = graph_of(*now)
    assert graph.nodes == expected.nodes
    assert shown(graph) == shown(expected)
    assert takeover.is_done
    assert not any(takeover.difference())


def links(kind: str, random: Random) -> tuple[Link, ...]:
    return uses(str(random.randrange(4))) if kind == "Pod" else ()


def shown(graph: ServedGraph) -> dict[tuple[str, str, str], Edge]:
    return {edge.key: edge for edge in graph.edges()}
