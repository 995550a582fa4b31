"""How `watch` writes a change: a line for a person, or a line of JSON."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from astrolabe.client import Change, EdgeChange, Node, NodeChange

_VERBS = {"+": "added", "~": "changed", "-": "removed"}
_SIGN_COLOURS = {"+": "green", "~": "yellow", "-": "red"}
_STATUS_COLOURS = {"Ready": "green", "Pending": "yellow", "Error": "red", "Unknown": "magenta"}
#: Widths of the columns in characters; longer names push the rest of their line to the right.
_FIRST, _NAME, _STATUS = 21, 44, 7


def as_json(change: Change) -> str:
    """`{"change":"added","node":{…}}` or `{"change":"removed","edge":{…}}`."""
    if isinstance(change, NodeChange):
        entry: dict[str, Any] = {"change": _VERBS[change.sign], "node": change.node}
    else:
        entry = {"change": _VERBS[change.sign], "edge": change.edge}
    return msgspec.json.encode(entry).decode()


def as_text(change: Change) -> str:
    """One line with ANSI colours, which `click.echo` takes out when there is no terminal."""
    sign = click.style(change.sign, fg=_SIGN_COLOURS[change.sign], bold=True)
    rest = _of_node(change.node) if isinstance(change, NodeChange) else _of_edge(change)
    return f"{sign} {rest}".rstrip()


def _of_node(node: Node) -> str:
    status = _printable(node.get("status", ""))
    coloured = click.style(f"{status:<{_STATUS}}", fg=_STATUS_COLOURS.get(status))
    said = ": ".join(filter(None, (_printable(node.get("reason", "")), _printable(node.get("message", "")))))
    return f"{_printable(node['kind']):<{_FIRST}} {_place(node):<{_NAME}} {coloured} {said}"


def _of_edge(change: EdgeChange) -> str:
    edge = change.edge
    source, target = _end(change.source), _end(change.target)
    fields = click.style(_printable(", ".join(edge.get("field", ()))), dim=True)
    return f"{edge['type']:<{_FIRST}} {f'{source} -> {target}':<{_NAME}} {fields}"


def _end(node: Node) -> str:
    return f"{_printable(node['kind'])} {_place(node)}"


def _place(node: Node) -> str:
    namespace = node.get("namespace")
    return _printable(f"{namespace}/{node['name']}" if namespace else node["name"])


def _printable(text: str) -> str:
    """Messages come from whoever may write to the cluster: no control sequences for the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
