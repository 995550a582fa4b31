"""The catalogue's entry of a custom kind, made of its definition and of its rule if there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from astrolabe.graph.model.facts import Facts
from astrolabe.kinds import common
from astrolabe.kinds.custom import columns, generic
from astrolabe.kinds.custom.definition import Definition, ServedVersion
from astrolabe.kinds.custom.paths import parse
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.custom.verdict import Verdict
from astrolabe.kinds.kind import Kind, Layer
from astrolabe.kinds.manifest import Manifest

#: Where each layer stands in the viewer; see `Kind.column`.
COLUMNS: dict[Layer, int] = {
    "ingress": 0,
    "service": 1,
    "workload": 2,
    "run": 3,
    "pod": 4,
    "configuration": 5,
    "storage": 5,
    "policy": 1,
    "cluster": 6,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class CustomKind(Kind[Manifest]):
    """An entry that is made, not written.

    judge: the status by the manifest alone, once it is not being deleted. shown: what the node shows.
    rule: the file that its rule stands in; "" if it has none.
    """

    judge: Callable[[Manifest], Verdict]
    shown: Callable[[Manifest], dict[str, Any]]
    rule: str = ""

    def verdict(self, manifest: Manifest) -> Verdict:
        """Its status, and the field that decided it."""
        if manifest.metadata.deletion_timestamp:
            deleted = common.terminating(manifest.metadata, self.deletion(manifest))
            return Verdict(deleted, "metadata.deletionTimestamp")
        return self.judge(manifest)

    def facts(self, manifest: Manifest) -> Facts:
        """Everything that the manifest says; see `Kind.facts`."""
        verdict = self.verdict(manifest)
        metadata = self.shown(manifest)
        if verdict.decided_by:
            metadata["decidedBy"] = verdict.decided_by
        return self._facts(manifest, verdict.status, metadata)


def entry_of(definition: Definition, rulebook: RuleBook) -> CustomKind:
    """The entry of a kind: by its rule if the book has one, else by what all kinds have in common."""
    return _without_rule(definition, definition.version())


def _without_rule(definition: Definition, version: ServedVersion) -> CustomKind:
    keys = columns.shown_by(version.columns)
    spec = [parse(f"spec.{name}") for name in GENERIC_SPEC]
    projection = ProjectionOf(definition.kind, [*spec, *[key.path for key in keys]], raw=("status",))
    layer: Layer = "configuration" if definition.namespaced else "cluster"
    return CustomKind(
        name=definition.kind,
        group=definition.group,
        version=version.name,
        plural=definition.plural,
        short_names=definition.short_names,
        layer=layer,
        column=COLUMNS[layer],
        namespaced=definition.namespaced,
        optional=True,
        manifest=projection.type,
        status=_not_called,
        shows=columns.metadata_type(definition.kind, keys),
        judge=_generic_judge(projection, version.has_status),
        shown=columns.reader(keys, projection),
    )


#: What is read of every spec.
GENERIC_SPEC = ("suspend", "suspended", "paused", "pause", "replicas")

_STATUS = msgspec.json.Decoder(generic.RawStatus)


def _generic_judge(projection: ProjectionOf, has_status: bool | None) -> Callable[[Manifest], Verdict]:
    spec = {name: projection.scalar(parse(f"spec.{name}")) for name in GENERIC_SPEC}
    raw_status = projection.raw_reader("status")

    def judge(manifest: Manifest) -> Verdict:
        raw = raw_status(manifest)
        return generic.judge(
            generic.Given(
                generation=manifest.metadata.generation,
                spec={name: read(manifest) for name, read in spec.items()},
                status=_STATUS.decode(raw) if len(raw) else None,
                has_status=has_status,
            )
        )

    return judge


def _not_called(_: Manifest) -> Any:
    raise AssertionError("a custom kind is judged by `judge`")
