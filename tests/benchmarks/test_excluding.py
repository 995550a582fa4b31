"""A batch told to 320 subscriptions whose filters only exclude something, against 320 of one filter."""

from __future__ import annotations

from time import process_time

import pytest

from astrolabe.graph.selector import parse
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import EVERYTHING, Filter
from astrolabe.http.stream.client import StreamClient
from tests.benchmarks.report import SLACK, report, size
from tests.support.connections import Recorder, settle
from tests.support.serving import eventually
from tests.support.worlds import World, a_pod, crowd

#: Times what the same subscriptions cost that all follow everything.
BUDGET = 2.5
CONNECTIONS = 10
SUBSCRIPTIONS = 32
BATCH = 20


async def cost(filters: list[Filter]) -> float:
    """Seconds that a batch takes, until everyone is told, at best."""
    world, clients = crowd(size(5_000, 1_000)), list[StreamClient]()
    recorders = [Recorder() for _ in range(CONNECTIONS)]
    for number, recorder in enumerate(recorders):
        clients.append(world.hub.join(recorder))
        for id in range(SUBSCRIPTIONS):
            filter = filters[(number * SUBSCRIPTIONS + id) % len(filters)]
            await world.hub.snapshot(filter)
            clients[-1].subscribe(f"s{id}", filter)
    count, steps = CONNECTIONS * SUBSCRIPTIONS, size(50, 20)
    await eventually(lambda: sum(bool(m.position) for r in recorders for m in r.messages) == count)
    return min([await _told(world, recorders, step) for step in range(steps)])


async def _told(world: World, recorders: list[Recorder], step: int) -> float:
    for recorder in recorders:
        recorder.messages.clear()
    changed = [a_pod(number, "Error", f"step {step}") for number in range(BATCH)]
    began = process_time()
    world.send(Changes(nodes_set=changed))
    # Thousands are told some in each turn of the loop.
    while sum(len(recorder.messages) for recorder in recorders) < CONNECTIONS * SUBSCRIPTIONS:
        await settle()
    took = process_time() - began
    assert {message.event for recorder in recorders for message in recorder.messages} == {"delta"}
    return took


@pytest.mark.bench
async def test_filters_that_only_exclude_cost_no_more_than_their_delivery() -> None:
    count = CONNECTIONS * SUBSCRIPTIONS
    excluding = [Filter(selector=parse(f"zzz!=v{number}")) for number in range(count)]
    same, different = await cost([EVERYTHING]), await cost(excluding)
    ratio = different / same
    report(
        18,
        f"a batch of {BATCH} told to {count} filters that only exclude / to as many of one filter",
        f"{ratio:.2f}× ({different * 1e3:.2f} ms of {same * 1e3:.2f})",
        f"≤ {BUDGET}×",
        met=ratio <= BUDGET,
    )
    assert ratio <= BUDGET * SLACK
