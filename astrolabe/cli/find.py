"""`astrolabe find`: what a search finds, as a table for people.

Apart from what asks for it (`questions`), so that a table can be tested without a server.
"""

from __future__ import annotations

from collections.abc import Sequence

from astrolabe.cli import wording
from astrolabe.cli.finding import FoundObject
from astrolabe.cli.wording import TableColumn
from astrolabe.printable import printable

_CLUSTER = TableColumn("CLUSTER")
_COLUMNS = tuple(map(TableColumn, ("KIND", "NAMESPACE", "NAME", "STATUS", "REASON", "AGE")))
_MESSAGE = TableColumn("MESSAGE", wraps=True)
_STATUS = 3
_INDENT = "  "


def lines_of(found: Sequence[FoundObject], room: int) -> list[str]:
    """One line for each with the message at its end, or below if there is no room; or else a few lines."""
    if not found:
        return []
    rows: list[tuple[str, ...]] = [
        (each.kind, each.namespace or "-", each.name, each.status, each.reason, each.age or "?")
        for each in found
    ]
    columns, status = _COLUMNS, _STATUS
    if any(each.cluster for each in found):
        columns, status = (_CLUSTER, *_COLUMNS), _STATUS + 1
        rows = [(each.cluster, *row) for each, row in zip(found, rows, strict=True)]
    said = ["" if each.status == "Ready" else each.message for each in found]
    wide = [(*row, message) for row, message in zip(rows, said, strict=True)]
    table = wording.table((*columns, _MESSAGE), wide, room, status=status)
    if table is not None:
        return [line for lines in table for line in lines]
    table = wording.table(columns, rows, room, status=status)
    if table is None:
        table = [[], *[_stacked(each, row[-1]) for each, row in zip(found, rows, strict=True)]]
    lines = table[0]
    for head, message in zip(table[1:], said, strict=True):
        lines += [*head, *wording.wrapped(message, room, _INDENT)]
    return lines


def _stacked(one: FoundObject, age: str) -> list[str]:
    reason = "" if one.reason in ("", one.status) else f" {printable(one.reason)}"
    return [printable(one.where), f"{_INDENT}{wording.styled(one.status)}{reason}, {printable(age)} old"]
