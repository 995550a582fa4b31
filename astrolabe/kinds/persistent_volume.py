"""PersistentVolume."""

from __future__ import annotations

import msgspec

from astrolabe.graph.model.links import Link, Ref
from astrolabe.graph.state.edge_types import ATTACHES, BINDS, USES_CLASS
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest, Projection
from astrolabe.kinds.metadata import Metadata, Quantity

#: What the phase of a volume, or of a claim, means.
PHASES = {
    "Bound": READY,
    "Available": READY,
    "Pending": PENDING,
    "Released": PENDING,
    "Lost": ERROR,
    "Failed": ERROR,
}


class Quantities(Projection):
    storage: str = ""


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
        PHASES.get(status.phase, PENDING),
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
