"""Compares the stored graph with the served one, and repairs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from astrolabe.bus.delivery import GraphTarget
from astrolabe.bus.redis.codec import Decoder, edge_id, edge_value, release_id, revision_value
from astrolabe.bus.redis.errors import CorruptData
from astrolabe.bus.redis.keys import RedisKeys
from astrolabe.bus.redis.store import SCAN_COUNT, RedisStore
from astrolabe.bus.redis.writer import LeaderWriter
from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.timeslice import in_slices

logger = logging.getLogger("astrolabe.bus")


class StoredHash(Protocol):
    """The expected content of one hash in Redis."""

    key: str

    def fields(self) -> Iterator[str]:
        """All expected fields. Concurrent changes may be included or not."""
        ...

    def value(self, field: str) -> str | None:
        """The expected value of a field."""
        ...

    def fix(self, field: str, changes: Changes) -> None:
        """Add the repair of a field to the changes. Raises CorruptData if no batch can name the field."""
        ...


class Repair:
    """Repairs the stored graph, for one leader.

    Differences are published as an ordinary batch, so that processes that have read wrong data are corrected,
    too. Fields that no batch can name are deleted.
    """

    def __init__(self, store: RedisStore, served: GraphTarget, writer: LeaderWriter) -> None:
        self._store = store
        self._served = served
        self._writer = writer

    async def run(self) -> int:
        """Compare once. Returns the number of wrong fields. Raises RedisUnavailable, LeadershipLost."""
        graph = self._served.graph
        hashes = hashes_of(graph, self._store.keys)
        suspects = [(hash, await self._suspects(hash)) for hash in hashes]
        if not any(fields for _, fields in suspects):
            return 0
        unnameable: list[tuple[str, str]] = []

        async def find() -> Changes:
            """Check the suspects again. Nothing is committed meanwhile."""
            changes = Changes()
            if self._served.graph is not graph:  # it was rebuilt, so this comparison is void
                return changes
            for hash, fields in suspects:
                async for field in in_slices(await self._confirm(hash, fields)):
                    try:
                        hash.fix(field, changes)
                    except CorruptData:
                        unnameable.append((hash.key, field))
            return changes

        wrong = await self._writer.publish_repairs(find) + len(unnameable)
        for key, field in unnameable:
            await self._writer.delete_field(key, _as_bytes(field))
        if wrong:
            logger.warning("repaired %d wrong fields of the graph in Redis", wrong)
        return wrong

    async def _suspects(self, hash: StoredHash) -> list[str]:
        """The fields that differ, or differed while they were read."""
        suspects: list[str] = []
        missing = {field async for field in in_slices(hash.fields())}

        def compare(page: Mapping[bytes, bytes]) -> None:
            for field, value in _as_texts(page).items():
                missing.discard(field)
                if hash.value(field) != value:
                    suspects.append(field)

        await self._store.scan(hash.key, compare)
        return [*dict.fromkeys(suspects), *missing]  # a scan may return a field twice

    async def _confirm(self, hash: StoredHash, suspects: Sequence[str]) -> list[str]:
        """The suspects that are wrong now."""
        wrong = []
        for start in range(0, len(suspects), SCAN_COUNT):
            some = suspects[start : start + SCAN_COUNT]
            values = await self._store.read(hash.key, [_as_bytes(field) for field in some])
            for field, value in zip(some, values, strict=True):
                if hash.value(field) != (None if value is None else _as_text(value)):
                    wrong.append(field)
        return wrong


def hashes_of(graph: ServedGraph, keys: RedisKeys) -> tuple[StoredHash, ...]:
    """The expected hashes of this graph."""
    return (_Nodes(graph, keys.nodes), _Edges(graph, keys.edges), _Releases(graph, keys.releases))


class _Nodes:
    def __init__(self, graph: ServedGraph, key: str) -> None:
        self.key = key
        self._graph = graph

    def fields(self) -> Iterator[str]:
        return iter(list(self._graph.nodes))

    def value(self, field: str) -> str | None:
        node = self._graph.nodes.get(field)
        return node.text if node is not None else None

    def fix(self, field: str, changes: Changes) -> None:
        node = self._graph.nodes.get(field)
        if node is not None:
            changes.nodes_set.append(node)
        elif field.isprintable():
            changes.nodes_removed.append(field)
        else:
            raise CorruptData(f"node {field!r}")


class _Edges:
    def __init__(self, graph: ServedGraph, key: str) -> None:
        self.key = key
        self._graph = graph
        self._decoder = Decoder()

    def fields(self) -> Iterator[str]:
        for uid in list(self._graph.nodes):
            for edge in list(self._graph.outgoing(uid)):
                yield edge_id(edge.key)

    def value(self, field: str) -> str | None:
        try:
            key = self._decoder.key(field)
        except CorruptData:
            return None
        edge = self._graph.edge(key) if edge_id(key) == field else None
        return edge_value(edge) if edge is not None else None

    def fix(self, field: str, changes: Changes) -> None:
        key = self._decoder.key(field)
        if edge_id(key) != field:
            raise CorruptData(f"edge {field!r}")
        edge = self._graph.edge(key)
        if edge is not None:
            changes.edges_set.append(edge)
        else:
            changes.edges_removed.append(key)


class _Releases:
    def __init__(self, graph: ServedGraph, key: str) -> None:
        self.key = key
        self._graph = graph
        self._decoder = Decoder()

    def fields(self) -> Iterator[str]:
        return map(release_id, list(self._graph.releases))

    def value(self, field: str) -> str | None:
        try:
            ((release, _),) = self._decoder.releases([(field, None)])
        except CorruptData:
            return None
        revision = self._graph.releases.get(release)
        return revision_value(revision) if revision is not None else None

    def fix(self, field: str, changes: Changes) -> None:
        ((release, _),) = self._decoder.releases([(field, None)])
        changes.releases[release] = self._graph.releases.get(release)


def _as_text(value: bytes) -> str:
    """Decode without losing bytes that are not valid UTF-8."""
    return value.decode(errors="surrogateescape")


def _as_bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _as_texts(page: Mapping[bytes, bytes]) -> dict[str, str]:
    return {_as_text(key): _as_text(value) for key, value in page.items()}
