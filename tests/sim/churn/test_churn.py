from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.churn.world import World
from astrolabe.sim.cluster.factory import NOW, ObjectFactory
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.store import ObjectStore, WatchEvent
from tests.sim.consistency import problems
from tests.support.kinds import KINDS

Json = dict[str, Any]


def cluster(seed: int = 1, scale: float = 0.01, history: int = 10_000) -> ObjectStore:
    store = ObjectStore(KINDS, history=history)  # without Events, which are no steps
    load(store, scale, seed)
    return store


def counts(store: ObjectStore) -> dict[str, int]:
    return {kind: len(collection.items) for kind, collection in store.collections.items()}


def ailing(store: ObjectStore) -> Counter[str]:
    """How many containers wait for which reason, and how many pods are in which phase."""
    found: Counter[str] = Counter()
    for pod in store.manifests("Pod"):
        found[pod["status"]["phase"]] += 1
        for status in pod["status"].get("containerStatuses", ()):
            found[status["state"].get("waiting", {}).get("reason", "none")] += 1
    return found


def events(store: ObjectStore, since: int) -> list[WatchEvent]:
    """The events of all kinds after a version, in their order."""
    found = [
        event
        for one in store.collections.values()
        for event in one.since(since, live=True)
        if event.revision > since
    ]
    return sorted(found, key=lambda event: event.revision)


@pytest.fixture(scope="module")
def lived() -> tuple[ObjectStore, dict[str, int], Counter[str], int]:
    """A small company's cluster after 5,000 steps: (store, counts and failures before, version)."""
    store = cluster()
    before = counts(store), ailing(store), store.revision
    churn = Churn(store, 5)
    for _ in range(5_000):
        churn.step()
    churn.finish()
    return store, *before


def test_churn_keeps_the_size(lived: tuple[ObjectStore, dict[str, int], Counter[str], int]) -> None:
    store, size, _, _ = lived
    assert counts(store) == size


def test_churn_keeps_the_share_of_failures(
    lived: tuple[ObjectStore, dict[str, int], Counter[str], int],
) -> None:
    store, _, broken, _ = lived
    after = ailing(store)
    for reason in (
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "CreateContainerConfigError",
        "Running",
        "Pending",
    ):
        assert after[reason] == broken[reason]
    assert after["Succeeded"] + after["Failed"] == broken["Succeeded"] + broken["Failed"]


def test_every_relation_still_holds(lived: tuple[ObjectStore, dict[str, int], Counter[str], int]) -> None:
    assert problems(lived[0]) == []


def test_every_kind_of_change_happens(lived: tuple[ObjectStore, dict[str, int], Counter[str], int]) -> None:
    store, _, _, since = lived
    told = Counter(
        (event.type, kind) for kind, one in store.collections.items() for event in one.since(since, live=True)
    )
    for type, kind in (
        ("ADDED", "ReplicaSet"),
        ("DELETED", "ReplicaSet"),
        ("ADDED", "Pod"),
        ("DELETED", "Pod"),
        ("ADDED", "Job"),
        ("DELETED", "Job"),
        ("ADDED", "Secret"),
        ("DELETED", "Secret"),
        ("ADDED", "ConfigMap"),
        ("DELETED", "ConfigMap"),
        ("MODIFIED", "Deployment"),
        ("MODIFIED", "StatefulSet"),
        ("MODIFIED", "DaemonSet"),
        ("MODIFIED", "EndpointSlice"),
        ("MODIFIED", "Service"),
        ("MODIFIED", "CronJob"),
        ("MODIFIED", "Node"),
    ):
        assert told[type, kind] > 0, (type, kind)


def test_each_step_is_one_version(lived: tuple[ObjectStore, dict[str, int], Counter[str], int]) -> None:
    store = cluster(2)
    churn = Churn(store, 1)
    for _ in range(500):
        before = store.revision
        churn.step()
        assert store.revision == before + 1


def test_the_same_seed_writes_the_same() -> None:
    def life(seed: int) -> bytes:
        store = cluster(3)
        since, churn = store.revision, Churn(store, seed)
        for _ in range(400):
            churn.step()
        return b"".join(event.type.encode() + event.item.body for event in events(store, since))

    assert life(9) == life(9)
    assert life(9) != life(10)


def test_uids_are_unique_with_equal_seeds() -> None:
    store = cluster(1)
    uids = Counter(one["metadata"]["uid"] for kind in store.collections for one in store.manifests(kind))
    since, churn = store.revision, Churn(store, 1)
    for _ in range(1_000):
        churn.step()
    born = [event.item.body for event in events(store, since) if event.type == "ADDED"]
    uids.update(msgspec.json.decode(body)["metadata"]["uid"] for body in born)
    assert len(born) > 50
    assert [uid for uid, times in uids.items() if times > 1] == []


def test_churn_uses_the_given_clock() -> None:
    store = cluster()
    since, churn = store.revision, Churn(store, 1)
    for _ in range(200):
        churn.step(datetime(2030, 5, 5, tzinfo=UTC))
    born = [event for event in events(store, since) if event.type == "ADDED"]
    times = {msgspec.json.decode(event.item.body)["metadata"]["creationTimestamp"] for event in born}
    assert times == {"2030-05-05T00:00:00Z"}


def test_without_a_clock_each_step_is_a_second() -> None:
    store = cluster()
    since, churn = store.revision, Churn(store, 1)
    for _ in range(300):
        churn.step()
    born = [event for event in events(store, since) if event.type == "ADDED"]
    times = [msgspec.json.decode(event.item.body)["metadata"]["creationTimestamp"] for event in born]
    assert times == sorted(times)
    assert times[-1] <= (NOW + timedelta(seconds=300)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_recreated_object_has_a_new_uid() -> None:
    store = cluster()
    since, churn = store.revision, Churn(store, 1)
    for _ in range(3_000):
        churn.step()
    gone: dict[str, str] = {}
    returned = 0
    for event in store.collection("ConfigMap").since(since, live=True):
        uid = msgspec.json.decode(event.item.body)["metadata"]["uid"]
        if event.type == "DELETED":
            gone[event.item.key] = uid
        elif event.item.key in gone:
            returned += gone.pop(event.item.key) != uid
    assert returned > 2


def test_a_rollout_goes_pod_by_pod() -> None:
    """Phases of a pod that a rollout made: Pending, ContainerCreating, Running, Ready."""
    store = cluster()
    since, churn = store.revision, Churn(store, 1)
    for _ in range(2_000):
        churn.step()
    phases: dict[str, list[str]] = {}
    for event in store.collection("Pod").since(since, live=True):
        pod = msgspec.json.decode(event.item.body)
        owner = pod["metadata"]["ownerReferences"][0]["kind"]
        if owner == "ReplicaSet" and (event.type == "ADDED" or event.item.key in phases):
            phases.setdefault(event.item.key, []).append(phase(event.type, pod))
    whole = ["Pending", "Scheduled", "ContainerCreating", "Running", "Ready"]
    assert sum(seen[:5] == whole for seen in phases.values()) > 20
    assert any("ErrImagePull" in seen for seen in phases.values())
    assert any(seen[-2:] == ["Terminating", "DELETED"] for seen in phases.values())


def phase(type: str, pod: Json) -> str:
    if type == "DELETED":
        return type
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    for status in pod["status"].get("containerStatuses", ())[:1]:
        if reason := status["state"].get("waiting", {}).get("reason"):
            return str(reason)
        return "Ready" if status["ready"] else "Running"
    return "Scheduled" if "nodeName" in pod["spec"] else "Pending"


def test_churn_tolerates_foreign_deletions() -> None:
    store = cluster()
    churn = Churn(store, 1)
    for number in range(1_000):
        churn.step()
        if number % 10 == 0:
            key = sorted(store.collection("Pod").items)[number % 50]
            namespace, name = key.split("/")
            store.delete("Pod", {"metadata": {"namespace": namespace, "name": name}})
    churn.finish()
    assert store.revision > 2_000


def test_churn_continues_in_a_restored_store() -> None:
    store = cluster(2)
    churn = Churn(store, 2)
    for _ in range(1_000):
        churn.step()
    churn.finish()
    backup, held = store.revision, counts(store)
    for _ in range(1_000):
        churn.step()
    store.restore(backup)
    churn.resync()
    assert counts(store) == held
    seen = World(store, ObjectFactory(Random(1), NOW, stream=2))
    for owner in seen.all("ReplicaSet"):
        assert churn._world.owned(owner, "Pod") == seen.owned(owner, "Pod")
    for _ in range(1_000):
        churn.step()
    assert store.revision == backup + 1_000
    churn.finish()
    assert problems(store) == []


def test_churn_of_an_empty_cluster_does_nothing() -> None:
    store = ObjectStore()
    Churn(store, 1).step()
    assert store.revision == 0


async def test_runs_at_about_the_rate() -> None:
    store = cluster()
    since, clock = store.revision, asyncio.get_running_loop().time
    task = asyncio.create_task(Churn(store, 1).run(rate=400))
    began = clock()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await task
    assert 20 < store.revision - since < 700 * (clock() - began)  # a busy machine may be slow, but not fast
    assert task.cancelled()


async def test_an_excessive_rate_keeps_the_loop_responsive() -> None:
    task = asyncio.create_task(Churn(cluster(), 1).run(rate=1e9))
    for _ in range(3):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
