"""Random changes, random faults, a server that goes and comes: in the end the sink knows what is stored."""

import asyncio
import gc
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from astrolabe.engine.inbox import Replace
from astrolabe.graph.model.facts import Facts
from astrolabe.kube.timing import WatchTiming
from astrolabe.sim.faults import DeepObject, Drip, HalfOpen, HttpStatus, InjectedFault, draw_fault
from astrolabe.sim.server import Simulator
from astrolabe.sim.store import ObjectStore
from tests.kube.support import (
    LISTED,
    bookmark,
    brief,
    connected,
    event,
    manifest,
    page,
    playing,
    reflecting,
    stream,
)
from tests.support.cluster import followed
from tests.support.kinds import KINDS_BY_NAME
from tests.support.timing import SHORT

SHOP = Path(__file__).parents[1] / "recordings/shop"
POD = KINDS_BY_NAME["Pod"]
SECRET = KINDS_BY_NAME["Secret"]
#: Bytes of a page where one object is larger.
LARGE = 400_000


def stored(store: ObjectStore, kind: str) -> dict[str, Facts]:
    """What a perfect client would know of the store."""
    entry = KINDS_BY_NAME[kind]
    facts = [entry.facts(entry.decoder.decode(json.dumps(manifest))) for manifest in store.manifests(kind)]
    return {one.uid: one for one in facts}


def write(store: ObjectStore, rng: Random, kind: str) -> None:
    """One change at random; names come again, so that objects are recreated under them."""
    name = f"{kind.lower()}-{rng.randrange(12)}"
    known = store.get(kind, "n", name)
    manifest: dict[str, Any] = {
        "metadata": {"name": name, "namespace": "n", "labels": {"x": str(rng.random())}}
    }
    if known is None:
        store.create(kind, manifest)
    elif rng.random() < 0.4:
        store.delete(kind, manifest)
    else:
        known["metadata"]["labels"] = manifest["metadata"]["labels"]
        store.update(kind, known)


def trouble(simulator: Simulator, rng: Random) -> None:
    """One thing that goes wrong, and often an end of all connections, so that new requests run into it."""
    if rng.random() < 0.2:
        simulator.store.compact()
    elif rng.random() < 0.2:
        simulator.faults.add(HalfOpen(verb="watch", after=rng.randrange(3)))
    else:
        fault = draw_fault(rng)
        if isinstance(fault, HttpStatus):
            fault = replace(fault, retry_after=None)
        simulator.faults.add(fault)
    if rng.random() < 0.7:
        simulator.disconnect()


@pytest.mark.parametrize("watch_list", ["served", "rejected", "ignored"])
@pytest.mark.parametrize("seed", range(3))
async def test_faults_and_changes_end_in_the_state_of_the_store(
    tmp_path: Path, seed: int, watch_list: Any
) -> None:
    rng = Random(seed)
    async with (
        Simulator(bookmark_interval=0.05) as simulator,
        connected(simulator.url, tmp_path) as cluster,
        reflecting(POD, cluster, seed=seed) as (pod, pods),
        reflecting(SECRET, cluster, seed=seed + 1) as (secret, secrets),
    ):
        simulator.faults.watch_list = watch_list
        store = simulator.store
        for _ in range(150):
            write(store, rng, rng.choice(["Pod", "Secret"]))
            if rng.random() < 0.15:
                trouble(simulator, rng)
            await asyncio.sleep(rng.random() * 0.02)
        simulator.faults.clear()
        await pods.until(lambda: pods.objects.get("Pod") == stored(store, "Pod"))
        await secrets.until(lambda: secrets.objects.get("Secret") == stored(store, "Secret"))
        assert pod.health.failures > 3
        assert secret.health.failures > 3
    assert simulator.request_log.writes == 0


@pytest.mark.parametrize("watch_list", ["served", "rejected"])
async def test_one_deeply_nested_object_affects_only_itself(watch_list: Any) -> None:
    """And what comes after it, until it is mended, is followed as ever."""
    async with Simulator() as simulator:
        simulator.faults.watch_list = watch_list
        store = simulator.store
        store.create("Namespace", {"metadata": {"name": "n"}})
        for name in ("a", "b", "c"):
            store.create("Pod", {"metadata": {"name": name, "namespace": "n"}})
        simulator.faults.add(DeepObject(kind="Pod", verb="list" if watch_list == "rejected" else "watch"))
        # Patient, since what is asked for a second time is whole.
        async with followed(simulator.url, timing=WatchTiming()) as run:
            names = lambda: sorted(each.name for each in run.graph.nodes.values() if each.kind == "Pod")  # noqa: E731
            await asyncio.wait_for(run.readiness.wait(), 10)
            assert names() == ["b", "c"]
            (skipped,) = run.readiness.skipped["Pod"].values()
            assert (skipped.label, skipped.why) == ("n/a", "is nested too deeply")
            store.create("Pod", {"metadata": {"name": "d", "namespace": "n"}})
            await run.until(lambda: names() == ["b", "c", "d"])
            store.update("Pod", store.get("Pod", "n", "a") or {})
            await run.until(lambda: names() == ["a", "b", "c", "d"])
            assert run.readiness.skipped["Pod"] == {}


async def test_a_server_that_disappears_and_returns(tmp_path: Path) -> None:
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        simulator.store.create("Pod", {"metadata": {"name": "a", "namespace": "n"}})
        async with reflecting(POD, cluster) as (reflector, sink):
            await sink.until(lambda: sink.names("Pod") == ["a"])
            await simulator.go_offline()
            simulator.store.create("Pod", {"metadata": {"name": "b", "namespace": "n"}})
            while "Connection refused" not in reflector.health.last_error:  # noqa: ASYNC110 - leaves no other trace
                await asyncio.sleep(0)
            await simulator.go_online()
            await sink.until(lambda: sink.names("Pod") == ["a", "b"])
            assert sink.replaces() == [["a"]], "no new list: the watch went on where it was"


async def test_a_server_that_lost_its_history_is_listed_again(tmp_path: Path) -> None:
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        store = simulator.store
        store.create("Pod", {"metadata": {"name": "a", "namespace": "n"}})
        async with reflecting(POD, cluster) as (_, sink):
            await sink.until(lambda: sink.names("Pod") == ["a"])
            await simulator.go_offline()
            store.delete("Pod", {"metadata": {"name": "a", "namespace": "n"}})
            store.create("Pod", {"metadata": {"name": "b", "namespace": "n"}})
            store.compact()
            await simulator.go_online()
            await sink.until(lambda: sink.names("Pod") == ["b"])
            assert sink.replaces() == [["a"], ["b"]]


async def test_a_list_of_many_pages(tmp_path: Path) -> None:
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        simulator.faults.watch_list = "rejected"
        for number in range(1234):
            simulator.store.create("Pod", {"metadata": {"name": f"p{number}", "namespace": "n"}})
        async with reflecting(POD, cluster) as (_, sink):
            await sink.until(lambda: bool(sink.replaces()))
        assert sink.objects["Pod"] == stored(simulator.store, "Pod")
        assert len(simulator.request_log.of("Pod", "list")) == 3


def large_pod(name: str) -> dict[str, Any]:
    """Larger than a page may be in these tests, which is LARGE bytes."""
    return {"metadata": {"name": name, "namespace": "n", "annotations": {"x": "x" * 2 * LARGE}}}


async def test_an_object_larger_than_a_page_affects_only_itself(tmp_path: Path) -> None:
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        simulator.faults.watch_list = "rejected"
        store = simulator.store
        names = [f"p{number:03}" for number in range(300)]
        for name in names:
            store.create("Pod", large_pod(name) if name == "p150" else pod(name))
        async with reflecting(POD, cluster, longest_page=LARGE) as (watch, sink):
            await sink.until(lambda: bool(sink.replaces()))
            assert sink.names("Pod") == [name for name in names if name != "p150"]
            (told,) = [each for each in sink.messages if isinstance(each, Replace)]
            assert [(each.label, each.why) for each in told.invalid] == [("n/p150", "is larger than 4 MiB")]
            assert told.invalid[0].uid
            asked = [int(each.query["limit"]) for each in simulator.request_log.of("Pod", "list")]
            assert asked == [500, 62, 62, 62, *[7] * 4, *[1] * 7, 8, 64, 500]
            store.create("Pod", pod("q"))
            await sink.until(lambda: "q" in sink.names("Pod"))
            assert watch.health.failures == 0


async def test_a_restored_api_server_is_noticed_after_an_oversized_object(
    tmp_path: Path,
) -> None:
    """Its version is asked for with the first object only, which is that one."""
    often = replace(SHORT, watch_shortest=60, watch_longest=60, version_check=0.2)
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        store = simulator.store
        store.create("Pod", large_pod("a"))
        backup = store.revision
        for number in range(5):
            store.create("Pod", pod(f"ghost-{number}"))
        async with reflecting(POD, cluster, timing=often, longest_page=LARGE) as (_, sink):
            await sink.until(lambda: len(sink.names("Pod")) == 6)
            store.restore(backup)
            await sink.until(lambda: sink.names("Pod") == ["a"])


async def test_an_object_that_leaves_the_selector_is_deleted(tmp_path: Path) -> None:
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        meta = {"name": "a", "namespace": "n", "labels": {"app": "x"}}
        simulator.store.create("Pod", {"metadata": meta})
        async with reflecting(POD, cluster, label_selector="app=x") as (_, sink):
            await sink.until(lambda: sink.names("Pod") == ["a"])
            known = simulator.store.get("Pod", "n", "a")
            assert known is not None
            known["metadata"]["labels"] = {}
            simulator.store.update("Pod", known)
            await sink.until(lambda: sink.names("Pod") == [])


async def test_dripping_bytes(tmp_path: Path) -> None:
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        for name in ("a", "b"):
            simulator.store.create("Pod", {"metadata": {"name": name, "namespace": "n"}})
        simulator.faults.add(Drip(size=7))
        async with reflecting(POD, cluster) as (_, sink):
            await sink.until(lambda: sink.names("Pod") == ["a", "b"])


async def test_ten_thousand_pods_do_not_hold_the_loop(tmp_path: Path) -> None:
    """The longest turn of the loop, in CPU time so that a busy machine does not fail it; 50 ms at most.

    As in the application, what was there at the start is frozen: a full collection that looks through
    kubernetes_asyncio's models takes 45 ms by itself.
    """
    recorded = (SHOP / "pods.watch.jsonl").read_bytes().splitlines()
    pod = recorded[0].split(b"\t", 1)[1]
    uid = json.loads(pod)["object"]["metadata"]["uid"].encode()
    lines = [pod.replace(uid, b"%036d" % number) for number in range(10_000)]
    blocks = [b"\n".join(lines[start : start + 100]) for start in range(0, len(lines), 100)]
    turns: list[float] = []

    async def tick() -> None:
        while True:
            began = time.process_time()
            await asyncio.sleep(0)
            turns.append(time.process_time() - began)

    async with playing(tmp_path, stream(*blocks, bookmark("9", end=True), then="hang")) as (
        _,
        reflector,
        sink,
    ):
        gc.collect()
        gc.freeze()
        ticker = asyncio.create_task(tick())
        await sink.until(lambda: bool(sink.replaces()))
        ticker.cancel()
        gc.unfreeze()
        assert reflector.health.objects == 10_000
    assert max(turns) < 0.05


def pod(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}}


@pytest.mark.parametrize("reconnect", [True, False])
@pytest.mark.parametrize("watch_list", ["served", "rejected"])
async def test_an_api_server_restored_from_a_backup_is_listed_again(
    tmp_path: Path, watch_list: Any, reconnect: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The versions that were told come again for other objects, which a watch never mentions."""
    often = replace(
        SHORT,
        watch_shortest=60,
        watch_longest=60,
        version_check=60 if reconnect else 0.2,
        version_check_after=0.2,
    )
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        simulator.faults.watch_list = watch_list
        store = simulator.store
        store.create("Pod", pod("old"))
        backup = store.revision
        for number in range(29):
            store.create("Pod", pod(f"ghost-{number}"))
        async with reflecting(POD, cluster, timing=often) as (watch, sink):
            await sink.until(lambda: len(sink.names("Pod")) == 30)
            store.create("Pod", pod("ghost-29"))
            await sink.until(lambda: len(sink.names("Pod")) == 31)
            store.restore(backup)
            for number in range(5):
                store.create("Pod", pod(f"new-{number}"))
            if reconnect:
                simulator.disconnect()
            expected = [*[f"new-{number}" for number in range(5)], "old"]
            await sink.until(lambda: sink.names("Pod") == expected)
            assert watch.health.lists == 2
            store.create("Pod", pod("later"))
            await sink.until(lambda: "later" in sink.names("Pod"))
    told = [record.getMessage() for record in caplog.records if "backup" in record.getMessage()]
    assert told == ["Pod: the API server went back from version 31 to 6 (restored from a backup?); relisting"]


@dataclass(frozen=True, kw_only=True)
class Meanwhile(InjectedFault):
    """Something happens between the request and its answer."""

    action: Callable[[], None]

    def reject(self) -> None:
        self.action()


async def test_changes_between_a_list_and_its_watch_are_reported(tmp_path: Path) -> None:
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        store = simulator.store
        simulator.faults.watch_list = "rejected"

        def change() -> None:
            store.delete("Pod", pod("goes"))
            store.create("Pod", pod("comes"))

        store.create("Pod", pod("goes"))
        simulator.faults.add(Meanwhile(kind="Pod", verb="watch", times=None, action=_once(change)))
        async with reflecting(POD, cluster, timing=SHORT) as (watch, sink):
            await sink.until(lambda: sink.names("Pod") == ["comes"])
            assert (sink.replaces(), watch.health.lists) == ([["goes"]], 1)


def _backed_up(store: ObjectStore) -> int:
    """Returns the revision of a backup with one Pod, after which ghosts came."""
    store.create("Pod", pod("old"))
    backup = store.revision
    for number in range(20):
        store.create("Pod", pod(f"ghost-{number}"))
    return backup


def _restored_at_a_watch(simulator: Simulator) -> None:
    """Let the next watch begin after the server was restored from a backup."""
    store = simulator.store
    backup = _backed_up(store)

    def restore() -> None:
        store.restore(backup)
        store.create("Pod", pod("new"))

    simulator.faults.add(Meanwhile(kind="Pod", verb="watch", times=None, action=_once(restore)))


async def test_an_api_server_that_is_restored_between_a_list_and_its_watch(tmp_path: Path) -> None:
    """The watch begins in a future that the server does not know, and is told nothing of what is gone."""
    often = replace(SHORT, watch_shortest=60, watch_longest=60, version_check=0.2, version_check_after=0.2)
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        store = simulator.store
        simulator.faults.watch_list = "rejected"
        _restored_at_a_watch(simulator)
        async with reflecting(POD, cluster, timing=often) as (_, sink):
            await sink.until(lambda: sink.names("Pod") == ["new", "old"])
            store.create("Pod", pod("later"))
            await sink.until(lambda: "later" in sink.names("Pod"))
        assert "ghost-0" in sink.replaces()[0], "it was listed before"


async def test_an_api_server_that_is_restored_when_a_watch_has_ended_regularly(tmp_path: Path) -> None:
    """No connection breaks, and the next watch begins in a future that the server does not know."""
    ends = replace(SHORT, watch_shortest=1, watch_longest=1, version_check=60, version_check_after=0.2)
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        _restored_at_a_watch(simulator)
        async with reflecting(POD, cluster, timing=ends) as (watch, sink):
            await sink.until(lambda: sink.names("Pod") == ["new", "old"])
            assert (watch.health.lists, watch.health.failures) == (2, 0)
        assert "ghost-0" in sink.replaces()[0], "it was listed before"


async def test_an_api_server_that_fails_when_it_is_asked_whether_it_was_restored(tmp_path: Path) -> None:
    """It is asked again soon."""
    often = replace(SHORT, watch_shortest=60, watch_longest=60, version_check=60, version_check_after=0.2)
    async with Simulator() as simulator, connected(simulator.url, tmp_path) as cluster:
        store = simulator.store
        backup = _backed_up(store)
        async with reflecting(POD, cluster, timing=often) as (_, sink):
            await sink.until(lambda: len(sink.names("Pod")) == 21)
            store.restore(backup)
            simulator.faults.add(HttpStatus(kind="Pod", verb="list", code=503, times=2))
            simulator.disconnect()
            await sink.until(lambda: sink.names("Pod") == ["old"])
            assert not simulator.faults.active, "it was asked three times"


def _once(action: Callable[[], None]) -> Callable[[], None]:
    """The first time that a plain watch is asked for, after a list; the watch-list before it does not count."""
    asked = 0

    def act() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            action()

    return act


@pytest.mark.parametrize("version", ["10", "11", "9a", "", "opaque"])
async def test_versions_that_are_newer_or_not_numbers_change_nothing(tmp_path: Path, version: str) -> None:
    often = replace(SHORT, watch_shortest=60, watch_longest=60, version_check=0.02)
    silent = stream(
        b'{"type":"ADDED","object":%b}' % json.dumps(manifest("a", "3")).encode(),
        bookmark("10", end=True),
        then="hang",
    )
    async with playing(tmp_path, silent, *[page(version=version)] * 20, timing=often) as (
        server,
        watch,
        sink,
    ):
        await server.until_asked(12)
        assert [brief(asked) for asked in server.asked[1:]] == ["list"] * (len(server.asked) - 1)
        assert {asked.query["limit"] for asked in server.asked[1:]} == {"1"}
        assert sink.replaces() == [["a"]]
        assert watch.health.connected


async def test_a_watch_without_expected_bookmarks_resumes(tmp_path: Path) -> None:
    """The connection stays up, as with a proxy between: nothing but the silence tells."""
    quiet = replace(SHORT, watch_shortest=60, watch_longest=60, silence=0.3)
    first = stream(event("ADDED", "a", "3"), bookmark("10", end=True), bookmark("11"), then="hang")
    async with playing(tmp_path, first, timing=quiet) as (server, watch, sink):
        began = time.monotonic()
        await server.until_asked(2)
        assert time.monotonic() - began >= 0.3
        assert [brief(asked) for asked in server.asked] == ["watch-list", "watch 11"]
        assert sink.replaces() == [["a"]]
        assert watch.health.last_error == "the watch went silent: the expected bookmarks did not come"


async def test_a_watch_with_bookmarks_is_left_alone(tmp_path: Path) -> None:
    quiet = replace(SHORT, watch_shortest=60, watch_longest=60, silence=0.01)
    async with Simulator(bookmark_interval=0.2) as simulator, connected(simulator.url, tmp_path) as cluster:
        simulator.store.create("Pod", pod("a"))
        async with reflecting(POD, cluster, timing=quiet) as (watch, sink):
            await sink.until(lambda: sink.names("Pod") == ["a"])
            await asyncio.sleep(0.9)  # more than three intervals: what is tried is that nothing happens
            assert watch.health.failures == 0


async def test_silence_is_normal_without_bookmarks(tmp_path: Path) -> None:
    quiet = replace(SHORT, watch_shortest=60, watch_longest=60, silence=0.02)
    async with playing(tmp_path, LISTED, timing=quiet) as (server, watch, sink):
        await sink.until(lambda: sink.names("Pod") == ["a"])
        await asyncio.sleep(0.2)
        assert (len(server.asked), watch.health.failures) == (1, 0)
