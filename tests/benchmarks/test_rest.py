"""5 and 6: the whole graph over HTTP while nothing changes, and its body made anew after a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from statistics import median
from time import process_time

import pytest
import ujson

from astrolabe.graph.state.status import ERROR, PENDING
from astrolabe.http.query import QueryParams
from astrolabe.http.responses.cache import CachedBody, Recipe, ResponseCache
from astrolabe.http.rest import documents
from tests.benchmarks.answers import Asker, Servers, servers
from tests.benchmarks.clusters import Cluster
from tests.benchmarks.report import SLACK, report, size

RATE_BUDGET = 0.95
CHANGE_BUDGET = 0.2


def seconds_an_answer(running: Servers, name: str, times: int) -> float:
    """On a connection of its own: what one costs depends on how the system has sized its buffers."""
    with closing(Asker(running.ports[name])) as asker:
        length = asker.ask()
        started = running.cpu_seconds()
        for _ in range(times):
            assert asker.ask() == length
        return (running.cpu_seconds() - started) / times


@pytest.mark.bench
def test_an_unchanged_graph_against_a_handler_that_returns_its_bytes() -> None:
    times, rounds = size(150, 50), size(15, 7)
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    with servers(size(5_000, 2_000)) as running:
        for _ in range(rounds):
            for name, each in seconds.items():
                each.append(seconds_an_answer(running, name, times))
    ours, theirs = median(seconds["ours"]), median(seconds["theirs"])
    ratio = theirs / ours
    report(
        5,
        "rate of GET /api/v1/graph, unchanged / of a handler that returns its bytes",
        f"{ratio:.2f}× ({1 / ours:.0f} and {1 / theirs:.0f} a CPU second)",
        f"≥ {RATE_BUDGET}×",
        met=ratio >= RATE_BUDGET,
    )
    assert ratio >= RATE_BUDGET / SLACK


async def make_body(cluster: Cluster, kept: ResponseCache) -> CachedBody:
    """As a request has it made."""
    question, graph = QueryParams(), cluster.hub.graph
    recipe = Recipe(
        prepare=lambda: documents.prepare_graph(cluster.hub, question),
        version=lambda: (graph.epoch, graph.seq),
        make=lambda: documents.graph(cluster.hub, question, None),
        borrowed=True,
    )
    return await kept.get("graph", recipe, packed=False)


@pytest.mark.bench
async def test_a_changed_graph_against_encoding_all_of_it() -> None:
    cluster, kept = Cluster(size(5_000, 2_000)), ResponseCache()
    started = process_time()
    body = await make_body(cluster, kept)
    first = process_time() - started
    document = json.loads(bytes(body))
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    for pod in cluster.pods[:: max(1, len(cluster.pods) // size(40, 20))]:
        changes: tuple[Callable[[], None], ...] = (
            lambda pod=pod: cluster.change(pod, ERROR),
            lambda pod=pod: cluster.change(pod, PENDING),
            lambda pod=pod: cluster.recreate(pod),
        )
        for change in changes:
            change()
            started = process_time()
            body = await make_body(cluster, kept)
            seconds["ours"].append(process_time() - started)
        started = process_time()
        encoded = ujson.dumps(document, escape_forward_slashes=False)
        seconds["theirs"].append(process_time() - started)
    assert abs(body.size - len(encoded)) < 100_000
    ours, theirs = median(seconds["ours"]), median(seconds["theirs"])
    ratio = ours / theirs
    report(
        6,
        f"body of the graph after a change / encoding {len(document['nodes'])} nodes, {len(document['edges'])} edges",
        f"{ratio:.2f}× ({ours * 1e3:.2f} ms; the first {first * 1e3:.1f} ms)",
        f"≤ {CHANGE_BUDGET}×",
        met=ratio <= CHANGE_BUDGET,
    )
    assert ratio <= CHANGE_BUDGET * SLACK
