import asyncio
import socket

import pytest
from sanic import Sanic
from websockets.exceptions import ConnectionClosed

from astrolabe.cli.workers import Workers
from astrolabe.http.errors import ServerError
from astrolabe.http.server import create_server
from astrolabe.settings import Limits, Settings
from tests.support.raw import dial
from tests.support.serving import eventually, read_types, serve
from tests.support.worlds import World, crowd, shop


async def test_a_port_in_use_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        world = World()
        server = create_server(
            Settings(host="127.0.0.1", port=port),
            world.source(),
        )
        with pytest.raises(ServerError, match=f":{port}: Address already in use"):
            await server.start()
        await server.stop()


async def test_a_foreign_address_is_reported() -> None:
    world = World()
    server = create_server(
        Settings(host="192.0.2.1", port=0),
        world.source(),
    )
    with pytest.raises(ServerError, match=r"cannot listen at 192\.0\.2\.1:0"):
        await server.start()


@pytest.mark.parametrize(("in_cluster", "reached"), [(False, False), (True, True)])
async def test_only_in_a_cluster_other_addresses_are_served(in_cluster: bool, reached: bool) -> None:
    async with serve(shop(), host="", in_cluster=in_cluster) as site:
        async with dial(site.port):  # at 127.0.0.1
            pass
        # Another address of this machine; Linux has all of 127.0.0.0/8.
        assert await reaches("127.0.0.2", site.port) is reached
    workers = Workers(Settings(in_cluster=in_cluster, port=0, workers=1), lambda coroutine: None)
    (listener,) = workers._sockets
    with listener:
        assert await reaches("127.0.0.2", listener.getsockname()[1]) is reached


async def reaches(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_many_servers_in_one_process() -> None:
    async with serve(shop()) as one:
        assert (await one.json("/health"))["nodes"] == 9
        async with serve(World()) as two:
            assert one.port != two.port
            assert (await two.json("/health"))["nodes"] == 0
        assert (await one.json("/health"))["nodes"] == 9
    assert not Sanic._app_registry


async def test_no_answer_carries_an_empty_header() -> None:
    async with serve(shop()) as site:
        for path in ("/health", "/api/v1/graph", "/nothing"):
            async with site.get(path) as answer:
                assert [name for name, value in answer.headers.items() if not value] == []


async def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    async with serve(shop()) as site:
        await site.json("/api/v1/graph")
        await site.refused("/nothing")
        async with site.stream() as stream:
            await read_types(stream, "hello", "snapshot")
    assert capfd.readouterr() == ("", "")


async def test_stopping_tells_all_clients_and_is_prompt_despite_a_stalled_peer() -> None:
    world = crowd(20_000)
    loop = asyncio.get_running_loop()
    async with serve(world) as site, dial(site.port) as stalled, dial(site.port) as events:
        await stalled.ask("/api/v1/ws")
        await events.ask("/api/v1/events?kind=Service", "")
        await events.read_past(b'"last":true')
        async with site.stream("/api/v1/ws?kind=Service") as good:
            await read_types(good, "hello", "snapshot")
            await eventually(lambda: site.server.streams == 3)
            waiting = asyncio.create_task(site.refused("/api/v1/graph?min_seq=99"))
            await eventually(lambda: len(site.hub._waiting) == 1)
            began = loop.time()
            stopping = asyncio.create_task(site.server.stop())
            (error,) = await read_types(good, "error")
            assert error["code"] == "going-away"
            with pytest.raises(ConnectionClosed) as closed:
                await good.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
            assert (await events.read_all()).endswith(b"0\r\n\r\n")
            await stopping
            took = loop.time() - began
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert site.server.streams == 0
    # One grace for the request that is still waiting; a stalled peer takes none.
    assert took < 3.0


async def test_stopping_does_not_wait_for_peers_that_do_not_answer() -> None:
    async with serve(shop(), Limits(grace=0.2)) as site, dial(site.port) as mute, dial(site.port) as idle:
        await mute.ask("/api/v1/ws")
        await idle.ask("/health", "")
        await idle.read_past(b"\r\n\r\n")
        await eventually(lambda: site.server.streams == 1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await site.server.stop()
        assert loop.time() - began < 2.0
        assert await idle.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", site.port)


async def test_stopping_twice_is_harmless() -> None:
    async with serve(World()) as site:
        await site.server.stop()
        await site.server.stop()


async def test_two_writes_do_not_wait_for_an_acknowledgement() -> None:
    """A head and a body; on asyncio's loop that took 44 ms."""
    async with serve(shop()) as site, site.get("/api/v1/namespaces") as answer:
        (connection,) = site.server.open
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert answer.status == 200


async def test_all_connections_are_closed_once_the_server_has_stopped() -> None:
    """Also one whose answer is ready, so that no task belongs to it. Whoever stops may end the loop then."""
    async with serve(crowd(400), Limits(grace=0.1)) as site, dial(site.port) as stalled:
        await stalled.ask("/api/v1/graph", "Connection: close\r\n")
        await eventually(lambda: bool(site.server.open))
        (connection,) = site.server.open
        while connection.task is not None:
            await stalled.read(1024)
        await site.server.stop()
        assert not site.server.open
