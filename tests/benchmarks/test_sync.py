"""7 and 8: CPU and memory of an initial sync over HTTP, in processes of their own."""

from __future__ import annotations

import pytest

from tests.benchmarks.report import SLACK, is_full, report, size
from tests.benchmarks.simulator import simulator_process
from tests.benchmarks.sync import measure_sync

CPU_BUDGET = 1.5
MEMORY_BUDGET = 2.0
#: What is reached today, with room for noise: a small run fails when it gets worse. See the guide, "Performance".
CPU_TODAY = 4.4
MEMORY_TODAY = 4.5


@pytest.mark.bench
def test_cpu_of_the_initial_sync() -> None:
    with simulator_process(size(50_000, 5_000)) as url:
        figures = measure_sync(url)
    ratio = figures["cpu"] / figures["baseline"]
    each = f"{figures['cpu'] / figures['nodes'] * 1e6:.0f} µs an object"
    report(
        7,
        f"sync of {figures['nodes']} objects / ujson alone",
        f"{ratio:.2f}× ({each})",
        f"≤ {CPU_BUDGET}×",
        met=ratio <= CPU_BUDGET,
    )
    assert ratio <= CPU_TODAY * SLACK


@pytest.mark.bench
def test_memory_a_node() -> None:
    with simulator_process(size(100_000, 5_000)) as url:
        figures = measure_sync(url)
    kilobytes = figures["rss"] / figures["nodes"] / 1024
    edges = f"{figures['edges'] / figures['nodes']:.1f} edges a node"
    report(
        8,
        f"RSS a node at {figures['nodes']} nodes",
        f"{kilobytes:.2f} KB ({edges})",
        f"≤ {MEMORY_BUDGET} KB",
        met=kilobytes <= MEMORY_BUDGET,
    )
    if is_full():  # at small sizes the collections of one list weigh as much as the graph
        assert kilobytes <= MEMORY_TODAY
