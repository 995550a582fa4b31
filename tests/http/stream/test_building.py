"""Views are built and snapshots taken in the background, and there are only so many of them."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.exceptions import InvalidStatus

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING, Filter
from astrolabe.graph.views.view import View
from astrolabe.http.errors import Refusal
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream import hub, jobs, snapshot
from astrolabe.http.stream.hub import Hub
from astrolabe.settings import Limits
from tests.support.connections import OneByOne, Recorder, settle
from tests.support.loop_meter import LoopMeter
from tests.support.replica import Replica
from tests.support.serving import eventually, read, serve
from tests.support.worlds import EPOCH, World, a_pod, crowd, facts, only, shop

#: Seconds of work for which nothing may hold the loop: twice what is promised, as others are at work, too.
LONGEST = 0.04


def filled(recorder: Recorder, filter: Filter, world: World) -> bool:
    replica = Replica()
    for message in recorder.messages:
        replica.apply(json.loads(message.text))
    graph = world.hub.graph
    return replica.whole and replica.seq == graph.seq and replica.matches(graph, filter)


@pytest.mark.parametrize("filter", [only(q="web"), only(release="crowd"), only(selector="!a"), EVERYTHING])
async def test_a_new_filter_delays_nobody(filter: Filter) -> None:
    """Changes go on meanwhile, and are there in the end."""
    world, recorder = crowd(20_000), Recorder()
    await asyncio.sleep(0)
    meter = LoopMeter()
    world.hub.join(recorder).subscribe("x", filter)
    assert recorder.messages == []
    number = 0
    while not any(message.position for message in recorder.messages):
        await asyncio.sleep(0)
        cut = next(iter(world.hub.graph.outgoing(a_pod(19_999 - number).uid)))
        world.send(Changes(nodes_set=[a_pod(number, "Error")], edges_removed=[cut.key]))
        number += 1
    meter.stop()
    assert number > 5
    assert meter.longest < LONGEST
    now = f"{EPOCH}:{world.hub.graph.seq}"
    await eventually(lambda: recorder.messages[-1].position == now)
    assert filled(recorder, filter, world)


async def test_a_replaced_graph_is_served_at_once_and_views_follow_in_steps() -> None:
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
    meter = LoopMeter()
    world.hub.replace(other)
    await eventually(lambda: all(each.messages and each.messages[-1].position for each in recorders))
    meter.stop()
    assert meter.longest < LONGEST
    assert all(filled(*pair, world) for pair in zip(recorders, wanted, strict=True))


async def test_a_view_that_nobody_follows_is_not_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    world = shop()
    await world.hub.snapshot(only(kind="Pod"))
    monkeypatch.setattr(View, "build", None)
    world.hub.replace(crowd(10, epoch="another").hub.graph)


async def test_a_client_far_behind_is_caught_up_in_the_background() -> None:
    world, recorder = crowd(20_000), Recorder()
    changed = [a_pod(number, "Error") for number in range(8000)]
    world.send(Changes(nodes_set=changed))
    await world.hub.snapshot(only(q="web"))
    meter = LoopMeter()
    world.hub.join(recorder).subscribe("x", only(q="web"), StreamPosition(EPOCH, 1))
    assert recorder.messages == []
    await asyncio.sleep(0)
    world.send(Changes(nodes_set=[a_pod(0)]))
    await eventually(lambda: len(recorder.messages) == 2)
    meter.stop()
    assert meter.longest < LONGEST
    first, second = recorder.take()
    assert [(each["type"], each["from"], each["seq"]) for each in (first, second)] == [
        ("delta", 1, 2),
        ("delta", 2, 3),
    ]
    assert (len(first["nodes"]["set"]), len(second["nodes"]["set"])) == (8000, 1)


async def test_a_delayed_delta_leads_to_the_current_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And says so: what changes while others have their turn is in it, and is told once."""
    monkeypatch.setattr(jobs, "AT_ONCE", 0)
    world, recorder = crowd(2000), Recorder()
    world.send(Changes(nodes_set=[a_pod(number, "Error") for number in range(1000)]))
    await world.hub.snapshot(only(q="web"))
    world.hub.join(recorder).subscribe("x", only(q="web"), StreamPosition(EPOCH, 1))
    world.send(Changes(nodes_set=[a_pod(1500, "Error")]))
    assert recorder.messages == []
    await eventually(lambda: bool(recorder.messages))
    (delta,) = recorder.take()
    assert (delta["from"], delta["seq"], len(delta["nodes"]["set"])) == (1, 3, 1001)


async def test_a_snapshot_has_one_position() -> None:
    world = crowd(4000)
    taking = asyncio.create_task(world.hub.snapshot(only(q="web")))
    also = asyncio.create_task(world.hub.snapshot(only(q="web")))
    number = 0
    while not taking.done():
        await asyncio.sleep(0)
        world.send(Changes(nodes_set=[a_pod(number, "Error", f"step {number}")]))
        number += 1
    part = await taking
    assert part is await also
    assert len([node for node in part.nodes if node.status == "Error"]) == part.seq - 1
    assert (len(part.nodes), len(part.edges)) == (4000, 8000)


async def test_a_snapshot_is_not_older_than_its_request() -> None:
    """Who has seen a change must find it, also when one who asked before it is still being served."""
    world = crowd(4000)
    before = asyncio.create_task(world.hub.snapshot(only(q="web")))
    await asyncio.sleep(0)
    assert not before.done()
    world.send(Changes(nodes_set=[a_pod(0, "Error")]))
    after = await world.hub.snapshot(only(q="web"))
    assert (after.seq, [node.name for node in after.nodes if node.status == "Error"]) == (2, ["web-0"])
    assert (await before).seq in (1, 2)


async def test_a_large_snapshot_is_shared_briefly_while_the_graph_moves_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What has changed since comes behind it. Each would else hold one of its own, when many come and do not read."""
    monkeypatch.setattr(snapshot, "SHARED_SECONDS", 60.0)
    world = crowd(3000)
    first, second, third = OneByOne(), Recorder(), Recorder()
    world.hub.join(first).subscribe("x", EVERYTHING)
    await settle()
    world.send(Changes(nodes_set=[a_pod(1, "Error")]))
    world.hub.join(second).subscribe("x", EVERYTHING)
    await settle()
    assert second.messages[0] is first.messages[0]
    assert second.messages[-1].event == "delta"
    replica = Replica()
    for message in second.take():
        replica.apply(message)
    assert replica.matches(world.hub.graph, EVERYTHING)
    assert (await world.hub.snapshot(EVERYTHING)).seq == world.hub.graph.seq
    monkeypatch.setattr(snapshot, "SHARED_SECONDS", 0.0)
    world.send(Changes(nodes_set=[a_pod(1)]))
    world.hub.join(third).subscribe("x", EVERYTHING)
    await settle()
    assert {message["seq"] for message in third.take()} == {world.hub.graph.seq}


async def test_a_client_that_cannot_be_caught_up_in_time_is_reset() -> None:
    """The place in history that it comes from is forgotten meanwhile."""
    world, recorder = crowd(4000, limits=Limits(history_changes=4000)), Recorder()
    world.send(Changes(nodes_set=[a_pod(number, "Error") for number in range(1000)]))
    others = [
        asyncio.create_task(world.hub.snapshot(only(q=text))) for text in ("w", "we", "eb", "e", "b", "-")
    ]
    await world.hub.snapshot(only(q="web"))
    world.hub.join(recorder).subscribe("x", only(q="web"), StreamPosition(EPOCH, 1))
    assert recorder.messages == []
    for step in range(4):
        world.send(Changes(nodes_set=[a_pod(number, "Error", str(step)) for number in range(1000)]))
    await eventually(lambda: any(message.position for message in recorder.messages))
    assert [message["type"] for message in recorder.take()][:2] == ["reset", "snapshot"]
    await asyncio.gather(*others)


async def test_process_messages_wait_for_each_clients_turn() -> None:
    world, recorders = shop(), [Recorder() for _ in range(3)]
    clients = [world.hub.join(recorder) for recorder in recorders]
    for text in ("old", "new"):
        for client in clients:
            client.notify(Message("state", f'{{"type":"{text}"}}', None))
    assert [recorder.messages for recorder in recorders] == [[], [], []]
    await settle()
    assert [recorder.types() for recorder in recorders] == [["new"]] * 3


async def test_the_number_of_filters_is_limited() -> None:
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


async def view_of(hub: Hub, filter: Filter) -> View:
    """The view that everybody follows who asks for it now; it is let go of."""
    await hub.snapshot(filter)
    feed = hub.share(filter)
    hub.release(feed)
    return feed.view


async def test_a_view_is_shared_and_dropped_when_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "KEEP_SECONDS", 0.0)
    world = shop()
    one, two = world.hub.join(Recorder()), world.hub.join(Recorder())
    one.subscribe("a", only(kind="Pod"))
    shared = await view_of(world.hub, only(kind="Pod"))
    two.subscribe("b", only(kind="Pod"))
    one.unsubscribe("a")
    await settle()
    assert await view_of(world.hub, only(kind="Pod")) is shared
    two.leave()
    await settle()
    assert await view_of(world.hub, only(kind="Pod")) is not shared


async def test_only_the_latest_unused_views_are_kept() -> None:
    world = shop()
    wanted = [only(q=str(number)) for number in range(hub.MAX_KEPT + 1)]
    views = [await view_of(world.hub, filter) for filter in wanted]
    await view_of(world.hub, wanted[1])
    assert [
        await view_of(world.hub, filter) is view for filter, view in list(zip(wanted, views, strict=True))[1:]
    ] == [True] * hub.MAX_KEPT
    assert await view_of(world.hub, wanted[0]) is not views[0]


async def test_unused_views_are_limited_by_nodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "MAX_KEPT_NODES", 15)
    world = crowd(10)
    first, second = only(kind="Pod"), only(q="web")
    view = await view_of(world.hub, first)
    assert len(view) == 10
    assert await view_of(world.hub, first) is view
    assert len(await view_of(world.hub, second)) == 10
    assert await view_of(world.hub, first) is not view


async def test_an_abandoned_view_is_not_finished() -> None:
    world, recorder = crowd(20_000), Recorder()
    client = world.hub.join(recorder)
    for number in range(100):
        client.subscribe("x", only(q=str(number)))
        client.unsubscribe("x")
    assert world.hub.subscriptions == 0
    await eventually(lambda: not world.hub._shared)  # a few in each turn of the loop


async def test_a_failing_connection_affects_no_other(caplog: pytest.LogCaptureFixture) -> None:
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


async def test_a_view_that_fails_to_build_ends_its_subscribers_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = crowd(3000)
    bad, good = Recorder(), Recorder()
    passes = Filter.passes

    def fail(filter: Filter, node: object) -> bool:
        if filter == only(q="bad"):
            raise RuntimeError("a bug")
        return passes(filter, node)  # type: ignore[arg-type]

    monkeypatch.setattr(Filter, "passes", fail)
    with pytest.raises(RuntimeError):
        world.hub.join(bad).subscribe("x", only(q="bad"))
    world.hub.join(good).subscribe("x", only(q="web"))
    await eventually(lambda: filled(good, only(q="web"), world))
    assert only(q="bad") not in world.hub._shared
    assert "a view failed" in caplog.text


async def test_a_refused_filter_leaves_no_trace() -> None:
    world = World(limits=Limits(max_filters=1))
    client = world.hub.join(Recorder())
    client.subscribe("a", only(kind="Pod"))
    with pytest.raises(Refusal, match="1 different filters are in use"):
        client.subscribe("b", only(kind="Service"))
    assert len(client) == 1
