"""What all kinds share: owners, Helm, the first steps of every status, defaults of a table entry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from sys import intern

import msgspec

from astrolabe.graph.model.facts import Read
from astrolabe.graph.model.links import Link, RefByUid
from astrolabe.graph.selector import Selector, SelectorError, from_expressions
from astrolabe.graph.state.edge_types import OWNS, SELECTS
from astrolabe.graph.state.identity import HelmReleaseName, Release
from astrolabe.graph.state.status import PENDING, READY, Status
from astrolabe.kinds.manifest import LONGEST_NAME, Condition, LabelSelector, Manifest, ObjectMeta
from astrolabe.kinds.metadata import NoMetadata

#: References and selections of one object. Each costs some 3 µs when the object changes, and what does not
#: resolve stands in its node.
MOST_LINKS = 5_000

#: Characters of a message, as metav1.Condition has it; of one that another object quotes; of a time.
LONGEST_MESSAGE = 32_768
LONGEST_QUOTE = 1_024
LONGEST_TIME = 64


#: What is kept at hand of objects that others are like. They come together, in a list and in a rollout.
SIBLINGS = 1024


def too_many_links(most: int) -> str:
    """Why an object with more is left out."""
    return f"has more than {most} references to other objects"


_NO_METADATA = NoMetadata()


def no_metadata(_: Manifest) -> NoMetadata:
    return _NO_METADATA


def no_links(_: Manifest) -> tuple[Link, ...]:
    return ()


def no_aliases(_: Manifest) -> tuple[str, ...]:
    return ()


def no_details(_: Manifest) -> None:
    return None


def no_revision(_: Manifest) -> None:
    return None


#: Of kinds that look at the Pods that they select.
READS_SELECTED_PODS = Read("outgoing", SELECTS, "Pod")


_ALWAYS_READY = Status(READY, "Ready")


def always_ready(_: Manifest) -> Status:
    """The status of kinds that are always ready."""
    return _ALWAYS_READY


def labels_of(manifest: Manifest) -> dict[str, str]:
    """The labels of an object."""
    return interned_labels(manifest.metadata)


def interned_labels(meta: ObjectMeta) -> dict[str, str]:
    """The labels, of which there is one copy for all pods of a workload. Do not change them."""
    return _shared_labels(tuple(meta.labels.items())) if meta.labels else {}


@lru_cache(maxsize=SIBLINGS)
def _shared_labels(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {intern(key): intern(value) for key, value in pairs}


def owner_links(meta: ObjectMeta) -> list[RefByUid]:
    """metadata.ownerReferences, for every kind, by uid.

    The owner is in the holder's namespace or has none.
    """
    return [
        _owner_link(owner.uid, owner.kind, meta.namespace, owner.name, index, owner.api_version)
        for index, owner in enumerate(meta.owner_references or ())
        if owner.uid
    ]


@lru_cache(maxsize=SIBLINGS)
def _owner_link(uid: str, kind: str, namespace: str, name: str, index: int, api_version: str) -> RefByUid:
    """One copy for all that it owns."""
    return RefByUid(
        OWNS,
        intern(uid),
        intern(kind),
        intern(namespace),
        intern(name),
        intern(f"metadata.ownerReferences[{index}].uid"),
        reverse=True,
        group=intern(api_version.rpartition("/")[0]) if api_version else None,
    )


@lru_cache(maxsize=4096)
def _release(namespace: str, name: str) -> Release:
    """One object for all resources of a release."""
    return Release(intern(namespace), intern(name))


def own_release(meta: ObjectMeta) -> Release | None:
    """The Helm release that the object names by an annotation, which Helm sets on what it applies."""
    annotations = meta.annotations
    if annotations is None or not annotations.helm_release_name:
        return None
    namespace = annotations.helm_release_namespace or meta.namespace
    return _release(namespace, annotations.helm_release_name)


def label_release(meta: ObjectMeta) -> Release | None:
    """The Helm release that the object names by the labels of a chart; see `Facts.label_release`."""
    labels = meta.labels
    if labels and labels.get("app.kubernetes.io/managed-by") == "Helm":
        instance = labels.get("app.kubernetes.io/instance")
        if instance:
            return _release(meta.namespace, instance)
    return None


def made_by(meta: ObjectMeta) -> HelmReleaseName | None:
    """The HelmRelease by which Flux made the object; None if it did not."""
    labels = meta.labels
    namespace = labels.get("helm.toolkit.fluxcd.io/namespace") if labels else None
    if not labels or not namespace:
        return None
    return HelmReleaseName(intern(namespace), intern(labels.get("helm.toolkit.fluxcd.io/name", "")))


def own_chart(meta: ObjectMeta) -> str:
    """The chart that the object itself names, interned, since many objects share it."""
    chart = meta.labels.get("helm.sh/chart", "") if meta.labels else ""
    if not chart and meta.annotations is not None:
        chart = meta.annotations.helm_chart
    return intern(chart)


class Belonging(msgspec.Struct, frozen=True, gc=False):
    """What the metadata of an object says of its owners, and of its release and chart; see `Facts`."""

    owners: tuple[RefByUid, ...]
    release: Release | None
    label_release: Release | None
    made_by: HelmReleaseName | None
    chart: str


def read_belonging(meta: ObjectMeta, owners: Iterable[RefByUid]) -> Belonging:
    """owners: as the object's kind reads them."""
    release = own_release(meta)
    return Belonging(
        tuple(owners),
        release,
        None if release is not None else label_release(meta),
        made_by(meta),
        own_chart(meta),
    )


def shortened(text: str, longest: int) -> str:
    """The text, shortened with an ellipsis if it is too long."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def limited(status: Status) -> Status:
    """The status, with texts no longer than an API server accepts."""
    since = status.since
    if (
        len(status.message) <= LONGEST_MESSAGE
        and len(status.reason) <= LONGEST_NAME
        and (since is None or len(since) <= LONGEST_TIME)
    ):
        return status
    return Status(
        status.severity,
        shortened(status.reason, LONGEST_NAME),
        shortened(status.message, LONGEST_MESSAGE),
        since if since is None or len(since) <= LONGEST_TIME else None,
    )


def terminating(meta: ObjectMeta, message: str) -> Status:
    """The status of an object that is being deleted; the message says what holds it."""
    return Status(PENDING, "Terminating", message or "Terminating", deleted_at(meta) or None)


#: What Kubernetes' own finalizers wait for.
_AWAITED = {
    "foregroundDeletion": "until all that it owns is deleted",
    "orphan": "until what it owns is let go of",
    "kubernetes.io/pvc-protection": "until no pod uses it",
    "kubernetes.io/pv-protection": "until no claim is bound to it",
    "external-provisioner.volume.kubernetes.io/finalizer": "until its storage is deleted",
    "batch.kubernetes.io/job-tracking": "until its Job has counted it",
    "service.kubernetes.io/load-balancer-cleanup": "until its load balancer is deleted",
}


def tell_finalizers(finalizers: Iterable[str] | None) -> str:
    """Who must act before a deleted object is gone; "" if nobody has to."""
    names = [f"{each} ({_AWAITED[each]})" if each in _AWAITED else each for each in finalizers or () if each]
    if not names:
        return ""
    return f"Waiting for finalizer{'s' if len(names) > 1 else ''} {', '.join(names)}"


def tell_deletion(manifest: Manifest) -> str:
    """What holds an object that is being deleted: its finalizers."""
    return tell_finalizers(manifest.metadata.finalizers)


def behind(meta: ObjectMeta, observed_generation: int | None) -> Status | None:
    """The status while the controller has not seen the latest change. None: the kind's own rule decides."""
    if observed_generation is None or observed_generation >= meta.generation:
        return None
    latest = "to see the latest change" if observed_generation else "to see it for the first time"
    return Status(PENDING, "Progressing", f"Waiting for the controller {latest}")


def deleted_at(meta: ObjectMeta) -> str:
    """When deletion was requested: the API sets deletionTimestamp to that time plus the grace period."""
    grace = meta.deletion_grace_period_seconds
    return _asked_at(meta.deletion_timestamp, grace) if grace else meta.deletion_timestamp


@lru_cache(maxsize=1024)  # each state of an object that is being deleted asks again
def _asked_at(deletion: str, grace: int) -> str:
    try:
        asked = datetime.fromisoformat(deletion) - timedelta(seconds=grace)
    except (ValueError, OverflowError):
        return deletion
    return asked.strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(conditions: Iterable[Condition] | None, type: str) -> Condition | None:
    """The condition of this type."""
    if conditions is not None:
        for each in conditions:
            if each.type == type:
                return each
    return None


def holds(conditions: Iterable[Condition] | None, type: str) -> bool:
    """Whether the condition of this type is True."""
    found = condition(conditions, type)
    return found is not None and found.status == "True"


def selector_of(selector: LabelSelector | None) -> Selector | None:
    """What a metav1.LabelSelector selects; None if it is absent or invalid."""
    if selector is None:
        return None
    expressions = [(each.key, each.operator, each.values or ()) for each in selector.match_expressions or ()]
    try:
        return from_expressions(selector.match_labels or {}, expressions)
    except SelectorError:
        return None
