"""Output of the commands that follow the stream: lines for people, or JSON lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from astrolabe.client import Change, EdgeChange, Node, NodeChange, ServerState, UserCoverage
from astrolabe.printable import printable, printable_json

_VERBS = {"+": "added", "~": "changed", "-": "removed"}
_SIGN_COLOURS = {"+": "green", "~": "yellow", "-": "red"}
STATUS_COLOURS = {"Ready": "green", "Pending": "yellow", "Error": "red", "Unknown": "magenta"}
#: Widths of the columns in characters; longer names push the rest of their line to the right.
_FIRST, _NAME, _STATUS = 21, 44, 7


def as_json(change: Change) -> str:
    """`{"change":"added","node":{…}}` or `{"change":"removed","edge":{…}}`."""
    if isinstance(change, NodeChange):
        entry: dict[str, Any] = {"change": _VERBS[change.sign], "node": change.node}
    else:
        entry = {"change": _VERBS[change.sign], "edge": change.edge}
    return json_line(entry)


def json_line(document: Any) -> str:
    """The document as JSON, with unprintable characters escaped."""
    return printable_json(msgspec.json.encode(document).decode())


def state_line(state: ServerState) -> str:
    """`live`, `stale since 14:03:10: …`, `syncing: 12 of 38 kinds, 1,335 objects so far`."""
    match state:
        case ServerState(state="syncing", progress=progress) if progress.of:
            said = f"{progress.kinds} of {progress.of} kinds, {progress.objects:,} objects so far"
            said += trouble_of(state)
        case ServerState(state="partial", partial=kinds, why="") if kinds:
            said = "; ".join(f"{kind.kind}: {kind.why or kind.reason}" for kind in kinds)
        case _:
            said = state.why
    since = f" since {_clock(state.since)}" if state.state == "stale" and state.since else ""
    return printable(f"{state.state}{since}{f': {said}' if said else ''}")


#: Names of kinds or namespaces that a line shows; it counts the others.
_NAMED = 6


def coverage_line_of(coverage: UserCoverage) -> str:
    """`you see most kinds only in these namespaces: cart, shop; not visible to you: Node, ClusterRole`."""
    said = []
    if coverage.limited:
        # Of other kinds, if any, everything is seen.
        kinds = _named(coverage.limited, "kinds") if len(coverage.limited) <= _NAMED else "most kinds"
        places = _named(coverage.namespaces, "namespaces") or "none"
        some = "in some clusters, or only" if coverage.clusters else "only"
        said.append(f"you see {kinds} {some} in these namespaces: {places}")
    if coverage.hidden:
        said.append(f"not visible to you: {_named(coverage.hidden, 'kinds')}")
    said += [f"nothing of cluster {each.name}: {each.why}" for each in coverage.clusters or () if each.why]
    if not coverage.complete:
        said.append("Astrolabe is still asking in which namespaces you may see more")
    return printable("; ".join(said))


def _named(names: Sequence[str], what: str) -> str:
    more = len(names) - _NAMED
    if more <= 1:  # "and 1 more" takes the room of a name
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {more} more {what}"


def trouble_of(state: ServerState) -> str:
    """The problem that delays a sync, printed after the count of kinds; "" if there is none."""
    _, semicolon, trouble = state.why.partition(";")
    return semicolon + trouble


def _clock(since: str) -> str:
    """An RFC 3339 time as local time, with the date if it is not today."""
    try:
        then = datetime.fromisoformat(since).astimezone()
    except ValueError:
        return since
    today = then.date() == datetime.now().astimezone().date()
    return f"{then:%H:%M:%S}" if today else f"{then:%Y-%m-%d %H:%M:%S}"


def as_text(change: Change) -> str:
    """One line with ANSI colors, which `click.echo` removes without a terminal."""
    sign = click.style(change.sign, fg=_SIGN_COLOURS[change.sign], bold=True)
    rest = _of_node(change.node) if isinstance(change, NodeChange) else _of_edge(change)
    return f"{sign} {rest}".rstrip()


def _of_node(node: Node) -> str:
    status = printable(node.get("status", ""))
    coloured = click.style(f"{status:<{_STATUS}}", fg=STATUS_COLOURS.get(status))
    said = ": ".join(filter(None, (printable(node.get("reason", "")), printable(node.get("message", "")))))
    return f"{printable(node['kind']):<{_FIRST}} {_place(node):<{_NAME}} {coloured} {said}"


def _of_edge(change: EdgeChange) -> str:
    edge = change.edge
    source, target = _end(change.source), _end(change.target)
    fields = click.style(printable(", ".join(edge.get("field", ()))), dim=True)
    return f"{printable(edge['type']):<{_FIRST}} {f'{source} -> {target}':<{_NAME}} {fields}"


def _end(node: Node) -> str:
    return f"{printable(node['kind'])} {_place(node)}"


def _place(node: Node) -> str:
    namespace = node.get("namespace")
    return printable(f"{namespace}/{node['name']}" if namespace else node["name"])
