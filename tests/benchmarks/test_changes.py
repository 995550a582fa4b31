"""2: what one change costs in a graph of 100,000 nodes, against the same change among 1,000."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import msgspec
import pytest

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import ERROR, PENDING, READY, Status
from tests.benchmarks.clusters import create_model
from tests.benchmarks.report import SLACK, report, size

BUDGET = 1.3


class Cluster:
    def __init__(self, nodes: int) -> None:
        self.model, self.pods = create_model(nodes)
        self.graph = ServedGraph("e")
        self.commit()

    def commit(self) -> None:
        self.graph.apply(Batch("e", self.graph.seq + 1, self.model.commit()))

    def change(self, pod: Facts, level: str) -> None:
        self.model.upsert(msgspec.structs.replace(pod, status=Status(level, level, "changed")))
        self.commit()

    def recreate(self, pod: Facts) -> None:
        self.model.remove(pod.uid)
        self.commit()
        self.model.upsert(pod)
        self.commit()


def median_seconds(cluster: Cluster, work: Callable[[Facts], None]) -> float:
    """The median over changes all over the graph, so that caches are cold where a large graph makes them so."""
    step = max(1, len(cluster.pods) // 100)
    seconds = []
    for pod in cluster.pods[::step]:
        started = time.perf_counter()
        work(pod)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def cost(cluster: Cluster) -> float:
    def work(pod: Facts) -> None:
        for level in (ERROR, PENDING, READY):
            cluster.change(pod, level)
        cluster.recreate(pod)

    return min(median_seconds(cluster, work) for _ in range(3))


@pytest.mark.bench
def test_a_change_costs_the_same_in_a_large_graph() -> None:
    small, large = Cluster(1_000), Cluster(size(100_000, 20_000))
    few, many = cost(small), cost(large)
    ratio = many / few
    nodes = len(large.graph.nodes)
    report(
        2,
        f"a change at {nodes} nodes / at 1,000",
        f"{ratio:.2f}× ({many * 2e5:.0f} µs a change)",
        f"≤ {BUDGET}×",
        met=ratio <= BUDGET,
    )
    assert ratio <= BUDGET * SLACK
