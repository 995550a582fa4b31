"""The messages of the stream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, field

from astrolabe.graph.encoding import wire
from astrolabe.graph.views.filter_fields import FILTER_FIELDS
from astrolabe.http.openapi import problem_shapes
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

Id = Annotated[
    str, about("The id of the subscription. Connecting makes one with the id `default`.", "default")
]


class Hello(Shape, tag_field="type", tag="hello"):
    """The first message."""

    protocol: Literal["astrolabe.v1"]
    server: Annotated[str, about("Name and version.", "astrolabe/1.0.0")]
    epoch: Epoch
    seq: Seq
    heartbeat: Annotated[float, about("Seconds between two heartbeats.")]


class KindBeyond(Shape):
    """Nodes of a kind for which a neighbourhood has no room."""

    kind: Kind
    count: Count


Beyond = Annotated[list[KindBeyond], about("Of a neighbourhood: near enough, but beyond its limit, by kind.")]
NeighbourhoodPlace = Annotated[
    str,
    about("Of a neighbourhood: the position of the graph that it shows, `<epoch>:<seq>`.", "4f1c2a9b7d3e:57"),
]


class Snapshot(Shape, tag_field="type", tag="snapshot"):
    """The filtered graph, or a part of it. All nodes come before the first edge."""

    id: Id
    epoch: Epoch
    seq: Seq
    part: Annotated[int, about("The number of this part, from 1.")]
    last: Annotated[bool, about("Whether this is the last part.")]
    nodes: list[NodeShape]
    edges: list[EdgeShape]
    graph: NeighbourhoodPlace | Absent = UNSET
    beyond: Beyond | Absent = UNSET


class NodeChanges(Shape):
    """New and changed nodes, and the uids of removed ones."""

    set: list[NodeShape]
    remove: list[str]


class EdgeIdentity(Shape):
    """The identity of a removed edge."""

    type: EdgeType
    source: str = field(name="from")
    target: str = field(name="to")


class EdgeChanges(Shape):
    """New and changed edges, and the identities of removed ones."""

    set: list[EdgeShape]
    remove: list[EdgeIdentity]


class Delta(Shape, tag_field="type", tag="delta"):
    """What changed. Apply it in this order: nodes set, edges set, edges removed, nodes removed. Then both
    ends of every edge always exist."""

    id: Id
    epoch: Epoch
    since: Annotated[Seq, about("The position of the previous message of this subscription.")] = field(
        name="from"
    )
    seq: Seq
    nodes: NodeChanges
    edges: EdgeChanges
    graph: NeighbourhoodPlace | Absent = UNSET
    beyond: Beyond | Absent = UNSET
    time: (
        Annotated[
            Milliseconds,
            about("When the first change arrived, in milliseconds since 1970. Only in deltas of one batch."),
        ]
        | Absent
    ) = UNSET


class Problems(Shape, tag_field="type", tag="problems"):
    """The problems of the filter, or a part of them, the worst first: at most a thousand. `epoch` and `seq`
    are positions of this subscription, not of the graph."""

    id: Id
    epoch: Epoch
    seq: Seq
    part: Annotated[int, about("The number of this part, from 1.")]
    last: Annotated[bool, about("Whether this is the last part.")]
    problems: list[problem_shapes.Problem]


class ProblemChanges(Shape):
    """New and changed problems, and the ids of those that are gone."""

    set: list[problem_shapes.Problem]
    remove: list[str]


class ProblemsDelta(Shape, tag_field="type", tag="problems-delta"):
    """Which problems changed."""

    id: Id
    epoch: Epoch
    since: Annotated[Seq, about("The position of the previous message of this subscription.")] = field(
        name="from"
    )
    seq: Seq
    problems: ProblemChanges


class SummaryGroup(Tally, kw_only=True):
    """The counts of one group. It has the keys of what the summary is grouped by; they are empty for the
    resources that have none."""

    id: Annotated[str, about("Of the group, within its summary.")]
    cluster: str | Absent = UNSET
    namespace: str | Absent = UNSET
    release: str | Absent = UNSET
    release_namespace: str | Absent = UNSET
    kind: str | Absent = UNSET
    node: Annotated[str, about("The name of the Node.")] | Absent = UNSET
    node_uid: str | Absent = UNSET
    owner: Annotated[str, about("The name of the owner at the top.")] | Absent = UNSET
    owner_uid: str | Absent = UNSET
    owner_kind: str | Absent = UNSET
    owner_namespace: str | Absent = UNSET
    total: Count
    problems: Annotated[Count, about("The problems whose cause is in the group.")]


GraphPlace = Annotated[
    str, about("The position of the graph that the groups are of, `<epoch>:<seq>`.", "4f1c2a9b7d3e:57")
]


class SummarySnapshot(Shape, tag_field="type", tag="summary"):
    """The groups of the filter, or a part of them. `epoch` and `seq` are positions of this subscription, not
    of the graph."""

    id: Id
    epoch: Epoch
    seq: Seq
    graph: GraphPlace
    part: Annotated[int, about("The number of this part, from 1.")]
    last: Annotated[bool, about("Whether this is the last part.")]
    groups: list[SummaryGroup]


class GroupChanges(Shape):
    """New and changed groups, and the ids of those that are empty now."""

    set: list[SummaryGroup]
    remove: list[str]


class SummaryDelta(Shape, tag_field="type", tag="summary-delta"):
    """Which groups changed."""

    id: Id
    epoch: Epoch
    since: Annotated[Seq, about("The position of the previous message of this subscription.")] = field(
        name="from"
    )
    seq: Seq
    graph: GraphPlace
    groups: GroupChanges


class Bookmark(Shape, tag_field="type", tag="bookmark"):
    """Nothing has changed for this filter up to this position. One comes with every heartbeat."""

    id: Id
    epoch: Epoch
    seq: Seq


class Reset(Shape, tag_field="type", tag="reset"):
    """The client cannot be brought up to date from its position. A snapshot follows. Once complete, it
    replaces the graph that the client holds."""

    id: Id
    reason: wire.ResetReason


class StreamError(Shape, tag_field="type", tag="error"):
    """An error of a subscription (`id`), or of the connection, which the server then closes."""

    code: Annotated[str, about("One word, for programs.", "bad-filter")]
    message: str
    id: Id | Absent = UNSET


class Pong(Shape, tag_field="type", tag="pong"):
    """The answer to a ping, with the position of the server."""

    epoch: Epoch
    seq: Seq


#: What the WebSocket says, and what is an event of its twin.
WebSocketMessage = (
    Hello
    | ServedState
    | Snapshot
    | Delta
    | Problems
    | ProblemsDelta
    | SummarySnapshot
    | SummaryDelta
    | Bookmark
    | Reset
    | StreamError
    | Pong
)
Event = (
    Hello
    | ServedState
    | Snapshot
    | Delta
    | Problems
    | ProblemsDelta
    | SummarySnapshot
    | SummaryDelta
    | Bookmark
    | Reset
    | StreamError
)


def _filter() -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    for each in FILTER_FIELDS.values():
        one: Any = {"Kind": Kind, "Status": Status}.get(each.closed, str)
        if each.shape == "values":
            fields.append((each.name, list[one] | one | None, None))
        else:
            fields.append((each.name, Annotated[str | None, about(each.description)], None))
    says = (
        "Selects a part of the graph. A node must match all keys, and one of the values of each key. "
        "Empty keys do not count."
    )
    return msgspec.defstruct(
        "Filter", fields, bases=(Shape,), namespace={"__doc__": says}, forbid_unknown_fields=True
    )


#: The filter of a subscription.
Filter = _filter()


class FlatChange(Shape):
    """One resource that was set or removed. Unknown values are null."""

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
    cluster: Annotated[str | None, about("Null unless several are served.")]
    seq: Seq


class FlatCounts(Tally):
    """The current numbers of nodes and edges."""

    time: Milliseconds
    nodes: Count
    edges: Count
