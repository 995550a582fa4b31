"""The reduced entry of a kind with too many objects to read them whole: only their metadata."""

from __future__ import annotations

from typing import Any

from astrolabe.graph.state.status import UNKNOWN, Status
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest

#: The reason of the status of such objects.
METADATA_ONLY = "MetadataOnly"


def outline_of(kind: Kind[Any], most: int) -> Kind[Manifest]:
    """The same kind by its metadata alone: name, labels, owners, release.

    most: the limit that it is beyond.
    """
    status = Status(
        UNKNOWN,
        METADATA_ONLY,
        f"There are more than {most:,} of this kind (--max-custom-objects), so only their metadata is read",
    )
    return Kind(
        name=kind.name,
        group=kind.group,
        version=kind.version,
        plural=kind.plural,
        layer=kind.layer,
        column=kind.column,
        short_names=kind.short_names,
        namespaced=kind.namespaced,
        optional=kind.optional,
        expected=kind.expected,
        manifest=Manifest,
        status=lambda _: status,
        metadata_only=True,
    )
