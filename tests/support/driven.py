"""The demo on a clock that is set by hand: its cluster, churn and Events, and the problems that are told of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from astrolabe.engine.event_keeper import EventKeeper
from astrolabe.engine.inbox import Deleted
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.problem_list import ProblemLister
from astrolabe.kinds.custom.entry import entry_of
from astrolabe.kinds.custom.rulebook import RuleBook
from astrolabe.kinds.event import EVENT, EventManifest, read_event
from astrolabe.kinds.kind import Kind
from astrolabe.sim.churn.churn import Churn
from astrolabe.sim.cluster import custom
from astrolabe.sim.cluster.factory import NOW
from astrolabe.sim.cluster.generator import load
from astrolabe.sim.definitions import defined_by
from astrolabe.sim.store import ObjectStore
from tests.support.kinds import WATCHED
from tests.support.worlds import World

Json = dict[str, Any]

_EVENTS = msgspec.json.Decoder(EventManifest)


class DrivenDemo:
    """`astrolabe demo` of a seed, without processes and sockets. The same seed tells the same.

    rate: changes a second.
    """

    def __init__(self, seed: int = 1, *, scale: float = 0.01, rate: float = 5.0) -> None:
        self.now: datetime = NOW
        self.store = ObjectStore()
        load(self.store, scale, seed, now=NOW)
        custom.install(self.store, seed, now=NOW)
        self._churn, self._rate, self._jitter = Churn(self.store, seed, now=NOW), rate, Random(seed)
        self._due = 0.0
        self._kinds = self._served()
        self._model = Model([kind.rules for kind in self._kinds.values()])
        for key in self._kinds:
            self._model.set_synced(key, "", True)
        self._events = EventKeeper(clock=self.seconds, time=self.seconds)
        self._revision = 0
        self._seen: dict[str, str] = {}
        self.hub = Hub(ServedGraph("e"))
        self.hub.problems._clock = self.seconds
        self.hub.problems._settled = lambda: True
        self.lister = ProblemLister(self.hub, World().state_tracker())
        self._begin()

    def seconds(self) -> float:
        """The time, in seconds since 1970."""
        return self.now.timestamp()

    async def live(self, seconds: float) -> list[Json]:
        """Let time pass, and whatever happens in it. The problems then, in order."""
        end = self.now + timedelta(seconds=seconds)
        began = NOW
        while began + timedelta(seconds=self._due) <= end:
            self.now = max(self.now, began + timedelta(seconds=self._due))
            self._churn.step(self.now)
            self._due += self._jitter.expovariate(self._rate)
        self.now = end
        self._follow()
        return await self.problems()

    async def problems(self) -> list[Json]:
        """As `/api/v1/problems?detail=true` lists them."""
        return list(self.lister.documents(await self.lister.everything(), detail=True))

    def _served(self) -> Mapping[str, Kind[Any]]:
        book = RuleBook.shipped()
        definitions = [defined_by(each) for each in self.store.manifests("CustomResourceDefinition")]
        customs = [entry_of(each, book) for each in definitions if each is not None]
        return {kind.key: kind for kind in (*WATCHED, *customs)}

    def _begin(self) -> None:
        for key, collection in self.store.collections.items():
            for item in collection.items.values():
                self._take(key, item.body)
        self._revision = self.store.revision
        self._publish()

    def _follow(self) -> None:
        for key, collection in self.store.collections.items():
            for event in collection.since(self._revision):
                self._take(key, event.item.body, gone=event.type == "DELETED")
        self._revision = self.store.revision
        self._publish()

    def _take(self, key: str, body: bytes, *, gone: bool = False) -> None:
        if key == EVENT:
            read = read_event(_EVENTS.decode(body))
            if read is not None:
                change = Deleted(read.uid) if gone else read
                for object in self._events.apply(change):
                    self._model.set_warnings(object, self._events.warnings(object))
            return
        kind = self._kinds.get(key)
        if kind is None:
            return
        facts = kind.facts(kind.decoder.decode(body))
        if gone:
            self._model.remove(facts.uid)
        else:
            self._model.upsert(facts)

    def _publish(self) -> None:
        while self._model.unsettled or self._model.pending:
            batch = Batch("e", self.hub.graph.seq + 1, self._model.commit(), int(time.time() * 1000))
            self.hub.receive(batch)
