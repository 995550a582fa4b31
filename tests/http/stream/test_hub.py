import asyncio
import json
from random import Random

import pytest

from astrolabe.graph.encoding import wire
from astrolabe.graph.encoding.pages import Pages
from astrolabe.graph.model.links import Ref
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge_types import USES_CONFIGMAP
from astrolabe.graph.state.graph import GapError, ServedGraph
from astrolabe.graph.state.history import GraphAt, History
from astrolabe.graph.state.stats import GraphStats
from astrolabe.graph.state.status import ERROR, Status
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.graph.views.view import View
from astrolabe.graph.views.view_index import ViewIndex
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream import snapshot
from astrolabe.http.stream.snapshot import MAX_SHARED_PARTS
from astrolabe.settings import Limits
from tests.support.churn import change, filters
from tests.support.connections import OneByOne, Recorder, settle
from tests.support.replica import Replica
from tests.support.worlds import EPOCH, World, a_pod, crowd, facts, only, shop


async def test_a_snapshot_and_then_deltas() -> None:
    world = World()
    world.set(facts("Pod", "web"))
    recorder = Recorder()
    world.hub.join(recorder).subscribe("x", only(kind="Pod"))
    world.set(facts("ConfigMap", "other"))
    world.set(facts("Pod", "web", status=Status(ERROR, "Broken")))
    world.remove("pod-web")
    created = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    web = {
        "uid": "pod-web",
        "name": "web",
        "kind": "Pod",
        "apiVersion": "v1",
        "namespace": "shop",
        "message": "",
    }
    ready = {**web, "status": "Ready", "reason": "Ready", "metadata": created}
    broken = {**web, "status": "Error", "reason": "Broken", "metadata": created}
    head = {"id": "x", "epoch": EPOCH}
    assert recorder.take() == [
        {**head, "type": "snapshot", "seq": 1, "part": 1, "last": True, "nodes": [ready], "edges": []},
        {
            **head,
            "type": "delta",
            "from": 1,
            "seq": 3,
            "nodes": {"set": [broken], "remove": []},
            "edges": {"set": [], "remove": []},
        },
        {
            **head,
            "type": "delta",
            "from": 3,
            "seq": 4,
            "nodes": {"set": [], "remove": ["pod-web"]},
            "edges": {"set": [], "remove": []},
        },
    ]


async def test_equal_filters_share_their_messages() -> None:
    world = shop()
    one, two, other = Recorder(), Recorder(), Recorder()
    world.hub.join(one).subscribe("default", only(namespace="shop,other"))
    world.hub.join(two).subscribe("default", only(namespace="other,shop"))
    world.hub.join(other).subscribe("mine", only(namespace="shop,other"))
    world.remove("pod-lone")
    assert one.messages[-1] is two.messages[-1]
    assert json.loads(other.messages[-1].text) == {**json.loads(one.messages[-1].text), "id": "mine"}


async def test_nothing_is_written_under_an_id_after_it_was_unsubscribed() -> None:
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("a", EVERYTHING)
    client.subscribe("b", EVERYTHING)
    await settle()
    assert recorder.types() == ["snapshot", "snapshot"]
    client.unsubscribe("a")
    world.remove("pod-lone")
    assert [message["id"] for message in recorder.take()] == ["b"]
    assert "a" not in client
    assert "b" in client
    assert len(client) == 1


async def test_a_full_transport_later_gets_one_merged_delta() -> None:
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", EVERYTHING)
    replica = Replica()
    replica.apply(recorder.take()[0])
    recorder.writable = False
    world.set(facts("Pod", "a"))
    world.set(facts("Pod", "b"))
    world.remove("pod-a", "pod-lone")
    recorder.writable = True
    client.wake()
    await settle()
    (delta,) = recorder.take()
    assert (delta["type"], delta["from"], delta["seq"]) == ("delta", 2, 5)
    assert [node["uid"] for node in delta["nodes"]["set"]] == ["pod-b"]
    assert delta["nodes"]["remove"] == ["pod-lone"]
    replica.apply(delta)
    assert replica.matches(world.hub.graph, EVERYTHING)


@pytest.mark.parametrize(
    ("since", "told"),
    [(None, [("snapshot", None, 3)]), (StreamPosition(EPOCH, 2), [("delta", 2, 3)])],
)
async def test_a_change_does_not_overtake_what_a_full_transport_made_wait(
    since: StreamPosition | None, told: list[tuple[str, int | None, int]]
) -> None:
    world = shop()
    recorder = Recorder()
    recorder.writable = False
    client = world.hub.join(recorder)
    client.subscribe("x", EVERYTHING, since)
    recorder.writable = True
    client.wake()
    world.set(facts("Pod", "new"))
    await settle()
    assert [(message["type"], message.get("from"), message["seq"]) for message in recorder.take()] == told


async def test_unrelated_changes_leave_a_full_transport_in_step() -> None:
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", only(kind="Service"))
    recorder.take()
    recorder.writable = False
    world.set(facts("Pod", "a"))
    recorder.writable = True
    client.wake()
    await settle()
    assert recorder.take() == []


async def test_a_client_beyond_the_history_is_reset() -> None:
    world = crowd(10, limits=Limits(history_changes=4000))
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", EVERYTHING)
    replica = Replica()
    replica.apply(recorder.take()[0])
    recorder.writable = False
    for number in range(5):
        world.send(Changes(nodes_set=[a_pod(1000 * number + n) for n in range(1000)]))
    recorder.writable = True
    client.wake()
    await settle()
    for message in recorder.take():
        replica.apply(message)
    assert replica.resets == ["lagging"]
    assert replica.matches(world.hub.graph, EVERYTHING)
    world.send(Changes(nodes_set=[a_pod(1, "Error")]))
    assert recorder.types() == ["delta"]


async def test_a_long_snapshot_has_one_seq_and_later_changes_follow() -> None:
    world = crowd(4000)
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", EVERYTHING)
    for number in range(0, 4000, 100):
        world.send(Changes(nodes_set=[a_pod(number, "Error", f"in the meantime {number}")]))
        await asyncio.sleep(0)
    await settle()
    messages = recorder.take()
    parts = [message for message in messages if message["type"] == "snapshot"]
    assert len(parts) > 3
    assert [part["part"] for part in parts] == list(range(1, len(parts) + 1))
    assert {part["seq"] for part in parts} == {1}
    assert [part["last"] for part in parts] == [False] * (len(parts) - 1) + [True]
    assert {node["status"] for part in parts for node in part["nodes"]} == {"Ready"}
    assert {message["type"] for message in messages[len(parts) :]} == {"delta"}
    assert max(len(json.dumps(part, separators=(",", ":"))) for part in parts) <= 512 * 1024
    replica = Replica()
    for message in messages:
        replica.apply(message)
    assert replica.matches(world.hub.graph, EVERYTHING)


async def test_bookmarks_go_to_clients_in_step() -> None:
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", only(kind="Service"))
    client.subscribe("all", EVERYTHING)
    await settle()
    world.set(facts("Pod", "new"))
    recorder.take()
    client.beat()
    assert recorder.take() == [
        {"type": "bookmark", "id": "x", "epoch": EPOCH, "seq": 3},
        {"type": "bookmark", "id": "all", "epoch": EPOCH, "seq": 3},
    ]
    world.set(facts("Service", "web", status=Status(ERROR, "NoReadyEndpoints")))
    assert [(message["from"], message["seq"]) for message in recorder.take()] == [(3, 4), (3, 4)]


async def test_no_bookmark_for_a_client_that_is_behind() -> None:
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", EVERYTHING)
    recorder.take()
    recorder.writable = False
    world.set(facts("Pod", "new"))
    client.beat()
    recorder.writable = True
    client.beat()
    assert recorder.take() == []


async def test_snapshots_at_one_seq_are_made_once() -> None:
    world = crowd(3000)
    recorders = [Recorder(), Recorder()]
    for recorder in recorders:
        world.hub.join(recorder).subscribe("x", EVERYTHING)
    await settle()
    one, two = (recorder.messages for recorder in recorders)
    assert len(one) > 3
    assert all(a is b for a, b in zip(one, two, strict=True))


async def test_snapshot_parts_are_limited_per_id() -> None:
    """Who subscribes chooses the id: a thousand of them are not to cost a thousand snapshots."""
    world = crowd(3000)
    taken = await world.hub.snapshot(EVERYTHING)
    assert len(taken.nodes) == 3000
    readers = [taken.read(str(number)) for number in range(MAX_SHARED_PARTS + 1)]
    parts = [next(reader) for reader in readers]
    assert next(taken.read("1")) is parts[1]
    anew = next(taken.read("0"))
    assert anew is not parts[0]
    assert anew.text == parts[0].text


async def test_of_many_clients_stalled_in_a_snapshot_the_slowest_are_reset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of a snapshot of its own; the oldest, which goes on, comes to its end."""
    monkeypatch.setattr(snapshot, "MIN_WEIGHT", 10_000)
    monkeypatch.setattr(snapshot, "MAX_RETIRED_WEIGHT", 35_000)
    monkeypatch.setattr(wire, "PART_BYTES", 1500)
    world = crowd(200)
    recorders = [OneByOne() for _ in range(10)]
    moving = recorders[0]
    clients = [world.hub.join(recorder) for recorder in recorders]
    for number, client in enumerate(clients):
        client.subscribe("x", EVERYTHING)
        await settle()
        world.send(Changes(nodes_set=[a_pod(number, "Error")]))
        moving.writable = True
        clients[0].wake()
        await settle()
    began_anew = []
    for recorder, client in zip(recorders, clients, strict=True):
        while not recorder.messages[-1].position:
            recorder.writable = True
            client.wake()
            await settle()
        began_anew.append("reset" in [message.event for message in recorder.messages])
    assert began_anew == [False] + [True] * 6 + [False] * 3


async def test_a_delta_of_one_batch_has_a_time() -> None:
    world = shop()
    recorder = Recorder()
    world.hub.join(recorder).subscribe("x", EVERYTHING)
    recorder.take()
    world.hub.receive(Batch(EPOCH, 3, Changes(nodes_set=[a_pod(1)]), time=1732500000123))
    assert recorder.take()[0]["time"] == 1732500000123


async def test_a_delta_of_several_batches_has_no_time() -> None:
    """Neither to one that did not keep up, nor to one that resumes."""
    world = shop()
    slow, resuming = Recorder(), Recorder()
    client = world.hub.join(slow)
    client.subscribe("x", EVERYTHING)
    slow.take()
    slow.writable = False
    for seq in (3, 4):
        changes = Changes(nodes_set=[a_pod(seq)])
        world.hub.receive(Batch(EPOCH, seq, changes, time=1732500000123 + seq))
    slow.writable = True
    client.wake()
    world.hub.join(resuming).subscribe("x", EVERYTHING, StreamPosition(EPOCH, 2))
    await settle()
    for recorder in (slow, resuming):
        (delta,) = recorder.take()
        assert (delta["type"], delta["from"], delta["seq"]) == ("delta", 2, 4)
        assert len(delta["nodes"]["set"]) == 2
        assert "time" not in delta


async def test_a_replaced_graph_resets_everyone() -> None:
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", only(kind="Pod"))
    replica = Replica()
    replica.apply(recorder.take()[0])
    other = ServedGraph("another", 40)
    other.apply(Batch("another", 41, Changes(nodes_set=[a_pod(1)])))
    world.hub.replace(other)
    await settle()
    for message in recorder.take():
        replica.apply(message)
    assert replica.resets == ["epoch-changed"]
    assert (replica.epoch, replica.seq) == ("another", 41)
    assert replica.matches(other, only(kind="Pod"))


async def test_positions_of_a_replaced_graph_are_invalid() -> None:
    """It fell behind at a seq that the new graph is far from, and changes come before its snapshot is out."""
    world = crowd(10)
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", EVERYTHING)
    for number in range(5):
        world.send(Changes(nodes_set=[a_pod(1, "Error", f"step {number}")]))
    recorder.writable = False
    world.send(Changes(nodes_set=[a_pod(2, "Error")]))
    recorder.writable = True
    client.wake()
    await settle()
    recorder.take()
    world.hub.replace(ServedGraph("another"))
    world.send(Changes(nodes_set=[a_pod(1)]))
    await settle()
    told = recorder.take()
    assert [message["type"] for message in told] == ["reset", "snapshot", "delta"]
    assert [node["name"] for node in told[-1]["nodes"]["set"]] == ["web-1"]


async def test_wait_for_seq_waits() -> None:
    world = shop()
    assert await world.hub.wait_for_seq(2, timeout=0)
    assert not await world.hub.wait_for_seq(3, timeout=0)
    waiting = asyncio.create_task(world.hub.wait_for_seq(4, timeout=10))
    await asyncio.sleep(0)
    world.remove("pod-lone")
    await asyncio.sleep(0)
    assert not waiting.done()
    world.remove("service-web")
    assert await waiting


async def test_a_gap_is_raised_and_not_applied() -> None:
    world = shop()
    with pytest.raises(GapError, match="the next batch must not be"):
        world.hub.receive(Batch(EPOCH, 9, Changes(nodes_set=[a_pod(1)])))
    assert world.hub.graph.seq == 2


async def test_a_view_that_fails_ends_its_subscribers_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = shop()
    bad, good = Recorder(), Recorder()
    world.hub.join(bad).subscribe("x", only(kind="Pod"))
    world.hub.join(good).subscribe("x", EVERYTHING)
    good.take()
    update = View.update

    def fail(view: View, changes: Changes, past: GraphAt) -> Changes:
        if view.filter:
            raise RuntimeError("a bug")
        return update(view, changes, past)

    monkeypatch.setattr(View, "update", fail)
    world.remove("pod-lone")
    assert bad.closed == (1011, "internal-error")
    assert good.closed is None
    assert good.types() == ["delta"]
    assert "a view failed" in caplog.text


@pytest.mark.parametrize(
    ("part", "method"),
    [(Pages, "update"), (GraphStats, "update"), (History, "add"), (ViewIndex, "concerned")],
)
async def test_failing_observers_are_rebuilt(
    part: type, method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The writer goes on, whatever a change does to those that follow it; these are not told what is not so."""
    world = shop()
    hub = world.hub
    while hub.pages.refresh():
        pass
    list(hub.stats.count())
    old, new = Recorder(), Recorder()
    hub.join(old).subscribe("x", EVERYTHING)

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(part, method, fail)
        world.remove("pod-lone")
    assert ("starts again" if part in (History, ViewIndex) else "are rebuilt") in caplog.text
    assert old.closed == ((1011, "internal-error") if part in (History, ViewIndex) else None)
    hub.join(new).subscribe("x", EVERYTHING)
    world.set(facts("Pod", "next"))
    assert new.types() == ["snapshot", "delta"]
    list(hub.stats.count())
    assert sum(hub.stats.nodes.values()) == len(hub.graph.nodes)
    while hub.pages.refresh():
        pass
    nodes, _ = hub.pages.take()
    assert len(json.loads(b"[%b]" % b"".join(nodes)[1:])) == len(hub.graph.nodes)


async def test_a_view_that_fails_halfway_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It knew already that its release takes the ConfigMap along no more; the index did not."""
    world = World()
    uses = Ref(USES_CONFIGMAP, "ConfigMap", "shop", "settings", "spec.volumes[0].configMap")
    world.set(facts("Pod", "web", release="r", links=(uses,)), facts("ConfigMap", "settings"))
    bad, good, again = Recorder(), Recorder(), Recorder()
    world.hub.join(bad).subscribe("x", only(release="r"))
    world.hub.join(good).subscribe("x", only(kind="ConfigMap"))

    def fail(*_: object) -> Changes:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(View, "_edges_removed", fail)
        world.set(facts("Pod", "web", links=(uses,)))
    assert bad.closed == (1011, "internal-error")
    world.hub.join(again).subscribe("x", only(release="r"))
    world.set(facts("ConfigMap", "settings", metadata={"keys": 2}))
    assert good.types() == ["snapshot", "delta"]
    assert again.types() == ["snapshot"]
    assert "a view failed" in caplog.text


@pytest.mark.parametrize("seed", range(6))
async def test_a_client_always_converges_to_the_filtered_graph(seed: int) -> None:
    """Transports that fill up and drain, subscriptions that come late, views that change hands."""
    random = Random(seed)
    world = World()
    for _ in range(10):
        change(world, random)
    clients = []
    for step in range(400):
        if step % 20 == 0 and len(clients) < 2 * len(filters()):
            filter = filters()[len(clients) % len(filters())]
            recorder = Recorder()
            recorder.writable = random.random() < 0.8
            client = world.hub.join(recorder)
            client.subscribe("x", filter)
            clients.append((filter, recorder, client, Replica()))
        change(world, random)
        for _, recorder, client, _ in clients:
            if random.random() < 0.2:
                recorder.writable = not recorder.writable
                client.wake()
        if random.random() < 0.5:
            await asyncio.sleep(0)
        if random.random() < 0.1:
            random.choice(clients)[2].beat()
    for filter, recorder, client, replica in clients:
        recorder.writable = True
        client.wake()
        await settle()
        client.beat()
        for message in recorder.take():
            replica.apply(message)
        assert replica.seq == world.hub.graph.seq
        assert replica.matches(world.hub.graph, filter)
