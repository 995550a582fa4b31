import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from astrolabe.engine.inbox import (
    EventChanges,
    InboxMessage,
    KindsChanged,
    Replace,
    ReplaceEvents,
    Scope,
    WatchStatus,
)
from astrolabe.graph.state.object_event import ObjectEvent
from astrolabe.kube.client import Cluster
from astrolabe.kube.watches import Watches, scopes_of
from astrolabe.settings import Settings
from astrolabe.sim.cluster.factory import NOW
from astrolabe.sim.events import EventRecorder
from astrolabe.sim.server import Simulator
from tests.kube.support import Collector, settings_for, write_kubeconfig
from tests.support.kinds import CATALOGUE, KINDS_BY_NAME, WATCHED
from tests.support.timing import SHORT

POD = KINDS_BY_NAME["Pod"]
NAMES = {kind.name for kind in WATCHED}


class Fragile(Collector):
    """A sink that fails at the first complete list of pods, as a fault of the engine would make it."""

    failed = False

    async def put(self, message: InboxMessage) -> None:
        if isinstance(message, Replace) and message.kind == "Pod" and not self.failed:
            self.failed = True
            raise RuntimeError("a fault of ours")
        await super().put(message)


@asynccontextmanager
async def watching(
    simulator: Simulator, folder: Path, sink: Collector, **settings: Any
) -> AsyncIterator[Watches]:
    chosen = settings_for(write_kubeconfig(folder / "config", simulator.url), **{"events": "off", **settings})
    catalogue = CATALOGUE.only(chosen.kinds)
    watches = Watches(chosen, catalogue, await Cluster.connect(chosen), sink, timing=SHORT, random=Random(1))
    await watches.start()
    try:
        yield watches
    finally:
        await watches.stop()


def synced(sink: Collector) -> set[str]:
    return {told.kind for told in sink.messages if isinstance(told, Replace)}


def test_one_scope_per_kind() -> None:
    scopes = scopes_of(Settings(), CATALOGUE.only(()))
    assert [scope.kind for scope in scopes] == [kind.name for kind in WATCHED]
    assert {scope.namespace for scope in scopes} == {""}
    assert [scope.required for scope in scopes] == [not kind.optional for kind in WATCHED]


def test_one_scope_per_namespace_and_cluster_scoped_kinds_are_optional() -> None:
    scopes = scopes_of(Settings(namespaces=("shop", "bank")), CATALOGUE.only(("Pod", "PersistentVolume")))
    assert {(scope.kind, scope.namespace, scope.required) for scope in scopes} == {
        ("Pod", "shop", True),
        ("Pod", "bank", True),
        ("PersistentVolume", "", False),
    }


async def test_all_kinds_are_watched_by_reading_alone(tmp_path: Path) -> None:
    sink = Collector()
    async with Simulator() as simulator:
        async with watching(simulator, tmp_path, sink) as watches:
            await sink.until(lambda: synced(sink) == NAMES)
            await simulator.request_log.until(lambda requests: len(requests.open_watches) == len(WATCHED))
            assert {health.state for health in watches.health} == {"synced"}
        requests = simulator.request_log.requests
        assert {request.method for request in requests} == {"GET"}
        assert simulator.request_log.writes == 0
        for request in requests:
            kind = next(kind for kind in WATCHED if kind.name == request.kind)
            assert ("PartialObjectMetadata" in request.accept) == kind.metadata_only
            assert "labelSelector" not in request.query


async def test_secrets_are_never_requested_whole(tmp_path: Path) -> None:
    sink = Collector()
    async with Simulator() as simulator:
        simulator.store.create(
            "Secret",
            {"metadata": {"name": "s", "namespace": "n"}, "data": {"password": "czNjcjN0"}, "type": "Opaque"},
        )
        simulator.faults.watch_list = "rejected"
        async with watching(simulator, tmp_path, sink, kinds=("Secret",)):
            await sink.until(lambda: sink.names("Secret") == ["s"])
            await simulator.request_log.until(lambda requests: len(requests.of("Secret")) >= 3)
        assert {request.accept for request in simulator.request_log.of("Secret")} == {
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        }
        assert "czNjcjN0" not in repr(sink.messages)


async def test_some_namespaces_only(tmp_path: Path) -> None:
    sink = Collector()
    async with Simulator() as simulator:
        for namespace in ("a", "b", "c"):
            simulator.store.create("Pod", {"metadata": {"name": f"in-{namespace}", "namespace": namespace}})
        simulator.authorizer.restrict("Pod", ["a", "b"])
        simulator.authorizer.restrict("PersistentVolume")
        async with watching(
            simulator, tmp_path, sink, namespaces=("a", "b"), kinds=("Pod", "PersistentVolume")
        ) as watches:
            await sink.until(lambda: sink.names("Pod") == ["in-a", "in-b"])
            await sink.until(lambda: "unavailable" in {state for state, _ in sink.reports()})
            states = {(health.kind, health.namespace, health.state) for health in watches.health}
    assert states == {("Pod", "a", "synced"), ("Pod", "b", "synced"), ("PersistentVolume", "", "unavailable")}
    assert sorted(told.namespace for told in sink.messages if isinstance(told, Replace)) == ["a", "b"]


@pytest.mark.parametrize(
    ("events", "groups", "path", "selector"),
    [
        pytest.param(
            "warnings",
            ("", "events.k8s.io"),
            "/apis/events.k8s.io/v1/events",
            "type=Warning",
            id="as they are",
        ),
        pytest.param("all", ("", "events.k8s.io"), "/apis/events.k8s.io/v1/events", None, id="all of them"),
        pytest.param("warnings", ("",), "/api/v1/events", "type=Warning", id="only in the core group"),
    ],
)
async def test_events_are_watched_first_where_they_are_served(
    tmp_path: Path, events: str, groups: tuple[str, ...], path: str, selector: str | None
) -> None:
    sink = Collector()
    async with Simulator(event_groups=groups) as simulator:
        pod = {"metadata": {"name": "web", "namespace": "shop", "uid": "u"}}
        recorder = EventRecorder(simulator.store)
        recorder.warn(POD, pod, "Failed", "no", source="kubelet", now=NOW)
        recorder.note(POD, pod, "Failed", "no", source="kubelet", now=NOW)
        async with watching(
            simulator,
            tmp_path,
            sink,
            kinds=("Pod",),
            events=events,
            selector_mode="strict",
            label_selector="a=b",
        ) as watches:
            await sink.until(lambda: synced(sink) == {"Pod"})
            assert [health.kind for health in watches.health] == ["Event", "Pod"]
        request = next(request for request in simulator.request_log.of("Event") if request.path == path)
        assert request.query.get("fieldSelector") == selector
        assert "labelSelector" not in request.query
    (told,) = [each for each in sink.messages if isinstance(each, ReplaceEvents)]
    assert sorted((each.type, each.regarding, each.message) for each in told.listed) == sorted(
        [("Warning", "u", "no"), *([("Normal", "u", "no")] if events == "all" else [])]
    )


async def test_both_event_groups_are_tried_while_refused(tmp_path: Path) -> None:
    """And one that is granted later is found."""
    sink = Collector()
    async with Simulator() as simulator:
        simulator.authorizer.restrict("Event")
        async with watching(simulator, tmp_path, sink, kinds=("Pod",), events="warnings") as watches:
            await sink.until(lambda: synced(sink) == {"Pod"})
            await sink.until(lambda: watches.health[0].state == "unavailable")
            paths = {request.path for request in simulator.request_log.of("Event")}
            assert paths == {"/api/v1/events", "/apis/events.k8s.io/v1/events"}
            simulator.authorizer.allow("Event")
            await sink.until(lambda: any(isinstance(each, ReplaceEvents) for each in sink.messages))


async def test_events_are_filtered_locally_if_the_server_cannot(tmp_path: Path) -> None:
    sink = Collector()
    async with (
        Simulator(event_fields=()) as simulator,
        watching(simulator, tmp_path, sink, kinds=("Pod",), events="warnings"),
    ):
        await sink.until(lambda: any(isinstance(each, ReplaceEvents) for each in sink.messages))
        pod = {"metadata": {"name": "web", "namespace": "shop", "uid": "u"}}
        recorder = EventRecorder(simulator.store)
        recorder.note(POD, pod, "Pulled", "done", source="kubelet", now=NOW)
        recorder.warn(POD, pod, "Failed", "no", source="kubelet", now=NOW)
        await sink.until(lambda: any(isinstance(each, EventChanges) for each in sink.messages))
    changes = [each.changes for each in sink.messages if isinstance(each, EventChanges)]
    assert [each.reason for some in changes for each in some if isinstance(each, ObjectEvent)] == ["Failed"]


@pytest.mark.parametrize(("mode", "selector"), [("strict", "app=x"), ("closure", None)])
async def test_the_server_applies_the_selector_only_in_strict_mode(
    tmp_path: Path, mode: str, selector: str | None
) -> None:
    sink = Collector()
    async with Simulator() as simulator:
        async with watching(
            simulator, tmp_path, sink, kinds=("Pod",), selector_mode=mode, label_selector="app=x"
        ):
            await sink.until(lambda: synced(sink) == {"Pod"})
        assert simulator.request_log.of("Pod")[0].query.get("labelSelector") == selector


async def test_stopping_is_prompt_and_leaves_nothing(tmp_path: Path) -> None:
    sink = Collector()
    async with Simulator() as simulator:
        before = {task for task in asyncio.all_tasks() if task.get_name().startswith("watch ")}
        async with watching(simulator, tmp_path, sink):
            await sink.until(lambda: synced(sink) == NAMES)
            running = {task.get_name() for task in asyncio.all_tasks()}
            assert {"watch Pod", "watch Secret"} <= running
        told = len(sink.messages)
        assert {task for task in asyncio.all_tasks() if task.get_name().startswith("watch ")} == before
        await simulator.request_log.until(lambda requests: not +requests.open_watches)
        simulator.store.create("Pod", {"metadata": {"name": "late", "namespace": "n"}})
        assert len(sink.messages) == told


async def test_stopping_before_anything_was_listed(tmp_path: Path) -> None:
    async with Simulator() as simulator, asyncio.timeout(2), watching(simulator, tmp_path, Collector()):
        pass


async def test_a_watch_that_fails_is_logged_and_started_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Fragile()
    async with Simulator() as simulator:
        simulator.store.create("Pod", {"metadata": {"name": "a", "namespace": "n"}})
        async with watching(simulator, tmp_path, sink, kinds=("Pod", "Node")) as watches:
            await sink.until(lambda: sink.names("Pod") == ["a"])
            pod = next(health for health in watches.health if health.kind == "Pod")
            assert (pod.restarts, pod.state) == (1, "synced")
            assert pod.last_error == "RuntimeError: a fault of ours"
    assert "Pod: the watch failed; restarting it" in [record.getMessage() for record in caplog.records]
    assert [told for told in sink.messages if isinstance(told, WatchStatus) and told.kind == "Pod"] == [
        WatchStatus("Pod", "", "listing"),
        WatchStatus("Pod", "", "listing"),
    ]


async def test_a_watch_that_ends_permanently_ends_the_guard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Collector()
    async with Simulator() as simulator, watching(simulator, tmp_path, sink, kinds=("Pod",)) as watches:
        await sink.until(lambda: synced(sink) == {"Pod"})
        guard = asyncio.create_task(watches.guard())
        next(task for task in asyncio.all_tasks() if task.get_name() == "watch Pod").cancel()
        async with asyncio.timeout(5):
            await guard
    assert "watch Pod ended unexpectedly" in [record.getMessage() for record in caplog.records]


async def test_health_counts(tmp_path: Path) -> None:
    sink = Collector()
    async with Simulator() as simulator:
        simulator.store.create("Pod", {"metadata": {"name": "a", "namespace": "n"}})
        async with watching(simulator, tmp_path, sink, kinds=("Pod",)) as watches:
            (health,) = watches.health
            assert (health.state, health.events, health.last_event) == ("listing", 0, None)
            await sink.until(lambda: sink.names("Pod") == ["a"])
            events, first = health.events, health.last_event
            simulator.store.create("Pod", {"metadata": {"name": "b", "namespace": "n"}})
            await sink.until(lambda: sink.names("Pod") == ["a", "b"])
            assert (health.state, health.objects, health.lists, health.failures) == ("synced", 1, 1, 0)
            assert health.connected
            assert health.events > events
            assert first is not None
            assert health.last_event is not None
            assert health.last_event >= first


async def test_watches_follow_the_catalogue(tmp_path: Path) -> None:
    sink = Collector()
    async with Simulator() as simulator:
        simulator.store.create("Secret", {"metadata": {"name": "s", "namespace": "n"}})
        settings = settings_for(write_kubeconfig(tmp_path / "config", simulator.url), events="off")
        catalogue = CATALOGUE.only(("Pod", "ConfigMap"))
        cluster = await Cluster.connect(settings)
        watches = Watches(settings, catalogue, cluster, sink, timing=SHORT, random=Random(1))
        await watches.start()
        try:
            await sink.until(lambda: synced(sink) == {"Pod", "ConfigMap"})
            secret = CATALOGUE["Secret"]
            catalogue.change(added=(secret,), removed=(CATALOGUE["ConfigMap"].id,))
            await sink.until(lambda: sink.names("Secret") == ["s"])
            await simulator.request_log.until(
                lambda requests: set(+requests.open_watches) == {"Pod", "Secret"}
            )
            (told,) = [message for message in sink.messages if isinstance(message, KindsChanged)]
            assert told == KindsChanged((secret.rules,), (Scope("Secret"),), ("ConfigMap",))
            assert [health.kind for health in watches.health] == ["Pod", "Secret"]
            at = sink.messages.index(told)
            assert "ConfigMap" not in {getattr(after, "kind", "") for after in sink.messages[at:]}
            simulator.store.create("ConfigMap", {"metadata": {"name": "late", "namespace": "n"}})
            catalogue.change(added=(CATALOGUE["ConfigMap"],))
            await sink.until(lambda: sink.names("ConfigMap") == ["late"])
            assert not watches._broken.is_set()
        finally:
            await watches.stop()
        await simulator.request_log.until(lambda requests: not +requests.open_watches)
