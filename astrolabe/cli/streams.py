"""The flags of the commands that are clients of the stream."""

from __future__ import annotations

from typing import Any

from astrolabe.cli import values
from astrolabe.cli.go import Flag
from astrolabe.cli.values import BOOLEAN, Value
from astrolabe.client.load import Plan

_LOAD = "The load"


def _filter(names: tuple[str, ...], **options: Any) -> Flag:
    return Flag(names, heading="What to show", multiple=True, metavar="A,B,…", **options)


FILTER = (
    _filter(("namespace", "--namespace", "-n"), help="Nodes of these namespaces."),
    _filter(("kind", "--kind"), help="Nodes of these kinds."),
    _filter(("release", "--release"), help="Nodes of these Helm releases."),
    _filter(("status", "--status"), help="Nodes of these statuses."),
    Flag(
        ("selector", "--selector", "-l"),
        heading="What to show",
        type=Value("SELECTOR", values.label_selector),
        help="Nodes whose labels match.",
    ),
    Flag(("q", "--q", "-q"), heading="What to show", metavar="TEXT", help="Nodes that have it in a name."),
)

OUTPUT = Flag(
    ("output", "--output", "-o"),
    heading="Output",
    type=values.choice("text", "json"),
    default="text",
    help="Lines for a person, or JSON lines.",
)

INITIAL = Flag(
    ("initial", "--initial"),
    heading="Output",
    type=BOOLEAN,
    default=False,
    help="Print what is there at the beginning, too.",
)

LOAD = (
    Flag(
        ("--clients",),
        heading=_LOAD,
        default=100,
        type=Value("N", values.integer(1, 10_000)),
        help="Connections at a time.",
    ),
    Flag(
        ("--ramp",),
        heading=_LOAD,
        default=50.0,
        type=Value("N", values.number(0, 10_000, exclusive=True)),
        help="Connections that are opened a second.",
    ),
    Flag(
        ("--duration",),
        heading=_LOAD,
        default=30.0,
        shown="30s",
        type=Value("DURATION", values.duration_up_to("1h")),
        help="How long to measure, once all are opened.",
    ),
    Flag(
        ("--slow",),
        heading=_LOAD,
        default=0.0,
        type=Value("F", values.number(0, 1)),
        help="Share of clients that read one message a second.",
    ),
    Flag(
        ("--reconnect",),
        heading=_LOAD,
        default=0.0,
        type=Value("F", values.number(0, 1)),
        help="Share of clients that cut their connection every 5 seconds, and resume.",
    ),
    Flag(
        ("--verify",),
        heading=_LOAD,
        default=1.0,
        type=Value("F", values.number(0, 1)),
        help="Share of clients that hold the graph and are compared; less for large graphs.",
    ),
)


def filter_from(filter: dict[str, Any]) -> dict[str, Any]:
    """The filter as a subscribe message has it: what was not given is left out."""
    lists = {
        name: [each for text in given for each in text.split(",") if each]
        for name, given in filter.items()
        if isinstance(given, tuple)
    }
    texts = {name: given for name, given in filter.items() if isinstance(given, str)}
    return {name: given for name, given in {**lists, **texts}.items() if given}


def plan_from(url: str, given: dict[str, Any]) -> Plan:
    """The load that the flags of LOAD and FILTER ask for."""
    load = {str(flag.name): given.pop(str(flag.name)) for flag in LOAD}
    return Plan(url=url, filters=[filter_from(given)], **load)
