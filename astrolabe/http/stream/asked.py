"""What a subscription asks for, from the words of a message or of a query."""

from __future__ import annotations

from collections.abc import Sequence

from astrolabe.graph.selector import quoted
from astrolabe.graph.state.edge_types import EDGE_TYPES
from astrolabe.graph.views.filter import Filter, FilterRules
from astrolabe.graph.views.neighbourhood import AskedNeighbourhood
from astrolabe.graph.views.summary import DIMENSIONS, MOST_DIMENSIONS
from astrolabe.http.errors import bad_parameter
from astrolabe.http.query import QueryReader
from astrolabe.http.stream.open_stream import Asked
from astrolabe.http.stream.problem_feed import AskedProblems
from astrolabe.http.stream.summary_feed import AskedSummary

#: What clients can subscribe to.
WHATS = ("graph", "problems", "summary", "neighbourhood")
#: Of a neighbourhood: the most nodes in its focus, edges from there, and nodes.
MOST_FOCUS, MOST_DEPTH, MOST_NODES = 100, 6, 5000
DEPTH, LIMIT = 2, 500


def asked_for(
    what: str,
    filter: Filter,
    *,
    detail: bool = False,
    by: Sequence[str] = (),
    focus: Sequence[str] = (),
    depth: int | None = None,
    types: Sequence[str] = (),
    limit: int | None = None,
) -> Asked:
    """What these words ask for. Raises Refusal."""
    if by and what != "summary":
        raise bad_parameter(f"by belongs to a summary, not to {quoted(what)}")
    given = {"focus": focus, "depth": depth is not None, "types": types, "limit": limit is not None}
    if what == "neighbourhood":
        return _neighbourhood(
            filter, focus, DEPTH if depth is None else depth, types, LIMIT if limit is None else limit
        )
    for name, value in given.items():
        if value:
            raise bad_parameter(f"{name} belongs to a neighbourhood, not to {quoted(what)}")
    if what == "problems":
        return AskedProblems(filter, detail)
    return AskedSummary(dimensions(by), filter) if what == "summary" else filter


def pop_asked(query: QueryReader, rules: FilterRules) -> tuple[Asked, Filter]:
    """What a query asks for, and its filter. Raises Refusal or FilterError."""
    what = query.pop_choice("what", WHATS, "graph")
    detail, by = query.pop_flag("detail", default=False), query.pop_list("by")
    focus, types = query.pop_list("focus"), query.pop_list("types")
    depth, limit = query.pop_number("depth"), query.pop_number("limit")
    filter = query.pop_filter(rules)
    asked = asked_for(what, filter, detail=detail, by=by, focus=focus, depth=depth, types=types, limit=limit)
    return asked, filter


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


def focus_of(focus: Sequence[str]) -> tuple[str, ...]:
    """The uids around which a neighbourhood is. Raises Refusal."""
    if not 1 <= len(focus) <= MOST_FOCUS:
        raise bad_parameter(f"focus is 1 to {MOST_FOCUS} uids, not {len(focus)}")
    return tuple(dict.fromkeys(focus))


def _neighbourhood(
    filter: Filter, focus: Sequence[str], depth: int, types: Sequence[str], limit: int
) -> AskedNeighbourhood:
    if filter:
        raise bad_parameter("a neighbourhood has a focus, and no filter")
    if not 0 <= depth <= MOST_DEPTH:
        raise bad_parameter(f"depth is a number from 0 to {MOST_DEPTH}, not {depth}")
    if not 1 <= limit <= MOST_NODES:
        raise bad_parameter(f"limit is a number from 1 to {MOST_NODES}, not {limit}")
    for type in types:
        if type not in EDGE_TYPES:
            raise bad_parameter(f"there is no edge type {quoted(type)}; /api/v1/edge-types lists them")
    return AskedNeighbourhood(focus_of(focus), depth, frozenset(types), limit)
