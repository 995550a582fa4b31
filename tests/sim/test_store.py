from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.sim.store import Expired, ObjectStore, StoreError, WatchEvent

Json = dict[str, Any]

NOW = datetime(2026, 11, 23, 8, 20, 27, tzinfo=UTC)


def config(name: str, namespace: str = "shop", **more: Any) -> Json:
    return {"metadata": {"name": name, "namespace": namespace, **more}}


def state(store: ObjectStore, kind: str = "ConfigMap") -> dict[str, str]:
    """name → resourceVersion of what a list would answer."""
    collection = store.collection(kind)
    return {key: str(collection.items[key].revision) for key in collection.keys().within("")}


def test_a_created_object_gets_what_a_server_assigns() -> None:
    store = ObjectStore(clock=lambda: NOW)
    store.create(
        "Pod", {"metadata": {"labels": {"app": "web"}, "name": "web-1", "namespace": "shop"}, "spec": {}}
    )
    stored = store.get("Pod", "shop", "web-1")
    assert stored is not None
    assert list(stored) == ["metadata", "spec"]
    assert list(stored["metadata"]) == [
        "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "labels",
    ]  # fmt: skip
    assert stored["metadata"]["resourceVersion"] == "1"
    assert stored["metadata"]["generation"] == 1
    assert stored["metadata"]["creationTimestamp"] == "2026-11-23T08:20:27Z"
    assert len(stored["metadata"]["uid"]) == 36


def test_given_metadata_is_kept() -> None:
    store = ObjectStore()
    given = {"uid": "u-1", "resourceVersion": "41", "creationTimestamp": "2026-01-01T00:00:00Z"}
    store.create("ConfigMap", {"kind": "ConfigMap", "apiVersion": "v1", **config("a", **given)})
    assert store.get("ConfigMap", "shop", "a") == config("a", **given)
    store.create("ConfigMap", config("b"))
    assert state(store) == {"shop/a": "41", "shop/b": "42"}


def test_the_given_manifest_is_not_modified() -> None:
    manifest = config("a")
    ObjectStore().create("ConfigMap", manifest)
    assert manifest == {"metadata": {"name": "a", "namespace": "shop"}}


def test_the_same_writes_give_the_same_uids() -> None:
    def write() -> bytes:
        store = ObjectStore(clock=lambda: NOW)
        store.create("ConfigMap", config("a"))
        store.delete("ConfigMap", config("a"))
        return store.create("ConfigMap", config("a")).body

    assert write() == write()


def test_recreation_is_another_object() -> None:
    store = ObjectStore()
    store.create("ConfigMap", config("a"))
    first = store.get("ConfigMap", "shop", "a")
    store.delete("ConfigMap", config("a"))
    store.create("ConfigMap", config("a"))
    second = store.get("ConfigMap", "shop", "a")
    assert first is not None
    assert second is not None
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


def test_resource_versions_are_shared_by_all_kinds() -> None:
    store = ObjectStore()
    store.create("ConfigMap", config("a"))
    store.create("Namespace", {"metadata": {"name": "shop"}})
    store.update("ConfigMap", {**config("a"), "data": {"k": "v"}})
    assert state(store) == {"shop/a": "3"}
    assert state(store, "Namespace") == {"shop": "2"}
    assert store.revision == store.revision_of("Namespace") == store.revision_of("Pod") == 3


def test_writing_back_unchanged_is_a_new_version() -> None:
    store = ObjectStore()
    store.create("ConfigMap", config("a"))
    stored = store.get("ConfigMap", "shop", "a")
    assert stored is not None
    store.update("ConfigMap", stored)
    assert state(store) == {"shop/a": "2"}


def test_a_deletion_has_a_version_and_the_last_state() -> None:
    store = ObjectStore()
    store.create("ConfigMap", {**config("a"), "data": {"k": "v"}})
    store.delete("ConfigMap", config("a"))
    event = store.collection("ConfigMap").since(1)[0]
    assert (event.type, event.revision) == ("DELETED", 2)
    deleted = msgspec.json.decode(event.item.body)
    assert deleted["data"] == {"k": "v"}
    assert deleted["metadata"]["resourceVersion"] == "2"


def test_lists_are_ordered_like_etcd() -> None:
    store = ObjectStore()
    for namespace, name in (("a", "z"), ("a-b", "a"), ("a", "b"), ("b", "a")):
        store.create("ConfigMap", config(name, namespace))
    assert list(state(store)) == ["a-b/a", "a/b", "a/z", "b/a"]
    assert store.collection("ConfigMap").keys().within("a") == ["a/b", "a/z"]
    assert store.collection("ConfigMap").keys().within("a", "b\0") == ["a/z"]


@pytest.mark.parametrize(
    ("write", "kind", "manifest", "message"),
    [
        ("create", "Widget", config("a"), "kind 'Widget' is not served"),
        ("create", "ConfigMap", config("there"), "ConfigMap 'shop/there' already exists"),
        ("update", "ConfigMap", config("absent"), "ConfigMap 'shop/absent' does not exist"),
        ("delete", "ConfigMap", config("absent"), "ConfigMap 'shop/absent' does not exist"),
        ("create", "ConfigMap", {"metadata": {"name": "a"}}, "ConfigMap 'a' is not in a namespace"),
        ("create", "Namespace", config("a"), "Namespace 'a' is in a namespace"),
        ("create", "ConfigMap", config("a", resourceVersion="2"), "version 2 of ConfigMap is not after 5"),
    ],
)
def test_invalid_writes_are_refused(write: str, kind: str, manifest: Json, message: str) -> None:
    store = ObjectStore()
    store.create("ConfigMap", config("there", resourceVersion="5"))
    with pytest.raises(StoreError) as refusal:
        getattr(store, write)(kind, manifest)
    assert str(refusal.value) == message
    assert state(store) == {"shop/there": "5"}


def test_listeners_get_each_change() -> None:
    store = ObjectStore()
    told: list[int] = []
    collection = store.collection("ConfigMap")
    collection.listeners.add(lambda: told.append(collection.newest))
    store.create("ConfigMap", config("a"))
    store.create("Pod", config("a"))
    store.delete("ConfigMap", config("a"))
    assert told == [1, 3]


def test_the_log_is_bounded() -> None:
    store = ObjectStore(history=10)
    store.create("ConfigMap", config("a"))
    for _ in range(100):
        store.update("ConfigMap", config("a"))
    collection = store.collection("ConfigMap")
    assert 10 <= len(collection.since(collection.oldest)) < 20
    with pytest.raises(Expired) as expired:
        collection.since(collection.oldest - 1)
    assert expired.value.oldest == collection.oldest


def test_compaction_spares_watchers_that_are_up_to_date() -> None:
    store = ObjectStore()
    store.create("ConfigMap", config("a"))
    store.create("Pod", config("a"))
    store.compact()
    collection = store.collection("ConfigMap")
    assert list(collection.since(1, live=True)) == []
    with pytest.raises(Expired):
        collection.since(1)
    assert list(collection.since(2)) == []


writes = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["x", "y"]), st.booleans()), max_size=40)


def write(store: ObjectStore, steps: list[tuple[str, str, bool]]) -> None:
    """Each step creates, updates or deletes, whichever is possible."""
    for name, namespace, removes in steps:
        there = store.get("ConfigMap", namespace, name) is not None
        if there and removes:
            store.delete("ConfigMap", config(name, namespace))
        elif there:
            store.update("ConfigMap", config(name, namespace))
        else:
            store.create("ConfigMap", config(name, namespace))


def applied(before: dict[str, str], events: list[WatchEvent]) -> dict[str, str]:
    after = dict(before)
    for event in events:
        if event.type == "DELETED":
            del after[event.item.key]
        else:
            after[event.item.key] = str(event.revision)
    return dict(sorted(after.items()))


@given(writes, writes, st.booleans())
def test_a_list_plus_events_equals_the_later_list(
    before: list[tuple[str, str, bool]], after: list[tuple[str, str, bool]], listed: bool
) -> None:
    store = ObjectStore()
    write(store, before)
    revision, first = (
        store.revision,
        state(store) if listed else applied({}, list(store.collection("ConfigMap").since(0))),
    )
    write(store, after)
    events = list(store.collection("ConfigMap").since(revision))
    assert applied(first, events) == state(store)
    assert [event.revision for event in events] == list(range(revision + 1, store.revision + 1))


@given(writes, writes)
def test_the_past_can_be_listed(
    before: list[tuple[str, str, bool]], after: list[tuple[str, str, bool]]
) -> None:
    store = ObjectStore()
    write(store, before)
    revision, then = store.revision, state(store)
    write(store, after)
    snapshot = store.collection("ConfigMap").at(revision)
    assert {key: str(snapshot[key].revision) for key in snapshot.keys.within("")} == then


def test_a_restored_store_continues_from_the_older_version() -> None:
    store = ObjectStore()
    for name in ("kept", "changed", "deleted"):
        store.create("Pod", {"metadata": {"name": name, "namespace": "n"}, "spec": {"was": "before"}})
    backup = store.revision
    before = {name: store.get("Pod", "n", name) for name in ("kept", "changed", "deleted")}
    store.update("Pod", {"metadata": {"name": "changed", "namespace": "n"}, "spec": {"was": "after"}})
    store.delete("Pod", {"metadata": {"name": "deleted", "namespace": "n"}})
    store.create("Secret", {"metadata": {"name": "later", "namespace": "n"}})
    store.create("Pod", {"metadata": {"name": "later", "namespace": "n"}})
    store.restore(backup)
    assert {manifest["metadata"]["name"]: manifest for manifest in store.manifests("Pod")} == before
    assert list(store.manifests("Secret")) == []
    assert store.revision == store.revision_of("Pod") == backup
    assert store.create("Pod", {"metadata": {"name": "new", "namespace": "n"}}).revision == backup + 1
    collection = store.collection("Pod")
    assert [event.item.key for event in collection.since(backup)] == ["n/new"]
    assert collection.keys().within("n") == ["n/changed", "n/deleted", "n/kept", "n/new"]
