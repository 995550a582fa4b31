"""Reads the whole stored graph while it changes."""

from __future__ import annotations

import msgspec

from astrolabe.bus.redis import stored_graph
from astrolabe.bus.redis.codec import Decoder, LogEntry, UndoRecord, decode_entry, decode_undo
from astrolabe.bus.redis.errors import CorruptData
from astrolabe.bus.redis.keys import SCHEMA
from astrolabe.bus.redis.store import RedisStore, StoredPosition
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.timeslice import TimeSlice, in_slices

#: Scans that the log may outrun before that is reported.
ATTEMPTS = 5


class ForeignSchema(Exception):
    """The stored graph is of another version of Astrolabe. The message is its schema."""


class ForeignCluster(Exception):
    """The stored graph is of another cluster. The message says so to people."""


class LogOutrun(Exception):
    """The log drops entries faster than the graph can be read, or epochs change. Try again."""


class JoinedGraph(msgspec.Struct):
    """graph: as of the start of the log. batches: the batches from there until now."""

    graph: ServedGraph
    batches: list[Batch]
    position: StoredPosition


async def read_stored_graph(store: RedisStore, decoder: Decoder) -> JoinedGraph | None:
    """Read the stored graph; None if there is none.

    Raises RedisUnavailable, CorruptData, ForeignCluster, ForeignSchema, LogOutrun.
    """
    for _ in range(ATTEMPTS):
        noted = await store.position()
        if not noted.epoch:
            return None
        if why := store.foreign_reason(noted):
            raise ForeignCluster(why)
        if noted.schema != SCHEMA:
            raise ForeignSchema(noted.schema)
        server = await store.run_id()
        found = await _scan(store, decoder)
        if await store.run_id() != server:
            continue  # a cursor is invalid on another server and after a restart
        log, undos = await _read_log(store)
        history = stored_graph.history(log, noted, await store.position())
        if history is None:
            continue
        async for undo in in_slices(reversed(undos[len(undos) - len(history) :])):
            found.undo(undo)
        graph = ServedGraph(noted.epoch, history[0].since if history else noted.seq)
        async for _ in in_slices(found.restore_into(graph)):
            pass
        batches = [decoder.batch(entry) async for entry in in_slices(history)]
        return JoinedGraph(graph, batches, noted)
    raise LogOutrun


async def _scan(store: RedisStore, decoder: Decoder) -> stored_graph.StoredGraph:
    """Read all hashes. Nodes come first, so that edges share their uids."""
    found, keys = stored_graph.StoredGraph(decoder), store.keys
    await store.scan(keys.nodes, found.add_nodes)
    await store.scan(keys.edges, found.add_edges)
    await store.scan(keys.releases, found.releases.update)
    return found


async def _read_log(store: RedisStore) -> tuple[list[LogEntry], list[UndoRecord]]:
    """Read the log after its last unreadable entry. Earlier entries cannot be used."""
    entries: list[LogEntry] = []
    undos: list[UndoRecord] = []
    slice = TimeSlice()
    async for batch, undo in store.log():
        try:
            entries.append(decode_entry(batch))
            undos.append(decode_undo(undo))
        except CorruptData:
            entries, undos = [], []
        await slice.pause()
    return entries, undos
