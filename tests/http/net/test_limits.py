import asyncio
import json

import pytest

from astrolabe.settings import Limits
from tests.support.raw import dial
from tests.support.serving import eventually, serve
from tests.support.worlds import crowd, shop


async def test_unread_answers_are_bounded_and_probes_continue() -> None:
    async with (
        serve(crowd(5_000), Limits(max_requests=2)) as site,
        dial(site.port) as one,
        dial(site.port) as two,
    ):
        for peer in (one, two):
            await peer.ask("/api/v1/graph", "")
        connections = site.server.open
        await eventually(lambda: sum([each.write_buffer.pending for each in connections]) == 2)
        async with site.get("/api/v1/namespaces") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            refused = await answer.json()
        assert refused["error"] == "too-many-requests"
        assert refused["message"].startswith(
            "2 requests are being answered, which is all there may be (--max-requests)"
        )
        for path in ("/health", "/livez", "/metrics"):
            async with site.get(path) as answer:
                assert answer.status == 200
        async with site.stream():
            pass
        one.reset()
        await eventually(lambda: sum([each.write_buffer.pending for each in connections]) == 1)
        assert await site.json("/api/v1/namespaces")
        two.reset()


async def test_streams_do_not_count_as_answers() -> None:
    async with serve(shop(), Limits(max_requests=1)) as site, site.stream(), site.stream():
        assert await site.json("/api/v1/namespaces") == ["other", "shop"]


async def test_a_flood_of_idle_connections_locks_nobody_out() -> None:
    """The one goes that has waited longest; the one that is being answered stays."""
    async with serve(crowd(5_000), Limits(max_sockets=4)) as site:
        peers = [dial(site.port) for _ in range(8)]
        busy = await peers[0].__aenter__()
        await busy.ask("/api/v1/graph", "")
        connections = site.server.open
        await eventually(lambda: any(each.write_buffer.pending for each in connections))
        idle = [await each.__aenter__() for each in peers[1:4]]
        await idle[1].send(b"GET /livez HTTP/1.1\r\n")
        others = [await each.__aenter__() for each in peers[4:]]
        assert [await each.read() for each in (*idle, others[0])] == [b""] * 4
        await others[3].ask("/livez", "Connection: close\r\n")
        status, _, body = await others[3].read_answer()
        assert (status, json.loads(body)) == (200, {"status": "alive"})
        await busy.read_past(b"}]}")
        for each in peers:
            await each.__aexit__(None, None, None)


@pytest.mark.parametrize("path", ["/api/v1/graph", "/api/v1/events", "/api/v1/ws"])
async def test_a_client_slower_than_the_minimum_rate_is_cut_off(path: str) -> None:
    """It takes something all the time, a part of a snapshot within each look at it: a fifth of what is asked."""
    limits = Limits(stall_timeout=0.8, min_rate=800_000)
    async with serve(crowd(20_000), limits) as site, dial(site.port) as peer:
        await (peer.ask(path) if path.endswith("ws") else peer.ask(path, ""))
        connections = site.server.open
        await eventually(lambda: any(not each.writable for each in connections))
        async with asyncio.timeout(8):
            while connections:
                await peer.read(4096)
                await asyncio.sleep(0.025)
        assert site.hub.counters.stalled == 1
