"""Random faults of the clusters of a union, from a seed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.faults import HalfOpen, HttpStatus, InjectedFault
from astrolabe.sim.server import Simulator
from tests.support import backups
from tests.support.fleet import Proxy
from tests.support.unions import UnionSite, Upstream

#: Seconds until what was received before a fault is served.
SETTLE = 0.5


class UnionFaults:
    """Injects faults one after the other; each heals by itself. told: what was done to which, for the report.

    churns: what writes each cluster. upstreams: the servers of some clusters, each behind its proxy.
    longest: seconds that a fault lasts.
    """

    def __init__(
        self,
        site: UnionSite,
        churns: Mapping[str, Churn],
        upstreams: Mapping[str, tuple[Upstream, Proxy]],
        random: Random,
        *,
        longest: float,
    ) -> None:
        self.told: list[str] = []
        self._site = site
        self._churns = churns
        self._upstreams = upstreams
        self._random = random
        self._longest = longest

    async def strike(self) -> None:
        """One fault of one cluster, and the end of it."""
        kinds: list[Callable[[str], Awaitable[None]]] = [
            self._take_offline,
            self._lose,
            self._disconnect,
            self._silence,
            self._compact,
            self._restore,
            self._forbid_a_kind,
            self._lose_a_kind,
            self._remove,
        ]
        of_upstreams = [
            self._follow_otherwise,
            self._restart_upstream,
            self._end_upstream,
            self._stall_upstream,
            self._cut_upstream,
        ]
        name = self._random.choice(sorted(self._site.clusters))
        if name in self._upstreams:
            kinds += of_upstreams * 2
        kind = self._random.choice(kinds)
        self.told.append(f"{kind.__name__.strip('_')} {name}")
        await kind(name)

    async def _wait(self) -> None:
        await asyncio.sleep(self._random.uniform(0.1, 1.0) * self._longest)

    def _of(self, name: str) -> Simulator:
        return self._site.clusters[name]

    async def _take_offline(self, name: str) -> None:
        await self._of(name).go_offline()
        await self._wait()
        await self._of(name).go_online()

    async def _lose(self, name: str) -> None:
        """It is away until the union says so, and all of its nodes are served meanwhile."""
        await self._site.until(lambda: self._site.states()[name] == "live")
        await self._of(name).go_offline()
        await self._site.until(lambda: self._site.states()[name] == "stale")
        await asyncio.sleep(SETTLE)
        before = self._nodes(name)
        await self._wait()
        changed = before.items() ^ self._nodes(name).items()
        assert not changed, f"{name} is away, and its nodes change: {changed}"
        await self._of(name).go_online()

    def _nodes(self, name: str) -> dict[str, str]:
        nodes = self._site.source.hub.graph.nodes.values()
        return {node.uid: node.text for node in nodes if node.cluster == name}

    async def _disconnect(self, name: str) -> None:
        self._of(name).disconnect()

    async def _silence(self, name: str) -> None:
        """As behind a proxy that keeps its connections when the API server is gone."""
        await self._for_a_while(name, HalfOpen(verb="watch", after=self._random.randint(0, 5), times=None))
        self._of(name).disconnect()

    async def _compact(self, name: str) -> None:
        """What happened while it was away cannot be watched any more."""
        async with self._offline(name):
            self._of(name).store.compact()

    async def _restore(self, name: str) -> None:
        """From a backup, if it was not compacted since; whoever watched has lost the connection."""
        store, churn = self._of(name).store, self._churns[name]
        backup = backups.back_up(store, churn)
        await self._wait()
        backups.restore(store, churn, backup)
        self._of(name).disconnect()

    async def _forbid_a_kind(self, name: str) -> None:
        await self._for_a_while(name, HttpStatus(code=403, kind=self._some_kind(name), times=None))

    async def _lose_a_kind(self, name: str) -> None:
        await self._for_a_while(name, HttpStatus(code=404, kind=self._some_kind(name), times=None))

    async def _remove(self, name: str) -> None:
        """From the list, and back to it."""
        await self._leave(name)
        await self._wait()
        self._site.list(*self._site.clusters)

    async def _leave(self, name: str) -> None:
        """Nothing of it is served any more, and the others are."""
        self._site.list(*[each for each in self._site.clusters if each != name])
        await self._site.until(lambda: name not in self._site.states())
        assert self._site.count(name) == 0

    async def _follow_otherwise(self, name: str) -> None:
        """By its API server for a while: it leaves and comes for that. Then by the other server again, and
        its nodes are never away.

        Without leaving, clients would be told edges that look as before: of which end a field is is known of
        an API server only.
        """
        await self._leave(name)
        url = self._site.upstreams.pop(name)
        self._site.list(*self._site.clusters)
        await self._wait()
        self._site.upstreams[name] = url
        self._site.list(*self._site.clusters)
        await self._wait()

    async def _restart_upstream(self, name: str) -> None:
        """It has another epoch then."""
        upstream, _ = self._upstreams[name]
        await upstream.end()
        await upstream.begin()

    async def _end_upstream(self, name: str) -> None:
        upstream, _ = self._upstreams[name]
        await upstream.end()
        await self._wait()
        await upstream.begin()

    async def _stall_upstream(self, name: str) -> None:
        """A connection that is open on one side."""
        _, proxy = self._upstreams[name]
        proxy.stall()
        await self._wait()
        if self._random.random() < 0.5:
            proxy.cut()
        proxy.resume()

    async def _cut_upstream(self, name: str) -> None:
        _, proxy = self._upstreams[name]
        proxy.cut()

    @asynccontextmanager
    async def _offline(self, name: str) -> AsyncIterator[None]:
        await self._of(name).go_offline()
        await self._wait()
        yield
        await self._of(name).go_online()

    async def _for_a_while(self, name: str, fault: InjectedFault) -> None:
        """Let all requests that come now meet it."""
        faults = self._of(name).faults
        faults.add(fault)
        self._of(name).disconnect()
        try:
            await self._wait()
        finally:
            faults.remove(fault)

    def _some_kind(self, name: str) -> str:
        return self._random.choice(sorted(self._of(name).store.collections))
