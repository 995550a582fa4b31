"""PersistentVolumeClaim."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref
from astrolabe.graph.state.edge_types import BINDS, MOUNTS, USES, USES_CLASS
from astrolabe.graph.state.identity import GroupKind
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.kind import ANY_KIND, Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, Quantity
from astrolabe.kinds.persistent_volume import PHASES, Quantities
from astrolabe.kinds.storage_class import DEFAULT_CLASS_ALIAS

#: The label under which a StatefulSet finds the claims of its templates; no real key has a blank.
CLAIM_PREFIX_LABEL = "claim prefix"

_ORDINAL = re.compile(r"(.+)-(?:0|[1-9][0-9]*)\Z", re.DOTALL)


class DataSource(Projection):
    """What a volume is filled from. `namespace` is of `dataSourceRef` only."""

    api_group: str | None = None
    kind: str = ""
    name: str = ""
    namespace: str = ""


class ClaimResources(Projection):
    requests: Quantities | None = None


class ClaimSpec(Projection):
    """`storageClassName` absent means the default class, "" none."""

    access_modes: Items[str] | None = None
    volume_name: str | None = None
    storage_class_name: str | None = None
    resources: ClaimResources | None = None
    data_source: DataSource | None = None
    data_source_ref: DataSource | None = None


class ClaimChange(Projection):
    """How far a change to another VolumeAttributesClass is: Pending, InProgress or Infeasible."""

    status: str = ""
    target: str = msgspec.field(default="", name="targetVolumeAttributesClassName")


class ClaimStatus(Projection):
    """`allocatedResourceStatuses` tells how far a resize is. If it is absent, there is none."""

    phase: str = "Pending"
    capacity: Quantities | None = None
    conditions: Items[Condition] | None = None
    allocated_resource_statuses: Quantities | None = None
    modify_volume_status: ClaimChange | None = None


class Claim(Manifest):
    """PersistentVolumeClaim."""

    spec: ClaimSpec | None = None
    status: ClaimStatus | None = None


_WAITING = "Waiting for a volume"


def _claim_status(claim: Claim) -> Status:
    spec, status = claim.spec or ClaimSpec(), claim.status or ClaimStatus()
    if status.phase == "Bound":
        return _judge_changes(spec, status, f"Bound to {spec.volume_name}")
    messages = {"Lost": f"The volume {spec.volume_name} does not exist any more"}
    return Status(PHASES.get(status.phase, PENDING), status.phase, messages.get(status.phase, _WAITING))


def _judge_changes(spec: ClaimSpec, status: ClaimStatus, bound: str) -> Status:
    """The status of a bound claim. If a change of it fails, it continues to work as before."""
    told = {each.type: each for each in status.conditions or () if each.status == "True"}
    progress = status.allocated_resource_statuses
    state = progress.storage if progress is not None else ""
    failure = told.get("ControllerResizeError") or told.get("NodeResizeError")
    if failure is not None or state.endswith(("Infeasible", "Failed")):
        return _failed_to_change("ResizeFailed", f"{_tell_resize(spec, status)} failed", failure, state)
    failure, change = told.get("ModifyVolumeError"), status.modify_volume_status or ClaimChange()
    to = f"VolumeAttributesClass {change.target}" if change.target else "another VolumeAttributesClass"
    if failure is not None or change.status == "Infeasible":
        return _failed_to_change("ModifyFailed", f"Changing to {to} failed", failure, change.status)
    running = told.get("FileSystemResizePending") or told.get("Resizing")
    if running is not None or state:
        words = running.message if running is not None else ""
        resize = f"{_tell_resize(spec, status)}: {words or state or 'in progress'}"
        return Status(READY, "Bound", f"{bound}. {resize}")
    if change.status:
        return Status(READY, "Bound", f"{bound}. Changing to {to}: {change.status}")
    return Status(READY, "Bound", bound)


def _failed_to_change(reason: str, what: str, failure: Condition | None, state: str = "") -> Status:
    words = (failure.message or failure.reason) if failure is not None else ""
    since = failure.last_transition_time if failure is not None else None
    return Status(ERROR, reason, ": ".join([each for each in (what, words or state) if each]), since)


def _tell_resize(spec: ClaimSpec, status: ClaimStatus) -> str:
    requests = spec.resources.requests if spec.resources is not None else None
    sizes = [each.storage for each in (status.capacity, requests) if each is not None and each.storage]
    if len(sizes) < 2 or sizes[0] == sizes[1]:
        return "Resizing"
    return f"Resizing from {sizes[0]} to {sizes[1]}"


def _class_name(claim: Claim) -> str | None:
    """The class that the claim names; None means the default class, "" no class."""
    spec, annotations = claim.spec or ClaimSpec(), claim.metadata.annotations
    if spec.storage_class_name is None and annotations is not None and annotations.storage_class:
        return annotations.storage_class
    return spec.storage_class_name


class ClaimMetadata(Metadata):
    volume_name: str = ""
    storage_class: str = ""
    capacity: Quantity = ""
    access_modes: list[str] = []


def _claim_metadata(claim: Claim) -> ClaimMetadata:
    spec, status = claim.spec or ClaimSpec(), claim.status or ClaimStatus()
    return ClaimMetadata(
        volume_name=spec.volume_name or "",
        storage_class=_class_name(claim) or "",
        capacity=status.capacity.storage if status.capacity is not None else "",
        access_modes=spec.access_modes or [],
    )


def _claim_links(claim: Claim) -> list[Link]:
    """Once it has its volume it needs no class: static volumes name classes that have no object."""
    spec = claim.spec or ClaimSpec()
    links: list[Link] = []
    if spec.volume_name:
        links.append(Ref(BINDS, "PersistentVolume", "", spec.volume_name, "spec.volumeName"))
    name, field = _class_name(claim), "spec.storageClassName"
    if name is None:
        links.append(Ref(USES_CLASS, "StorageClass", "", DEFAULT_CLASS_ALIAS, field, optional=True))
    elif name:
        if spec.storage_class_name is None:
            field = "metadata.annotations[volume.beta.kubernetes.io/storage-class]"
        bound = (claim.status or ClaimStatus()).phase == "Bound"
        links.append(Ref(USES_CLASS, "StorageClass", "", name, field, optional=bound))
    sources = ((spec.data_source_ref, "spec.dataSourceRef"), (spec.data_source, "spec.dataSource"))
    return [*links, *_source_links(sources, claim.metadata.namespace)]


def _claim_selectable(claim: Claim) -> dict[str, str]:
    """A label for its StatefulSet: its name without the ordinal, unless a StatefulSet owns it anyway."""
    match = _ORDINAL.match(claim.metadata.name)
    owners = claim.metadata.owner_references or ()
    if match is None or any(owner.kind == "StatefulSet" for owner in owners):
        return {}
    return {CLAIM_PREFIX_LABEL: match[1]}


class ClaimDetails(msgspec.Struct, frozen=True, gc=False):
    """What `derive` of the claim reads of itself.

    wants_default: it names no class. wants_none: it asks for none, so that no volume is made for it.
    """

    wants_default: bool = False
    wants_none: bool = False


def _claim_details(claim: Claim) -> ClaimDetails:
    name = _class_name(claim)
    return ClaimDetails(wants_default=name is None, wants_none=name == "")


def _derive_claim(claim: Peer, neighborhood: Neighborhood) -> Derived:
    """Why it waits, as far as its neighbours tell."""
    status = claim.status
    if status.reason == "Pending":
        message = _tell_waiting(claim.details, f"{claim.namespace}/{claim.name}", neighborhood)
        return Derived(msgspec.structs.replace(status, message=message or status.message))
    if status.reason == "Terminating" and _PROTECTION in status.message:
        pods = _users(neighborhood)
        if pods:
            message = f"{status.message}: still used by pod{'s' if pods[1:] else ''} {', '.join(pods)}"
            return Derived(msgspec.structs.replace(status, message=message))
    return Derived(status)


#: The finalizer of a claim that a pod uses.
_PROTECTION = "kubernetes.io/pvc-protection"


def _users(neighborhood: Neighborhood) -> list[str]:
    """The pods that mount it and have not finished, by name; one that is being deleted still does."""
    pods = neighborhood.incoming(MOUNTS, "Pod")
    return sorted([pod.name for pod in pods if pod.details.is_live or pod.status.severity == PENDING])


#: The provisioner of classes whose volumes are made by hand.
_NOBODY = "kubernetes.io/no-provisioner"


def _tell_maker(storage_class: Peer) -> str:
    """Who should make the volume."""
    maker = storage_class.details.provisioner
    if maker == _NOBODY:
        return f"No persistent volumes are available for it: nothing makes any of class {storage_class.name}"
    return f"Waiting for {maker} to make a volume of class {storage_class.name}" if maker else ""


def _tell_waiting(details: ClaimDetails, place: str, neighborhood: Neighborhood) -> str:
    """ "" when nothing is known. place: namespace and name of the claim."""
    missing = [each for each in neighborhood.unresolved if each.kind in ("PersistentVolume", "StorageClass")]
    if missing:
        return ", ".join([f'{each.kind} "{each.name}" does not exist' for each in missing])
    for volume in neighborhood.outgoing(BINDS, "PersistentVolume", own=True):
        if volume.details not in ("", place) or volume.status.reason in ("Released", "Failed"):
            return f'PersistentVolume "{volume.name}" is not free: {volume.status.message}'
    classes = list(neighborhood.outgoing(USES_CLASS, "StorageClass"))
    if not classes and details.wants_default and neighborhood.is_complete("StorageClass"):
        return "No persistent volumes are available for it: it names no StorageClass, and none is the default"
    if details.wants_none:
        return "No persistent volumes are available for it: it waits until somebody creates one"
    if classes and not any(each.details.binds_late for each in classes):
        return _tell_maker(classes[0])
    if not classes:
        return ""
    pods = _users(neighborhood)
    if pods:
        return f"Waiting for a volume for pod {pods[0]}"
    return "waiting for first consumer" if neighborhood.is_complete("Pod") else ""


def _source_links(sources: Iterable[tuple[DataSource | None, str]], own: str) -> list[Ref]:
    """The snapshot or claim that a claim is filled from. Once it is filled, the source is not needed.

    sources: where it may be named, each with its field; the first counts. own: the claim's namespace.
    """
    for source, field in sources:
        if source is not None and source.kind and source.name:
            kind = GroupKind(source.api_group or "", source.kind).key
            return [Ref(USES, kind, source.namespace or own, source.name, field, optional=True)]
    return []


PERSISTENT_VOLUME_CLAIM = Kind(
    name="PersistentVolumeClaim",
    group="",
    version="v1",
    plural="persistentvolumeclaims",
    layer="storage",
    column=5,
    short_names=("pvc",),
    manifest=Claim,
    status=_claim_status,
    metadata=_claim_metadata,
    shows=ClaimMetadata,
    links=_claim_links,
    makes=((BINDS, "PersistentVolume"), (USES_CLASS, "StorageClass"), (USES, ANY_KIND)),
    selectable=_claim_selectable,
    details=_claim_details,
    derive=_derive_claim,
    reads=(
        Read("outgoing", USES_CLASS, "StorageClass"),
        Read("outgoing", BINDS, "PersistentVolume", own=True),
        Read("incoming", MOUNTS, "Pod"),
    ),
)
