"""Reading all that is stored, while it changes."""

from __future__ import annotations

import msgspec

from astrolabe.bus.redis import restoring
from astrolabe.bus.redis.codec import Decoder, Entry, Undo, decode_entry, decode_undo
from astrolabe.bus.redis.errors import Damaged
from astrolabe.bus.redis.keys import SCHEMA
from astrolabe.bus.redis.store import Position, Store
from astrolabe.graph.batch import Batch
from astrolabe.graph.graph import Graph
from astrolabe.timeslice import TimeSlice, in_slices

#: Scans that may be overtaken by the log before it is time to say so.
ATTEMPTS = 5


class ForeignSchema(Exception):
    """What is stored is of another version of Astrolabe; the message is its schema."""


class AnotherCluster(Exception):
    """What is stored is the graph of another cluster; the message says so to people."""


class Overtaken(Exception):
    """The log forgets faster than the graph can be read, or epochs come and go; try again."""


class Joined(msgspec.Struct):
    """graph: at the start of the log. batches: what leads from there to now. sizes: see `Logged`."""

    graph: Graph
    batches: list[Batch]
    position: Position


async def join(store: Store, decoder: Decoder) -> Joined | None:
    """All that is stored; None when nothing is.

    Raises Away, Damaged, AnotherCluster, ForeignSchema, Overtaken.
    """
    for _ in range(ATTEMPTS):
        noted = await store.position()
        if not noted.epoch:
            return None
        if why := store.refusal(noted):
            raise AnotherCluster(why)
        if noted.schema != SCHEMA:
            raise ForeignSchema(noted.schema)
        server = await store.server()
        stored = await _scan(store, decoder)
        if await store.server() != server:
            continue  # a cursor is worth nothing to another server, or after a restart
        log, undos = await _read_log(store)
        history = restoring.history(log, noted, await store.position())
        if history is None:
            continue
        async for undo in in_slices(reversed(undos[len(undos) - len(history) :])):
            stored.undo(undo)
        graph = Graph(noted.epoch, history[0].since if history else noted.seq)
        async for _ in in_slices(stored.fill(graph)):
            pass
        batches = [decoder.batch(entry) async for entry in in_slices(history)]
        return Joined(graph, batches, noted)
    raise Overtaken


async def _scan(store: Store, decoder: Decoder) -> restoring.Stored:
    """Read all hashes; nodes first, so that edges share their uids."""
    stored, keys = restoring.Stored(decoder), store.keys
    await store.scan(keys.nodes, stored.take_nodes)
    await store.scan(keys.edges, stored.take_edges)
    await store.scan(keys.releases, stored.releases.update)
    return stored


async def _read_log(store: Store) -> tuple[list[Entry], list[Undo]]:
    """The log from its last unreadable entry on: what is before is no history of ours."""
    entries: list[Entry] = []
    undos: list[Undo] = []
    slice = TimeSlice()
    async for batch, undo in store.log():
        try:
            entries.append(decode_entry(batch))
            undos.append(decode_undo(undo))
        except Damaged:
            entries, undos = [], []
        await slice.pause()
    return entries, undos
