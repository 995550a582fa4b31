"""`astrolabe problems`: what is broken, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from astrolabe.age import age
from astrolabe.cli import wording
from astrolabe.cli.wording import TableColumn
from astrolabe.client import ReportedProblem
from astrolabe.printable import printable

#: What a problem is called that is over and still listed.
ENDED = "Ended"

_COLUMNS = (
    TableColumn("STATUS"),
    TableColumn("REASON"),
    TableColumn("CAUSE"),
    TableColumn("AGE"),
    TableColumn("AFFECTED", wraps=True),
)
_INDENT = "  "


def lines_of(problems: Sequence[ReportedProblem], *, now: float, room: int) -> list[str]:
    """A table if the names fit into `room` columns, or else a few lines for each. now: Unix seconds."""
    if not problems:
        return []
    rows = [_cells(each, now) for each in problems]
    found = wording.table(_COLUMNS, rows, room)
    if found is None:
        heads = [_stacked(row, room) for row in rows]
        lines: list[str] = []
    else:
        lines, heads = found[0], found[1:]
    for problem, head in zip(problems, heads, strict=True):
        lines += [*head, *wording.wrapped(problem.message, room, _INDENT)]
    return lines


def _cells(problem: ReportedProblem, now: float) -> tuple[str, ...]:
    status = ENDED if problem.ended else problem.status
    affected = wording.counts(problem.affected.kinds) or "nothing else"
    return status, problem.reason, cause_of(problem), age(problem.since, now) or "?", affected


def cause_of(problem: ReportedProblem) -> str:
    """`Pod/shop/web-1`, `Pod/shop/web-1 ×40`, `Secret/shop/db (missing)`."""
    cause = problem.cause
    said = cause.path
    if cause.missing:
        said += " (missing)"
    return f"{said} ×{cause.count}" if cause.count > 1 else said


def _stacked(row: Sequence[str], room: int) -> list[str]:
    status, reason, cause, since, affected = row
    return [
        f"{wording.styled(status)} {printable(reason)}, {since}",
        f"{_INDENT}cause: {printable(cause)}",
        *wording.wrapped(f"affected: {affected}", room, _INDENT),
    ]


def summary(problems: Sequence[ReportedProblem], limit: int, *, sees_all: bool = True) -> str:
    """The last line, for people. sees_all: whether the user may see everything."""
    if not problems:
        return _nothing(sees_all)
    if len(problems) >= limit:
        return f"only the first {limit:,} problems are shown; --limit shows more"
    return ""


def headline(problems: Sequence[ReportedProblem], *, sees_all: bool = True) -> str:
    """`2 problems`, above each list of `--watch`."""
    number = sum([not each.ended for each in problems])
    return _nothing(sees_all) if not number else f"{number:,} problem{'' if number == 1 else 's'}"


def _nothing(sees_all: bool) -> str:
    return "nothing is broken" if sees_all else "nothing is broken in what you may see"
