"""CSIDriver: a storage driver of the cluster."""

from __future__ import annotations

from typing import Annotated

from astrolabe.kinds.common import always_ready
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Items, Manifest, Projection
from astrolabe.kinds.metadata import Metadata, about


class CsiDriverSpec(Projection):
    """`attachRequired` absent means true, `volumeLifecycleModes` Persistent."""

    attach_required: bool | None = None
    storage_capacity: bool | None = None
    volume_lifecycle_modes: Items[str] | None = None


class CsiDriver(Manifest):
    spec: CsiDriverSpec | None = None


class CsiDriverMetadata(Metadata):
    attach_required: Annotated[bool | None, about("Whether it attaches volumes to Nodes.")] = None
    storage_capacity: Annotated[bool | None, about("Whether it tells how much room there is.")] = None
    modes: Annotated[list[str], about("Whose lives its volumes share.", ["Persistent"])] = []


def _metadata(driver: CsiDriver) -> CsiDriverMetadata:
    spec = driver.spec or CsiDriverSpec()
    return CsiDriverMetadata(
        attach_required=spec.attach_required is not False,
        storage_capacity=bool(spec.storage_capacity),
        modes=spec.volume_lifecycle_modes or ["Persistent"],
    )


CSI_DRIVER = Kind(
    name="CSIDriver",
    group="storage.k8s.io",
    version="v1",
    plural="csidrivers",
    layer="storage",
    column=7,
    mark="csi",
    manifest=CsiDriver,
    status=always_ready,
    metadata=_metadata,
    shows=CsiDriverMetadata,
    namespaced=False,
    optional=True,
    expected=False,
)
