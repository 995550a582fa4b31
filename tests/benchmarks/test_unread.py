"""5: what clients cost that ask for the whole graph and do not read it, whether it changes or not."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from time import monotonic, sleep

import psutil
import pytest

from tests.benchmarks.answers import PATH, Asker, servers
from tests.benchmarks.processes import allow_many_files, helper
from tests.benchmarks.report import report, size

READERS = 150
#: Changes a second while streams are opened, and streams a second.
CHANGES = 50
STREAMS = 100
#: Bytes of memory that one may cost.
BUDGET = 64 * 1024


def ask(port: int, path: str = PATH) -> socket.socket:
    """A connection on which the whole graph was asked for, with as small a buffer as can be had."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return connection


def settled(process: psutil.Process) -> int:
    """Its memory once that has stayed the same for a while."""
    ends, last = monotonic() + 20, 0
    while (now := process.memory_info().rss) != last and monotonic() < ends:
        last = now
        sleep(0.5)
    return last


@pytest.mark.bench
def test_what_answers_cost_that_nobody_reads() -> None:
    with servers(size(20_000, 2_000)) as running, ExitStack() as unread:
        with closing(Asker(running.ports["ours"])) as asker:
            length = asker.ask()
        process = psutil.Process(running.pid)
        before = settled(process)
        for _ in range(READERS):
            unread.enter_context(closing(ask(running.ports["ours"])))
        cost = (settled(process) - before) / READERS
    report(
        5,
        f"memory of one of {READERS} unread GET /api/v1/graph of {length / 1e6:.1f} MB",
        f"{cost / 1024:.0f} KiB",
        f"≤ {BUDGET // 1024} KiB",
        met=cost <= BUDGET,
    )
    assert cost <= BUDGET


@pytest.mark.bench
def test_what_streams_cost_that_nobody_reads_while_the_graph_changes() -> None:
    """Each stops in the middle of a snapshot, of which there is another one after every change."""
    allow_many_files()
    readers = size(1000, 200)
    with helper("unread", str(size(20_000, 5_000))) as server, ExitStack() as unread:
        port = server.ask("port")
        server.ask("change", rate=CHANGES)
        process = psutil.Process(server.pid)
        sleep(2)
        before = process.memory_info().rss
        for _ in range(readers):
            unread.enter_context(closing(ask(port, "/api/v1/events")))
            sleep(1 / STREAMS)
        sleep(2)
        cost = (process.memory_info().rss - before) / readers
    report(
        5,
        f"memory of one of {readers} unread streams, {CHANGES} changes a second",
        f"{cost / 1024:.0f} KiB",
        f"≤ {BUDGET // 1024} KiB",
        met=cost <= BUDGET,
    )
    # Its share of old snapshots and of the graph's history comes on top of the part that it holds.
    assert cost <= 2 * BUDGET
