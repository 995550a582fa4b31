"""StorageClass."""

from __future__ import annotations

import msgspec

from astrolabe.kinds.common import always_ready
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest

#: The name under which a claim without a class finds the default one; no real name has a blank.
DEFAULT_CLASS_ALIAS = "default class"


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


class StorageClassDetails(msgspec.Struct, frozen=True, gc=False):
    """What claims read of their class.

    binds_late: a volume is made or chosen only when a Pod is to use the claim. provisioner: who makes
        volumes.
    """

    binds_late: bool
    provisioner: str = ""


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
