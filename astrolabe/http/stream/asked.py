"""What a subscription asks for, from the words of a message or of a query."""

from __future__ import annotations

from collections.abc import Sequence

from astrolabe.graph.selector import quoted
from astrolabe.graph.views.filter import Filter
from astrolabe.graph.views.summary import DIMENSIONS, MOST_DIMENSIONS
from astrolabe.http.errors import bad_parameter
from astrolabe.http.stream.open_stream import Asked
from astrolabe.http.stream.problem_feed import AskedProblems
from astrolabe.http.stream.summary_feed import AskedSummary

#: What clients can subscribe to.
WHATS = ("graph", "problems", "summary")


def asked_for(what: str, filter: Filter, *, detail: bool = False, by: Sequence[str] = ()) -> Asked:
    """What these words ask for. Raises Refusal."""
    if by and what != "summary":
        raise bad_parameter(f"by belongs to a summary, not to {quoted(what)}")
    if what == "problems":
        return AskedProblems(filter, detail)
    if what == "summary":
        return AskedSummary(dimensions(by), filter)
    return filter


def dimensions(by: Sequence[str]) -> tuple[str, ...]:
    """What a summary groups by. Raises Refusal."""
    for name in by:
        if name not in DIMENSIONS:
            raise bad_parameter(f"by is one or two of {', '.join(DIMENSIONS)}, not {quoted(name)}")
    if not 1 <= len(by) <= MOST_DIMENSIONS or len(set(by)) < len(by):
        raise bad_parameter(
            f"by is one or two different ones of {', '.join(DIMENSIONS)}; there are {len(by)}"
        )
    return tuple(by)
