"""A load test: its parameters, and how it runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from ssl import SSLContext

import msgspec

from astrolabe.client.backoff import Backoff
from astrolabe.client.client import Client
from astrolabe.client.errors import ClientError
from astrolabe.client.follower import Filter
from astrolabe.client.load.load_client import LoadClient, LoadCounters
from astrolabe.client.load.report import Report
from astrolabe.client.load.shared_decoder import SharedDecoder, decode_outline
from astrolabe.client.load.verification import DigestTable, GraphDigest, TrackedGraph
from astrolabe.client.message import ServerMessage
from astrolabe.client.token import Token


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """url: as `Client` takes it.

    filters: the clients take them in turn, so that there should be several clients to each.
    clients: how many. ramp: of them a second at the beginning. duration: seconds after that.
    slow: the share of clients that pause between two messages, for `pause` seconds on average.
    reconnect: the share that cut their connection, every `period` seconds on average, and resume.
    verify: the share that holds the graph and is compared; the rest only sees that nothing is skipped.
    finding: seconds that the server has to be there at the beginning. settling: seconds that the clients
        have at the end to be where a fresh snapshot is; where nothing changes, a heartbeat brings them there.
    """

    url: str
    filters: Sequence[Filter] = ({},)
    clients: int = 100
    ramp: float = 50.0
    duration: float = 30.0
    slow: float = 0.0
    pause: float = 1.0
    reconnect: float = 0.0
    period: float = 5.0
    verify: float = 1.0
    finding: float = 5.0
    settling: float = 20.0
    seed: int = 1


def is_in_share(number: int, part: float) -> bool:
    """Whether the client with this number is in a share (0 to 1) of all clients, spread evenly."""
    return int((number + 1) * part) > int(number * part)


#: Seconds in sync after which a dropped connection counts as healthy: clients that drop their connection on
#: purpose should reconnect at once.
HEALTHY = 0.5


#: `Client`, but for the url and what else all have in common.
_Clients = Callable[..., Client]


async def run(
    plan: Plan,
    *,
    on_status: Callable[[str], None] = lambda _: None,
    token: Token | None = None,
    ssl: SSLContext | None = None,
) -> Report:
    """Run the load test. on_status: called with lines about the progress. token, ssl: as in `Client`.

    Raises ClientError if the server is unreachable or refuses a filter. Can be cancelled.
    """
    client_of = partial(Client, plan.url, token=token, ssl=ssl)
    await _find(plan, client_of)
    return await _Load(plan, client_of, on_status).run()


async def _find(plan: Plan, client_of: _Clients) -> None:
    """Check that the server is reachable and accepts every filter."""
    for filter in plan.filters:
        why = "the server sent nothing"
        async with client_of(filter, decode=decode_outline) as client:
            try:
                async with asyncio.timeout(plan.finding):
                    async for update in client.updates():
                        why = update.reason or why
                        if update.position is not None:
                            break
            except TimeoutError as error:
                raise ClientError(
                    f"no snapshot within {plan.finding:g} s: {why}", code="unreachable"
                ) from error


class _Load:
    def __init__(self, plan: Plan, client_of: _Clients, on_status: Callable[[str], None]) -> None:
        self._plan = plan
        self._client_of = client_of
        self._on_status = on_status
        self._counters = LoadCounters()
        self._digests = DigestTable()
        self._random = Random(plan.seed)
        self._shared = SharedDecoder()
        self._load_clients = [self._load_client(number) for number in range(plan.clients)]

    async def run(self) -> Report:
        """Ramp up, measure, and compare at the end."""
        plan, counters = self._plan, self._counters
        async with asyncio.TaskGroup() as group:
            clients = await self._start(group)
            self._on_status(f"{plan.clients} clients started; measuring for {plan.duration:g} s")
            cutting = group.create_task(self._cut(), name="load-cutting")
            counters.measuring = True
            delivered, began, cpu = counters.deliveries, time.monotonic(), time.process_time()
            await asyncio.sleep(plan.duration)
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu
            rate = (counters.deliveries - delivered) / seconds
            counters.measuring = False
            cutting.cancel()
            self._on_status("comparing with fresh snapshots")
            references = self._refer(group)
            await self._settle()
            report = self._report(seconds=seconds, cpu=cpu, rate=rate)
            for task in (*clients, *references):
                task.cancel()
        return report

    def _load_client(self, number: int) -> LoadClient:
        plan = self._plan
        filter = number % len(plan.filters)
        # Of each filter the same share, as of all.
        turn = number // len(plan.filters)
        verified = is_in_share(turn, plan.verify)
        decoder = self._shared.decode if verified else decode_outline
        return LoadClient(
            number,
            self._client(filter, decoder),
            self._counters,
            self._digests,
            tracked=self._tracked(filter) if verified else None,
            pause=plan.pause if is_in_share(turn, plan.slow) else 0.0,
        )

    def _tracked(self, filter: int) -> TrackedGraph:
        return TrackedGraph(filter, GraphDigest(self._shared.hash))

    def _client(self, filter: int, decode: Callable[[bytes], ServerMessage | None]) -> Client:
        backoff = Backoff(healthy_after=HEALTHY, random=Random(self._random.random()))
        return self._client_of(self._plan.filters[filter], decode=decode, backoff=backoff)

    async def _start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start the clients by the clock, even if this process or the server cannot keep up."""
        tasks, began = [], time.monotonic()
        for number, load_client in enumerate(self._load_clients, 1):
            tasks.append(group.create_task(load_client.run(), name=f"load-client-{load_client.number}"))
            await asyncio.sleep(began + number / self._plan.ramp - time.monotonic())
        return tasks

    async def _cut(self) -> None:
        """Drop connections at random times, as a network would."""
        turns = len(self._plan.filters)
        cut = [each for each in self._load_clients if is_in_share(each.number // turns, self._plan.reconnect)]
        while cut:
            await asyncio.sleep(self._random.expovariate(len(cut) / self._plan.period))
            self._random.choice(cut).client.drop()

    def _refer(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Get a fresh snapshot for every filter, and follow it."""
        tasks = []
        for filter in range(len(self._plan.filters)):
            mine = [each for each in self._load_clients if each.tracked and each.tracked.filter == filter]
            if mine:
                work = self._follow(self._tracked(filter), mine)
                tasks.append(group.create_task(work, name=f"load-reference-{filter}"))
        return tasks

    async def _follow(self, reference: TrackedGraph, load_clients: Sequence[LoadClient]) -> None:
        for load_client in load_clients:
            load_client.reference = reference
        try:
            async with self._client(reference.filter, self._shared.decode) as client:
                async for update in client.updates():
                    if reference.follow(update):
                        for load_client in load_clients:
                            load_client.compare()
        except ClientError as error:
            self._counters.failures[str(error)] += 1

    async def _settle(self) -> None:
        """Wait until every client was compared with its reference at a common position."""
        for load_client in self._load_clients:
            load_client.pause = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.settling):
                while not self._settled():
                    self._counters.news.clear()
                    await self._counters.news.wait()

    def _settled(self) -> bool:
        """Whether all clients that have not failed are connected and compared."""
        compared = self._counters.compared
        return all(
            each.connected and (each.tracked is None or each.number in compared)
            for each in self._load_clients
            if not each.failed
        )

    def _report(self, *, seconds: float, cpu: float, rate: float) -> Report:
        counters = self._counters
        return Report(
            clients=self._plan.clients,
            connected=sum(each.connected for each in self._load_clients),
            seconds=round(seconds, 3),
            cpu=round(cpu, 3),
            deliveries=counters.deliveries,
            deliveries_per_second=round(rate, 1),
            bytes=counters.bytes,
            snapshots=counters.events["snapshot"],
            deltas=counters.events["delta"],
            bookmarks=counters.events["bookmark"],
            resets=dict(counters.resets),
            reconnects=counters.reconnects,
            resumes=counters.resumes,
            disconnects=dict(counters.disconnects),
            failures=dict(counters.failures),
            latency=counters.latency.latency(),
            gaps=counters.events["violated"],
            verified=len(counters.verified),
            compared=len(counters.compared),
            inexact=len(counters.inexact),
        )
