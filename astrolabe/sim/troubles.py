"""The Events that kubelet, scheduler and controllers emit about failures in the simulated cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from astrolabe.kinds.event import EVENT
from astrolabe.sim.events import EventRecorder
from astrolabe.sim.store import ObjectStore

Json = dict[str, Any]

#: The kinds that `troubles_of` handles.
TROUBLED = ("Pod", "PersistentVolumeClaim")


class Trouble(NamedTuple):
    """A Warning. times: how often it has happened."""

    reason: str
    message: str
    source: str
    times: int = 1


def troubles_of(kind: str, manifest: Json, store: ObjectStore) -> Iterator[Trouble]:
    """The Warnings that the current state of an object causes."""
    if kind == "Pod":
        yield from _of_pod(manifest)
    elif kind == "PersistentVolumeClaim" and manifest.get("status", {}).get("phase") == "Pending":
        name = manifest["spec"].get("storageClassName")
        classes = store.collections.get("StorageClass")
        if name and classes is not None and name not in classes.items:
            message = f'storageclass.storage.k8s.io "{name}" not found'
            yield Trouble("ProvisioningFailed", message, "persistentvolume-controller", 40)


def _of_pod(pod: Json) -> Iterator[Trouble]:
    meta, status = pod["metadata"], pod.get("status", {})
    if "deletionTimestamp" in meta:
        return
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield Trouble("FailedScheduling", condition["message"], "default-scheduler")
    for container in status.get("containerStatuses", ()):
        waiting = container["state"].get("waiting", {})
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason == "CrashLoopBackOff":
            name = f"{container['name']} in pod {meta['name']}_{meta['namespace']}({meta['uid']})"
            words = f"Back-off restarting failed container {name}"
            yield Trouble("BackOff", words, "kubelet", max(1, container["restartCount"]))
        elif reason == "ImagePullBackOff":
            _, _, why = message.partition("ErrImagePull: ")
            yield Trouble("Failed", f'Failed to pull image "{container["image"]}": {why}', "kubelet", 4)
            yield Trouble("Failed", "Error: ErrImagePull", "kubelet", 4)
        elif reason == "CreateContainerConfigError":
            yield Trouble("Failed", f"Error: {message}", "kubelet", 12)


def report(recorder: EventRecorder, store: ObjectStore, kind: str, manifest: Json, now: datetime) -> None:
    """Emit the Events about an object."""
    for trouble in troubles_of(kind, manifest, store):
        recorder.warn(
            store.collection(kind).kind,
            manifest,
            trouble.reason,
            trouble.message,
            source=trouble.source,
            now=now,
            times=trouble.times,
        )


def report_all(recorder: EventRecorder, store: ObjectStore, now: datetime) -> None:
    """Emit the Events about everything that fails, if the store serves Events."""
    if EVENT not in store.collections:
        return
    for kind in TROUBLED:
        if kind in store.collections:
            for manifest in store.manifests(kind):
                report(recorder, store, kind, manifest, now)
