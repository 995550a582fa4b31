"""The messages of the stream, as JSON texts joined from the texts of nodes and edges.

Shapes and rules: README, "Stream". Applied in order, snapshot and deltas are the filtered graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import ujson

from astrolabe.graph.batch import Changes
from astrolabe.graph.edge import Edge, removal_text
from astrolabe.graph.node import Node

PROTOCOL = "astrolabe.v1"
#: A snapshot comes in parts of at most this many bytes (texts are ASCII).
PART_BYTES = 512 * 1024

ResetReason = Literal["epoch-changed", "too-old", "lagging"]


def encode(document: dict[str, Any]) -> str:
    """Any JSON document, as compact ASCII text."""
    text: str = ujson.dumps(document, escape_forward_slashes=False)
    return text


def hello(*, server: str, epoch: str, seq: int, heartbeat: float) -> str:
    """The first message of a connection; heartbeat in seconds."""
    return encode(
        {
            "type": "hello",
            "protocol": PROTOCOL,
            "server": server,
            "epoch": epoch,
            "seq": seq,
            "heartbeat": heartbeat,
        }
    )


def snapshot(id: str, epoch: str, seq: int, nodes: Iterable[Node], edges: Iterable[Edge]) -> Iterator[str]:
    """The parts of a snapshot; all nodes come before the first edge, the last part says so.

    A part is made when it is asked for, so what is iterated must not change meanwhile.
    """
    head = encode({"type": "snapshot", "id": id, "epoch": epoch, "seq": seq})[:-1]
    parts = _parts((node.text for node in nodes), (edge.text for edge in edges), len(head) + 64)
    number, part = 1, next(parts)
    for following in parts:
        yield _part_text(head, number, part, last=False)
        number, part = number + 1, following
    yield _part_text(head, number, part, last=True)


def delta(id: str, epoch: str, *, since: int, seq: int, changes: Changes) -> str:
    """What changed after `since` up to `seq`."""
    return (
        f'{{"type":"delta","id":{ujson.dumps(id)},{delta_body(epoch, since=since, seq=seq, changes=changes)}'
    )


def delta_body(epoch: str, *, since: int, seq: int, changes: Changes) -> str:
    """A delta without its first two keys: the same for all subscriptions of a view."""
    nodes = ",".join([node.text for node in changes.nodes_set])
    edges = ",".join([edge.text for edge in changes.edges_set])
    cut = ",".join([removal_text(key) for key in changes.edges_removed])
    gone = ujson.dumps(changes.nodes_removed, escape_forward_slashes=False)
    return (
        f'"epoch":{ujson.dumps(epoch)},"from":{since},"seq":{seq},'
        f'"nodes":{{"set":[{nodes}],"remove":{gone}}},'
        f'"edges":{{"set":[{edges}],"remove":[{cut}]}}}}'
    )


def bookmark(id: str, epoch: str, seq: int) -> str:
    """Nothing for this filter up to `seq`."""
    return encode({"type": "bookmark", "id": id, "epoch": epoch, "seq": seq})


def reset(id: str, reason: ResetReason) -> str:
    """Forget all; a snapshot follows."""
    return encode({"type": "reset", "id": id, "reason": reason})


def error(code: str, message: str, id: str | None = None) -> str:
    """What was wrong with a message (`id`: of which subscription) or with the connection."""
    document = {"type": "error", "id": id, "code": code, "message": message}
    return encode({key: value for key, value in document.items() if value is not None})


PONG = '{"type":"pong"}'


#: The texts of nodes and edges that go together.
_Part = tuple[list[str], list[str]]


def _part_text(head: str, number: int, part: _Part, *, last: bool) -> str:
    flag = "true" if last else "false"
    nodes, edges = ",".join(part[0]), ",".join(part[1])
    return f'{head},"part":{number},"last":{flag},"nodes":[{nodes}],"edges":[{edges}]}}'


def _parts(nodes: Iterable[str], edges: Iterable[str], overhead: int) -> Iterator[_Part]:
    """Cut the texts into parts that stay below PART_BYTES; one that is larger alone gets its own."""
    part: _Part = ([], [])
    size = overhead
    for index, texts in enumerate((nodes, edges)):
        for text in texts:
            if size + len(text) + 1 > PART_BYTES and size > overhead:
                yield part
                part, size = ([], []), overhead
            part[index].append(text)
            size += len(text) + 1
    yield part
