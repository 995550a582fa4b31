"""The protocol `graphql-transport-ws`, without I/O."""

from __future__ import annotations

import pytest

from astrolabe.http.graphql.requests import GraphQLRequest
from astrolabe.http.graphql.transport_ws import End, Send, Start, Stop, TransportProtocol

INIT = '{"type":"connection_init","payload":{"token":"x"}}'
SUBSCRIBE = '{"type":"subscribe","id":"a","payload":{"query":"{a}","variables":{"b":1},"operationName":null}}'


def begun() -> TransportProtocol:
    protocol = TransportProtocol()
    assert list(protocol.hear(INIT)) == [Send('{"type":"connection_ack"}')]
    return protocol


def test_an_operation_from_beginning_to_end() -> None:
    protocol = begun()
    assert list(protocol.hear(SUBSCRIBE)) == [Start("a", GraphQLRequest("{a}", variables={"b": 1}))]
    assert protocol.next("a", b'{"data":1}') == '{"id":"a","type":"next","payload":{"data":1}}'
    assert protocol.complete("a") == '{"id":"a","type":"complete"}'
    assert list(protocol.hear(SUBSCRIBE)) == [Start("a", GraphQLRequest("{a}", variables={"b": 1}))]
    assert list(protocol.hear('{"type":"complete","id":"a"}')) == [Stop("a")]
    assert list(protocol.hear('{"type":"complete","id":"a"}')) == []


def test_an_error_frees_the_id() -> None:
    protocol = begun()
    list(protocol.hear(SUBSCRIBE))
    assert protocol.error("a", b"[]") == '{"id":"a","type":"error","payload":[]}'
    assert list(protocol.hear(SUBSCRIBE)) == [Start("a", GraphQLRequest("{a}", variables={"b": 1}))]


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ('{"type":"ping"}', [Send('{"type":"pong"}')]),
        ('{"type":"ping","payload":{"a":1}}', [Send('{"type":"pong","payload":{"a":1}}')]),
        ('{"type":"pong"}', []),
        (INIT, [End(4429, "Too many initialisation requests")]),
        (
            '{"type":"subscribe","id":"","payload":{"query":""}}',
            [End(4400, "invalid message: an id has 1 to 128 characters")],
        ),
    ],
)
def test_answers_to_queries(said: str, sent: list[object]) -> None:
    assert list(begun().hear(said)) == sent


@pytest.mark.parametrize(
    "said", ["", "[]", '{"type":"start"}', '{"type":"subscribe"}', '{"type":"next"}', "[" * 9000]
)
def test_an_invalid_message_ends_the_connection(said: str) -> None:
    (ended,) = begun().hear(said)
    assert isinstance(ended, End)
    assert ended.code == 4400
    assert ended.reason.startswith("invalid message: ")


def test_the_same_id_twice() -> None:
    protocol = begun()
    list(protocol.hear(SUBSCRIBE))
    assert list(protocol.hear(SUBSCRIBE)) == [End(4409, "Subscriber for a already exists")]


def test_nothing_is_accepted_before_connection_init() -> None:
    assert list(TransportProtocol().hear(SUBSCRIBE)) == [End(4401, "Unauthorized")]
    assert list(TransportProtocol().timed_out()) == [End(4408, "Connection initialisation timeout")]
    assert list(begun().timed_out()) == []
