"""4: a change that concerns none of 1,000 differently filtered subscriptions, against no subscriptions at all."""

from __future__ import annotations

import pytest

from tests.benchmarks.processes import helper
from tests.benchmarks.report import SLACK, report, size

BUDGET = 1.5
SUBSCRIPTIONS = 1_000
CONNECTIONS = 50
EVENTS = 200


@pytest.mark.bench
def test_a_change_that_concerns_no_subscription() -> None:
    best: dict[str, list[float]] = {}
    with helper("bystanders", str(size(20_000, 5_000))) as server, helper("listeners") as clients:
        site = server.ask("filters", count=SUBSCRIPTIONS)
        filters = site["filters"]
        assert len({str(filter) for filter in filters}) == SUBSCRIPTIONS
        clients.ask(
            "open",
            port=site["port"],
            paths=["/api/v1/ws?subscribe=false"] * CONNECTIONS,
            filters=[filters[number::CONNECTIONS] for number in range(CONNECTIONS)],
            snapshots=SUBSCRIPTIONS,
        )
        for _ in range(size(20, 5)):
            for cluster in ("alone", "watched"):
                costs = server.ask("change", cluster=cluster, times=EVENTS)
                best[cluster] = [min(pair) for pair in zip(costs, best.get(cluster, costs), strict=True)]
        assert clients.ask("count", deltas=0) == 0
    (alone, hub_alone), (watched, hub_watched) = [
        [seconds / EVENTS * 1e6 for seconds in best[cluster]] for cluster in ("alone", "watched")
    ]
    ratio = watched / alone
    hub = f"in the hub {hub_watched:.0f} of {hub_alone:.0f}"
    report(
        4,
        f"a change that concerns none of {SUBSCRIPTIONS:,} subscriptions / no subscriptions",
        f"{ratio:.2f}× ({watched:.0f} µs of {alone:.0f}; {hub})",
        f"≤ {BUDGET}×",
        met=ratio <= BUDGET,
    )
    assert ratio <= BUDGET * SLACK
