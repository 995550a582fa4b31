"""Words and columns of answers for people: counts, ages, and tables that fit a terminal."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from shutil import get_terminal_size

import click
import msgspec

from astrolabe.cli.formatting import STATUS_COLOURS
from astrolabe.printable import printable

#: Columns of a terminal that does not say how wide it is, and of what is no terminal.
USUAL_WIDTH = 100
#: Columns in which a cell may be wrapped at least, and the blanks between two.
NARROWEST, GAP = 18, 2
#: Kinds that are named in a count; the others are summed up.
MOST_KINDS = 4
#: The kinds that tell people the most come first, and those that merely follow from others last.
_FIRST = (
    "Ingress",
    "Route",
    "CronJob",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Service",
    "Pod",
    "Node",
    "PersistentVolumeClaim",
)
_LAST = ("ReplicaSet", "EndpointSlice", "Endpoints")


class TableColumn(msgspec.Struct, frozen=True):
    """A column of a table. wraps: whether it may be wrapped at words; other columns may not."""

    title: str
    wraps: bool = False


def width() -> int:
    """The columns to fit into: those of COLUMNS or of the terminal."""
    return max(get_terminal_size((USUAL_WIDTH, 24)).columns, 20)


def colour() -> bool | None:
    """Whether to print colours; None: if stdout is a terminal. NO_COLOR: see no-color.org."""
    return False if os.environ.get("NO_COLOR") else None


def counted(number: int, kind: str) -> str:
    """`1 Pod`, `3 Ingresses`, `2 NetworkPolicies`; without the group of a custom kind."""
    name = kind.partition(".")[0]
    if number != 1:
        if name.endswith("y") and name[-2:-1] not in "aeiou":
            name = f"{name[:-1]}ies"
        elif name.endswith("Endpoints"):
            pass
        else:
            name += "es" if name.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{number:,} {name}"


def counts(kinds: Mapping[str, int], most: int = MOST_KINDS) -> str:
    """`1 Ingress, 3 Pods and 2 more`; "" for nothing."""
    ordered = sorted(kinds.items(), key=lambda each: (place_of(each[0]), each[0]))
    shown = ordered if len(ordered) <= most + 1 else ordered[:most]
    said = ", ".join([counted(number, kind) for kind, number in shown])
    rest = sum([number for _, number in ordered[len(shown) :]])
    return printable(f"{said} and {rest:,} more" if rest else said)


def place_of(kind: str) -> int:
    """The order of kinds, the most telling first."""
    name = kind.partition(".")[0]
    if name in _LAST:
        return len(_FIRST) + 1 + _LAST.index(name)
    name = "Route" if name.endswith("Route") else name
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    """The text, wrapped at a width. Words and names stay whole, and a number stays with its kind."""
    joined = re.sub(r"(\d) (?=[A-Z])", "\\1\0", printable(text))
    lines = textwrap.wrap(
        joined,
        max(columns, len(indent) + 10),
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    return [line.replace("\0", " ") for line in lines]


def styled(status: str, text: str = "") -> str:
    """A text in the colour of a status, which is also the text unless one is given."""
    return click.style(text or status, fg=STATUS_COLOURS.get(status))


def table(
    columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], room: int, *, status: int = 0
) -> list[list[str]] | None:
    """The lines of the title, then of each row; None if they do not fit into `room` columns.

    status: the column that is printed in its colour.
    """
    cells = [[column.title for column in columns], *[list(map(printable, row)) for row in rows]]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    loose = [at for at, column in enumerate(columns) if column.wraps]
    over = sum(widths) + GAP * (len(columns) - 1) - room
    for at in sorted(loose, key=lambda at: -widths[at]):
        taken = min(max(over, 0), max(widths[at] - NARROWEST, 0))
        widths[at] -= taken
        over -= taken
    if over > 0:
        return None
    return [_lines(cells[0], widths), *[_lines(row, widths, status) for row in cells[1:]]]


def _lines(row: Sequence[str], widths: Sequence[int], status: int | None = None) -> list[str]:
    stacks = [
        wrapped(cell, width) if len(cell) > width else [cell] for cell, width in zip(row, widths, strict=True)
    ]
    lines = []
    for number in range(max(map(len, stacks))):
        parts = [
            (stack[number] if number < len(stack) else "").ljust(width)
            for stack, width in zip(stacks, widths, strict=True)
        ]
        if number == 0 and status is not None:
            parts[status] = styled(row[status]) + " " * (widths[status] - len(row[status]))
        lines.append((" " * GAP).join(parts).rstrip())
    return lines


def echo(lines: Iterable[str]) -> None:
    """Print lines on stdout."""
    for line in lines:
        click.echo(line, color=colour())
