"""What a hub has sent and not sent of the past, once it is to tell nobody of that any more."""

from __future__ import annotations

import asyncio

import pytest

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream import shared_subscription, snapshot
from tests.support.connections import OneByOne, Recorder, settle
from tests.support.serving import eventually
from tests.support.worlds import EPOCH, World, a_pod, crowd, only


def remove_the_last(world: World) -> str:
    """Its uid. It had edges."""
    gone = max(world.hub.graph.nodes)
    graph = world.hub.graph
    edges = [edge.key for edge in (*graph.outgoing(gone), *graph.incoming(gone))]
    world.send(Changes(nodes_removed=[gone], edges_removed=edges))
    return gone


async def test_a_client_halfway_through_a_snapshot_is_reset_without_withdrawn_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "PART_BYTES", 1500)
    world, slow, in_step = crowd(200), OneByOne(), Recorder()
    client = world.hub.join(slow)
    client.subscribe("x", EVERYTHING)
    world.hub.join(in_step).subscribe("x", EVERYTHING)
    await eventually(lambda: bool(in_step.messages) and bool(in_step.messages[-1].position))
    assert slow.types() == ["snapshot"]
    in_step.take()
    gone = remove_the_last(world)
    world.hub.forget_past()
    while not slow.messages or not slow.messages[-1].position:
        slow.writable = True
        client.wake()
        await settle()
    assert slow.messages[0].event == "reset"
    assert gone not in "".join([message.text for message in slow.messages])
    # Who has it is told that it went, and goes on.
    assert [message["nodes"]["remove"] for message in in_step.take()] == [[gone]]


async def test_a_snapshot_that_is_being_made_is_given_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SHARED_SECONDS", 60.0)
    world, recorder = crowd(4000), Recorder()
    world.hub.join(recorder).subscribe("x", only(q="web"))
    asked = asyncio.create_task(world.hub.snapshot(only(q="web")))
    await asyncio.sleep(0)
    assert not asked.done()
    gone = remove_the_last(world)
    world.hub.forget_past()
    assert gone not in [node.uid for node in (await asked).nodes]
    await eventually(lambda: any(message.position for message in recorder.messages))
    assert gone not in "".join([message.text for message in recorder.messages])


async def test_changes_being_prepared_are_recomputed_after_a_withdrawal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_subscription, "MANY", 0)
    world, recorder = crowd(3000), Recorder()
    since = StreamPosition(EPOCH, world.hub.graph.seq)
    new = a_pod(5000)
    world.send(Changes(nodes_set=[*[a_pod(number, "Error") for number in range(2500)], new]))
    world.hub.join(recorder).subscribe("x", EVERYTHING, since)
    await asyncio.sleep(0)
    assert not any(message.position for message in recorder.messages), "it is not under way"
    world.send(Changes(nodes_removed=[new.uid]))
    world.hub.forget_past()
    await eventually(lambda: any(message.position for message in recorder.messages))
    assert recorder.messages[0].event == "reset"
    assert f'"{new.uid}"' not in "".join([message.text for message in recorder.messages])


async def test_no_client_resumes_from_before_a_withdrawal() -> None:
    world, recorder = crowd(10), Recorder()
    before = world.hub.graph.seq
    remove_the_last(world)
    world.hub.forget_past()
    now = world.hub.graph.seq
    client = world.hub.join(recorder)
    client.subscribe("x", only(kind="Pod"), StreamPosition(EPOCH, before))
    await settle()
    assert recorder.types() == ["reset", "snapshot"]
    client.subscribe("y", only(kind="Pod"), StreamPosition(EPOCH, now))
    await settle()
    assert recorder.types() == ["bookmark"]
