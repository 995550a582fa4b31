"""What a volume is filled from."""

from __future__ import annotations

from collections.abc import Iterable

from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.edge_types import USES
from astrolabe.graph.state.identity import GroupKind
from astrolabe.kinds.manifest import Projection


class DataSource(Projection):
    """What a volume is filled from. `namespace` is of `dataSourceRef` only."""

    api_group: str | None = None
    kind: str = ""
    name: str = ""
    namespace: str = ""


def link_source(sources: Iterable[tuple[DataSource | None, str]], own: str) -> list[Ref]:
    """The snapshot or claim that a claim is filled from. Once it is filled, the source is not needed.

    sources: where it may be named, each with its field; the first counts. own: the claim's namespace.
    """
    for source, field in sources:
        if source is not None and source.kind and source.name:
            kind = GroupKind(source.api_group or "", source.kind).key
            return [Ref(USES, kind, source.namespace or own, source.name, field, optional=True)]
    return []
