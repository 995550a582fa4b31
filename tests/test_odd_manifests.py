"""Whatever the objects of an API server look like: all others are exact, and nothing ends.

`make fuzz` runs many seeds: ASTROLABE_FUZZ_SEEDS="1-50".
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Literal

import aiohttp
import pytest

from astrolabe.bus.redis.codec import Decoder, decode_entry, encode, entry_of
from astrolabe.client import Client
from astrolabe.graph.model.event_index import EventIndex
from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.batch import Batch
from astrolabe.kinds.event import EVENT, WARNING_EVENTS
from astrolabe.kinds.kind import Kind
from astrolabe.sim.store import Item, ObjectStore
from tests.support.kinds import WATCHED
from tests.support.odd import PREFIX, Odd, seeds
from tests.support.simulated import generated, simulated

WRITES = 160
#: Seconds until what was written last must be served.
PATIENCE = 20.0
_UID = re.compile(rb'"uid":"(%b[^"]*)"' % PREFIX.encode())

#: What else is asked for at the end; each must be an answer, and JSON.
PATHS = (
    "resources?q=odd",
    "resources?namespace=odd&selector=app",
    "resources?selector=!app",
    "graph?release=x",
    "releases",
    "charts",
    "namespaces",
    "unresolved",
    "grafana/nodegraph",
    "grafana/frames",
)


class Truth:
    """What is to be served: of each object the last version that can be read."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: dict[str, dict[str, Facts]] = {kind.name: {} for kind in WATCHED}
        self._seen = {kind.name: 0 for kind in WATCHED}
        self.unreadable: dict[str, set[str]] = {kind.name: set() for kind in WATCHED}
        self._model = self._new_model()

    def look(self) -> None:
        """Take note of what the store has now."""
        for kind in WATCHED:
            collection = self._store.collection(kind.name)
            if collection.newest == self._seen[kind.name]:
                continue
            self._seen[kind.name] = collection.newest
            known, before = self._known[kind.name], dict(self._known[kind.name])
            known.clear()
            self.unreadable[kind.name].clear()
            for item in collection.items.values():
                facts = self._read(kind, item)
                if facts is None:
                    self.unreadable[kind.name].add(item.key)
                    uid = _UID.search(item.body)
                    facts = before.get(uid[1].decode()) if uid else None
                if facts is not None:
                    known[facts.uid] = facts

    def _read(self, kind: Kind[Any], item: Item) -> Facts | None:
        body = item.body[: item.meta_end] + b"}" if kind.metadata_only else item.body
        try:
            facts = kind.facts(kind.decoder.decode(body))
            self._model.upsert(facts)
        except (ValueError, RecursionError):
            return None
        return facts

    def graph(self) -> tuple[dict[str, Any], dict[tuple[str, str, str], Any]]:
        """The nodes and the edges of a model that is told all of it at once."""
        model, events = self._new_model(), EventIndex(most=10_000, most_each=100)
        for item in self._store.collection(EVENT).items.values():
            event = WARNING_EVENTS.facts(WARNING_EVENTS.decoder.decode(item.body))
            assert event is not None
            events.put(event)
        for object in events.objects:
            model.set_warnings(object, events.warnings(object))
        for known in self._known.values():
            for facts in known.values():
                model.upsert(facts)
        changes = model.commit()
        assert model.take_faults() == []
        told = Batch("e", 1, changes)
        assert Decoder().batch(decode_entry(encode(entry_of(told)))) == told, "as another replica reads it"
        nodes = {node.uid: json.loads(node.text) for node in changes.nodes_set}
        return nodes, {edge.key: sorted(edge.field) for edge in changes.edges_set}

    @staticmethod
    def _new_model() -> Model:
        model = Model([kind.rules for kind in WATCHED])
        for kind in WATCHED:
            model.set_synced(kind.name, "", True)
        return model


async def read(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        return json.loads(text)


@pytest.mark.parametrize("seed", seeds())
async def test_odd_objects_affect_only_themselves(seed: int) -> None:
    """By turns they are listed in pages, and by a watch."""
    listing: Literal["served", "rejected"] = "served" if seed % 2 else "rejected"
    store = generated(0.001)
    odd, truth = Odd(store, seed), Truth(store)
    for _ in range(WRITES // 4):  # some are there before it begins
        odd.write()
    truth.look()
    async with (
        simulated(store, watch_list=listing) as place,
        aiohttp.ClientSession() as http,
        Client(place) as client,
    ):
        await client.ready()
        for number in range(WRITES):
            odd.write()
            truth.look()
            if not number % 7:
                await asyncio.sleep(0.002)
        nodes, edges = truth.graph()
        served: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE):
            while {node["uid"]: node for node in served.get("nodes", ())} != nodes:
                await asyncio.sleep(0.05)
                served = await read(http, f"http://{place}/api/v1/graph")
        assert {
            (edge["type"], edge["from"], edge["to"]): sorted(edge["field"]) for edge in served["edges"]
        } == edges
        await client.reached(served["seq"])
        assert {uid: dict(node) for uid, node in client.graph.nodes.items()} == nodes
        health = await read(http, f"http://{place}/health")
        skipped = {kind: each["skipped"] for kind, each in health["kinds"].items() if "skipped" in each}
        assert skipped == {kind: len(keys) for kind, keys in truth.unreadable.items() if keys}
        for path in PATHS:
            await read(http, f"http://{place}/api/v1/{path}")
        async with http.get(f"http://{place}/metrics") as answer:
            assert answer.status == 200
