"""Comparing what is stored with what is served, and putting it right."""

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
from astrolabe.graph.batch import Changes
from astrolabe.graph.graph import Graph
from astrolabe.timeslice import in_slices

logger = logging.getLogger("astrolabe.bus")


class StoredHash(Protocol):
    """One hash of the graph, as it should be."""

    key: str

    def fields(self) -> Iterator[str]:
        """All that there should be; what changes while this is read may be in it or not."""
        ...

    def value(self, field: str) -> str | None:
        """What should be there under a field."""
        ...

    def fix(self, field: str, changes: Changes) -> None:
        """Add to the changes what puts the field right. Raises CorruptData when no batch can name it."""
        ...


class Repair:
    """Of one leader. What differs is published as an ordinary batch, so that whoever has read it is put
    right as well; what cannot even be named in a batch is removed."""

    def __init__(self, store: RedisStore, served: GraphTarget, writer: LeaderWriter) -> None:
        self._store = store
        self._served = served
        self._writer = writer

    async def run(self) -> int:
        """One comparison; the number of fields that were wrong. Raises RedisUnavailable, LeadershipLost."""
        graph = self._served.graph
        hashes = hashes_of(graph, self._store.keys)
        suspects = [(hash, await self._suspects(hash)) for hash in hashes]
        if not any(fields for _, fields in suspects):
            return 0
        unnameable: list[tuple[str, str]] = []

        async def find() -> Changes:
            """Nothing is committed meanwhile: what is wrong now is wrong."""
            changes = Changes()
            if self._served.graph is not graph:  # it was made anew, and tells nothing of this one
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
            logger.warning("%d fields of the graph in Redis were wrong; they are repaired", wrong)
        return wrong

    async def _suspects(self, hash: StoredHash) -> list[str]:
        """The fields that are not as they should be, or were not when they were read."""
        suspects: list[str] = []
        missing = {field async for field in in_slices(hash.fields())}

        def compare(page: Mapping[bytes, bytes]) -> None:
            for field, value in _as_texts(page).items():
                missing.discard(field)
                if hash.value(field) != value:
                    suspects.append(field)

        await self._store.scan(hash.key, compare)
        return [*dict.fromkeys(suspects), *missing]  # a scan may hand over a field twice

    async def _confirm(self, hash: StoredHash, suspects: Sequence[str]) -> list[str]:
        """Those of them that are wrong now."""
        wrong = []
        for start in range(0, len(suspects), SCAN_COUNT):
            some = suspects[start : start + SCAN_COUNT]
            values = await self._store.read(hash.key, [_as_bytes(field) for field in some])
            for field, value in zip(some, values, strict=True):
                if hash.value(field) != (None if value is None else _as_text(value)):
                    wrong.append(field)
        return wrong


def hashes_of(graph: Graph, keys: RedisKeys) -> tuple[StoredHash, ...]:
    """What should be stored of this graph."""
    return (_Nodes(graph, keys.nodes), _Edges(graph, keys.edges), _Releases(graph, keys.releases))


class _Nodes:
    def __init__(self, graph: Graph, key: str) -> None:
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
    def __init__(self, graph: Graph, key: str) -> None:
        self.key = key
        self._graph = graph
        self._decoder = Decoder()

    def fields(self) -> Iterator[str]:
        for uid in list(self._graph.nodes):
            for edge in list(self._graph.out(uid)):
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
    def __init__(self, graph: Graph, key: str) -> None:
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
    """Also of bytes that are no text, and so that none are lost."""
    return value.decode(errors="surrogateescape")


def _as_bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _as_texts(page: Mapping[bytes, bytes]) -> dict[str, str]:
    return {_as_text(key): _as_text(value) for key, value in page.items()}
