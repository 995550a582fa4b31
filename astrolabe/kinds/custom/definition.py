"""What discovery and the CustomResourceDefinition say of a kind."""

from __future__ import annotations

import msgspec

from astrolabe.graph.state.identity import GroupKind


class PrinterColumn(msgspec.Struct, frozen=True):
    """One of the CRD's `additionalPrinterColumns`. path: its JSONPath. priority: 0 is shown by default."""

    name: str
    path: str
    type: str = "string"
    description: str = ""
    priority: int = 0


class ServedVersion(msgspec.Struct, frozen=True):
    """A version that the API server serves.

    has_status: whether it has the subresource `status`, so that a controller is expected to write one; None
        if that is unknown.
    """

    name: str
    columns: tuple[PrinterColumn, ...] = ()
    has_status: bool | None = None


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A custom kind as one cluster serves it. versions: the preferred one first; at least one."""

    group: str
    kind: str
    plural: str
    versions: tuple[ServedVersion, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True

    @property
    def id(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    def version(self, wanted: tuple[str, ...] = ()) -> ServedVersion:
        """The first of the wanted versions that is served, else the preferred one."""
        served = {version.name: version for version in self.versions}
        return next((served[name] for name in wanted if name in served), self.versions[0])
