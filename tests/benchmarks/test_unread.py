"""5: what clients cost that ask for much and do not read it, whether it changes or not."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from time import monotonic, sleep

import psutil
import pytest

from tests.benchmarks.answers import Asker, servers
from tests.benchmarks.processes import allow_many_files, helper
from tests.benchmarks.report import report, size
from tests.support.raw import UPGRADE

READERS = 150
#: Changes a second while streams are opened, and streams a second.
CHANGES = 50
STREAMS_A_SECOND = 100
#: Bytes of memory that one may cost.
BUDGET = 64 * 1024
#: Bytes of what is held for all together who come back: 8 MiB of texts (`message.MOST_LONG`) and as much that is
#: worked at, which the allocator keeps.
SHARED = 40_000_000


STREAMS = {"server-sent events": ("/api/v1/events", ""), "WebSockets": ("/api/v1/ws", UPGRADE)}
#: What is answered of much of the graph, by what is told of it.
ANSWERS = {
    "/api/v1/graph": "/api/v1/graph",
    "/api/v1/graph of a filter": "/api/v1/graph?q=a",
    "/api/v1/resources": "/api/v1/resources",
    "data frames of Grafana": "/api/v1/grafana/frames?limit=1000",
}


def ask(port: int, path: str, headers: str = "") -> socket.socket:
    """A connection on which something was asked for, with as small a buffer as can be had."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return connection


def settled(process: psutil.Process) -> int:
    """Its memory once that has stayed the same for a while."""
    ends, last = monotonic() + 20, 0
    while (now := process.memory_info().rss) != last and monotonic() < ends:
        last = now
        sleep(0.5)
    return last


def judge(what: str, cost: float) -> None:
    """cost: bytes of memory of one reader."""
    report(
        5,
        f"memory of one of {what}",
        f"{cost / 1024:.0f} KiB",
        f"≤ {BUDGET // 1024} KiB",
        met=cost <= BUDGET,
    )
    assert cost <= BUDGET


@pytest.mark.bench
@pytest.mark.parametrize("what", ANSWERS)
def test_memory_of_unread_answers(what: str) -> None:
    with servers(size(20_000, 2_000)) as running, ExitStack() as unread:
        with closing(Asker(running.ports["ours"], ANSWERS[what])) as asker:
            length = asker.ask()
        process = psutil.Process(running.pid)
        before = settled(process)
        for _ in range(READERS):
            unread.enter_context(closing(ask(running.ports["ours"], ANSWERS[what])))
        cost = (settled(process) - before) / READERS
    judge(f"{READERS} unread answers, {what}, of {length / 1e6:.1f} MB", cost)


@pytest.mark.bench
@pytest.mark.parametrize("stream", STREAMS)
def test_memory_of_unread_streams_during_changes(stream: str) -> None:
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
            unread.enter_context(closing(ask(port, *STREAMS[stream])))
            sleep(1 / STREAMS_A_SECOND)
        sleep(2)
        cost = (process.memory_info().rss - before) / readers
    judge(f"{readers} unread {stream}, {CHANGES} changes a second", cost)


@pytest.mark.bench
@pytest.mark.parametrize("stream", STREAMS)
def test_memory_of_resumed_but_unread_streams(stream: str) -> None:
    """Each from a place of its own in history, so that none can share with another.

    The first of them use up what may be held for all who come back, however many they are.
    """
    allow_many_files()
    first, readers = size(200, 150), size(500, 200)
    with helper("unread", str(size(20_000, 5_000))) as server, ExitStack() as unread:
        port = server.ask("port")
        epoch, seq = server.ask("changed", batches=first + readers, pods=20)
        process = psutil.Process(server.pid)
        path, headers = STREAMS[stream]

        def come_back(numbers: range) -> int:
            for number in numbers:
                since = f"{path}?since={epoch}:{seq + number}"
                unread.enter_context(closing(ask(port, since, headers)))
            return settled(process)

        before = settled(process)
        shared = come_back(range(first)) - before
        cost = (come_back(range(first, first + readers)) - before - shared) / readers
    report(
        5,
        f"memory of all that {first} resumed {stream} share that are not read",
        f"{shared / 1e6:.0f} MB",
        f"≤ {SHARED / 1e6:.0f} MB",
        met=shared <= SHARED,
    )
    assert shared <= SHARED
    judge(f"{readers} more resumed {stream} that are not read", cost)
