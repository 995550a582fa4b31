"""PersistentVolumeClaim, PersistentVolume, StorageClass."""

from __future__ import annotations

import re

import msgspec

from astrolabe.graph.model.facts import Derived, Neighborhood, Peer, Read
from astrolabe.graph.model.links import Link, Ref
from astrolabe.graph.state.edge_types import BINDS, MOUNTS, USES_CLASS
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.common import always_ready
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, Quantity

#: The label under which a StatefulSet finds the claims of its templates; no real key has a blank.
CLAIM_PREFIX_LABEL = "claim prefix"

#: The name under which a claim without a class finds the default one; no real name has a blank.
DEFAULT_CLASS_ALIAS = "default class"

_ORDINAL = re.compile(r"(.+)-(?:0|[1-9][0-9]*)\Z", re.DOTALL)


class Quantities(Projection):
    storage: str = ""


class ClaimSpec(Projection):
    """`storageClassName` absent means the default class, "" none."""

    access_modes: Items[str] | None = None
    volume_name: str | None = None
    storage_class_name: str | None = None


class ClaimStatus(Projection):
    phase: str = "Pending"
    capacity: Quantities | None = None


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


def _claim_status(claim: Claim) -> Status:
    spec, phase = claim.spec or ClaimSpec(), (claim.status or ClaimStatus()).phase
    messages = {
        "Bound": f"Bound to {spec.volume_name}",
        "Lost": f"The volume {spec.volume_name} does not exist any more",
    }
    return Status(_PHASES.get(phase, PENDING), phase, messages.get(phase, "Waiting for a volume"))


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
        links.append(Ref(USES_CLASS, "StorageClass", "", name, field))
    return links


def _claim_selectable(claim: Claim) -> dict[str, str]:
    """A label for its StatefulSet: its name without the ordinal, unless a StatefulSet owns it anyway."""
    match = _ORDINAL.match(claim.metadata.name)
    owners = claim.metadata.owner_references or ()
    if match is None or any(owner.kind == "StatefulSet" for owner in owners):
        return {}
    return {CLAIM_PREFIX_LABEL: match[1]}


def _derive_claim(claim: Peer, neighborhood: Neighborhood) -> Derived:
    """If the class binds late, a pending claim is fine until a pod mounts it."""
    if claim.status.reason != "Pending":
        return Derived(claim.status)
    classes = [each.details for each in neighborhood.outgoing(USES_CLASS, "StorageClass")]
    binds_late = any(each.volume_binding_mode == "WaitForFirstConsumer" for each in classes)
    if binds_late and not list(neighborhood.incoming(MOUNTS, "Pod")) and neighborhood.is_complete("Pod"):
        return Derived(msgspec.structs.replace(claim.status, message="waiting for first consumer"))
    return Derived(claim.status)


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
    makes=((BINDS, "PersistentVolume"), (USES_CLASS, "StorageClass")),
    selectable=_claim_selectable,
    derive=_derive_claim,
    reads=(Read("outgoing", USES_CLASS, "StorageClass"), Read("incoming", MOUNTS, "Pod")),
)


class ClaimReference(Projection):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class VolumeSpec(Projection):
    capacity: Quantities | None = None
    claim_ref: ClaimReference | None = None
    persistent_volume_reclaim_policy: str = ""
    storage_class_name: str | None = None


class VolumeStatus(Projection):
    phase: str = "Pending"
    message: str = ""
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
        status.message or messages.get(status.phase, "Not available yet"),
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
    if claim is not None and claim.name:
        links.append(
            Ref(
                BINDS,
                "PersistentVolumeClaim",
                claim.namespace,
                claim.name,
                "spec.claimRef",
                reverse=True,
                uid=claim.uid,
            )
        )
    if spec.storage_class_name:
        links.append(Ref(USES_CLASS, "StorageClass", "", spec.storage_class_name, "spec.storageClassName"))
    return links


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
    makes=((BINDS, "PersistentVolumeClaim"), (USES_CLASS, "StorageClass")),
    namespaced=False,
)


class StorageClassDetails(msgspec.Struct, frozen=True, gc=False):
    """What claims read of their class."""

    volume_binding_mode: str


class StorageClass(Manifest):
    """`volumeBindingMode` absent means Immediate."""

    volume_binding_mode: str | None = None


def _class_aliases(storage_class: StorageClass) -> tuple[str, ...]:
    annotations = storage_class.metadata.annotations
    if annotations is None:
        return ()
    marks = (annotations.default_storage_class, annotations.beta_default_storage_class)
    return (DEFAULT_CLASS_ALIAS,) if "true" in marks else ()


def _class_details(storage_class: StorageClass) -> StorageClassDetails:
    return StorageClassDetails(storage_class.volume_binding_mode or "Immediate")


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
