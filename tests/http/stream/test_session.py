"""What a client says, and what it is answered; nothing is answered to one that does not read."""

from __future__ import annotations

import pytest

from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.stream.problem_feed import ProblemFeeds
from astrolabe.http.stream.session import Session
from tests.support.connections import Recorder
from tests.support.worlds import KINDS, shop

PING = '{"type":"ping"}'
SUBSCRIBE = '{"type":"subscribe","id":"x","filter":{"kind":["Pod"]}}'
WRONG = '{"type":"subscribe","id":"y","filter":{"kind":["Pond"]}}'


def begin(limit: int = 2) -> tuple[Session, Recorder]:
    connection = Recorder()
    world = shop()
    problems = ProblemFeeds(world.hub, world.state_tracker())
    client = world.hub.join(connection)
    return Session(connection, client, FilterRules.of(KINDS), limit=limit, problems=problems), connection


async def test_a_conversation() -> None:
    session, connection = begin()
    for text in (PING, SUBSCRIBE, '{"type":"unsubscribe","id":"x"}', '{"type":"unsubscribe","id":"x"}'):
        session.hear(text)
    said = connection.take()
    assert [message["type"] for message in said] == ["pong", "snapshot", "error"]
    assert (said[-1]["id"], said[-1]["code"]) == ("x", "unknown-id")
    assert connection.closed is None


async def test_refusals() -> None:
    session, connection = begin(limit=1)
    unknown = '{"type":"subscribe","id":"y","what":"weather"}'
    for text in (WRONG, unknown, SUBSCRIBE, SUBSCRIBE, SUBSCRIBE.replace("x", "z")):
        session.hear(text)
    said = connection.take()
    codes = [message.get("code") for message in said]
    assert codes == ["bad-filter", "unknown-what", None, "duplicate-id", "too-many-subscriptions"]
    assert said[1]["message"] == "there is graph and problems to subscribe to, not 'weather'"


@pytest.mark.parametrize("text", ["{}", '{"x":' * 10_000, '{"x":' * 10_000 + "1" + "}" * 10_000])
async def test_an_invalid_message_ends_the_session(text: str) -> None:
    session, connection = begin()
    session.hear(text)
    assert connection.closed == (4500, "bad-message")


async def test_nothing_accumulates_for_a_client_that_does_not_read() -> None:
    session, connection = begin()
    connection.writable = False
    session.hear(PING)
    session.hear(SUBSCRIBE)
    assert connection.closed is None
    session.hear(WRONG)
    assert connection.closed == (4008, "slow")
    assert connection.messages == []
