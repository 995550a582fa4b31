"""The messages of the stream, as JSON texts joined from the texts of nodes and edges.

Shapes and rules: the guide, "Stream". Applied in order, snapshot and deltas are the filtered graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.edge import Edge, removal_text
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.state.node import Node

PROTOCOL = "astrolabe.v1"
#: A snapshot comes in parts of at most this many bytes (texts are ASCII). A reader that stops in the middle
#: keeps one part in memory.
PART_BYTES = 48 * 1024
#: The bytes of a part around its nodes and edges, after its head.
_FRAME_BYTES = 64

#: How many texts are joined into one piece.
CHUNK = 200
#: What follows the changes in a `delta`.
DELTA_TAIL = "}"

#: What separates the parts of the changes.
_NODES_SET, _REMOVED, _EDGES_SET = '"nodes":{"set":[', '],"remove":[', ']},"edges":{"set":['

#: The lists that can be followed: the name of their messages, and the key that has the items.
LISTS: Mapping[str, str] = MappingProxyType({"problems": "problems", "summary": "groups"})

#: An offset in a snapshot: how many nodes and how many edges come before it.
SnapshotOffset = tuple[int, int]

ResetReason = Literal["epoch-changed", "too-old", "lagging"]


def encode(document: dict[str, Any]) -> str:
    """Any JSON document, as compact ASCII text."""
    return json_text(document)


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


def state(document: dict[str, Any]) -> str:
    """How complete and current the served graph is: the keys of `engine.serving_state.ServingState`."""
    return encode({"type": "state", **document})


def snapshot_part(
    id: str,
    epoch: str,
    seq: int,
    number: int,
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    start: SnapshotOffset,
) -> tuple[str, SnapshotOffset]:
    """One part of a snapshot of these nodes and edges, starting at `start`, and where the next part starts.

    number: of the part, from 1. All nodes come before the first edge. A node or edge that is larger than a
    part gets its own part.
    """
    head = encode({"type": "snapshot", "id": id, "epoch": epoch, "seq": seq, "part": number})[:-1]
    space = PART_BYTES - len(head) - _FRAME_BYTES
    node_texts = _take((nodes[index].text for index in range(start[0], len(nodes))), space)
    space -= _size(node_texts)
    edge_texts: list[str] = []
    if start[0] + len(node_texts) == len(nodes):
        rest = (edges[index].text for index in range(start[1], len(edges)))
        edge_texts = _take(rest, space, least=0 if node_texts else 1)
    end = (start[0] + len(node_texts), start[1] + len(edge_texts))
    flag = "true" if end == (len(nodes), len(edges)) else "false"
    return f'{head},"last":{flag},"nodes":[{",".join(node_texts)}],"edges":[{",".join(edge_texts)}]}}', end


def list_part(
    name: str,
    id: str,
    epoch: str,
    seq: int,
    number: int,
    texts: Sequence[str],
    start: int,
    *,
    place: str = "",
) -> tuple[str, int]:
    """One part of a snapshot of a list, starting at `start`, and where the next part starts.

    name: of its messages, see `LISTS`. number: of the part, from 1. A text that is larger than a part
    gets its own part. place: of the graph that it shows; "" if it does not say.
    """
    document = {"type": name, "id": id, "epoch": epoch, "seq": seq, "part": number}
    head = encode(document | ({"graph": place} if place else {}))[:-1]
    space = PART_BYTES - len(head) - _FRAME_BYTES
    taken = _take((texts[index] for index in range(start, len(texts))), space)
    end = start + len(taken)
    flag = "true" if end == len(texts) else "false"
    return f'{head},"last":{flag},"{LISTS[name]}":[{",".join(taken)}]}}', end


def list_changes(
    name: str,
    id: str,
    epoch: str,
    *,
    since: int,
    seq: int,
    texts_set: Sequence[str],
    removed: Sequence[str],
    place: str = "",
) -> str:
    """What of a list changed after `since` up to `seq`. removed: ids. place: as in `list_part`."""
    document = {"type": f"{name}-delta", "id": id, "epoch": epoch, "from": since, "seq": seq}
    head = encode(document | ({"graph": place} if place else {}))[:-1]
    changed = f'{{"set":[{",".join(texts_set)}],"remove":{json_text(list(removed))}}}'
    return f'{head},"{LISTS[name]}":{changed}}}'


def with_beyond(part: str, place: str, beyond: str) -> str:
    """A part of a snapshot of a neighbourhood. place: of the graph. beyond: JSON."""
    return f'{part[:-1]},"graph":{json_text(place)},"beyond":{beyond}}}'


def neighbourhood_changes(
    id: str,
    epoch: str,
    *,
    since: int,
    seq: int,
    place: str,
    nodes_set: Sequence[str],
    nodes_removed: Sequence[str],
    edges_set: Sequence[str],
    edges_removed: Sequence[str],
    beyond: str,
) -> str:
    """A `delta` of a neighbourhood. All but the uids of removed nodes are JSON texts."""
    changed = (
        f'{_NODES_SET}{",".join(nodes_set)}],"remove":{json_text(list(nodes_removed))}}},'
        f'"edges":{{"set":[{",".join(edges_set)}],"remove":[{",".join(edges_removed)}]}}'
    )
    return with_beyond(delta(id, epoch, since=since, seq=seq, changed=changed), place, beyond)


def changes_text(changes: Changes) -> str:
    """The changes in a delta; the text is the same for all clients that see the same changes."""
    nodes = ",".join([node.text for node in changes.nodes_set])
    edges = ",".join([edge.text for edge in changes.edges_set]) if changes.edges_set else ""
    removed_nodes = json_text(changes.nodes_removed) if changes.nodes_removed else "[]"
    removed_edges = ",".join([removal_text(key) for key in changes.edges_removed])
    return (
        f'{_NODES_SET}{nodes}],"remove":{removed_nodes}}},'
        f'"edges":{{"set":[{edges}],"remove":[{removed_edges}]}}'
    )


def changes_pieces(changes: Changes) -> Iterator[str]:
    """The same, in pieces."""
    yield _NODES_SET
    yield from joined(node.text for node in changes.nodes_set)
    yield _REMOVED
    yield from joined(json_text(uid) for uid in changes.nodes_removed)
    yield _EDGES_SET
    yield from joined(edge.text for edge in changes.edges_set)
    yield _REMOVED
    yield from joined(removal_text(key) for key in changes.edges_removed)
    yield "]}"


def node_pieces(pieces: Iterable[str]) -> Iterator[str]:
    """From such pieces, texts like that of `changes_text`, each with the changes of some nodes only."""
    form = ""
    for piece in pieces:
        if piece == _NODES_SET:
            form = f"{_NODES_SET}%s{_REMOVED}]}}"
        elif piece == _REMOVED:
            form = f"{_NODES_SET}{_REMOVED}%s]}}"
        elif piece == _EDGES_SET:
            return
        else:
            yield form % piece.removeprefix(",") if form else piece


def joined(texts: Iterable[str]) -> Iterator[str]:
    """The texts with commas between them, in pieces."""
    remaining = iter(texts)
    comma = ""
    while chunk := list(islice(remaining, CHUNK)):
        yield comma + ",".join(chunk)
        comma = ","


def delta(id: str, epoch: str, *, since: int, seq: int, changed: str, time: int = 0) -> str:
    """What changed after `since` up to `seq`.

    changed: see `changes_text`.
    time: when the first change of the batch arrived, in milliseconds since 1970 (UTC); 0 if the delta is of
        several batches.
    """
    head = delta_head(id, epoch, since=since, seq=seq, time=time)
    return f"{head}{changed}{DELTA_TAIL}"


def delta_head(id: str, epoch: str, *, since: int, seq: int, time: int = 0) -> str:
    """What precedes the changes in a `delta`; DELTA_TAIL follows them."""
    began = f',"time":{time}' if time else ""
    return f'{_delta_of(id, epoch)},"from":{since},"seq":{seq}{began},'


@lru_cache(maxsize=1024)  # the same for all deltas of a subscription
def _delta_of(id: str, epoch: str) -> str:
    return f'{{"type":"delta","id":{json_text(id)},"epoch":{json_text(epoch)}'


def bookmark(id: str, epoch: str, seq: int) -> str:
    """Nothing for this filter up to `seq`."""
    return encode({"type": "bookmark", "id": id, "epoch": epoch, "seq": seq})


def reset(id: str, reason: ResetReason) -> str:
    """The client's copy cannot be brought up to date. A snapshot follows, and replaces it once complete."""
    return encode({"type": "reset", "id": id, "reason": reason})


def error(code: str, message: str, id: str | None = None) -> str:
    """What was wrong with a message (`id`: its subscription) or with the connection."""
    document = {"type": "error", "id": id, "code": code, "message": message}
    return encode({key: value for key, value in document.items() if value is not None})


def pong(epoch: str, seq: int) -> str:
    """The answer to a ping: the server's position."""
    return encode({"type": "pong", "epoch": epoch, "seq": seq})


def _take(texts: Iterable[str], space: int, *, least: int = 1) -> list[str]:
    """As many texts as fit into the space, and at least `least` of them, whatever their size."""
    taken: list[str] = []
    for text in texts:
        space -= len(text) + 1
        if space < 0 and len(taken) >= least:
            break
        taken.append(text)
    return taken


def _size(texts: Iterable[str]) -> int:
    return sum([len(text) + 1 for text in texts])
