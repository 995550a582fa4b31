"""The Events of what fails: in a generated cluster, while it churns, and until they expire."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from astrolabe.sim.churn.churn import EXPIRE_EVERY, Churn
from astrolabe.sim.cluster.factory import NOW
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.events import EventRecorder
from astrolabe.sim.store import ObjectStore
from tests.support.kinds import KINDS, KINDS_BY_NAME

POD = {"metadata": {"name": "web", "namespace": "shop", "uid": "u"}}


def reasons(store: ObjectStore) -> Counter[str]:
    return Counter(event["reason"] for event in store.manifests("Event"))


def test_failures_in_a_generated_cluster_have_events() -> None:
    store = ObjectStore()
    load(store, 0.05, seed=1)
    assert {"BackOff", "Failed", "FailedScheduling", "ProvisioningFailed"} <= reasons(store).keys()
    pods = {pod["metadata"]["uid"]: pod for pod in store.manifests("Pod")}
    waiting = {
        uid
        for uid, pod in pods.items()
        if any("waiting" in each["state"] for each in pod["status"].get("containerStatuses", ()))
    }
    warned = {
        event["involvedObject"]["uid"]
        for event in store.manifests("Event")
        if event["reason"] in ("BackOff", "Failed")
    }
    assert warned
    assert warned <= waiting
    load(ObjectStore(KINDS), 0.001, seed=1)  # of a store without Events it makes none


def test_churn_emits_and_expires_them() -> None:
    store = ObjectStore()
    load(store, 0.01, seed=1)
    before = {event["metadata"]["uid"] for event in store.manifests("Event")}
    churn = Churn(store, seed=1)
    for step in range(1, 2 * EXPIRE_EVERY + 1):
        churn.step(NOW + timedelta(seconds=4 * step))
    after = {event["metadata"]["uid"]: event for event in store.manifests("Event")}
    assert after.keys() - before
    oldest = (NOW + timedelta(seconds=8 * EXPIRE_EVERY - 3600)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert all(event["lastTimestamp"] >= oldest for event in after.values())


def test_a_repeated_event_counts_on_and_an_expired_one_starts_at_one() -> None:
    store, pod = ObjectStore(), KINDS_BY_NAME["Pod"]
    recorder = EventRecorder(store)
    for minute in (0, 1):
        at = NOW + timedelta(minutes=minute)
        recorder.warn(pod, POD, "BackOff", "no", source="kubelet", now=at, times=3)
    (event,) = store.manifests("Event")
    assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
        6,
        "2026-11-23T08:00:00Z",
        "2026-11-23T08:01:00Z",
    )
    assert recorder.expire(NOW + timedelta(minutes=61)) == 0
    assert recorder.expire(NOW + timedelta(minutes=62)) == 1
    recorder.warn(pod, POD, "BackOff", "no", source="kubelet", now=NOW)
    (again,) = store.manifests("Event")
    assert (again["count"], again["metadata"]["name"]) != (event["count"], event["metadata"]["name"])
