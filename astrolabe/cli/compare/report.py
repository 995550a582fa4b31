"""The report of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from astrolabe.cli.compare.comparison import Comparison, DiscrepancyGroup, Example
from astrolabe.cli.compare.discrepancy import DiscrepancyKind
from astrolabe.cli.formatting import json_line
from astrolabe.printable import printable

#: Most characters of a value to show.
SHOWN = 80
#: Most places to name per kind and path, for differences that nobody notices.
NAMED = 6

_ORDER = {kind: place for place, kind in enumerate(get_args(DiscrepancyKind))}


def report(comparison: Comparison, output: str) -> Iterator[str]:
    """The lines of the report. output: `text` or `json`."""
    if output == "json":
        yield from map(json_line, documents(comparison))
    else:
        yield from map(printable, lines(comparison))


def groups_of(comparison: Comparison) -> list[DiscrepancyGroup]:
    """Noticeable differences first, in the order of kinds."""
    return sorted(comparison.groups.values(), key=lambda group: (_ORDER[group.kind], group.path, group.where))


def lines(comparison: Comparison) -> Iterator[str]:
    """For people: noticeable differences with examples, then a summary of the others."""
    groups = groups_of(comparison)
    noticed = [group for group in groups if group.is_noticed]
    unnoticed = [group for group in groups if not group.is_noticed]
    if noticed:
        yield f"A client of {comparison.first} would notice these differences in {comparison.second}:"
        yield from _table(noticed)
    if unnoticed:
        yield "It would not notice:"
        yield from _summary(unnoticed)
    yield _verdict(comparison, len(noticed))


def documents(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """For programs: one document per kind of difference, and a summary at the end."""
    for group in groups_of(comparison):
        yield {
            "kind": group.kind,
            "path": group.path,
            "where": group.where,
            "count": group.count,
            "noticed": group.is_noticed,
            "examples": [_document(example) for example in group.examples],
        }
    yield {
        "first": comparison.first,
        "second": comparison.second,
        "asked": comparison.asked,
        "questions": comparison.questions,
        "noticed": comparison.is_noticed,
    }


def _document(example: Example) -> dict[str, str]:
    difference = example.difference
    text = {"item": difference.item, "first": difference.first, "second": difference.second}
    return {"question": example.request, **{key: text for key, text in text.items() if text}}


def _table(groups: list[DiscrepancyGroup]) -> Iterator[str]:
    """Noticeable differences, with examples."""
    rows = [(group, (group.kind, group.path, group.where, f"{group.count:,}")) for group in groups]
    widths = [max(len(cells[column]) for _, cells in rows) for column in range(4)]
    for group, cells in rows:
        start = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        for example in group.examples:
            yield f"  {start}  {_example_text(example, group.path)}".rstrip()
            start = " " * len(start)


def _summary(groups: list[DiscrepancyGroup]) -> Iterator[str]:
    """Other differences, one line per kind and path."""
    rows: dict[tuple[str, str], list[DiscrepancyGroup]] = {}
    for group in groups:
        rows.setdefault((group.kind, group.path), []).append(group)
    widths = [max(len(key[column]) for key in rows) for column in range(2)]
    for key, members in rows.items():
        members.sort(key=lambda group: -group.count)
        text = ", ".join(f"{group.where} {group.count:,}" for group in members[:NAMED])
        more = f", and {len(members) - NAMED} more" if len(members) > NAMED else ""
        yield f"  {key[0]:<{widths[0]}}  {key[1]:<{widths[1]}}  {text}{more}"


def _example_text(example: Example, path: str) -> str:
    difference = example.difference
    text = difference.item
    if difference.first and difference.second:
        values = f"first {_short(difference.first)}, second {_short(difference.second)}"
        text = f"{text}: {values}" if text else values
    elif difference.first and difference.first != text:
        text = f"{text}: {_short(difference.first)}" if text else _short(difference.first)
    at = f"(at {example.request})" if example.request != path else ""
    return " ".join(filter(None, (text, at)))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _verdict(comparison: Comparison, noticed: int) -> str:
    left = comparison.questions - comparison.asked
    asked = f"{comparison.asked:,} requests were sent"
    if left:
        asked += f", {left:,} similar ones were not; --values=0 sends all"
    if not noticed:
        return f"A client of {comparison.first} would notice nothing. {asked}."
    kinds = "1 kind" if noticed == 1 else f"{noticed} kinds"
    return f"{kinds} of difference would be noticed. {asked}."
