"""10: memory of an idle WebSocket connection at 2,000, each with one subscription to one shared filter."""

from __future__ import annotations

import pytest

from tests.benchmarks.processes import Helper, helper
from tests.benchmarks.report import SLACK, is_full, report, size

BUDGET = 30.0
PATH = "/api/v1/ws?namespace=ns-1"
#: Connections before the measurement: what the first ones bring about is not theirs.
FIRST = 50


def connect(server: Helper, clients: Helper, count: int) -> None:
    port = server.ask("port")
    clients.ask("open", port=port, paths=[PATH] * count, filters=[], snapshots=count)


@pytest.mark.bench
def test_memory_of_an_idle_connection() -> None:
    count = size(2_000, 200)
    with helper("idle") as server, helper("listeners") as clients:
        connect(server, clients, FIRST)
        before = server.ask("rss")
        connect(server, clients, count)
        kilobytes = (server.ask("rss") - before) / count / 1024
    report(
        10,
        f"RSS an idle connection at {count:,}",
        f"{kilobytes:.1f} KB",
        f"≤ {BUDGET:.0f} KB",
        met=kilobytes <= BUDGET,
    )
    if is_full():
        print_parts()
    assert kilobytes <= BUDGET * SLACK


def print_parts(count: int = 200) -> None:
    """Who allocates what is not uvloop's and the system's, in bytes a connection."""
    with helper("idle") as server, helper("listeners") as clients:
        connect(server, clients, FIRST)
        server.ask("trace")
        connect(server, clients, count)
        parts = server.ask("parts")
    print(f"{sum(size for size, _ in parts) / count:8.0f} bytes of Python a connection, of which")
    for bytes, line in parts[:12]:
        print(f"{bytes / count:8.0f} {line[:90]}")
