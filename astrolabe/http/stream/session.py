"""The messages that a client of the WebSocket stream may send, and how they are handled."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from astrolabe.graph.encoding import wire
from astrolabe.graph.selector import quoted
from astrolabe.graph.views.filter import Filter, FilterError, FilterRules, parse_message
from astrolabe.graph.views.summary import DIMENSIONS
from astrolabe.http.errors import Refusal
from astrolabe.http.net.close_codes import BAD_MESSAGE, SLOW
from astrolabe.http.net.message import Message
from astrolabe.http.openapi.terms import reference
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.asked import WHATS, asked_for, focus_of
from astrolabe.http.stream.open_stream import OpenStream
from astrolabe.http.stream.subscription import StreamConnection, fail

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


_Filter = Annotated[Any, msgspec.Meta(extra_json_schema={"anyOf": [reference("Filter"), {"type": "null"}]})]


_What = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(WHATS)})]
_By = Annotated[list[str], msgspec.Meta(extra_json_schema={"items": {"enum": list(DIMENSIONS)}})]


class Subscribe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="subscribe"):
    """Follow a part of the graph, its problems, a summary or a neighbourhood, from `since` on when that is
    still known.

    `detail`: whether each problem names what it affects. `by`: what a summary groups by.
    `focus`, `depth`, `types`, `limit`: of a neighbourhood, the uids around which it is, how many edges away
    its nodes may be (2), the types of these edges (all), and how many nodes it may have (500).
    """

    id: Id
    what: _What = "graph"
    detail: bool = False
    by: _By = []
    focus: list[str] = []
    depth: int | None = None
    types: list[str] = []
    limit: int | None = None
    filter: _Filter = None
    since: StreamPosition | None = None


class Unsubscribe(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="unsubscribe"
):
    """Follow it no more."""

    id: Id


class Refocus(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="refocus"):
    """Move a neighbourhood: a delta leads from what it was to what is around this focus."""

    id: Id
    focus: list[str]


class Ping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="ping"):
    """Answered with a pong, unless much is under way: a heartbeat for those who cannot send frames of
    their own, as browsers."""


ClientMessage = Subscribe | Unsubscribe | Refocus | Ping
_DECODER = msgspec.json.Decoder(ClientMessage)


class Session:
    """Implements `websocket.Listener` for one client.

    rules: of its filters. limit: the number of subscriptions it may have.
    """

    def __init__(
        self,
        connection: StreamConnection,
        stream: OpenStream,
        rules: FilterRules,
        *,
        limit: int,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._rules = rules
        self._limit = limit

    def hear(self, text: str) -> None:
        try:
            message = _DECODER.decode(text)
        except msgspec.MsgspecError as error:  # no JSON, an unknown type, or wrong fields
            self._connection.close(BAD_MESSAGE, "bad-message", str(error))
            return
        except RecursionError:
            self._connection.close(BAD_MESSAGE, "bad-message", "the message is nested too deeply")
            return
        match message:
            case Subscribe():
                self._subscribe(message)
            case Refocus(id, focus):
                self._refocus(id, focus)
            case Unsubscribe(id):
                self._unsubscribe(id)
            case Ping() if self._connection.writable:  # else the data under way is a sign of life, too
                self._connection.write(Message("pong", wire.pong(*self._stream.position)))

    def beat(self) -> None:
        self._stream.beat()

    def _subscribe(self, message: Subscribe) -> None:
        if message.id in self._stream:
            self._refuse(
                message.id,
                "duplicate-id",
                f"the id {message.id!r} is in use by a subscription that goes on; choose another",
            )
        elif len(self._stream) >= self._limit:
            text = f"a connection has at most {self._limit} subscriptions"
            self._refuse(message.id, "too-many-subscriptions", text)
        elif message.what not in WHATS:
            whats = f"{', '.join(WHATS[:-1])} and {WHATS[-1]}"
            text = f"there is {whats} to subscribe to, not {quoted(message.what)}"
            self._refuse(message.id, "unknown-what", text)
        else:
            try:
                filter = parse_message(message.filter, self._rules)
            except FilterError as error:
                self._refuse(message.id, "bad-filter", str(error))
            else:
                self._follow(message, filter)

    def _follow(self, message: Subscribe, filter: Filter) -> None:
        try:
            asked = asked_for(
                message.what,
                filter,
                detail=message.detail,
                by=message.by,
                focus=message.focus,
                depth=message.depth,
                types=message.types,
                limit=message.limit,
            )
            self._stream.subscribe(message.id, asked, message.since)
        except Refusal as refusal:
            self._refuse(message.id, refusal.error, refusal.message)
        except Exception:
            fail(self._connection)

    def _refocus(self, id: str, focus: list[str]) -> None:
        try:
            if not self._stream.refocus(id, focus_of(focus)):
                self._refuse(id, "unknown-id", "there is no neighbourhood with this id")
        except Refusal as refusal:
            self._refuse(id, refusal.error, refusal.message)

    def _unsubscribe(self, id: str) -> None:
        if id in self._stream:
            self._stream.unsubscribe(id)
        else:
            self._refuse(id, "unknown-id", "there is no subscription with this id")

    def _refuse(self, id: str, code: str, message: str) -> None:
        if not self._connection.writable:  # a client that sends without reading would pile up answers
            self._connection.close(SLOW, "slow", "what was sent is not read")
            return
        self._connection.write(Message("error", wire.error(code, message, id)))
