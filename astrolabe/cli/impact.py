"""`astrolabe impact`: what would happen without an object, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from astrolabe.cli import wording
from astrolabe.cli.why import named
from astrolabe.client import ImpactForecast
from astrolabe.client.answers import RequestedEviction
from astrolabe.client.reported import NamedObject
from astrolabe.printable import printable

#: Objects that are named under each title; `-o json` has them all.
MOST_NAMED = 20

#: The actions, and what happens to the target.
ACTIONS = {
    "fail": "fails",
    "delete": "is deleted",
    "drain": "is drained",
    "cordon": "is cordoned",
    "restart": "is restarted",
}


def lines_of(told: ImpactForecast, *, room: int) -> Iterator[str]:
    """What prevents the action, then what it affects, the worst first."""
    levels, numbers = told.levels, told.counts
    yield f"If {named(told.target)} {ACTIONS.get(told.action, told.action)}:"
    before = [*_blocks(told, room), *_evictions(told.evictions, room)]
    hit = [
        *_level("stops", levels.stops, numbers.stops, room),
        *_level("degrades", levels.degrades, numbers.degrades, room),
        *_level("loses a copy", levels.loses_copy, numbers.loses_copy, room),
        *_level("goes on, and fails at its next start", told.later, _kinds(told.later), room),
    ]
    yield from before
    yield from hit or ([] if before else ["  nothing else is concerned"])
    if told.entries:
        yield from wording.wrapped(f"Users notice: {_paths(told.entries)}", room, "  ")
    if told.releases:
        releases = ", ".join([f"{each.namespace}/{each.name}" for each in told.releases])
        yield from wording.wrapped(f"Helm releases: {releases}", room, "  ")


def _level(title: str, nodes: Sequence[NamedObject], kinds: dict[str, int], room: int) -> Iterator[str]:
    if not nodes:
        return
    yield from wording.wrapped(f"{title}: {wording.counts(kinds, most=len(kinds))}", room, "  ")
    ordered = sorted(nodes, key=lambda node: (wording.place_of(node.kind), node.path))
    yield from [f"    {named(node)}" for node in ordered[:MOST_NAMED]]
    rest = sum(kinds.values()) - MOST_NAMED
    if rest > 0:
        yield f"    and {rest:,} more; -o json names them"


def _kinds(nodes: Sequence[NamedObject]) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for node in nodes:
        kinds[node.kind] = kinds.get(node.kind, 0) + 1
    return kinds


def _blocks(told: ImpactForecast, room: int) -> Iterator[str]:
    refused = {(each.pod.uid, each.why) for each in told.evictions}
    blocks = [each for each in told.blocks if (each.uid, each.why) not in refused]
    if blocks:
        yield "  in the way:"
    for each in blocks:
        yield f"    {named(each)}"
        yield from wording.wrapped(each.why, room, "      ")


def _evictions(evictions: Sequence[RequestedEviction], room: int) -> Iterator[str]:
    if evictions:
        outcomes: dict[str, int] = {}
        for each in evictions:
            outcomes[each.outcome] = outcomes.get(each.outcome, 0) + 1
        said = ", ".join([f"{number:,} {outcome}" for outcome, number in outcomes.items()])
        yield f"  evictions in this order: {printable(said)}"
        flags = dict.fromkeys(flag for each in evictions for flag in each.needs)
        if flags:
            yield from wording.wrapped(f"kubectl drain needs {' '.join(sorted(flags))}", room, "  ")
    for number, each in enumerate(evictions, start=1):
        yield f"    {number}. {printable(each.outcome):<7}  {named(each.pod)}"
        by = "" if each.by is None or each.by.name in each.why else f" ({each.by.path})"
        yield from wording.wrapped(f"{each.why}{by}".strip(), room, "       ")


def _paths(nodes: Sequence[NamedObject]) -> str:
    shown = ", ".join([node.path for node in nodes[:MOST_NAMED]])
    rest = len(nodes) - MOST_NAMED
    return f"{shown} and {rest:,} more" if rest > 0 else shown
