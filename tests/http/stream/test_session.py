"""What a client says, and what it is answered; nothing is answered to one that does not read."""

from __future__ import annotations

import pytest

from astrolabe.engine.serving_state import StateTracker
from astrolabe.graph.views.filter import FilterRules
from astrolabe.http.net.message import Message
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.open_stream import OpenStream
from astrolabe.http.stream.problem_feed import ProblemFeeds
from astrolabe.http.stream.session import Session
from tests.support.connections import Recorder, settle
from tests.support.worlds import KINDS, World, facts, shop

PING = '{"type":"ping"}'
SUBSCRIBE = '{"type":"subscribe","id":"x","filter":{"kind":["Pod"]}}'
WRONG = '{"type":"subscribe","id":"y","filter":{"kind":["Pond"]}}'


class Room:
    """Implements `StreamRoom`."""

    def __init__(self, hub: Hub, tracker: StateTracker) -> None:
        self.hub = hub
        self.problems = ProblemFeeds(hub, tracker)
        self.state = Message("state", "{}", None)
        self.streams: set[OpenStream] = set()

    def add(self, stream: OpenStream) -> None:
        self.streams.add(stream)

    def discard(self, stream: OpenStream) -> None:
        self.streams.remove(stream)


def begin(limit: int = 2) -> tuple[Session, Recorder]:
    connection = Recorder()
    world = shop()
    stream = OpenStream(connection, Room(world.hub, world.state_tracker()))
    return Session(connection, stream, FilterRules.of(KINDS), limit=limit), connection


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
    assert (
        said[1]["message"]
        == "there is graph, problems, summary and neighbourhood to subscribe to, not 'weather'"
    )


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


async def test_a_stream_that_moves_is_reset_there_and_hears_nothing_more_from_where_it_was() -> None:
    connection, here, there = Recorder(), shop(), World("other")
    there.set(facts("Pod", "elsewhere"))
    rooms = [Room(world.hub, world.state_tracker()) for world in (here, there)]
    stream = OpenStream(connection, rooms[0])
    session = Session(connection, stream, FilterRules.of(KINDS), limit=2)
    session.hear(SUBSCRIBE)
    await settle()
    assert connection.types() == ["snapshot"]
    before = here.hub.graph.seq
    stream.leave()
    here.set(facts("Pod", "later"))
    for text in (PING, SUBSCRIBE, SUBSCRIBE.replace('"x"', '"y"'), SUBSCRIBE.replace('"x"', '"z"')):
        session.hear(text)  # while it is nowhere
    await settle()
    pong, *refused = connection.take()
    assert (pong["type"], pong["seq"]) == ("pong", before)
    assert [message["code"] for message in refused] == ["duplicate-id", "too-many-subscriptions"]
    stream.move(rooms[1])
    await settle()
    told = connection.take()
    assert told[0] == {}  # the state
    for id in ("x", "y"):
        assert [message["type"] for message in told[1:] if message["id"] == id] == ["reset", "snapshot"]
    assert {node["name"] for message in told[1:] for node in message.get("nodes", ())} == {"elsewhere"}
    assert [room.streams for room in rooms] == [set(), {stream}]
    there.set(facts("Pod", "new"))
    here.set(facts("Pod", "hidden"))
    await settle()
    assert [node["name"] for message in connection.take() for node in message["nodes"]["set"]] == ["new"] * 2
