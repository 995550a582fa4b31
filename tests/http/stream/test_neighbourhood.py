"""Neighbourhoods: what a client holds is what is around the focus in the whole graph, and over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection

from astrolabe.client import Graph, Position
from astrolabe.client.message import decode
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import WORST_FIRST
from astrolabe.graph.views import neighbourhood as neighbourhood_module
from astrolabe.graph.views.neighbourhood import AskedNeighbourhood, neighbourhood
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream import feed as feed_module
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.neighbourhood_feed import NeighbourhoodFeeds
from astrolabe.settings import Limits
from tests.graph.histories import RULES, UIDS, histories
from tests.support.connections import Recorder
from tests.support.serving import Site, eventually, read, serve
from tests.support.worlds import shop

Json = dict[str, Any]
focuses = st.lists(st.sampled_from(UIDS), min_size=1, max_size=2, unique=True).map(tuple)


class Reader:
    """A client of the graph, which holds a neighbourhood as well."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.beyond: list[Json] = []

    def take(self, text: str) -> str:
        message, document = decode(text), json.loads(text)
        assert message is not None
        self.graph.apply(message)
        if document["type"] in ("snapshot", "delta") and document.get("last", True):
            self.beyond = document["beyond"]
        return str(document["type"])

    @property
    def names(self) -> list[str]:
        return sorted(node["name"] for node in self.graph.nodes.values())

    async def until(self, socket: ClientConnection, names: list[str]) -> list[str]:
        """The types of the messages that were read until these are there."""
        types: list[str] = []
        while self.names != names or not types:
            types.append(self.take(json.dumps(await read(socket))))
        return types


def by_definition(graph: ServedGraph, asked: AskedNeighbourhood) -> tuple[list[str], Counter[str]]:
    """The uids in order, and what is beyond: read from the specification."""
    kept = [uid for uid in asked.focus if uid in graph.nodes]
    layer, seen, beyond = list(kept), set(kept), Counter[str]()
    edges = [edge for edge in graph.edges() if not asked.types or edge.type in asked.types]
    for _ in range(asked.depth):
        ends = {e.target for e in edges if e.source in layer} | {e.source for e in edges if e.target in layer}
        found = [graph.nodes[uid] for uid in ends - seen]
        seen |= ends
        found.sort(key=lambda each: (WORST_FIRST.index(each.status), each.name, each.kind, each.uid))
        room = max(0, asked.limit - len(kept))
        layer = [node.uid for node in found[:room]]
        kept += layer
        beyond.update(node.kind for node in found[room:])
    return kept, beyond


@settings(max_examples=80, deadline=None)
@given(
    history=histories,
    focus=focuses,
    depth=st.integers(0, 3),
    types=st.sampled_from((frozenset(), frozenset({"owns", "mounts"}))),
    limit=st.integers(1, 6),
    removed=st.integers(0, 3),
    data=st.data(),
)
def test_what_a_client_holds_is_what_is_around_the_focus(
    history: list[Any],
    focus: tuple[str, ...],
    depth: int,
    types: frozenset[str],
    limit: int,
    removed: int,
    data: st.DataObject,
) -> None:
    """Whatever changes, wherever it moves, whenever it reads or comes back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbourhood_module, "STEP", 1)
        patch.setattr("astrolabe.http.stream.neighbourhood_feed.PAUSE_FACTOR", 0)
        patch.setattr(feed_module, "MAX_REMOVED", removed)
        asyncio.run(live(history, AskedNeighbourhood(focus, depth, types, limit), data))


async def live(history: list[Any], asked: AskedNeighbourhood, data: st.DataObject) -> None:
    model, hub = Model(RULES), Hub(ServedGraph("e"))
    feeds, recorder = NeighbourhoodFeeds(hub, limit=4), Recorder()
    client, reader = hub.join(recorder), Reader()
    feed = feeds.subscribe(client, "n", asked)
    for step in history:
        if isinstance(step, Facts):
            model.upsert(step)
        elif isinstance(step, str):
            model.remove(step)
        if changes := model.commit():
            hub.receive(Batch("e", hub.graph.seq + 1, changes))
        then = data.draw(st.sampled_from(("settle", "move", "come back", "replace", "turn", "wait")))
        if then == "move":
            asked = AskedNeighbourhood(data.draw(focuses), asked.depth, asked.types, asked.limit)
            feed.move(asked.focus)
        elif then == "come back":
            client.unsubscribe("n")
            read_all(recorder, reader)
            since = reader.graph.resume() or Position("elsewhere", 1)
            feed = feeds.subscribe(client, "n", asked, StreamPosition(*since))
        elif then == "replace":
            other = ServedGraph("e", hub.graph.seq)
            other.load(Changes(nodes_set=list(hub.graph.nodes.values()), edges_set=list(hub.graph.edges())))
            hub.replace(other)
        elif then == "turn":
            await asyncio.sleep(0)
        if then in ("settle", "come back"):
            await settled(feed, recorder, reader)
            check(hub.graph, asked, reader)
    await settled(feed, recorder, reader)
    check(hub.graph, asked, reader)
    client.leave()
    await feeds.close()


async def settled(feed: Any, recorder: Recorder, reader: Reader) -> None:
    while True:
        await feed.idle.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        if feed.idle.is_set():
            break
    read_all(recorder, reader)


def read_all(recorder: Recorder, reader: Reader) -> None:
    for message in recorder.messages:
        reader.take(message.text)
    recorder.messages.clear()


def check(graph: ServedGraph, asked: AskedNeighbourhood, reader: Reader) -> None:
    kept, beyond = by_definition(graph, asked)
    assert list(neighbourhood(graph, asked).nodes) == kept
    assert reader.graph.nodes.keys() == set(kept)
    assert {uid: node["status"] for uid, node in reader.graph.nodes.items()} == {
        uid: graph.nodes[uid].status for uid in kept
    }
    assert reader.graph.edges.keys() == {
        edge.key
        for edge in graph.edges()
        if edge.source in kept and edge.target in kept and (not asked.types or edge.type in asked.types)
    }
    assert reader.beyond == [{"kind": kind, "count": count} for kind, count in sorted(beyond.items())]


def ask(*focus: str, id: str = "n", **more: Any) -> str:
    return json.dumps({"type": "subscribe", "id": id, "what": "neighbourhood", "focus": focus, **more})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    limits = Limits(max_filters=2)
    async with serve(shop(), limits) as site:
        yield site


@pytest.fixture
async def socket(site: Site) -> AsyncIterator[ClientConnection]:
    async with site.stream("/api/v1/ws?subscribe=false") as socket:
        assert (await read(socket))["type"] == "hello"
        yield socket


async def test_nodes_enter_leave_and_the_focus_moves(site: Site, socket: ClientConnection) -> None:
    graph, reader = site.hub.graph, Reader()
    names = {node.name: uid for uid, node in graph.nodes.items()}
    pod = next(uid for uid, node in graph.nodes.items() if node.kind == "Pod" and node.release)
    around = neighbourhood(graph, AskedNeighbourhood((pod,), 1))
    await socket.send(ask(pod, depth=1))
    expected = sorted(node.name for node in around.nodes.values())
    assert await reader.until(socket, expected) == ["snapshot"]
    lone = names["lone"]
    await socket.send(json.dumps({"type": "refocus", "id": "n", "focus": [lone]}))
    after = sorted(node.name for node in neighbourhood(graph, AskedNeighbourhood((lone,), 1)).nodes.values())
    assert await reader.until(socket, after) == ["delta"]
    site.world.remove(lone)
    assert await reader.until(socket, []) == ["delta"]
    await socket.send(json.dumps({"type": "refocus", "id": "n", "focus": [pod]}))
    assert await reader.until(socket, expected) == ["delta"]
    await socket.send(json.dumps({"type": "unsubscribe", "id": "n"}))
    await eventually(lambda: site.hub.subscriptions == 0)
    position = reader.graph.position
    assert position is not None
    await socket.send(ask("not-yet", since={"epoch": position.epoch, "seq": position.seq}))
    assert await reader.until(socket, []) == ["delta"]


async def test_refusals(site: Site, socket: ClientConnection) -> None:
    for asked, said in (
        (ask(), "focus is 1 to 100 uids, not 0"),
        (ask("a", depth=7), "depth is a number from 0 to 6, not 7"),
        (ask("a", limit=0), "limit is a number from 1 to 5000, not 0"),
        (ask("a", types=["likes"]), "there is no edge type 'likes'; /api/v1/edge-types lists them"),
        (ask("a", filter={"kind": ["Pod"]}), "a neighbourhood has a focus, and no filter"),
        (
            json.dumps({"type": "refocus", "id": "x", "focus": ["a"]}),
            "there is no neighbourhood with this id",
        ),
    ):
        await socket.send(asked)
        assert (await read(socket))["message"] == said
    status, said = await site.refused("/api/v1/events?focus=a")
    assert (status, said["message"]) == (400, "focus belongs to a neighbourhood, not to 'graph'")
    for id in ("a", "b"):
        await socket.send(ask(id, id=id))
        assert (await read(socket))["type"] == "snapshot"
    await socket.send(ask("c", id="c"))
    assert (await read(socket))["code"] == "too-many-filters"


async def test_in_the_query(site: Site) -> None:
    lone = next(uid for uid, node in site.hub.graph.nodes.items() if node.name == "lone")
    async with site.stream(f"/api/v1/ws?what=neighbourhood&focus={lone}&depth=0") as socket:
        reader = Reader()
        await reader.until(socket, ["lone"])
    assert reader.beyond == []
