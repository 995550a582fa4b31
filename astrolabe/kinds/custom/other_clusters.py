"""References to objects in other clusters.

Apart from the references, which know one cluster: what a manifest calls another one is read here only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from astrolabe.graph.model.links import Link, Ref
from astrolabe.kinds.custom.attribute_readers import Scalar
from astrolabe.kinds.custom.paths import Path, last_many
from astrolabe.kinds.custom.projection import ProjectionOf
from astrolabe.kinds.manifest import LONGEST_NAME

Read = Callable[[Any], Iterable[Link]]


def elsewhere(read: Read, paths: Iterable[Path], projection: ProjectionOf) -> Read:
    """Reads the same references as being in the clusters that these paths name."""
    readers = [_values(path, projection) for path in paths]

    def links(manifest: Any) -> Iterator[Link]:
        clusters = dict.fromkeys([each for values in readers for each in values(manifest)])
        for cluster in clusters:
            for link in read(manifest):
                if isinstance(link, Ref):
                    yield replace(link, cluster=cluster, optional=True)

    return links


def _values(path: Path, projection: ProjectionOf) -> Callable[[Any], list[str]]:
    """Reads all texts at a path."""
    at = last_many(path)
    if not at:
        one = projection.scalar(path)
        return lambda manifest: _texts_among([one(manifest)])
    items, scalar = projection.items(path[:at]), projection.scalar_below(path[:at], path[at:])
    return lambda manifest: _texts_among([scalar(item) for item, _ in items(manifest)])


def _texts_among(values: Iterable[Scalar]) -> list[str]:
    return [each for each in values if isinstance(each, str) and 0 < len(each) <= LONGEST_NAME]
