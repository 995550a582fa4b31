"""The end of a server that five hundred clients are connected to, and how they come back."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.views.filter import Filter, FilterRules, parse_query
from astrolabe.settings import Limits
from tests.support.raw import Peer, dial
from tests.support.replica import Replica
from tests.support.serving import Site, eventually, read, read_types, serve
from tests.support.worlds import KINDS, a_pod, crowd

SOCKETS, EVENTS, STALLED = 400, 50, 50

#: A filter that one node of the crowd is in.
QUERY = {"q": ["web-2999"]}
FILTER: Filter = parse_query(QUERY, FilterRules.of(KINDS))


@pytest.fixture(autouse=True)
def _enough_files() -> Iterator[None]:
    """Both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Client:
    """Follows the query over one server after the other, as a good client does: from where it was."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.types: list[str] = []
        self.code: int | None = None

    async def follow(self, site: Site) -> None:
        """Until the server closes."""
        since = f"&since={self.replica.epoch}:{self.replica.seq}" if self.replica.epoch else ""
        self.types, self.code = [], None
        async with site.stream(f"/api/v1/ws?q=web-2999{since}") as socket:
            await read_types(socket, "hello")
            try:
                while True:
                    message = await read(socket)
                    self.types.append(message.get("code") or message["type"])
                    if message["type"] != "error":
                        self.replica.apply(message)
            except ConnectionClosed as closed:
                self.code = closed.rcvd.code if closed.rcvd else None


@asynccontextmanager
async def followed(site: Site, clients: list[Client]) -> AsyncIterator[None]:
    """All of them follow, and have all there is; afterwards all are closed."""
    tasks = [asyncio.create_task(client.follow(site)) for client in clients]
    seq = site.hub.graph.seq
    await eventually(lambda: all(client.replica.whole and client.replica.seq == seq for client in clients))
    yield
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)


async def _end_of(peer: Peer) -> bytes:
    return (await peer.read_all())[-30:]


async def test_all_clients_are_told_at_once_even_if_some_stall() -> None:
    world, clients = crowd(3000), [Client() for _ in range(SOCKETS)]
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(serve(world, Limits(grace=1.0)))
        stalled = [await stack.enter_async_context(dial(site.port)) for _ in range(STALLED)]
        events = [await stack.enter_async_context(dial(site.port)) for _ in range(EVENTS)]
        for number, peer in enumerate(stalled):
            await peer.ask(("/api/v1/ws", "/api/v1/events")[number % 2])
        for peer in events:
            await peer.ask("/api/v1/events?q=web-2999", "")
            await peer.read_past(b'"last":true')
        async with followed(site, clients):
            channels = site.server._connections._open
            assert len(channels) == 500
            await eventually(lambda: sum(not channel.writable for channel in channels) == STALLED)
            began = loop.time()
            ends = [asyncio.create_task(_end_of(peer)) for peer in events]
            await site.server.stop()
            assert loop.time() - began < 2.0
        assert site.server.streams == 0
        assert {end[-5:] for end in await asyncio.gather(*ends)} == {b"0\r\n\r\n"}
    assert {client.code for client in clients} == {1001}
    assert {client.types[-1] for client in clients} == {"going-away"}


async def test_clients_resume_if_the_graph_survived() -> None:
    world, clients = crowd(3000), [Client() for _ in range(500)]
    async with serve(world) as site, followed(site, clients):
        await site.server.stop()
    world.send(Changes(nodes_set=[a_pod(2999, "Error")]))
    world.send(Changes(nodes_set=[a_pod(2999, "Error", "twice")]))
    async with serve(world, port=site.port) as again, followed(again, clients):
        await again.server.stop()
    assert {tuple(client.types) for client in clients} == {("delta", "going-away")}
    assert all(client.replica.resets == [] for client in clients)
    assert all(client.replica.matches(world.hub.graph, FILTER) for client in clients)


async def test_clients_start_over_if_the_graph_is_another_one() -> None:
    clients = [Client() for _ in range(500)]
    async with serve(crowd(3000), port=0) as site, followed(site, clients):
        await site.server.stop()
    world = crowd(3000, epoch="another")
    world.send(Changes(nodes_set=[a_pod(2999, "Error")]))
    async with serve(world, port=site.port) as again, followed(again, clients):
        await again.server.stop()
    assert {tuple(client.types) for client in clients} == {("reset", "snapshot", "going-away")}
    assert {tuple(client.replica.resets) for client in clients} == {("epoch-changed",)}
    assert all(client.replica.matches(world.hub.graph, FILTER) for client in clients)
