"""`astrolabe bench-stream`: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websocket

from astrolabe.cli.bench import rows
from astrolabe.client.load import Latency, Report
from tests.support.process import astrolabe
from tests.support.serving import serve
from tests.support.stage import HELLO, delta, node, snapshot
from tests.support.worlds import shop

REPORT = Report(
    clients=100,
    connected=98,
    seconds=30.04,
    cpu=7.51,
    deliveries=61_234,
    deliveries_per_second=2004.2,
    bytes=88_400_000,
    snapshots=101,
    deltas=60_123,
    bookmarks=42,
    resets={"lagging": 1, "too-old": 2},
    reconnects=20,
    resumes=18,
    disconnects={"it hung up": 9, "a": 1, "b": 1, "c": 1, "d": 1, "e": 4, "f": 1},
    failures={},
    latency=Latency(count=58_000, p50=3.24, p90=7.96, p99=31.25, max=80.0),
    gaps=0,
    verified=50,
    compared=49,
    inexact=1,
)


def test_a_report_for_people() -> None:
    assert (
        "\n".join(f"{name:<12}{text}" for name, text in rows(REPORT))
        == """\
clients     100 started, 98 connected at the end
measured    30.0 s, with 25% of a CPU here
deliveries  61,234, 88.4 MB; 2,004.2 a second while measured
            101 snapshots, 60,123 deltas, 42 bookmarks
latency     p50 3.2, p90 8.0, p99 31.2, max 80.0 ms, of 58,000 live deltas
reconnects  20, of which 18 resumed
resets      3
            2 too-old
            1 lagging
lost        18
            9 it hung up
            4 e
            1 a
            1 b
            1 c
            2 for other reasons
failed      0
gaps        0
inexact     1 of 50 that hold the graph; 49 of them compared with a fresh snapshot"""
    )


async def test_a_load_on_a_good_server_ends_with_0() -> None:
    async with serve(shop()) as site:
        url = f"127.0.0.1:{site.port}"
        args = ("--clients=4", "--duration=300ms", "--kind=Pod,Service", "-o", "json")
        code, out, err = await astrolabe("bench-stream", url, *args)
    assert code == 0, err
    report = json.loads(out)
    assert (report["clients"], report["snapshots"], report["compared"]) == (4, 4, 4)
    assert (report["good"], report["gaps"], report["inexact"], report["latency"]) == (True, 0, 0, None)
    assert err == "4 clients started; measuring for 0.3 s\ncomparing with fresh snapshots\n"


async def test_a_load_that_finds_a_gap_ends_with_1() -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.recv()
        for message in (HELLO, snapshot(node("a")), delta(7, 8)):
            await connection.send(json.dumps(message))
        await connection.wait_closed()

    async with serve_websocket(handle, "127.0.0.1", 0) as server:
        url = f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        code, out, err = await astrolabe("bench-stream", url, "--clients=1", "--duration=200ms", "--verify=0")
    assert code == 1
    assert "latency     not known: there was no delta\n" in out
    assert "\ngaps        0\n" not in out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ((), "Missing argument 'URL'."),
        (("ftp://x",), "invalid value 'ftp://x' for URL: not host:port, ws://host:port or http://host:port"),
        (("x", "--clients=0"), "invalid value '0' for --clients: not a whole number from 1 to 10000"),
        (("x", "--duration=2h"), "invalid value '2h' for --duration: not a duration above 0 and at most 1h"),
        (("x", "--duration=0"), "invalid value '0' for --duration: not a duration above 0 and at most 1h"),
        (("x", "--slow=1.1"), "invalid value '1.1' for --slow: not a number of at least 0 and at most 1"),
        (("x", "--ramp=0"), "invalid value '0' for --ramp: not a number above 0 and at most 10000"),
        (("x", "--client=1"), "unknown flag --client, did you mean --clients?"),
    ],
)
async def test_a_wrong_value_is_one_line_and_exit_code_2(args: tuple[str, ...], line: str) -> None:
    assert await astrolabe("bench-stream", *args) == (2, "", f"astrolabe: {line}\n")


async def test_a_filter_that_the_server_refuses_is_one_line_and_exit_code_2() -> None:
    async with serve(shop()) as site:
        code, out, err = await astrolabe("bench-stream", f"127.0.0.1:{site.port}", "--kind=Pood")
    assert (code, out) == (2, "")
    assert err.startswith("astrolabe: unknown kind 'Pood'; it is one of ")
    assert err.count("\n") == 1


async def test_an_unreachable_server_is_one_line_and_exit_code_1() -> None:
    async with serve(shop()) as site:
        url = f"127.0.0.1:{site.port}"
    assert await astrolabe("bench-stream", url) == (
        1,
        "",
        f"astrolabe: no snapshot within 5 s: cannot connect to ws://{url}: Connection refused\n",
    )
