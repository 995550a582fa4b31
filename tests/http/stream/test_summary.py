"""Summaries: what a client holds equals the groups of the whole graph, and over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.links import RefByUid
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import ERROR, Status
from astrolabe.graph.views.filter import EVERYTHING, Filter
from astrolabe.graph.views.summary import DIMENSIONS, id_of, summarize
from astrolabe.graph.views.view import View
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream import feed as feed_module
from astrolabe.http.stream import summary_feed
from astrolabe.http.stream.feed import FeedSubscription
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.summary_feed import AskedSummary, SummaryFeeds
from astrolabe.settings import Limits
from tests.graph.histories import RULES, histories
from tests.support.connections import Recorder
from tests.support.filters import filter_of
from tests.support.serving import Site, eventually, read, serve
from tests.support.worlds import World, facts

Json = dict[str, Any]
CRASH = Status(ERROR, "CrashLoopBackOff", "container app keeps ending: exit code 1")

filters = st.sampled_from(
    (
        EVERYTHING,
        filter_of(namespace=frozenset({"a"})),
        filter_of(release=frozenset({"r1"})),
        filter_of(kind=frozenset({"Pod"})),
        filter_of(status=frozenset({"Error"})),
    )
)
names_of_dimensions = st.lists(st.sampled_from(tuple(DIMENSIONS)), min_size=1, max_size=2, unique=True)


class Reader:
    """A client that follows a summary, and believes nothing that does not fit."""

    def __init__(self) -> None:
        self.groups: dict[str, Json] = {}
        self.epoch, self.seq, self.graph = "", 0, ""
        self._parts: list[Json] = []

    def take(self, message: Json) -> None:
        match message["type"]:
            case "summary":
                self._parts += message["groups"]
                if message["last"]:
                    self.groups = {each["id"]: each for each in self._parts}
                    assert len(self.groups) == len(self._parts)
                    self._parts = []
                    self.epoch, self.seq = message["epoch"], message["seq"]
                    self.graph = message["graph"]
            case "summary-delta":
                assert (message["epoch"], message["from"]) == (self.epoch, self.seq)
                assert message["seq"] > self.seq
                self.groups |= {each["id"]: each for each in message["groups"]["set"]}
                for id in message["groups"]["remove"]:
                    self.groups.pop(id, None)
                self.seq, self.graph = message["seq"], message["graph"]
            case "bookmark":
                assert (message["epoch"], message["seq"]) == (self.epoch, self.seq)
            case "reset":
                self._parts = []

    @property
    def totals(self) -> dict[str, int]:
        return {id: each["total"] for id, each in self.groups.items()}

    def read(self, subscription: FeedSubscription) -> None:
        while (message := subscription.next()) is not None:
            self.take(json.loads(message.text))

    async def until(self, socket: ClientConnection, totals: dict[str, int]) -> list[str]:
        """The types of the messages that were read until these are the totals."""
        types: list[str] = []
        while self.totals != totals or not types:
            message = await read(socket)
            types.append(message["type"])
            self.take(message)
        return types


def computed_anew(graph: ServedGraph, asked: AskedSummary) -> dict[str, Json]:
    kept = list(View.at_once(graph, asked.filter).uids())
    summary = summarize(graph, asked.by, kept)
    assert sum(group.total for group in summary.groups.values()) == len(kept)
    documents = {id_of(name): summary.document(name) for name in summary.groups}
    assert all(each is not None for each in documents.values())
    return {id: each for id, each in documents.items() if each is not None}


@settings(max_examples=60, deadline=None)
@given(
    history=histories,
    by=names_of_dimensions,
    filter=filters,
    at_once=st.sampled_from((0, 300)),
    removed=st.integers(0, 3),
    data=st.data(),
)
def test_what_a_client_holds_is_the_summary_of_the_whole_graph(
    history: list[Any], by: list[str], filter: Filter, at_once: int, removed: int, data: st.DataObject
) -> None:
    """Whatever changes, whenever it reads or comes back, and however much is counted at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary_feed, "AT_ONCE", at_once)
        patch.setattr(summary_feed, "STEP", 1)
        patch.setattr(feed_module, "MAX_REMOVED", removed)
        asyncio.run(live(history, AskedSummary(tuple(by), filter), data))


async def live(history: list[Any], asked: AskedSummary, data: st.DataObject) -> None:
    model, hub = Model(RULES), Hub(ServedGraph("e"))
    feeds = SummaryFeeds(hub, limit=4)
    feed, reader = feeds._share(asked), Reader()
    subscription = FeedSubscription("s", feed, Recorder(), None)
    for step in history:
        if isinstance(step, Facts):
            model.upsert(step)
        elif isinstance(step, str):
            model.remove(step)
        if changes := model.commit():
            hub.receive(Batch("e", hub.graph.seq + 1, changes))
        then = data.draw(st.sampled_from(("read", "settle", "come back", "replace", "wait")))
        if then == "wait":
            continue
        if then == "replace" and data.draw(st.booleans()):
            other = ServedGraph("e", hub.graph.seq)
            other.load(changes_of(hub.graph))
            hub.replace(other)
        if then in ("settle", "come back", "replace"):
            await feed.complete()
        if then == "come back" and reader.epoch:
            since = StreamPosition(reader.epoch, reader.seq)
            subscription = FeedSubscription("s", feed, Recorder(), since)
        reader.read(subscription)
        if then != "read":
            held = {id: each | {"problems": 0} for id, each in reader.groups.items()}
            assert held == computed_anew(hub.graph, asked)
    await feed.complete()
    reader.read(subscription)
    expected = computed_anew(hub.graph, asked)
    assert {id: each | {"problems": 0} for id, each in reader.groups.items()} == expected
    await feeds.close()


def changes_of(graph: ServedGraph) -> Changes:
    return Changes(nodes_set=list(graph.nodes.values()), edges_set=list(graph.edges()))


def ask(*by: str, id: str = "s", **more: Any) -> str:
    return json.dumps({"type": "subscribe", "id": id, "what": "summary", "by": by, **more})


def a_world(limits: Limits) -> World:
    world = World(limits=limits)
    world.sync()
    world.set(facts("Namespace", "shop"), facts("Pod", "a"), facts("Pod", "b", namespace="other"))
    return world


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setattr(summary_feed, "LOOK_EVERY", 0.02)
    limits = Limits(max_filters=2)
    async with serve(a_world(limits), limits) as site:
        yield site


@pytest.fixture
async def socket(site: Site) -> AsyncIterator[ClientConnection]:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        assert (await read(socket))["type"] == "hello"
        yield socket


async def test_groups_change_come_and_go(site: Site, socket: ClientConnection) -> None:
    reader = Reader()
    await socket.send(ask("namespace"))
    assert await reader.until(socket, {"shop": 2, "other": 1}) == ["summary"]
    assert reader.groups["shop"] == {
        "id": "shop", "namespace": "shop", "total": 2, "problems": 0,
        "ready": 2, "pending": 0, "error": 0, "unknown": 0,
    }  # fmt: skip
    site.world.set(facts("Pod", "c", namespace="third"))
    assert await reader.until(socket, {"shop": 2, "other": 1, "third": 1}) == ["summary-delta"]
    site.world.remove("pod-b")
    assert await reader.until(socket, {"shop": 2, "third": 1}) == ["summary-delta"]
    graph = site.hub.graph
    assert reader.graph == f"{graph.epoch}:{graph.seq}"
    assert {each["id"]: each for each in await site.json("/api/v1/summary?by=namespace")} == reader.groups


async def test_problems_are_counted_where_their_cause_is(site: Site, socket: ClientConnection) -> None:
    reader = Reader()
    await socket.send(ask("namespace", "kind", filter={"namespace": ["shop"]}))
    await reader.until(socket, {"shop|Namespace": 1, "shop|Pod": 1})
    site.world.set(facts("Pod", "a", status=CRASH))
    while reader.groups["shop|Pod"]["problems"] != 1:
        reader.take(await read(socket))
    assert reader.groups["shop|Pod"]["error"] == 1
    site.world.set(facts("Pod", "a"))
    while reader.groups["shop|Pod"]["problems"]:
        reader.take(await read(socket))


def _owned_by(kind: str, name: str) -> RefByUid:
    uid = f"{kind}-{name}".lower()
    return RefByUid("owns", uid, kind, "shop", name, "metadata.ownerReferences[0].uid", True)


async def test_resources_belong_to_the_owner_at_the_top(site: Site, socket: ClientConnection) -> None:
    reader = Reader()
    world = site.world
    owned = facts("Pod", "a", links=(_owned_by("ReplicaSet", "r"),))
    world.set(facts("ReplicaSet", "r"), owned)
    await socket.send(ask("owner", filter={"kind": ["Pod"]}))
    await reader.until(socket, {"": 1, "replicaset-r": 1})
    above = (_owned_by("Deployment", "d"),)
    world.set(facts("Deployment", "d"), facts("ReplicaSet", "r", links=above))
    await reader.until(socket, {"": 1, "deployment-d": 1})
    group = reader.groups["deployment-d"]
    assert (group["owner"], group["ownerKind"], group["ownerNamespace"]) == ("d", "Deployment", "shop")


async def test_resuming(site: Site, socket: ClientConnection) -> None:
    reader = Reader()
    await socket.send(ask("kind"))
    await reader.until(socket, {"Namespace": 1, "Pod": 2})
    await socket.send(json.dumps({"type": "unsubscribe", "id": "s"}))
    await eventually(lambda: site.hub.subscriptions == 0)
    site.world.remove("pod-b", "namespace-shop")
    await socket.send(ask("kind", since={"epoch": reader.epoch, "seq": reader.seq}))
    assert await reader.until(socket, {"Pod": 1}) == ["summary-delta"]
    await socket.send(ask("kind", id="t", since={"epoch": "elsewhere", "seq": 1}))
    assert [(await read(socket))["type"] for _ in range(2)] == ["reset", "summary"]


async def test_over_server_sent_events(site: Site) -> None:
    async with site.stream("/api/v1/ws?what=summary&by=kind&namespace=shop") as other:
        reader = Reader()
        await reader.until(other, {"Namespace": 1, "Pod": 1})
    status, said = await site.refused("/api/v1/events?what=summary&by=colour")
    assert status == 400
    assert (
        said["message"] == "by is one or two of cluster, namespace, release, kind, node, owner, not 'colour'"
    )


async def test_refusals(site: Site, socket: ClientConnection) -> None:
    one_or_two = (
        "by is one or two different ones of cluster, namespace, release, kind, node, owner; there are "
    )
    for by, found in (((), "0"), (("kind", "kind"), "2"), (("kind", "node", "owner"), "3")):
        await socket.send(ask(*by))
        assert (await read(socket))["message"] == one_or_two + found
    for number, by in enumerate(("kind", "namespace")):
        await socket.send(ask(by, id=f"s{number}"))
        assert (await read(socket))["type"] == "summary"
    await socket.send(ask("owner"))
    assert (await read(socket))["code"] == "too-many-filters"
    status, _ = await site.refused("/api/v1/summary?by=owner")
    assert status == 503
    status, _ = await site.refused("/api/v1/events?what=graph&by=owner")
    assert status == 400
