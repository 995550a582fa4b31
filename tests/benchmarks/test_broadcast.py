"""3: what it costs to tell 300 subscribers of one filter, against `await ws.send(text)` to each."""

from __future__ import annotations

import pytest

from tests.benchmarks.processes import helper
from tests.benchmarks.report import SLACK, report, size

BUDGET = 0.6
#: Per change, when ten come within one window and are told together.
WINDOW_BUDGET = 0.1
CHANGES = 10
CLIENTS = 300
#: Broadcasts before the clients are waited for, which is little enough for the buffers of the system.
BURST = 20


@pytest.mark.bench
def test_broadcast_to_subscribers_of_one_filter() -> None:
    best: dict[str, float] = {}
    with helper("broadcast") as server, helper("listeners") as clients:
        ports = server.ask("ports")
        path = "/api/v1/ws?namespace=shop"
        clients.ask("open", port=ports["ours"], paths=[path] * CLIENTS, filters=[], snapshots=CLIENTS)
        clients.ask("open", port=ports["theirs"], paths=["/"] * CLIENTS, filters=[], snapshots=0)
        told = 0
        for _ in range(size(20, 5)):
            costs = {
                "theirs": server.ask("theirs", times=BURST),
                "ours": server.ask("ours", changes=1, times=BURST),
                "window": server.ask("ours", changes=CHANGES, times=BURST),
                "system": server.ask("system", times=BURST),
            }
            best = {name: min(cost, best.get(name, cost)) for name, cost in costs.items()}
            told += len(costs) * BURST * CLIENTS
            assert clients.ask("count", deltas=told) == told
    ours, theirs, window, system = [
        best[name] / BURST / CLIENTS * 1e6 for name in ("ours", "theirs", "window", "system")
    ]
    ratio, window_ratio = ours / theirs, window / CHANGES / theirs
    report(
        3,
        f"a change told to {CLIENTS} / ws.send() to each",
        f"{ratio:.2f}× ({ours:.1f} µs of {theirs:.1f} a delivery; send(2) alone {system:.1f})",
        f"≤ {BUDGET}×",
        met=ratio <= BUDGET,
    )
    report(
        3,
        f"per change, {CHANGES} in one window",
        f"{window_ratio:.3f}× ({window:.1f} µs a delivery of {CHANGES})",
        f"≤ {WINDOW_BUDGET}×",
        met=window_ratio <= WINDOW_BUDGET,
    )
    assert ratio <= BUDGET * SLACK
    assert window_ratio <= WINDOW_BUDGET * SLACK
