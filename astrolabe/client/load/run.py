"""From a plan to its report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from random import Random
from ssl import SSLContext

from astrolabe.client.backoff import Backoff
from astrolabe.client.client import Client
from astrolabe.client.errors import ClientError
from astrolabe.client.load.digest import Digest
from astrolabe.client.load.exactness import Holder, Ledger
from astrolabe.client.load.participant import Participant, Tally
from astrolabe.client.load.plan import Plan, share
from astrolabe.client.load.report import Report
from astrolabe.client.load.shared import Shared, decode_outline
from astrolabe.client.message import Message
from astrolabe.client.token import Token

#: Seconds in step after which a connection that is cut counts as healthy: those that are cut on purpose
#: shall come back at once, however often.
HEALTHY = 0.5


#: `Client`, but for the url and what else all have in common.
_Clients = Callable[..., Client]


async def run(
    plan: Plan,
    *,
    said: Callable[[str], None] = lambda _: None,
    token: Token | None = None,
    ssl: SSLContext | None = None,
) -> Report:
    """Do it. said: is told how far it is, for people. token, ssl: as `Client` takes them.

    Raises ClientError when the server is not there, or refuses a filter. May be cancelled.
    """
    client_of = partial(Client, plan.url, token=token, ssl=ssl)
    await _find(plan, client_of)
    return await _Load(plan, client_of, said).run()


async def _find(plan: Plan, client_of: _Clients) -> None:
    """See that the server is there and takes every filter."""
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
    def __init__(self, plan: Plan, client_of: _Clients, said: Callable[[str], None]) -> None:
        self._plan = plan
        self._client_of = client_of
        self._said = said
        self._tally = Tally()
        self._ledger = Ledger()
        self._random = Random(plan.seed)
        self._shared = Shared()
        self._participants = [self._participant(number) for number in range(plan.clients)]

    async def run(self) -> Report:
        """The ramp, what is measured, and the comparison at the end."""
        plan, tally = self._plan, self._tally
        async with asyncio.TaskGroup() as group:
            clients = await self._start(group)
            self._said(f"{plan.clients} clients started; measuring for {plan.duration:g} s")
            cutting = group.create_task(self._cut(), name="load-cutting")
            tally.measuring = True
            delivered, began, cpu = tally.deliveries, time.monotonic(), time.process_time()
            await asyncio.sleep(plan.duration)
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu
            rate = (tally.deliveries - delivered) / seconds
            tally.measuring = False
            cutting.cancel()
            self._said("comparing with fresh snapshots")
            references = self._refer(group)
            await self._settle()
            report = self._report(seconds=seconds, cpu=cpu, rate=rate)
            for task in (*clients, *references):
                task.cancel()
        return report

    def _participant(self, number: int) -> Participant:
        plan = self._plan
        filter = number % len(plan.filters)
        # Of each filter the same share, as of all.
        turn = number // len(plan.filters)
        verified = share(turn, plan.verify)
        decoder = self._shared.decode if verified else decode_outline
        return Participant(
            number,
            self._client(filter, decoder),
            self._tally,
            self._ledger,
            holder=self._holder(filter) if verified else None,
            pause=plan.pause if share(turn, plan.slow) else 0.0,
        )

    def _holder(self, filter: int) -> Holder:
        return Holder(filter, Digest(self._shared.hash))

    def _client(self, filter: int, decode: Callable[[bytes], Message | None]) -> Client:
        backoff = Backoff(healthy_after=HEALTHY, random=Random(self._random.random()))
        return self._client_of(self._plan.filters[filter], decode=decode, backoff=backoff)

    async def _start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """By the clock: when this process or the server cannot keep up, measuring begins all the same."""
        tasks, began = [], time.monotonic()
        for number, participant in enumerate(self._participants, 1):
            tasks.append(group.create_task(participant.run(), name=f"load-client-{participant.number}"))
            await asyncio.sleep(began + number / self._plan.ramp - time.monotonic())
        return tasks

    async def _cut(self) -> None:
        """Cut connections, in the manner of a network: at any time, and of one client several times."""
        turns = len(self._plan.filters)
        cut = [each for each in self._participants if share(each.number // turns, self._plan.reconnect)]
        while cut:
            await asyncio.sleep(self._random.expovariate(len(cut) / self._plan.period))
            self._random.choice(cut).client.drop()

    def _refer(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Ask for a fresh snapshot of every filter, and follow it."""
        tasks = []
        for filter in range(len(self._plan.filters)):
            mine = [each for each in self._participants if each.holder and each.holder.filter == filter]
            if mine:
                work = self._follow(self._holder(filter), mine)
                tasks.append(group.create_task(work, name=f"load-reference-{filter}"))
        return tasks

    async def _follow(self, reference: Holder, participants: Sequence[Participant]) -> None:
        for participant in participants:
            participant.reference = reference
        try:
            async with self._client(reference.filter, self._shared.decode) as client:
                async for update in client.updates():
                    if reference.follow(update):
                        for participant in participants:
                            participant.compare()
        except ClientError as error:
            self._tally.failures[str(error)] += 1

    async def _settle(self) -> None:
        """Wait until everyone has been at a place in history that its reference knows, too."""
        for participant in self._participants:
            participant.pause = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(self._plan.settling):
                while not self._settled():
                    self._tally.news.clear()
                    await self._tally.news.wait()

    def _settled(self) -> bool:
        """Whether all that have not failed are connected, and compared."""
        compared = self._tally.compared
        return all(
            each.connected and (each.holder is None or each.number in compared)
            for each in self._participants
            if not each.failed
        )

    def _report(self, *, seconds: float, cpu: float, rate: float) -> Report:
        tally = self._tally
        return Report(
            clients=self._plan.clients,
            connected=sum(each.connected for each in self._participants),
            seconds=round(seconds, 3),
            cpu=round(cpu, 3),
            deliveries=tally.deliveries,
            deliveries_per_second=round(rate, 1),
            bytes=tally.bytes,
            snapshots=tally.events["snapshot"],
            deltas=tally.events["delta"],
            bookmarks=tally.events["bookmark"],
            resets=dict(tally.resets),
            reconnects=tally.reconnects,
            resumes=tally.resumes,
            disconnects=dict(tally.disconnects),
            failures=dict(tally.failures),
            latency=tally.latency.latency(),
            gaps=tally.events["violated"],
            verified=len(tally.verified),
            compared=len(tally.compared),
            inexact=len(tally.inexact),
        )
