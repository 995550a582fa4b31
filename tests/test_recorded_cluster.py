"""The life of one recorded application, through the simulator and the real watches, ends as it ended.

What must come out is worked out from the final lists by `tests.support.oracle`, the slow way, and is
kept besides in a golden file that a person has read (tests/recordings/shop.expected.json).
"""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from astrolabe.graph.state.graph import ServedGraph
from astrolabe.settings import DEFAULT_SELECTOR
from astrolabe.sim.faults import Cut, EmptyAnswer, ExpiredInStream, HalfOpen, HttpStatus, InjectedFault
from astrolabe.sim.server import Simulator
from tests.support import truth
from tests.support.cluster import Followed, followed
from tests.support.recording import RECORDINGS, Recording, replay
from tests.support.truth import Summary, summarize

GOLDEN = RECORDINGS / "shop.expected.json"


def expect(recording: Recording, label_selector: str = "") -> Summary:
    """What must come out in the end."""
    return truth.expect([(kind, recording.items(kind)) for kind in recording.kinds], label_selector)


def readable(summary: Summary) -> Summary:
    """The summary with names for uids, sorted: what the golden file holds."""
    names = {uid: entry["node"] for uid, entry in summary["nodes"].items()}
    nodes = {
        entry["node"]: {k: v for k, v in entry.items() if k != "node"} for entry in summary["nodes"].values()
    }
    edges = {}
    for key, fields in summary["edges"].items():
        type_, source, target = key.split(" ")
        edges[f"{names[source]} -{type_}-> {names[target]}"] = fields
    return {"nodes": nodes, "edges": edges, "releases": summary["releases"]}


def is_final(run: Followed, expected: Summary) -> bool:
    return set(run.graph.nodes) == set(expected["nodes"]) and summarize(run.graph) == expected


async def check(
    recording: Recording, simulator: Simulator, changes: list[Any], label_selector: str = ""
) -> ServedGraph:
    """Follow the changes from the first list on; ends when the graph is what it must be."""
    expected = expect(recording, label_selector)
    async with followed(simulator.url, label_selector=label_selector) as run:
        await asyncio.wait_for(run.readiness.wait(), 20)
        replay(simulator.store, changes)
        try:
            await run.until(lambda: is_final(run, expected))
        except TimeoutError:
            assert summarize(run.graph) == expected
        return run.graph


@pytest.fixture
def recording() -> Recording:
    return Recording()


def test_the_expected_graph_matches_the_recording(recording: Recording) -> None:
    found = readable(expect(recording))
    assert json.loads(json.dumps(found)) == json.loads(GOLDEN.read_text())


async def test_the_recorded_cluster_is_reproduced(recording: Recording) -> None:
    async with Simulator(recording.store()) as simulator:
        graph = await check(recording, simulator, recording.changes)
    assert graph.edge_count > 100


async def test_with_the_default_selector(recording: Recording) -> None:
    async with Simulator(recording.store()) as simulator:
        graph = await check(recording, simulator, recording.changes, DEFAULT_SELECTOR)
    kinds = {node.kind for node in graph.nodes.values()}
    assert {"Pod", "ReplicaSet", "EndpointSlice", "PersistentVolume", "Namespace", "Node"} <= kinds
    assert "tools" not in {node.name for node in graph.nodes.values()}


@pytest.mark.parametrize("seed", range(6))
async def test_another_order_between_kinds(recording: Recording, seed: int) -> None:
    selector = DEFAULT_SELECTOR if seed % 2 else ""
    async with Simulator(recording.store()) as simulator:
        await check(recording, simulator, recording.shuffled(seed), selector)


async def test_all_objects_in_the_first_list(recording: Recording) -> None:
    async with Simulator(recording.final_store()) as simulator:
        await check(recording, simulator, [])


@pytest.mark.parametrize("seed", range(6))
async def test_with_the_watch_cut_expired_and_stalled(recording: Recording, seed: int) -> None:
    draw = random.Random(seed)
    faults: list[type[InjectedFault]] = [Cut, ExpiredInStream, HalfOpen, EmptyAnswer, HttpStatus]
    expected = expect(recording)
    async with Simulator(recording.store()) as simulator, followed(simulator.url) as run:
        await asyncio.wait_for(run.readiness.wait(), 20)
        changes = list(recording.changes)
        while changes:
            for kind in draw.sample(recording.kinds, 4):
                fault = draw.choice(faults)
                after = {"after": draw.randrange(5)} if fault in (Cut, ExpiredInStream, HalfOpen) else {}
                simulator.faults.add(fault(kind=kind.name, **after))
            if draw.random() < 0.3:
                simulator.disconnect()
            if draw.random() < 0.3:
                simulator.store.compact()
            some, changes = changes[:120], changes[120:]
            seq = run.graph.seq
            replay(simulator.store, some)
            await run.until(lambda seq=seq: run.graph.seq > seq)  # type: ignore[misc]
        await run.until(lambda: is_final(run, expected), 30)


if __name__ == "__main__":
    Path(GOLDEN).write_text(json.dumps(readable(expect(Recording())), indent=1, sort_keys=True))
