"""The life of one recorded application, through the simulator and the real watches, ends as it ended.

What must come out is worked out from the final lists by `tests.support.oracle`, the slow way, and is
kept besides in a golden file that a person has read (tests/recordings/shop.expected.json).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from astrolabe.graph import selector as selectors
from astrolabe.graph.facts import Facts
from astrolabe.graph.graph import Graph
from astrolabe.kinds.table import KINDS
from astrolabe.settings import DEFAULT_SELECTOR
from astrolabe.sim.faults import Cut, EmptyAnswer, ExpiredInStream, Fault, HttpStatus, Stall
from astrolabe.sim.server import Simulator
from tests.support.cluster import Followed, followed
from tests.support.oracle import Expected
from tests.support.recording import RECORDINGS, Recording, replay

GOLDEN = RECORDINGS / "shop.expected.json"


def final_facts(recording: Recording) -> Iterator[Facts]:
    for kind in recording.kinds:
        for item in recording.items(kind):
            yield kind.facts(kind.decoder.decode(msgspec.json.encode(item)))


def expect(recording: Recording, label_selector: str = "") -> Expected:
    roots = selectors.parse(label_selector) if label_selector else None
    served = {kind.name: {""} for kind in KINDS}
    rules = [kind.rules for kind in KINDS]
    return Expected(final_facts(recording), rules, roots=roots, synced=served)


def summarize_expected(expected: Expected) -> dict[str, Any]:
    nodes = {}
    for uid, facts in expected.nodes.items():
        status, release = expected.status(uid), expected.releases[uid]
        nodes[uid] = {
            "node": f"{facts.kind} {facts.namespace}/{facts.name}",
            "status": [status.level, status.reason, status.message, status.since],
            "release": f"{release.namespace}/{release.name}" if release else "",
            "chart": expected.charts[uid],
            "metadata": {**facts.metadata, **(expected.extra(uid) or {})},
            "unresolved": [link.field for link in expected.unresolved[uid]],
        }
    edges = {" ".join(key): sorted(field) for key, field in expected.edges.items()}
    releases = {f"{r.namespace}/{r.name}": list(entry) for r, entry in expected.revisions().items()}
    return {"nodes": nodes, "edges": edges, "releases": releases}


def summarize(graph: Graph) -> dict[str, Any]:
    nodes = {}
    for uid, node in graph.nodes.items():
        document = node.document()
        nodes[uid] = {
            "node": f"{node.kind} {node.namespace}/{node.name}",
            "status": [node.status, document["reason"], document.get("message", ""), document.get("since")],
            "release": f"{node.release_namespace}/{node.release}" if node.release else "",
            "chart": node.chart,
            "metadata": document["metadata"],
            "unresolved": [entry["field"] for entry in document.get("unresolved", [])],
        }
    edges = {" ".join(edge.key): sorted(edge.field) for edge in graph.edges()}
    releases = {f"{r.namespace}/{r.name}": [e.revision, e.status] for r, e in graph.releases.items()}
    return {"nodes": nodes, "edges": edges, "releases": releases}


def readable(summary: dict[str, Any]) -> dict[str, Any]:
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


def is_final(run: Followed, expected: dict[str, Any]) -> bool:
    return set(run.graph.nodes) == set(expected["nodes"]) and summarize(run.graph) == expected


async def check(
    recording: Recording, simulator: Simulator, changes: list[Any], label_selector: str = ""
) -> Graph:
    """Follow the changes from the first list on; ends when the graph is what it must be."""
    expected = summarize_expected(expect(recording, label_selector))
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


def test_the_truth_is_as_it_was_read(recording: Recording) -> None:
    found = readable(summarize_expected(expect(recording)))
    assert json.loads(json.dumps(found)) == json.loads(GOLDEN.read_text())


async def test_as_it_was(recording: Recording) -> None:
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
async def test_in_another_order_between_kinds(recording: Recording, seed: int) -> None:
    selector = DEFAULT_SELECTOR if seed % 2 else ""
    async with Simulator(recording.store()) as simulator:
        await check(recording, simulator, recording.shuffled(seed), selector)


async def test_everything_there_at_the_first_list(recording: Recording) -> None:
    async with Simulator(recording.final_store()) as simulator:
        await check(recording, simulator, [])


@pytest.mark.parametrize("seed", range(6))
async def test_with_the_watch_cut_expired_and_stalled(recording: Recording, seed: int) -> None:
    draw = random.Random(seed)
    faults: list[type[Fault]] = [Cut, ExpiredInStream, Stall, EmptyAnswer, HttpStatus]
    expected = summarize_expected(expect(recording))
    async with Simulator(recording.store()) as simulator, followed(simulator.url) as run:
        await asyncio.wait_for(run.readiness.wait(), 20)
        changes = list(recording.changes)
        while changes:
            for kind in draw.sample(recording.kinds, 4):
                fault = draw.choice(faults)
                after = {"after": draw.randrange(5)} if fault in (Cut, ExpiredInStream, Stall) else {}
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
    Path(GOLDEN).write_text(
        json.dumps(readable(summarize_expected(expect(Recording()))), indent=1, sort_keys=True)
    )
