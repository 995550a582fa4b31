"""The stream for clients that append rows: flat objects, one per message.

These clients know only the path of a URL, so it holds their filter: `/namespace=shop/kind=Pod,Job`. They
fail on arrays and missing keys, so there are none: an unknown value is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from astrolabe.graph.state.node import Node
from astrolabe.graph.state.status import SEVERITIES
from astrolabe.http.errors import bad_parameter

#: The node that a uid named at a seq, if known.
Find = Callable[[int, str], Node | None]

_SHOWN = ("kind", "namespace", "name", "status", "reason", "message", "release", "cluster")
_NOTHING = dict.fromkeys(_SHOWN)


def parse_path(path: str) -> dict[str, list[str]]:
    """The parameters of a filter from `<name>=<value>/…`, each part URL-encoded. Raises Refusal."""
    parameters: dict[str, list[str]] = {}
    for part in filter(None, path.split("/")):
        name, equals, value = unquote(part).partition("=")
        if not equals:
            raise bad_parameter(f"a part of this path is <parameter>=<value>, not {name[:60]!r}")
        parameters.setdefault(name, []).append(value)
    return parameters


def changes(message: dict[str, Any], *, now: int, find: Find) -> Iterable[dict[str, Any]]:
    """One object for every node that a message of the stream sets or removes, in the message's order.

    now: milliseconds since 1970, for messages without a time. find: finds the names of removed nodes.
    """
    if message["type"] == "snapshot":  # the history did not reach back, so this is the current state
        for node in message["nodes"]:
            yield _change(message, now, "set", node)
    elif message["type"] == "delta":
        time = message.get("time", now)
        for node in message["nodes"]["set"]:
            yield _change(message, time, "set", node)
        for uid in message["nodes"]["remove"]:
            known = find(message["from"], uid)
            yield _change(message, time, "remove", known.document() if known else {"uid": uid})


def _change(message: dict[str, Any], time: int, op: str, node: dict[str, Any]) -> dict[str, Any]:
    shown = {key: node.get(key, "") for key in _SHOWN} if "kind" in node else _NOTHING
    shown = {**shown, "cluster": node.get("cluster")}
    return {"time": time, "op": op, "uid": node["uid"], **shown, "seq": message["seq"]}


def statistics(counts: Counter[str], *, edges: int, now: int) -> dict[str, int]:
    """The number of nodes, in total and by status."""
    return {
        "time": now,
        "nodes": counts.total(),
        "edges": edges,
        **{level.lower(): counts[level] for level in SEVERITIES},
    }
