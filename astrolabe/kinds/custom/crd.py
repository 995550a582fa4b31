"""What a CustomResourceDefinition says of the kind that it defines."""

from __future__ import annotations

import re
from typing import Any

from astrolabe.kinds import common
from astrolabe.kinds.custom.definition import Definition, PrinterColumn, ServedVersion
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Condition, Items, Manifest, Projection


class CrdNames(Projection):
    plural: str = ""
    kind: str = ""
    short_names: Items[str] | None = None
    categories: Items[str] | None = None


class CrdColumn(Projection):
    name: str = ""
    json_path: str = ""
    type: str = "string"
    description: str = ""
    priority: int = 0


class CrdSubresources(Projection):
    status: dict[str, Any] | None = None


class CrdVersion(Projection):
    name: str = ""
    served: bool = False
    additional_printer_columns: Items[CrdColumn] | None = None
    subresources: CrdSubresources | None = None


class CrdSpec(Projection):
    group: str = ""
    scope: str = "Namespaced"
    names: CrdNames | None = None
    versions: Items[CrdVersion] | None = None


class CrdStatus(Projection):
    accepted_names: CrdNames | None = None
    conditions: Items[Condition] | None = None


class CrdManifest(Manifest):
    """Without the schemas, which take most of the space."""

    spec: CrdSpec | None = None
    status: CrdStatus | None = None


def definition_of(crd: CrdManifest) -> Definition | None:
    """The kind that it defines; None as long as the API server does not serve it."""
    spec, status = crd.spec, crd.status
    if spec is None or status is None or not common.holds(status.conditions, "Established"):
        return None
    names = status.accepted_names or spec.names
    served = sorted([each for each in spec.versions or () if each.served], key=_priority)
    if names is None or not (served and spec.group and names.kind and names.plural):
        return None
    return Definition(
        group=spec.group,
        kind=names.kind,
        plural=names.plural,
        versions=tuple(map(_version, served)),
        short_names=tuple(names.short_names or ()),
        categories=tuple(names.categories or ()),
        namespaced=spec.scope != "Cluster",
    )


def _version(version: CrdVersion) -> ServedVersion:
    return ServedVersion(
        version.name,
        columns=tuple(
            PrinterColumn(each.name, each.json_path, each.type, each.description, each.priority)
            for each in version.additional_printer_columns or ()
        ),
        has_status=version.subresources is not None and version.subresources.status is not None,
    )


_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STAGES = {None: 0, "beta": 1, "alpha": 2}


def _priority(version: CrdVersion) -> tuple[int, int, int, int, str]:
    """The order in which the API server prefers versions: v2, v1, v1beta2, v1alpha1, then all others by name
    (apimachinery's CompareKubeAwareVersionStrings)."""
    match = _VERSION.fullmatch(version.name)
    if match is None:
        return 1, 0, 0, 0, version.name
    major, stage, minor = match.groups()
    return 0, _STAGES[stage], -int(major), -int(minor or 0), ""


#: The entry by which CRDs are watched for what they define. It is in no catalogue.
CRDS: Kind[CrdManifest] = Kind(
    name="CustomResourceDefinition",
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    layer="cluster",
    manifest=CrdManifest,
    status=common.always_ready,
    details=definition_of,
    namespaced=False,
    optional=True,
)
