"""CustomResourceDefinitions, which add, change and remove the kinds that a store serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from astrolabe.kinds import common
from astrolabe.kinds.custom.crd import CrdManifest, definition_of
from astrolabe.kinds.custom.definition import Definition
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest
from astrolabe.kinds.metadata import NoMetadata

Json = dict[str, Any]


#: The conditions of a definition that is served.
_ACCEPTED = [
    {"type": type, "status": "True", "reason": reason, "message": message}
    for type, reason, message in (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    )
]


def crd(
    kind: str,
    group: str,
    *,
    plural: str = "",
    scope: str = "Namespaced",
    versions: Sequence[str] = ("v1",),
    short_names: Sequence[str] = (),
    categories: Sequence[str] = (),
    columns: Iterable[Mapping[str, Any]] = (),
    status: bool = True,
) -> Json:
    """The manifest of a CustomResourceDefinition that is served at once.

    versions: all served, the first stored. columns: additionalPrinterColumns. status: as a subresource.
    """
    plural = plural or f"{kind.lower()}s"
    names: Json = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    names |= {"shortNames": list(short_names)} if short_names else {}
    names |= {"categories": list(categories)} if categories else {}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = [
        {
            "name": version,
            "served": True,
            "storage": index == 0,
            "schema": schema,
            **({"subresources": {"status": {}}} if status else {}),
            **({"additionalPrinterColumns": list(columns)} if columns else {}),
        }
        for index, version in enumerate(versions)
    ]
    return {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": names,
            "scope": scope,
            "versions": served,
            "conversion": {"strategy": "None"},
        },
        "status": {"conditions": _ACCEPTED, "acceptedNames": names, "storedVersions": [versions[0]]},
    }


def defined_by(manifest: Json) -> Definition | None:
    """The kind that a definition makes the server serve; None if it is not established."""
    whole = {**manifest, "metadata": {"name": manifest["metadata"]["name"]}}
    return definition_of(msgspec.convert(whole, CrdManifest))


def served_as(definition: Definition) -> tuple[Kind[Any], ...]:
    """The kind, once per served version. The preferred version comes first."""
    return tuple(
        Kind(
            name=definition.kind,
            group=definition.group,
            version=version.name,
            plural=definition.plural,
            short_names=definition.short_names,
            layer="configuration",
            manifest=Manifest,
            status=common.always_ready,
            shows=NoMetadata,
            namespaced=definition.namespaced,
            optional=True,
        )
        for version in definition.versions
    )
