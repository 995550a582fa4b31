"""The messages of the stream as types (see the guide, "Stream").

Unknown keys and message types are not errors: a newer server may send them.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from astrolabe.client.errors import ProtocolError
from astrolabe.client.state import ServerState

#: As the API gives them: `{"uid":…,"kind":…}`, `{"type":…,"from":…,"to":…,"field":[…]}`.
Node = dict[str, Any]
Edge = dict[str, Any]
#: As in an answer of `/api/v1/problems`.
ProblemDocument = dict[str, Any]
#: Identity of an edge: (type, uid of its source, uid of its target).
EdgeKey = tuple[str, str, str]


def _type_of(name: str) -> str:
    """`SnapshotMessage` has the type `snapshot`."""
    return name.removesuffix("Message").lower()


class Tagged(msgspec.Struct, frozen=True, tag_field="type", tag=_type_of):
    """A message; its `type` is the name of its class without `Message`, in lower case."""


class HelloMessage(Tagged, frozen=True):
    """The first message of a connection. heartbeat: longest silence of the server, seconds."""

    heartbeat: Annotated[float, msgspec.Meta(gt=0)]
    protocol: str = ""


class NodesBeyond(msgspec.Struct, frozen=True):
    """How many nodes of a kind have no room in a neighbourhood."""

    kind: str
    count: int


class SnapshotMessage(Tagged, frozen=True):
    """One part of the filtered graph at `seq`; the first is part 1. beyond: of a neighbourhood."""

    epoch: str
    seq: int
    part: int
    last: bool
    nodes: list[Node]
    edges: list[Edge]
    beyond: list[NodesBeyond] = []


class EdgeName(msgspec.Struct, frozen=True):
    """A removed edge."""

    type: str
    source: str = msgspec.field(name="from")
    target: str = msgspec.field(name="to")


class NodeDelta(msgspec.Struct, frozen=True):
    set: list[Node]
    remove: list[str]


class EdgeDelta(msgspec.Struct, frozen=True):
    set: list[Edge]
    remove: list[EdgeName]


class DeltaMessage(Tagged, frozen=True):
    """What changed after `since` up to `seq`.

    time: when the server received the change, in Unix milliseconds; None if it does not say.
    beyond: of a neighbourhood.
    """

    epoch: str
    seq: int
    nodes: NodeDelta
    edges: EdgeDelta
    since: int = msgspec.field(name="from")
    time: float | None = None
    beyond: list[NodesBeyond] = []


class ProblemsMessage(Tagged, frozen=True):
    """One part of the problems at `seq`, a position of this list alone; the first is part 1."""

    epoch: str
    seq: int
    part: int
    last: bool
    problems: list[ProblemDocument]


class ProblemDelta(msgspec.Struct, frozen=True):
    """remove: ids."""

    set: list[ProblemDocument]
    remove: list[str]


class ProblemsDeltaMessage(Tagged, frozen=True, tag="problems-delta"):
    """Which problems changed after `since` up to `seq`."""

    epoch: str
    seq: int
    problems: ProblemDelta
    since: int = msgspec.field(name="from")


class CountedGroup(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The counts of one group. What the summary is not grouped by is "", as is what the group has none of.

    id: within its summary. node, owner: names. problems: those whose cause is in the group.
    """

    id: str
    cluster: str = ""
    namespace: str = ""
    release: str = ""
    release_namespace: str = ""
    kind: str = ""
    node: str = ""
    node_uid: str = ""
    owner: str = ""
    owner_uid: str = ""
    owner_kind: str = ""
    owner_namespace: str = ""
    total: int
    problems: int
    ready: int
    pending: int
    error: int
    unknown: int


class SummaryMessage(Tagged, frozen=True):
    """One part of the groups at `seq`, a position of this list alone. graph: the position of the graph."""

    epoch: str
    seq: int
    part: int
    last: bool
    groups: list[CountedGroup]
    graph: str = ""


class GroupDelta(msgspec.Struct, frozen=True):
    """remove: ids."""

    set: list[CountedGroup]
    remove: list[str]


class SummaryDeltaMessage(Tagged, frozen=True, tag="summary-delta"):
    """Which groups changed after `since` up to `seq`."""

    epoch: str
    seq: int
    groups: GroupDelta
    since: int = msgspec.field(name="from")
    graph: str = ""


class BookmarkMessage(Tagged, frozen=True):
    """Nothing changed for this filter up to `seq`."""

    epoch: str
    seq: int


class ResetMessage(Tagged, frozen=True):
    """The client's graph cannot be updated; a snapshot follows."""

    reason: str = ""


class ErrorMessage(Tagged, frozen=True):
    """id: of the refused subscription; None if it is about the connection, and a close code follows."""

    code: str
    message: str
    id: str | None = None


class PongMessage(Tagged, frozen=True):
    """An answer to a ping."""


ServerMessage = (
    HelloMessage
    | ServerState
    | SnapshotMessage
    | DeltaMessage
    | ProblemsMessage
    | ProblemsDeltaMessage
    | SummaryMessage
    | SummaryDeltaMessage
    | BookmarkMessage
    | ResetMessage
    | ErrorMessage
    | PongMessage
)

_DECODER: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)
_TYPES = frozenset(
    {
        *("hello", "state", "snapshot", "delta", "problems", "problems-delta"),
        *("summary", "summary-delta"),
        *("bookmark", "reset", "error", "pong"),
    }
)


class _Anything(msgspec.Struct, frozen=True):
    type: str


_ANYTHING = msgspec.json.Decoder(_Anything)


def decode(data: bytes | str) -> ServerMessage | None:
    """Decode a message. None if its type is unknown. Raises ProtocolError."""
    try:
        return _DECODER.decode(data)
    except msgspec.ValidationError as error:
        if _is_of_another_type(data):
            return None
        raise ProtocolError(f"a message is malformed: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a message is not JSON") from error


def _is_of_another_type(data: bytes | str) -> bool:
    try:
        return _ANYTHING.decode(data).type not in _TYPES
    except (ValueError, RecursionError):
        return False
