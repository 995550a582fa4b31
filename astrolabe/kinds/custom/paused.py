"""How a person stops a controller: the fields and annotations that many kinds share."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from astrolabe.kinds.custom.paths import Path, parse, show
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.custom.verdict import Verdict, pending

#: Fields and annotations, and the values that mean it; none: any value, also an empty one.
_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("spec.suspend", ("true",)),
    ("spec.suspended", ("true",)),
    ("spec.paused", ("true",)),
    ("spec.pause", ("true",)),
    ("metadata.annotations[cluster.x-k8s.io/paused]", ()),
    ("metadata.annotations[strimzi.io/pause-reconciliation]", ("true",)),
    ("metadata.annotations[crossplane.io/paused]", ("true",)),
    ("metadata.annotations[cnpg.io/reconciliationLoop]", ("disabled",)),
    ("metadata.annotations[cnpg.io/hibernation]", ("on",)),
    ("metadata.annotations[autoscaling.keda.sh/paused]", ("true",)),
    ("metadata.annotations[autoscaling.keda.sh/paused-replicas]", ()),
)

_FIELDS: tuple[tuple[Path, tuple[str, ...]], ...] = tuple([(parse(text), values) for text, values in _SIGNS])
PATHS: tuple[Path, ...] = tuple([path for path, _ in _FIELDS])


def step(projection: ProjectionOf) -> Callable[[Any], Verdict | None]:
    """Whether one of them is set."""
    signs = [(projection.scalar(path), values, _verdict(path)) for path, values in _FIELDS]
    in_spec, in_annotations = signs[:4], signs[4:]

    def find(manifest: Any) -> Verdict | None:
        for read, _, verdict in in_spec:
            value = read(manifest)
            if value is True or value == "true":
                return verdict
        if manifest.metadata.annotations is None:
            return None
        for read, values, verdict in in_annotations:
            value = read(manifest)
            if value is not None and (not values or value in values):
                return verdict
        return None

    return find


@lru_cache(maxsize=64)
def _verdict(path: Path) -> Verdict:
    where = show(path)
    return pending("Paused", f"Paused by {where}", by=where)
