"""ResourceClaim, DeviceClass: devices that Pods ask for (dynamic resource allocation)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import USES_CLASS
from astrolabe.graph.state.status import PENDING, READY, Status
from astrolabe.kinds.common import always_ready
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, about


class DeviceSubRequest(Projection):
    """`exactly`, and each of `firstAvailable`."""

    device_class_name: str = ""


class DeviceRequest(Projection):
    """device_class_name: in v1beta1, in place of `exactly`."""

    name: str = ""
    device_class_name: str = ""
    exactly: DeviceSubRequest | None = None
    first_available: Items[DeviceSubRequest] | None = None


class DeviceRequests(Projection):
    requests: Items[DeviceRequest] | None = None


class ResourceClaimSpec(Projection):
    devices: DeviceRequests | None = None


class Allocation(Projection):
    """What was allocated is not decoded."""


class Consumer(Projection):
    resource: str = ""
    name: str = ""


class ResourceClaimStatus(Projection):
    allocation: Allocation | None = None
    reserved_for: Items[Consumer] | None = None


class ResourceClaim(Manifest):
    spec: ResourceClaimSpec | None = None
    status: ResourceClaimStatus | None = None


def _claim_status(claim: ResourceClaim) -> Status:
    """In the words of kubectl's column STATE."""
    status = claim.status or ResourceClaimStatus()
    if status.allocation is None:
        return Status(PENDING, "Pending", "Waiting for devices to be allocated")
    if status.reserved_for:
        return Status(READY, "Reserved", "Devices are allocated, and reserved for its Pods")
    return Status(READY, "Allocated", "Devices are allocated")


class ResourceClaimMetadata(Metadata):
    reserved_for: Annotated[list[str], about("The Pods that may use the devices.")] = []


def _claim_metadata(claim: ResourceClaim) -> ResourceClaimMetadata:
    consumers = (claim.status or ResourceClaimStatus()).reserved_for or ()
    return ResourceClaimMetadata(reserved_for=[each.name for each in consumers])


def _classes(claim: ResourceClaim) -> Iterator[tuple[str, str, bool]]:
    """The names of the DeviceClasses, each with its field, and whether it is one of several choices."""
    devices = (claim.spec or ResourceClaimSpec()).devices or DeviceRequests()
    for request in devices.requests or ():
        path = f"spec.devices.requests[{request.name}]"
        if request.device_class_name:
            yield request.device_class_name, f"{path}.deviceClassName", False
        if request.exactly is not None:
            yield request.exactly.device_class_name, f"{path}.exactly.deviceClassName", False
        for index, choice in enumerate(request.first_available or ()):
            yield choice.device_class_name, f"{path}.firstAvailable[{index}].deviceClassName", True


def _claim_links(claim: ResourceClaim) -> list[Ref]:
    return [
        Ref(USES_CLASS, "DeviceClass", "", name, field, optional=is_choice)
        for name, field, is_choice in _classes(claim)
        if name
    ]


RESOURCE_CLAIM = Kind(
    name="ResourceClaim",
    group="resource.k8s.io",
    older=("v1beta2", "v1beta1"),
    version="v1",
    plural="resourceclaims",
    layer="storage",
    column=5,
    mark="claim",
    manifest=ResourceClaim,
    status=_claim_status,
    metadata=_claim_metadata,
    shows=ResourceClaimMetadata,
    links=_claim_links,
    makes=((USES_CLASS, "DeviceClass"),),
    optional=True,
    expected=False,
)

DEVICE_CLASS = Kind(
    name="DeviceClass",
    group="resource.k8s.io",
    older=("v1beta2", "v1beta1"),
    version="v1",
    plural="deviceclasses",
    layer="storage",
    column=7,
    mark="dc",
    manifest=Manifest,
    status=always_ready,
    namespaced=False,
    optional=True,
    expected=False,
)
