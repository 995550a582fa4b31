"""PersistentVolumeClaim, PersistentVolume, StorageClass."""

from __future__ import annotations

import re

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref
from astrolabe.graph.state.edge_types import ATTACHES, BINDS, MOUNTS, USES, USES_CLASS
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import always_ready
from astrolabe.kinds.data_source import DataSource, link_source
from astrolabe.kinds.kind import ANY_KIND, Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, Quantity

#: The label under which a StatefulSet finds the claims of its templates; no real key has a blank.
CLAIM_PREFIX_LABEL = "claim prefix"

#: The name under which a claim without a class finds the default one; no real name has a blank.
DEFAULT_CLASS_ALIAS = "default class"

_ORDINAL = re.compile(r"(.+)-(?:0|[1-9][0-9]*)\Z", re.DOTALL)


class Quantities(Projection):
    storage: str = ""


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


_PHASES = {
    "Bound": READY,
    "Available": READY,
    "Pending": PENDING,
    "Released": PENDING,
    "Lost": ERROR,
    "Failed": ERROR,
}
_WAITING = "Waiting for a volume"


def _claim_status(claim: Claim) -> Status:
    spec, status = claim.spec or ClaimSpec(), claim.status or ClaimStatus()
    if status.phase == "Bound":
        return _judge_changes(spec, status, f"Bound to {spec.volume_name}")
    messages = {"Lost": f"The volume {spec.volume_name} does not exist any more"}
    return Status(_PHASES.get(status.phase, PENDING), status.phase, messages.get(status.phase, _WAITING))


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
    return [*links, *link_source(sources, claim.metadata.namespace)]


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


class StorageClassDetails(msgspec.Struct, frozen=True, gc=False):
    """What claims read of their class.

    binds_late: a volume is made or chosen only when a Pod is to use the claim. provisioner: who makes
        volumes.
    """

    binds_late: bool
    provisioner: str = ""


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


class ClaimReference(Projection):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class VolumeSecret(Projection):
    name: str = ""
    namespace: str = ""


class CsiSource(Projection):
    """What a driver knows a volume by, and the Secrets that it reads for it."""

    driver: str = ""
    volume_handle: str = ""
    controller_publish_secret_ref: VolumeSecret | None = None
    node_stage_secret_ref: VolumeSecret | None = None
    node_publish_secret_ref: VolumeSecret | None = None
    controller_expand_secret_ref: VolumeSecret | None = None
    node_expand_secret_ref: VolumeSecret | None = None

    def secrets(self) -> tuple[tuple[str, VolumeSecret | None], ...]:
        """Each by its name in the manifest."""
        return (
            ("controllerPublishSecretRef", self.controller_publish_secret_ref),
            ("nodeStageSecretRef", self.node_stage_secret_ref),
            ("nodePublishSecretRef", self.node_publish_secret_ref),
            ("controllerExpandSecretRef", self.controller_expand_secret_ref),
            ("nodeExpandSecretRef", self.node_expand_secret_ref),
        )


class VolumeSpec(Projection):
    capacity: Quantities | None = None
    claim_ref: ClaimReference | None = None
    persistent_volume_reclaim_policy: str = ""
    storage_class_name: str | None = None
    csi: CsiSource | None = None


class VolumeStatus(Projection):
    phase: str = "Pending"
    message: str = ""
    reason: str = ""
    last_phase_transition_time: str | None = None


class PersistentVolume(Manifest):
    spec: VolumeSpec | None = None
    status: VolumeStatus | None = None


def _volume_status(volume: PersistentVolume) -> Status:
    status, claim = volume.status or VolumeStatus(), (volume.spec or VolumeSpec()).claim_ref
    whose = f"{claim.namespace}/{claim.name}" if claim is not None else ""
    messages = {
        "Bound": f"Bound to {whose}",
        "Available": "Available",
        "Released": f"Released by {whose}, not reclaimed yet",
        "Failed": "Reclaiming failed",
    }
    return Status(
        _PHASES.get(status.phase, PENDING),
        status.phase,
        status.message or status.reason or messages.get(status.phase, "Not available yet"),
        status.last_phase_transition_time,
    )


class BoundClaim(msgspec.Struct, frozen=True, gc=False):
    """The claim that a volume is bound to."""

    kind: str
    namespace: str
    name: str
    uid: str


class VolumeMetadata(Metadata):
    claim_ref: BoundClaim | None = None
    capacity: Quantity = ""
    reclaim_policy: str = ""
    storage_class: str = ""


def _bound_claim(claim: ClaimReference) -> BoundClaim:
    return BoundClaim(claim.kind or "PersistentVolumeClaim", claim.namespace, claim.name, claim.uid)


def _volume_metadata(volume: PersistentVolume) -> VolumeMetadata:
    spec = volume.spec or VolumeSpec()
    claim = spec.claim_ref
    return VolumeMetadata(
        claim_ref=_bound_claim(claim) if claim is not None else None,
        capacity=spec.capacity.storage if spec.capacity is not None else "",
        reclaim_policy=spec.persistent_volume_reclaim_policy,
        storage_class=spec.storage_class_name or "",
    )


def _volume_links(volume: PersistentVolume) -> list[Link]:
    """The edge from the claim, by a link of the volume: only the claim with the bound uid counts."""
    spec = volume.spec or VolumeSpec()
    claim = spec.claim_ref
    links: list[Link] = []
    # A claim that is gone is what makes a volume Released
    over = (volume.status or VolumeStatus()).phase in ("Released", "Failed")
    if claim is not None and claim.name:
        links.append(
            Ref(
                BINDS,
                "PersistentVolumeClaim",
                claim.namespace,
                claim.name,
                "spec.claimRef",
                over,
                reverse=True,
                uid=claim.uid,
            )
        )
    if spec.storage_class_name:
        # It has its storage, whether or not there is a class of that name
        name, field = spec.storage_class_name, "spec.storageClassName"
        links.append(Ref(USES_CLASS, "StorageClass", "", name, field, optional=True))
    for key, secret in spec.csi.secrets() if spec.csi is not None else ():
        if secret is not None and secret.name:
            links.append(Ref(ATTACHES, "Secret", secret.namespace, secret.name, f"spec.csi.{key}"))
    return links


def _volume_details(volume: PersistentVolume) -> str:
    """For which claim it is, by namespace and name; "" for any."""
    claim = (volume.spec or VolumeSpec()).claim_ref
    return f"{claim.namespace}/{claim.name}" if claim is not None and claim.name else ""


def _volume_aliases(volume: PersistentVolume) -> tuple[str, ...]:
    """Driver and handle, by which a Node names a volume; no name has a ^."""
    csi = (volume.spec or VolumeSpec()).csi
    return (f"{csi.driver}^{csi.volume_handle}",) if csi is not None and csi.volume_handle else ()


PERSISTENT_VOLUME = Kind(
    name="PersistentVolume",
    group="",
    version="v1",
    plural="persistentvolumes",
    layer="storage",
    column=6,
    short_names=("pv",),
    manifest=PersistentVolume,
    status=_volume_status,
    metadata=_volume_metadata,
    shows=VolumeMetadata,
    links=_volume_links,
    makes=((BINDS, "PersistentVolumeClaim"), (USES_CLASS, "StorageClass"), (ATTACHES, "Secret")),
    aliases=_volume_aliases,
    details=_volume_details,
    namespaced=False,
)


class StorageClass(Manifest):
    """`volumeBindingMode` absent means Immediate."""

    provisioner: str = ""
    volume_binding_mode: str | None = None


def _class_aliases(storage_class: StorageClass) -> tuple[str, ...]:
    annotations = storage_class.metadata.annotations
    if annotations is None:
        return ()
    marks = (annotations.default_storage_class, annotations.beta_default_storage_class)
    return (DEFAULT_CLASS_ALIAS,) if "true" in marks else ()


def _class_details(storage_class: StorageClass) -> StorageClassDetails:
    late = storage_class.volume_binding_mode == "WaitForFirstConsumer"
    return StorageClassDetails(late, storage_class.provisioner)


STORAGE_CLASS = Kind(
    name="StorageClass",
    group="storage.k8s.io",
    version="v1",
    plural="storageclasses",
    layer="storage",
    column=7,
    short_names=("sc",),
    manifest=StorageClass,
    status=always_ready,
    aliases=_class_aliases,
    details=_class_details,
    namespaced=False,
)
