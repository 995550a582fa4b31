"""Makes filters without parsing texts."""

from typing import Any

from astrolabe.graph.views.filter import Filter, own_values


def filter_of(
    *, kind: frozenset[str] = frozenset(), status: frozenset[str] = frozenset(), **others: Any
) -> Filter:
    """A filter for any of these kinds and statuses. others: of `Filter`."""
    return Filter(own=own_values({"kind": kind, "status": status}), **others)
