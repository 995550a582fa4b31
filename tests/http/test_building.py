"""Views are built and snapshots taken in the background, and there are only so many of them."""

from __future__ import annotations

import asyncio
import gc
import json
from time import thread_time

import pytest
from websockets.exceptions import InvalidStatus

from astrolabe.graph.batch import Changes
from astrolabe.graph.filter import EVERYTHING, Filter
from astrolabe.graph.view import View
from astrolabe.http.errors import Refusal
from astrolabe.http.message import Message
from astrolabe.http.subscription import Position
from astrolabe.settings import Limits
from tests.support.connections import Recorder
from tests.support.replica import Replica
from tests.support.serving import eventually, read, serve
from tests.support.worlds import EPOCH, World, a_pod, crowd, facts, only, shop

#: Seconds of work for which nothing may hold the loop: twice what is promised, as others are at work, too.
LONGEST = 0.04


class Turns:
    """How long the longest turn of the loop was that ended, in seconds of this thread's work. Meanwhile nothing is
    collected: what all other tests have left would take long, which a server spares itself (`app.GC_THRESHOLDS`).
    """

    def __init__(self) -> None:
        gc.disable()
        self.longest = 0.0
        self.count = 0
        self._began = thread_time()
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        now = thread_time()
        self.longest, self._began = max(self.longest, now - self._began), now
        self.count += 1
        self._timer = asyncio.get_running_loop().call_soon(self._turn)

    def stop(self) -> None:
        self._timer.cancel()
        gc.enable()


def filled(recorder: Recorder, filter: Filter, world: World) -> bool:
    replica = Replica()
    for message in recorder.messages:
        replica.apply(json.loads(message.text))
    graph = world.hub.graph
    return replica.whole and replica.seq == graph.seq and replica.matches(graph, filter)


@pytest.mark.parametrize("filter", [only(q="web"), only(release="crowd"), only(selector="!a"), EVERYTHING])
async def test_a_new_filter_holds_nobody_up(filter: Filter) -> None:
    """Changes go on meanwhile, and are there in the end."""
    world, recorder = crowd(20_000), Recorder()
    await asyncio.sleep(0)
    turns = Turns()
    world.hub.join(recorder).subscribe("x", filter)
    assert recorder.messages == []
    number = 0
    while not any(message.position for message in recorder.messages):
        await asyncio.sleep(0)
        cut = next(iter(world.hub.graph.out(a_pod(19_999 - number).uid)))
        world.send(Changes(nodes_set=[a_pod(number, "Error")], edges_removed=[cut.key]))
        number += 1
    turns.stop()
    assert number > 5
    assert turns.longest < LONGEST
    now = f"{EPOCH}:{world.hub.graph.seq}"
    await eventually(lambda: recorder.messages[-1].position == now)
    assert filled(recorder, filter, world)


async def test_another_graph_is_served_at_once_and_followed_bit_by_bit() -> None:
    """However many filters there are."""
    world = crowd(5000)
    wanted = [only(q=f"web-{number}") for number in range(100)]
    recorders = [Recorder() for _ in wanted]
    for recorder, filter in zip(recorders, wanted, strict=True):
        world.hub.join(recorder).subscribe("x", filter)
    await eventually(lambda: all(recorder.messages for recorder in recorders))
    for recorder in recorders:
        recorder.take()
    other = crowd(5000, epoch="another").hub.graph
    turns = Turns()
    world.hub.replace(other)
    await eventually(lambda: all(each.messages and each.messages[-1].position for each in recorders))
    turns.stop()
    assert turns.longest < LONGEST
    assert all(filled(*pair, world) for pair in zip(recorders, wanted, strict=True))


async def test_a_view_that_nobody_follows_is_not_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    world = shop()
    await world.hub.prepare(only(kind="Pod"))
    monkeypatch.setattr(View, "build", None)
    world.hub.replace(crowd(10, epoch="another").hub.graph)


async def test_who_was_far_behind_is_caught_up_in_the_background() -> None:
    world, recorder = crowd(20_000), Recorder()
    changed = [a_pod(number, "Error") for number in range(8000)]
    world.send(Changes(nodes_set=changed))
    await world.hub.prepare(only(q="web"))
    turns = Turns()
    world.hub.join(recorder).subscribe("x", only(q="web"), Position(EPOCH, 1))
    assert recorder.messages == []
    await asyncio.sleep(0)
    world.send(Changes(nodes_set=[a_pod(0)]))
    await eventually(lambda: len(recorder.messages) == 2)
    turns.stop()
    assert turns.longest < LONGEST
    first, second = recorder.take()
    assert [(each["type"], each["from"], each["seq"]) for each in (first, second)] == [
        ("delta", 1, 2),
        ("delta", 2, 3),
    ]
    assert (len(first["nodes"]["set"]), len(second["nodes"]["set"])) == (8000, 1)


async def test_what_is_taken_is_of_one_place_in_history() -> None:
    world = crowd(4000)
    taking = asyncio.create_task(world.hub.take(only(q="web")))
    also = asyncio.create_task(world.hub.take(only(q="web")))
    number = 0
    while not taking.done():
        await asyncio.sleep(0)
        world.send(Changes(nodes_set=[a_pod(number, "Error", f"step {number}")]))
        number += 1
    part = await taking
    assert part is await also
    assert len([node for node in part.nodes if node.status == "Error"]) == part.seq - 1
    assert (len(part.nodes), len(part.edges)) == (4000, 8000)


async def test_there_are_only_so_many_filters() -> None:
    world = crowd(10, limits=Limits(max_filters=2))
    async with serve(world) as site, site.stream("/api/v1/ws?kind=Pod") as socket:
        assert [(await read(socket))["type"] for _ in range(2)] == ["hello", "snapshot"]
        subscribe = {"type": "subscribe", "id": "x", "filter": {"q": "one"}}
        await socket.send(json.dumps(subscribe))
        assert (await read(socket))["type"] == "snapshot"
        await socket.send(json.dumps({**subscribe, "id": "y", "filter": {"q": "two"}}))
        error = await read(socket)
        message = "2 different filters are in use, which is all there may be (--max-filters); come back"
        assert error == {"type": "error", "id": "y", "code": "too-many-filters", "message": message}
        for path in ("graph", "resources", "unresolved", "events", "grafana/nodegraph"):
            async with site.get(f"/api/v1/{path}?q=three") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
                assert await answer.json() == {"error": "too-many-filters", "message": message}
        for path in ("ws?q=three", "ws/flat/changes/q=three", "ws/flat/stats/q=three"):
            with pytest.raises(InvalidStatus) as refused:
                await site.stream(f"/api/v1/{path}")
            assert refused.value.response.status_code == 503
        assert (await site.json("/api/v1/graph?kind=Pod"))["nodes"]  # that one is in use
        assert (await site.json("/api/v1/graph"))["nodes"]
        await socket.send('{"type":"unsubscribe","id":"x"}')
        await eventually(lambda: len(site.hub._kept) == 1)
        await site.json("/api/v1/graph?q=three")


async def test_what_nobody_waits_for_any_more_is_left() -> None:
    world, recorder = crowd(20_000), Recorder()
    client = world.hub.join(recorder)
    for number in range(100):
        client.subscribe("x", only(q=str(number)))
        client.unsubscribe("x")
    assert world.hub.subscriptions == 0
    assert not world.hub._feeds


async def test_a_connection_that_fails_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Recorder):
        def write(self, message: Message) -> None:
            if message.event == "delta":
                raise RuntimeError("a bug")
            super().write(message)

    world = shop()
    bad, good = Broken(), Recorder()
    for recorder in (bad, good):
        world.hub.join(recorder).subscribe("x", only(kind="Pod"))
    good.take()
    world.set(facts("Pod", "new"))
    assert bad.closed == (1011, "internal-error")
    assert good.closed is None
    assert good.types() == ["delta"]
    world.remove("pod-new")
    assert good.types() == ["delta"]
    assert "a subscription failed" in caplog.text


async def test_a_view_that_cannot_be_built_ends_its_subscribers_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = crowd(3000)
    bad, good = Recorder(), Recorder()
    passes = Filter.passes

    def fail(filter: Filter, node: object) -> bool:
        if filter.q == "bad":
            raise RuntimeError("a bug")
        return passes(filter, node)  # type: ignore[arg-type]

    monkeypatch.setattr(Filter, "passes", fail)
    with pytest.raises(RuntimeError):
        world.hub.join(bad).subscribe("x", only(q="bad"))
    world.hub.join(good).subscribe("x", only(q="web"))
    await eventually(lambda: filled(good, only(q="web"), world))
    assert only(q="bad") not in world.hub._feeds
    assert "a view failed" in caplog.text


async def test_a_refused_filter_leaves_nothing() -> None:
    world = World(limits=Limits(max_filters=1))
    client = world.hub.join(Recorder())
    client.subscribe("a", only(kind="Pod"))
    with pytest.raises(Refusal, match="1 different filters are in use"):
        client.subscribe("b", only(kind="Service"))
    assert len(client) == 1
