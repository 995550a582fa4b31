"""The messages of the stream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, field

from astrolabe.graph.encoding import wire
from astrolabe.graph.views.filter_fields import FILTER_FIELDS
from astrolabe.http.openapi.process import ServedState
from astrolabe.http.openapi.shapes import EdgeShape, NodeShape, Tally
from astrolabe.http.openapi.terms import (
    Absent,
    Count,
    EdgeType,
    Epoch,
    Kind,
    Milliseconds,
    Seq,
    Shape,
    Status,
    about,
)

Id = Annotated[str, about("Of the subscription; connecting makes `default`.", "default")]


class Hello(Shape, tag_field="type", tag="hello"):
    """The first message."""

    protocol: Literal["astrolabe.v1"]
    server: Annotated[str, about("Name and version.", "astrolabe/1.0.0")]
    epoch: Epoch
    seq: Seq
    heartbeat: Annotated[float, about("Seconds between signs of life.")]


class Snapshot(Shape, tag_field="type", tag="snapshot"):
    """The filtered graph, or a part of it; all nodes come before the first edge."""

    id: Id
    epoch: Epoch
    seq: Seq
    part: Annotated[int, about("Its number, from 1.")]
    last: Annotated[bool, about("Whether no more parts follow.")]
    nodes: list[NodeShape]
    edges: list[EdgeShape]


class NodeChanges(Shape):
    """Nodes that are new or others than before, and the uids of those that are gone."""

    set: list[NodeShape]
    remove: list[str]


class EdgeIdentity(Shape):
    """An edge that is gone."""

    type: EdgeType
    source: str = field(name="from")
    target: str = field(name="to")


class EdgeChanges(Shape):
    """Edges that are new or others than before, and those that are gone."""

    set: list[EdgeShape]
    remove: list[EdgeIdentity]


class Delta(Shape, tag_field="type", tag="delta"):
    """What changed. Applied in the order nodes set, edges set, edges removed, nodes removed, no edge ever
    lacks an end."""

    id: Id
    epoch: Epoch
    since: Annotated[Seq, about("The place in history that the client was told last.")] = field(name="from")
    seq: Seq
    nodes: NodeChanges
    edges: EdgeChanges
    time: (
        Annotated[
            Milliseconds,
            about("When the first change was taken in, in milliseconds since 1970; only of one batch."),
        ]
        | Absent
    ) = UNSET


class Bookmark(Shape, tag_field="type", tag="bookmark"):
    """There is nothing new for this filter up to here; one comes every heartbeat."""

    id: Id
    epoch: Epoch
    seq: Seq


class Reset(Shape, tag_field="type", tag="reset"):
    """What is held cannot be brought up to date. A snapshot follows, which replaces it once complete."""

    id: Id
    reason: wire.ResetReason


class StreamError(Shape, tag_field="type", tag="error"):
    """What is wrong with a subscription (`id`), or with the connection, which is then closed."""

    code: Annotated[str, about("One word, for programs.", "bad-filter")]
    message: str
    id: Id | Absent = UNSET


class Pong(Shape, tag_field="type", tag="pong"):
    """The answer to a ping: where the server is."""

    epoch: Epoch
    seq: Seq


#: What the WebSocket says, and what is an event of its twin.
WebSocketMessage = Hello | ServedState | Snapshot | Delta | Bookmark | Reset | StreamError | Pong
Event = Hello | ServedState | Snapshot | Delta | Bookmark | Reset | StreamError


def _filter() -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    for each in FILTER_FIELDS.values():
        one: Any = {"Kind": Kind, "Status": Status}.get(each.closed, str)
        if each.shape == "values":
            fields.append((each.name, list[one] | one | None, None))
        else:
            fields.append((each.name, Annotated[str | None, about(each.description)], None))
    says = "A part of the graph: any of the values of one key, and all keys. What is empty does not restrict."
    return msgspec.defstruct(
        "Filter", fields, bases=(Shape,), namespace={"__doc__": says}, forbid_unknown_fields=True
    )


#: The filter of a subscription.
Filter = _filter()


class FlatChange(Shape):
    """One resource that was set or removed; what is not known is null."""

    time: Milliseconds
    op: Literal["set", "remove"]
    uid: str
    kind: str | None
    namespace: str | None
    name: str | None
    status: Status | None
    reason: str | None
    message: str | None
    release: str | None
    seq: Seq


class FlatCounts(Tally):
    """How many nodes and edges there are now."""

    time: Milliseconds
    nodes: Count
    edges: Count
