"""5: a body is never copied for one who asks: what clients cost that ask for the whole graph and do not read it."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from time import monotonic, sleep

import psutil
import pytest

from tests.benchmarks.answers import PATH, Asker, servers
from tests.benchmarks.report import report, size

READERS = 150
#: Bytes of memory that one may cost.
BUDGET = 64 * 1024


def ask(port: int) -> socket.socket:
    """A connection on which the whole graph was asked for, with as small a buffer as can be had."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
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
