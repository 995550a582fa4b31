"""The protocol `graphql-transport-ws`, without I/O: what a client says, and what has to happen then.

Eight types of messages: connection_init, connection_ack, ping, pong, subscribe, next, error, complete. See
github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from astrolabe.http.graphql.requests import GraphQLRequest

PROTOCOL = "graphql-transport-ws"

BAD_REQUEST, UNAUTHORISED, FORBIDDEN, NOT_ACCEPTABLE, NO_INIT = 4400, 4401, 4403, 4406, 4408
DUPLICATE_ID, TOO_MANY = 4409, 4429


class Send(NamedTuple):
    """Send this text."""

    text: str


class Start(NamedTuple):
    """Begin an operation under an id that is not in use."""

    id: str
    request: GraphQLRequest


class Stop(NamedTuple):
    """End an operation."""

    id: str


class End(NamedTuple):
    """Close the connection."""

    code: int
    reason: str


class _ClientInit(msgspec.Struct, tag="connection_init"):
    payload: dict[str, Any] | None = None


class _ClientPing(msgspec.Struct, tag="ping"):
    payload: dict[str, Any] | None = None


class _ClientPong(msgspec.Struct, tag="pong"):
    payload: dict[str, Any] | None = None


class _ClientSubscribe(msgspec.Struct, tag="subscribe"):
    id: str
    payload: GraphQLRequest


class _ClientComplete(msgspec.Struct, tag="complete"):
    id: str


_DECODER = msgspec.json.Decoder(_ClientInit | _ClientPing | _ClientPong | _ClientSubscribe | _ClientComplete)
#: Characters of an id.
LONGEST_ID = 128
_ACK = '{"type":"connection_ack"}'


class TransportProtocol:
    """One connection. open: the ids of its operations. acknowledged: whether connection_init has come."""

    def __init__(self) -> None:
        self.acknowledged = False
        self.open: set[str] = set()

    def hear(self, text: str) -> Iterator[Send | Start | Stop | End]:
        """What has to happen after a message of the client."""
        try:
            message = _DECODER.decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            yield End(BAD_REQUEST, f"invalid message: {error}")
            return
        match message:
            case _ClientInit() if self.acknowledged:
                yield End(TOO_MANY, "Too many initialisation requests")
            case _ClientInit():
                self.acknowledged = True
                yield Send(_ACK)
            case _ClientPing(payload):
                pong = {"type": "pong"} if payload is None else {"type": "pong", "payload": payload}
                yield Send(msgspec.json.encode(pong).decode())
            case _ClientPong():
                pass
            case _ClientSubscribe() if not self.acknowledged:
                yield End(UNAUTHORISED, "Unauthorized")
            case _ClientSubscribe(id, request):
                yield from self._subscribe(id, request)
            case _ClientComplete(id):
                if id in self.open:
                    self.open.discard(id)
                    yield Stop(id)

    def _subscribe(self, id: str, request: GraphQLRequest) -> Iterator[Start | End]:
        if id in self.open:
            yield End(DUPLICATE_ID, f"Subscriber for {id[:64]} already exists")
        elif not 0 < len(id) <= LONGEST_ID:
            yield End(BAD_REQUEST, f"invalid message: an id has 1 to {LONGEST_ID} characters")
        else:
            self.open.add(id)
            yield Start(id, request)

    def timed_out(self) -> Iterator[End]:
        """What has to happen when the time for connection_init is over."""
        if not self.acknowledged:
            yield End(NO_INIT, "Connection initialisation timeout")

    def next(self, id: str, payload: bytes) -> str:
        """The message with an answer. payload: its JSON."""
        return f'{{"id":{_quoted(id)},"type":"next","payload":{payload.decode()}}}'

    def error(self, id: str, errors: bytes) -> str:
        """The message that an operation could not be executed. errors: a JSON array. Its id is free again."""
        self.open.discard(id)
        return f'{{"id":{_quoted(id)},"type":"error","payload":{errors.decode()}}}'

    def complete(self, id: str) -> str:
        """The message that an operation has ended. Its id is free again."""
        self.open.discard(id)
        return f'{{"id":{_quoted(id)},"type":"complete"}}'


def _quoted(id: str) -> str:
    return msgspec.json.encode(id).decode()
