"""Filters, made without their texts."""

from typing import Any

from astrolabe.graph.filter import Filter


def filter_of(
    *, kind: frozenset[str] = frozenset(), status: frozenset[str] = frozenset(), **others: Any
) -> Filter:
    """A filter for any of these kinds and statuses. others: of `Filter`."""
    own = tuple([(name, values) for name, values in (("kind", kind), ("status", status)) if values])
    return Filter(own=own, **others)
