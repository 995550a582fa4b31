"""Problems as a subscription: over real sockets, and as a list that is changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from astrolabe.graph.encoding.wire import encode
from astrolabe.graph.state.status import ERROR, Status
from astrolabe.http.counters import Counters
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream import feed as feed_module
from astrolabe.http.stream import problem_watch
from astrolabe.http.stream.feed import FeedSubscription
from astrolabe.http.stream.problem_feed import AskedProblems, ProblemFeed
from astrolabe.http.stream.problem_list import ProblemLister
from astrolabe.settings import Limits
from tests.support.connections import Recorder
from tests.support.serving import PATIENCE, Site, eventually, read, serve
from tests.support.worlds import World, facts, only

Json = dict[str, Any]
CRASH = Status(ERROR, "CrashLoopBackOff", "container app keeps ending: exit code 1")
SOON = 0.02


class Reader:
    """A client that follows problems, and believes nothing that does not fit."""

    def __init__(self) -> None:
        self.problems: dict[str, Json] = {}
        self.epoch, self.seq = "", 0
        self._parts: list[Json] = []
        self._number = 0

    def take(self, message: Json) -> None:
        match message["type"]:
            case "problems":
                assert message["part"] == (1 if not self._parts else self._number + 1)
                self._number = message["part"]
                self._parts += message["problems"]
                if message["last"]:
                    self.problems = {each["id"]: each for each in self._parts}
                    assert len(self.problems) == len(self._parts)
                    self._parts = []
                    self.epoch, self.seq = message["epoch"], message["seq"]
            case "problems-delta":
                assert (message["epoch"], message["from"]) == (self.epoch, self.seq)
                assert message["seq"] > self.seq
                changes = message["problems"]
                self.problems |= {each["id"]: each for each in changes["set"]}
                for id in changes["remove"]:
                    self.problems.pop(id, None)
                self.seq = message["seq"]
            case "bookmark":
                assert (message["epoch"], message["seq"]) == (self.epoch, self.seq)
            case "reset":
                self._parts = []

    @property
    def since(self) -> Json:
        return {"epoch": self.epoch, "seq": self.seq}

    @property
    def names(self) -> list[str]:
        """Of the causes of what has not ended."""
        return sorted(each["cause"]["name"] for each in self.problems.values() if "ended" not in each)

    async def until(self, socket: ClientConnection, condition: Callable[[], bool]) -> list[str]:
        """The types of the messages that were read until this is so."""
        types: list[str] = []
        while not types or not condition():
            message = await read(socket)
            types.append(message["type"])
            self.take(message)
        return types


def ask(id: str = "p", **more: Any) -> str:
    return json.dumps({"type": "subscribe", "id": id, "what": "problems", **more})


def breaks(world: World, name: str, namespace: str = "shop") -> None:
    world.set(facts("Pod", name, namespace=namespace, status=CRASH))


def a_world() -> World:
    world = World(limits=Limits(max_filters=2))
    world.sync()
    world.set(facts("Namespace", "shop"), facts("Namespace", "other"), facts("Pod", "a"))
    breaks(world, "b", "other")
    return world


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_watch, "LOOK_EVERY", SOON)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serve(a_world()) as site:
        yield site


@pytest.fixture
async def socket(site: Site) -> AsyncIterator[ClientConnection]:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        assert (await read(socket))["type"] == "hello"
        yield socket


async def test_a_pod_fails_and_recovers(site: Site, socket: ClientConnection) -> None:
    reader = Reader()
    await socket.send(ask())
    assert await reader.until(socket, lambda: True) == ["problems"]
    assert reader.names == ["b"]
    breaks(site.world, "a")
    assert await reader.until(socket, lambda: reader.names == ["a", "b"]) == ["problems-delta"]
    assert by_id(await site.json("/api/v1/problems")) == reader.problems
    site.world.set(facts("Pod", "a"))
    assert await reader.until(socket, lambda: reader.names == ["b"]) == ["problems-delta"]
    assert len(reader.problems) == 2, "what ended is told for another minute"


async def test_a_filter_limits_the_feed(site: Site, socket: ClientConnection) -> None:
    reader = Reader()
    await socket.send(ask(filter={"namespace": ["shop"]}))
    assert await reader.until(socket, lambda: True) == ["problems"]
    assert reader.names == []
    breaks(site.world, "c", "other")
    breaks(site.world, "a")
    await reader.until(socket, lambda: reader.names == ["a"])
    assert by_id(await site.json("/api/v1/problems?namespace=shop")) == reader.problems


async def test_detailed_problems_name_affected_nodes(site: Site, socket: ClientConnection) -> None:
    plain, detailed = Reader(), Reader()
    await socket.send(ask("plain"))
    await socket.send(ask("detailed", detail=True))
    for message in (await read(socket), await read(socket)):
        (plain if message["id"] == "plain" else detailed).take(message)
    assert by_id(await site.json("/api/v1/problems?detail=true")) == detailed.problems
    assert by_id(await site.json("/api/v1/problems")) == plain.problems != detailed.problems
    async with site.stream("/api/v1/ws?what=problems&detail=true") as other:
        reader = Reader()
        await reader.until(other, lambda: bool(reader.problems))
    assert reader.problems == detailed.problems


async def test_problems_that_end_in_a_filter_are_shown_for_a_minute(
    site: Site, socket: ClientConnection
) -> None:
    reader = Reader()
    await socket.send(ask(filter={"namespace": ["shop"]}))
    await reader.until(socket, lambda: True)
    breaks(site.world, "a")
    await reader.until(socket, lambda: reader.names == ["a"])
    site.world.set(facts("Pod", "a"))
    await reader.until(socket, lambda: reader.names == [])
    (problem,) = reader.problems.values()
    assert problem["cause"]["name"] == "a"
    breaks(site.world, "a")
    await reader.until(socket, lambda: reader.names == ["a"])
    assert [each["flaps"] for each in reader.problems.values()] == [1]


async def test_resuming_and_what_cannot_be_resumed(site: Site, socket: ClientConnection) -> None:
    reader = Reader()
    await socket.send(ask())
    await reader.until(socket, lambda: True)
    await socket.send(json.dumps({"type": "unsubscribe", "id": "p"}))
    await eventually(lambda: site.hub.subscriptions == 0)
    await socket.send(ask("q", since=reader.since))
    assert await reader.until(socket, lambda: True) == ["bookmark"]
    await socket.send(json.dumps({"type": "unsubscribe", "id": "q"}))
    await eventually(lambda: site.hub.subscriptions == 0)
    breaks(site.world, "a")
    site.world.remove("pod-b")
    await socket.send(ask("r", since=reader.since))
    assert await reader.until(socket, lambda: True) == ["problems-delta"]
    assert reader.names == ["a"]
    async with serve(site.world) as restarted, restarted.stream("/api/v1/ws?subscribe=false") as other:
        await other.send(ask(since=reader.since))
        types = await reader.until(other, lambda: bool(reader.problems))
        types += await reader.until(other, lambda: True)
        types += await reader.until(other, lambda: True)
    assert types == ["hello", "reset", "problems"]
    assert reader.names == ["a"]


async def test_refusals(site: Site, socket: ClientConnection) -> None:
    await socket.send(ask(filter={"kind": ["Pond"]}))
    assert (await read(socket))["code"] == "bad-filter"
    for number, namespace in enumerate(("shop", "other")):
        await socket.send(ask(f"p{number}", filter={"namespace": [namespace]}))
        assert (await read(socket))["type"] == "problems"
    await socket.send(ask(filter={"namespace": ["third"]}))
    refusal = await read(socket)
    assert (refusal["id"], refusal["code"]) == ("p", "too-many-filters")
    status, said = await site.refused("/api/v1/events?what=weather")
    assert (status, said["message"]) == (
        400,
        "what is one of graph, problems, summary, neighbourhood, not 'weather'",
    )


async def test_followers_share_work_and_without_followers_there_is_none(
    site: Site, socket: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    part = ProblemLister.part

    async def counted(self: ProblemLister, filter: Any) -> Any:
        looks.append(filter)
        return await part(self, filter)

    monkeypatch.setattr(ProblemLister, "part", counted)
    for id in "pq":
        await socket.send(ask(id, filter={"namespace": ["shop"]}))
        assert (await read(socket))["type"] == "problems"
    at_first = len(looks)
    assert at_first <= 2  # when the view is not ready at first
    breaks(site.world, "c", "other")  # which does not concern them
    breaks(site.world, "a")
    said = [await read(socket), await read(socket)]
    assert sorted(each["id"] for each in said) == ["p", "q"]
    assert [each["problems"]["set"][0]["cause"]["name"] for each in said] == ["a", "a"]
    looked = len(looks)
    assert looked <= at_first + 2
    for id in "pq":
        await socket.send(json.dumps({"type": "unsubscribe", "id": id}))
    await eventually(lambda: site.hub.subscriptions == 0)
    await eventually(lambda: not followers())
    looked = len(looks)
    breaks(site.world, "d")
    await asyncio.sleep(5 * SOON)
    assert len(looks) == looked


async def test_events(site: Site) -> None:
    async def events(path: str, **headers: str) -> AsyncIterator[tuple[str, str, Json]]:
        async with site.get(path, headers=headers) as answer, asyncio.timeout(PATIENCE):
            event, id = "", ""
            async for line in answer.content:
                name, _, value = line.decode().strip().partition(": ")
                if name == "event":
                    event, id = value, ""
                elif name == "id":
                    id = value
                elif name == "data" and event not in ("hello", "state"):
                    yield event, id, json.loads(value)

    async def first(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
        yield await anext(events)

    reader = Reader()
    path = "/api/v1/events?what=problems"
    ids = []
    async for event, id, message in events(path):
        reader.take(message)
        ids.append(id)
        if event == "problems-delta":
            break
        breaks(site.world, "a")
    assert ids == [f"{reader.epoch}:2", f"{reader.epoch}:3"]  # 1 is the list before the first look
    resumed = [event async for event, _, _ in first(events(path, **{"Last-Event-ID": ids[-1]}))]
    assert resumed == ["bookmark"]
    assert reader.names == ["a", "b"]


def by_id(listed: list[Json]) -> dict[str, Json]:
    return {each["id"]: each for each in listed}


def followers() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "astrolabe.http.problems"]


LISTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2), max_size=6)


@given(st.lists(st.tuples(LISTS, st.sampled_from(("read", "come back", "wait"))), max_size=20), st.data())
@settings(max_examples=60, deadline=None)
def test_a_client_that_applies_all_messages_holds_the_list(
    history: list[tuple[dict[str, int], str]], data: st.DataObject
) -> None:
    """Whatever is remembered, and whenever it reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed_module, "MAX_REMOVED", data.draw(st.integers(0, 3)))
        feed, reader = ProblemFeed(AskedProblems(), Counters()), Reader()
        subscription = FeedSubscription("p", feed, Recorder(), None)
        for problems, then in history:
            feed.take({id: encode({"id": id, "text": text}) for id, text in problems.items()})
            if then == "come back" and reader.epoch:
                since = StreamPosition(reader.epoch, reader.seq)
                subscription = FeedSubscription("p", feed, Recorder(), since)
            if then != "wait":
                for message in said(subscription):
                    reader.take(message)
                assert {id: each["text"] for id, each in reader.problems.items()} == problems


def said(subscription: FeedSubscription) -> Iterator[Json]:
    while (message := subscription.next()) is not None:
        yield json.loads(message.text)


def test_a_long_list_comes_in_parts() -> None:
    feed, reader = ProblemFeed(AskedProblems(only()), Counters()), Reader()
    feed.take({str(each): encode({"id": str(each), "text": "x" * 1000}) for each in range(100)})
    messages = list(said(FeedSubscription("p", feed, Recorder(), None)))
    assert [message["part"] for message in messages] == [1, 2, 3]
    assert max(len(encode(message)) for message in messages) <= 48 * 1024
    for message in messages:
        reader.take(message)
    assert len(reader.problems) == 100


def standing(reader: Reader) -> dict[str, Json]:
    """What has not ended. What became of the problems of a filter is known only to those who follow them."""
    return {
        id: {key: value for key, value in each.items() if key != "flaps"}
        for id, each in reader.problems.items()
        if "ended" not in each
    }


WORDS = st.sampled_from(("CrashLoopBackOff", "ImagePullBackOff", ""))
STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(("shop", "other")), WORDS), max_size=8)


@given(STEPS)
@settings(max_examples=8, deadline=None)
def test_the_feed_equals_the_rest_answer(steps: list[tuple[str, str, str]]) -> None:
    async def follow() -> None:
        path = "/api/v1/ws?what=problems"
        async with (
            serve(a_world()) as site,
            site.stream(path) as socket,
            site.stream(f"{path}&namespace=shop") as narrow,
        ):
            readers = ((Reader(), socket, ""), (Reader(), narrow, "?namespace=shop"))
            for name, namespace, reason in steps:
                status = Status(ERROR, reason, f"{name} fails") if reason else None
                site.world.set(facts("Pod", name, namespace=namespace, status=status))
                await asyncio.sleep(SOON / 4)
            for reader, of, query in readers:
                listed = by_id(await site.json(f"/api/v1/problems{query}"))
                seen = partial(standing, reader) if query else partial(getattr, reader, "problems")
                await reader.until(of, lambda: bool(reader.epoch) and seen() == listed)  # noqa: B023

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem_watch, "LOOK_EVERY", SOON)
        asyncio.run(follow())


async def test_a_replaced_graph_is_followed_without_a_reset(site: Site, socket: ClientConnection) -> None:
    """Positions are those of the list."""
    wide, narrow = Reader(), Reader()
    await socket.send(ask("wide"))
    await wide.until(socket, lambda: True)
    await socket.send(ask("narrow", filter={"namespace": ["other"]}))
    await narrow.until(socket, lambda: True)
    other = a_world()
    other.remove("pod-b")
    breaks(other, "z", "other")
    site.hub.replace(other.hub.graph)
    while wide.names != ["z"] or narrow.names != ["z"]:
        message = await read(socket)
        assert message["type"] in ("problems-delta", "bookmark")
        (wide if message["id"] == "wide" else narrow).take(message)


async def test_a_failed_evaluation_is_retried(
    site: Site, socket: ClientConnection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    everything, failures = ProblemLister.everything, [ValueError("seen by nobody")]

    async def fails_once(self: ProblemLister) -> Any:
        if failures:
            raise failures.pop()
        return await everything(self)

    monkeypatch.setattr(ProblemLister, "everything", fails_once)
    reader = Reader()
    await socket.send(ask())
    await reader.until(socket, lambda: reader.names == ["b"])
    assert "looking for the problems of a filter failed; trying again" in caplog.text
    caplog.clear()
