"""Makes filters without parsing texts."""

from typing import Any

from astrolabe.graph.search.term import Term
from astrolabe.graph.views.filter import Filter, own_values


def filter_of(
    *,
    kind: frozenset[str] = frozenset(),
    status: frozenset[str] = frozenset(),
    q: str = "",
    **others: Any,
) -> Filter:
    """A filter for any of these kinds and statuses. q: a text to find. others: of `Filter`."""
    if q:
        others["search"] = (Term("", ":", ((q,),)),)
    return Filter(own=own_values({"kind": kind, "status": status}), **others)
