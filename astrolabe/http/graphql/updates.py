"""Subscriptions: what the hub sends to a subscriber of the stream, as events of GraphQL.

A subscription follows the same objects as the stream does, in the same way: it has no queue, and whoever
reads slowly gets what was missed as one update. There is no second logic.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from astrolabe.graph.state.edge import Edge
from astrolabe.graph.state.node import parse_nodes
from astrolabe.graph.views.filter import Filter
from astrolabe.http.errors import Refusal
from astrolabe.http.graphql.context import Info, QueryContext, Resource, refused
from astrolabe.http.graphql.relations import EdgeValue
from astrolabe.http.graphql.shapes import EDGE_TYPE, enum, list_of, plain
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition, parse_position
from astrolabe.http.stream.client import StreamClient
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.problem_feed import AskedProblems, ProblemFeeds

#: The id of every subscription at the hub, so that those with the same filter share texts.
ID = "graphql"

SNAPSHOT, DELTA, RESET, BOOKMARK = "snapshot", "delta", "reset", "bookmark"
UPDATE = enum(
    "UpdateType",
    (SNAPSHOT, DELTA, RESET, BOOKMARK),
    "snapshot: a part of what there is. delta: what has changed. reset: forget all; a snapshot follows. "
    "bookmark: nothing has changed up to this position.",
)


class UpdateEvent:
    """An event: the source of the fields of an update. document: those that are values."""

    __slots__ = ("document", "edges", "nodes")

    def __init__(
        self, document: dict[str, Any], nodes: list[Any] | None = None, edges: list[EdgeValue] | None = None
    ) -> None:
        self.document = document
        self.nodes = nodes or []
        self.edges = edges or []


class _WireEdge(msgspec.Struct, gc=False):
    type: str
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")
    field: tuple[str, ...] = ()


class _WireNodes(msgspec.Struct):
    set: list[msgspec.Raw] = []
    remove: list[str] = []


class _WireEdges(msgspec.Struct):
    set: list[_WireEdge] = []
    remove: list[_WireEdge] = []


class _WireSnapshot(msgspec.Struct, tag="snapshot"):
    last: bool
    nodes: list[msgspec.Raw]
    edges: list[_WireEdge]


class _WireDelta(msgspec.Struct, tag="delta"):
    nodes: _WireNodes
    edges: _WireEdges


class _WireProblems(msgspec.Struct, tag="problems"):
    last: bool
    problems: list[dict[str, Any]]


class _ChangedProblems(msgspec.Struct):
    set: list[dict[str, Any]] = []
    remove: list[str] = []


class _WireProblemsDelta(msgspec.Struct, tag="problems-delta"):
    problems: _ChangedProblems


class _WireReset(msgspec.Struct, tag="reset"):
    reason: str


class _WireBookmark(msgspec.Struct, tag="bookmark"):
    pass


_DECODER = msgspec.json.Decoder(
    _WireSnapshot | _WireDelta | _WireProblems | _WireProblemsDelta | _WireReset | _WireBookmark
)


@lru_cache(maxsize=16)  # subscribers with the same filter get the same message
def _update(message: Message) -> UpdateEvent:
    """The update that a message of the stream is."""
    position = message.position or None
    match _DECODER.decode(message.text):
        case _WireSnapshot(last, nodes, edges):
            document = _document(SNAPSHOT, position, last=last)
            return UpdateEvent(document, _resources(nodes), _edges(edges))
        case _WireDelta(nodes, edges):
            document = _document(DELTA, position)
            document["removedNodes"] = nodes.remove
            document["removedEdges"] = [
                {"type": each.type, "from": each.source, "to": each.target} for each in edges.remove
            ]
            return UpdateEvent(document, _resources(nodes.set), _edges(edges.set))
        case _WireProblems(last, problems):
            return UpdateEvent(_document(SNAPSHOT, position, last=last), problems)
        case _WireProblemsDelta(changed):
            return UpdateEvent(_document(DELTA, position) | {"removed": changed.remove}, changed.set)
        case _WireReset(reason):
            return UpdateEvent(_document(RESET, None) | {"reason": reason})
        case _:
            return UpdateEvent(_document(BOOKMARK, position))


def _document(type: str, position: str | None, *, last: bool = True) -> dict[str, Any]:
    return {"type": type, "position": position, "last": last}


def _resources(texts: list[msgspec.Raw]) -> list[Resource]:
    return [Resource(node) for node in parse_nodes([bytes(text) for text in texts])]


def _edges(edges: list[_WireEdge]) -> list[EdgeValue]:
    return [EdgeValue(Edge(each.type, each.source, each.target, each.field)) for each in edges]


class Updates:
    """Implements `subscription.StreamConnection`, and iterates over what is written to it.

    It is writable while its reader waits for the next event. So the hub sends one message at a time, and
    merges what happens meanwhile. failed: called when the hub gives the subscription up.
    """

    def __init__(self, hub: Hub, *, skips: bool, failed: Callable[[int, str, str], None]) -> None:
        self.writable = False
        self.client: StreamClient = hub.join(self)
        self._skips = skips
        self._failed = failed
        self._next: asyncio.Future[Message] | None = None

    def write(self, message: Message) -> None:
        waiting, self._next = self._next, None
        self.writable = False
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def close(self, code: int, error: str, message: str) -> None:
        self._failed(code, error, message)

    def beat(self) -> None:
        """A heartbeat has passed: tell the position."""
        self.client.beat()

    def __aiter__(self) -> AsyncIterator[UpdateEvent]:
        return self

    async def __anext__(self) -> UpdateEvent:
        while True:
            waiting = self._next = asyncio.get_running_loop().create_future()
            self.writable = True
            self.client.wake()
            try:
                message = await waiting
            finally:
                self.writable = False
            update = _update(message)
            # Who follows changes only has asked for no snapshot: after a reset, the position is enough.
            if not (self._skips and update.document["type"] == SNAPSHOT):
                return update
            if update.document["position"] is not None:
                return UpdateEvent(_document(BOOKMARK, update.document["position"]))

    async def aclose(self) -> None:
        """End the subscription."""
        self.client.leave()


class Subscribing(NamedTuple):
    """What a subscription needs beside the context of a query."""

    hub: Hub
    problems: ProblemFeeds
    failed: Callable[[int, str, str], None]
    opened: Callable[[Updates], None]


def _open(info: Info, *, skips: bool = False) -> Updates:
    by: Subscribing = info.context.subscribing
    updates = Updates(by.hub, skips=skips, failed=by.failed)
    by.opened(updates)
    return updates


def _since(text: str | None) -> StreamPosition | None:
    try:
        return parse_position("since", text) if text is not None else None
    except Refusal as refusal:
        raise refused(refusal) from None


def _follow(info: Info, filter: Filter, since: StreamPosition | None, *, skips: bool = False) -> Updates:
    updates = _open(info, skips=skips)
    try:
        updates.client.subscribe(ID, filter, since)
    except Refusal as refusal:
        raise refused(refusal) from None
    return updates


def changes(_: Any, info: Info, filter: dict[str, Any] | None = None, since: str | None = None) -> Updates:
    context: QueryContext = info.context
    graph = context.source.hub.graph
    position = _since(since) or StreamPosition(graph.epoch, graph.seq)
    return _follow(info, context.filter(filter), position, skips=True)


def graph(_: Any, info: Info, filter: dict[str, Any] | None = None, since: str | None = None) -> Updates:
    return _follow(info, info.context.filter(filter), _since(since))


def problems(_: Any, info: Info, filter: dict[str, Any] | None = None, since: str | None = None) -> Updates:
    context: QueryContext = info.context
    part, position = context.filter(filter), _since(since)
    updates = _open(info)
    feeds: ProblemFeeds = info.context.subscribing.problems
    try:
        feeds.subscribe(updates.client, ID, AskedProblems(part, detail=True), position)
    except Refusal as refusal:
        raise refused(refusal) from None
    return updates


class SubscriptionField(NamedTuple):
    """A field of `Subscription`. update: the name of the type of its events."""

    subscribe: Callable[..., Updates]
    update: str
    description: str


GRAPH_UPDATE, PROBLEMS_UPDATE = "GraphUpdate", "ProblemsUpdate"
SUBSCRIPTIONS: Mapping[str, SubscriptionField] = {
    "changes": SubscriptionField(
        changes,
        GRAPH_UPDATE,
        "Changes from now on, or from `since`. After a reset, query again what you need.",
    ),
    "graph": SubscriptionField(
        graph, GRAPH_UPDATE, "The graph in parts, then its changes. Apply them in order to have the graph."
    ),
    "problems": SubscriptionField(problems, PROBLEMS_UPDATE, "The problems in parts, then their changes."),
}


def update_fields(resource: Any, edge: Any, problem: Any) -> dict[str, GraphQLObjectType]:
    """The types of the events."""

    def listed(type: Any, description: str, attribute: str) -> GraphQLField:
        return GraphQLField(
            list_of(type), resolve=lambda update, _: getattr(update, attribute), description=description
        )

    common = {
        "type": plain(GraphQLNonNull(UPDATE), "type", "What this is."),
        "position": plain(
            GraphQLString,
            "position",
            "Where to resume from once this is applied; null in the middle of a snapshot, and of a reset.",
        ),
        "last": plain(GraphQLNonNull(GraphQLBoolean), "last", "False if more parts of a snapshot follow."),
        "reason": plain(GraphQLString, "reason", "Of a reset: `epoch-changed`, `too-old` or `lagging`."),
    }
    return {
        GRAPH_UPDATE: GraphQLObjectType(
            GRAPH_UPDATE,
            {
                **common,
                "nodes": listed(resource, "New or changed resources: each replaces the old one.", "nodes"),
                "edges": listed(edge, "New or changed edges.", "edges"),
                "removedNodes": plain(list_of(GraphQLID), "removedNodes", "Uids of what is gone.", []),
                "removedEdges": GraphQLField(
                    list_of(_removed_edge()),
                    resolve=lambda update, _: update.document.get("removedEdges", []),
                    description="The edges that are gone.",
                ),
            },
            description="A step of the graph. Apply nodes, edges, removed edges, removed nodes in order.",
        ),
        PROBLEMS_UPDATE: GraphQLObjectType(
            PROBLEMS_UPDATE,
            {
                **common,
                "problems": listed(problem, "New or changed problems: each replaces the old one.", "nodes"),
                "removed": plain(list_of(GraphQLID), "removed", "The ids of those that are over.", []),
            },
            description="A step of the list of problems.",
        ),
    }


def _removed_edge() -> GraphQLObjectType:
    return GraphQLObjectType(
        "RemovedEdge",
        {
            "type": GraphQLField(
                GraphQLNonNull(EDGE_TYPE),
                resolve=lambda key, _: key["type"],
                description="The type of the edge.",
            ),
            "from": plain(GraphQLNonNull(GraphQLID), "from", "The uid of its source."),
            "to": plain(GraphQLNonNull(GraphQLID), "to", "The uid of its target."),
        },
        description="An edge that is gone.",
    )


def not_a_subscription() -> GraphQLError:
    """Why a subscription is not answered as a query is."""
    return GraphQLError(
        "a subscription needs a WebSocket (graphql-transport-ws), or Accept: text/event-stream",
        extensions={"code": "needs-a-stream"},
    )
