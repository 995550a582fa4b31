"""1: a recorded pod event from its line to an encoded batch, against decoding alone as users do it today."""

from __future__ import annotations

import asyncio

import pytest

from astrolabe.graph.encoding import wire
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.kube.events import Deletion, Upserted, decode
from tests.benchmarks.report import SLACK, cpu_seconds, report, size
from tests.support.kinds import KINDS, KINDS_BY_NAME
from tests.support.recording import Recording

BUDGET = 15.0
POD = KINDS_BY_NAME["Pod"]


def take_all(lines: list[bytes]) -> int:
    """Every event a transaction and a batch of its own: nothing is saved by batching. Returns batches."""
    model, graph, reader = Model([kind.rules for kind in KINDS]), ServedGraph("e"), POD.event_reader()
    for line in lines:
        event = decode(POD, line, reader)
        if isinstance(event, Upserted):
            model.upsert(POD.facts(event.manifest))
        elif isinstance(event, Deletion):
            model.remove(event.uid)
        changes = model.commit()
        if changes:
            graph.apply(Batch("e", graph.seq + 1, changes))
            wire.delta("default", "e", since=graph.seq - 1, seq=graph.seq, changed=wire.changes_text(changes))
    return graph.seq


@pytest.mark.bench
async def test_events_against_the_client_library() -> None:
    lines = Recording().lines(POD)
    assert take_all(lines) > len(lines) / 2
    rounds = size(20, 5)
    ours = cpu_seconds(lambda: take_all(lines), rounds=rounds)

    from kubernetes_asyncio.watch import Watch  # here, because it takes half a second and 30 MB

    watch = Watch()
    texts = [line.decode() for line in lines if b'"type":"BOOKMARK"' not in line[:32]]
    theirs = cpu_seconds(lambda: [watch.unmarshal_event(text, "V1Pod") for text in texts], rounds=size(3, 2))
    await watch.close()
    await asyncio.sleep(0)
    ratio = theirs / ours
    each = f"{ours / len(lines) * 1e6:.0f} µs an event"
    report(
        1,
        "recorded pod event → encoded batch",
        f"{ratio:.1f}× ({each})",
        f"≥ {BUDGET:.0f}×",
        met=ratio >= BUDGET,
    )
    assert ratio >= BUDGET / SLACK
