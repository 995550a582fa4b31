"""Clients that come back, or say that they do: each is answered at once, and exactly."""

import asyncio

import pytest

from astrolabe.graph.state.batch import BAND, Changes
from astrolabe.graph.state.status import ERROR, Status
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.graph.views.view import View
from astrolabe.http.net import message
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream import client as hub_client
from astrolabe.http.stream.shared_subscription import CATCHING_UP
from astrolabe.settings import Limits
from tests.support.connections import Recorder, settle
from tests.support.serving import eventually
from tests.support.worlds import EPOCH, World, a_pod, crowd, facts, only, shop


@pytest.mark.parametrize(
    ("since", "reason"),
    [
        (StreamPosition("other", 2), "epoch-changed"),
        (StreamPosition(EPOCH, 0), "too-old"),
        # A leader gave it away while it was detached: nobody else ever comes to it, so nothing is waited for.
        (StreamPosition(EPOCH, BAND + 5), "epoch-changed"),
        (StreamPosition(EPOCH, 1_796_016_666_674_814 | BAND), "epoch-changed"),
    ],
)
async def test_a_client_that_cannot_resume_is_reset(since: StreamPosition, reason: str) -> None:
    world = World(limits=Limits(history_changes=1))
    world.set(facts("Pod", "a"))
    world.set(facts("Pod", "b"))
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", EVERYTHING, since)
    await settle()
    told = recorder.take()
    assert told[0] == {"type": "reset", "id": "x", "reason": reason}
    assert [message["type"] for message in told] == ["reset", "snapshot"]


async def test_a_client_ahead_of_this_replica_waits() -> None:
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", only(kind="Pod"), StreamPosition(EPOCH, 4))
    await settle()
    world.set(facts("Pod", "seen"))
    await settle()
    assert recorder.take() == []
    world.set(facts("Pod", "seen too"))
    await settle()
    assert recorder.take() == [{"type": "bookmark", "id": "x", "epoch": EPOCH, "seq": 4}]
    world.set(facts("Pod", "new"))
    (delta,) = recorder.take()
    assert (delta["from"], [node["name"] for node in delta["nodes"]["set"]]) == (4, ["new"])


async def test_a_client_ahead_of_a_replica_that_never_catches_up_is_reset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_client, "CATCH_UP_TIMEOUT", 0.01)
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", only(kind="Pod"), StreamPosition(EPOCH, 4))
    await eventually(lambda: len(recorder.messages) == 2)
    assert [message.get("reason") for message in recorder.take()] == ["too-old", None]


async def test_a_waiting_client_is_told_about_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: View) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(hub_client, "CATCH_UP_TIMEOUT", 0.01)
    monkeypatch.setattr(View, "uids", fail)
    recorder = Recorder()
    shop().hub.join(recorder).subscribe("x", only(kind="Pod"), StreamPosition(EPOCH, 4))
    await eventually(lambda: recorder.closed == (1011, "internal-error"))
    assert "a view failed" in caplog.text


async def test_a_waiting_client_may_leave() -> None:
    world = shop()
    client = world.hub.join(Recorder())
    before = asyncio.all_tasks()
    client.subscribe("x", only(kind="Pod"), StreamPosition(EPOCH, 4))
    client.subscribe("y", only(kind="Pod"), StreamPosition(EPOCH, 4))
    client.unsubscribe("x")
    client.leave()
    await settle()
    assert asyncio.all_tasks() == before


async def test_a_client_that_missed_nothing_gets_a_bookmark() -> None:
    world = shop()
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", EVERYTHING, StreamPosition(EPOCH, 2))
    await settle()
    assert recorder.take() == [{"type": "bookmark", "id": "x", "epoch": EPOCH, "seq": 2}]
    world.remove("pod-lone")
    (delta,) = recorder.take()
    assert (delta["type"], delta["from"], delta["seq"]) == ("delta", 2, 3)


async def test_a_client_that_missed_nothing_of_its_filter_gets_a_bookmark() -> None:
    world = shop()
    world.set(facts("Pod", "lone", namespace="other", status=Status(ERROR, "Broken")))
    world.set(facts("Pod", "lone", namespace="other", labels={"app": "lone"}))
    for filter in (only(kind="Service"), only(namespace="other"), EVERYTHING):
        recorder = Recorder()
        world.hub.join(recorder).subscribe("x", filter, StreamPosition(EPOCH, 2))
        assert recorder.take() == [{"type": "bookmark", "id": "x", "epoch": EPOCH, "seq": 4}]


@pytest.mark.parametrize("known", [True, False])
async def test_a_client_within_the_history_gets_one_merged_delta(
    known: bool,
) -> None:
    world = shop()
    if known:
        world.hub.join(Recorder()).subscribe("keeps the view", only(kind="Pod"))
    world.remove("pod-lone")
    world.set(facts("Pod", "new"))
    world.set(facts("Service", "new"))
    recorder = Recorder()
    world.hub.join(recorder).subscribe("x", only(kind="Pod"), StreamPosition(EPOCH, 2))
    (delta,) = recorder.take()
    assert (delta["type"], delta["from"], delta["seq"]) == ("delta", 2, 5)
    assert [node["uid"] for node in delta["nodes"]["set"]] == ["pod-new"]
    assert delta["nodes"]["remove"] == ["pod-lone"]


async def test_clients_resuming_from_one_position_share_a_message() -> None:
    world = shop()
    world.remove("pod-lone")
    recorders = [Recorder(), Recorder()]
    for recorder in recorders:
        world.hub.join(recorder).subscribe("x", only(kind="Pod"), StreamPosition(EPOCH, 2))
    assert recorders[0].messages[0] is recorders[1].messages[0]


async def test_shared_messages_are_limited_per_id() -> None:
    """Who comes back chooses the id, and may take another each time."""
    world = shop()
    world.remove("pod-lone")
    told = [_told_on_coming_back(world, str(number)) for number in range(CATCHING_UP + 1)]
    assert _told_on_coming_back(world, "1") is told[1]
    anew = _told_on_coming_back(world, "0")
    assert anew is not told[0]
    assert anew.text == told[0].text


def _told_on_coming_back(world: World, id: str) -> Message:
    recorder = Recorder()
    world.hub.join(recorder).subscribe(id, only(kind="Pod"), StreamPosition(EPOCH, 2))
    return recorder.messages[0]


async def test_a_client_in_step_until_recently_is_not_reset() -> None:
    """What concerns others fills the history; this client holds all that its filter had until then."""
    world = World(limits=Limits(history_changes=5))
    world.set(facts("Service", "web"))
    recorder = Recorder()
    client = world.hub.join(recorder)
    client.subscribe("x", only(kind="Service"))
    recorder.take()
    for number in range(20):
        world.set(facts("Pod", f"pod-{number}"))
    recorder.writable = False
    world.remove("service-web")
    recorder.writable = True
    client.wake()
    await settle()
    (delta,) = recorder.take()
    assert (delta["from"], delta["seq"], delta["nodes"]["remove"]) == (1, 22, ["service-web"])


async def test_returning_clients_share_what_they_missed_across_ids() -> None:
    """Each of them chooses its id, and need not read."""
    world = crowd(3000)
    world.send(Changes(nodes_set=[a_pod(number, "Error") for number in range(1000)]))
    recorders = [Recorder() for _ in range(3)]
    for number, recorder in enumerate(recorders):
        world.hub.join(recorder).subscribe(str(number), only(q="web"), StreamPosition(EPOCH, 1))
    await eventually(lambda: all(recorder.messages for recorder in recorders))
    texts = [recorder.messages[0].long for recorder in recorders]
    assert texts[0] is not None
    assert texts[0].size > 300_000
    assert texts == [texts[0]] * 3
    told = [recorder.take()[0] for recorder in recorders]
    assert [message["id"] for message in told] == ["0", "1", "2"]
    assert [len(message["nodes"]["set"]) for message in told] == [1000] * 3


async def test_shared_deltas_also_apply_to_immediate_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is from another place, so that none shares with others; only short texts are told in any case."""
    monkeypatch.setattr(message, "MOST_LONG", 200_000)
    world = crowd(3000)
    for step in range(6):
        world.send(Changes(nodes_set=[a_pod(80 * step + number, "Error") for number in range(80)]))
    recorders = [Recorder() for _ in range(6)]
    for number, recorder in enumerate(recorders):
        world.hub.join(recorder).subscribe("x", only(q="web"), StreamPosition(EPOCH, number + 1))
        await settle()
    sizes = [recorder.messages[0].size for recorder in recorders]
    first = [recorder.messages[0].event for recorder in recorders]
    assert sizes[0] + sizes[1] > 200_000 > sizes[0]
    assert first == ["delta", "delta", "reset", "reset", "reset", "delta"]


async def test_missed_changes_held_for_slow_readers_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond that a snapshot is told, of which readers hold little."""
    monkeypatch.setattr(message, "MOST_LONG", 1_000_000)
    world = crowd(3000)
    for step in range(6):
        world.send(Changes(nodes_set=[a_pod(number, "Error", str(step)) for number in range(1000)]))
    recorders = [Recorder() for _ in range(6)]
    clients = [world.hub.join(recorder) for recorder in recorders]
    for number, client in enumerate(clients):
        client.subscribe("x", only(q="web"), StreamPosition(EPOCH, number + 1))
        await settle()
    first = [recorder.messages[0].event for recorder in recorders]
    assert first == ["delta", "delta", "delta", "reset", "reset", "reset"]
    for client, recorder in zip(clients, recorders, strict=True):  # they have read it
        recorder.messages.clear()
        client.leave()
    world.send(Changes(nodes_set=[a_pod(0)]))
    late = Recorder()
    world.hub.join(late).subscribe("x", only(q="web"), StreamPosition(EPOCH, 1))
    await eventually(lambda: bool(late.messages))
    assert late.types() == ["delta"]
