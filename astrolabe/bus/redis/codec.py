"""The encoding of the graph and its batches in Redis.

A node is stored under its uid as its JSON text on the wire. An edge is stored under `["type","from","to"]` as
`[forward,"field",…]`, and a release under `["namespace","name"]` as `[revision,"status"]`. A batch contains
the same texts, so that nothing is encoded twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from astrolabe.bus.redis.errors import CorruptData
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.edge import Edge, EdgeKey
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.graph.state.node import LONGEST_PART, Node, parse_node, parse_nodes
from astrolabe.graph.state.status import SEVERITIES

#: Bytes of a node. No engine creates a longer one.
MAX_NODE_BYTES = 2 * LONGEST_PART

#: Lists of fields to cache and share between edges.
MAX_FIELD_LISTS = 2_000

#: The first byte of a published message: a batch, a tick, or the leader's farewell.
BATCH, TICK, LEADER_LEFT = b"B", b"T", b"V"


class LogEntry(msgspec.Struct, frozen=True, array_like=True):
    """A batch as logged and published. since: the seq before it. time: Unix milliseconds.

    nodes, edges: those that are set. removed_edges, removed_nodes: ids.
    releases: by id; None for a removed one.
    """

    epoch: str
    since: int
    seq: int
    time: int
    nodes: list[str]
    edges: list[tuple[str, str]]
    removed_edges: list[str]
    removed_nodes: list[str]
    releases: dict[str, str | None]


class UndoRecord(msgspec.Struct, array_like=True):
    """The state before a batch of everything that the batch changes; None for what did not exist.

    A process that joins uses it to rewind the stored graph to the start of the log. It then has the whole
    history of the log.
    """

    nodes: dict[str, str | None] = {}
    edges: dict[str, str | None] = {}
    releases: dict[str, str | None] = {}


class Tick(msgspec.Struct, frozen=True):
    """A sign of life of the leader. complete: whether the graph of this epoch was complete once.

    leader_report: how its watches do, as JSON. Its name in Redis is `condition`.
    """

    epoch: str
    seq: int
    complete: bool
    leader_report: msgspec.Raw = msgspec.field(name="condition")


#: What decoding raises on foreign data. RecursionError: it is nested too deeply.
DECODE_ERRORS = (ValueError, TypeError, KeyError, RecursionError)

_ENCODER = msgspec.msgpack.Encoder()
_ENTRY = msgspec.msgpack.Decoder(LogEntry)
_UNDO = msgspec.msgpack.Decoder(UndoRecord)
_TICK = msgspec.json.Decoder(Tick)
_KEY = msgspec.json.Decoder(tuple[str, str, str])
_KEYS = msgspec.json.Decoder(list[tuple[str, str, str]])


class _StoredRevision(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A HelmRevision without its release."""

    revision: int
    status: str
    kept_in: str = ""
    in_configmap: bool = False

    def of(self, release: Release) -> HelmRevision:
        return HelmRevision(release, self.revision, self.status, self.kept_in, self.in_configmap)


class _StoredRelease(msgspec.Struct, array_like=True, frozen=True, gc=False):
    namespace: str
    name: str
    cluster: str = ""


_RELEASE = msgspec.json.Decoder(_StoredRelease)
_REVISION = msgspec.json.Decoder(_StoredRevision)
_FIELDS = msgspec.json.Decoder(tuple[Any, ...])


def _text(document: Any) -> str:
    return msgspec.json.encode(document).decode()


def edge_id(key: EdgeKey) -> str:
    return _text(key)


def edge_value(edge: Edge) -> str:
    return _text((edge.forward, *edge.field))


def release_id(release: Release) -> str:
    named = (release.namespace, release.name)
    return _text((*named, release.cluster) if release.cluster else named)


def revision_value(revision: HelmRevision) -> str:
    return _text((revision.revision, revision.status, revision.kept_in, revision.in_configmap))


def _revision_value(revision: HelmRevision | None) -> str | None:
    return revision_value(revision) if revision is not None else None


def entry_of(batch: Batch) -> LogEntry:
    """Encode a batch."""
    changes = batch.changes
    return LogEntry(
        epoch=batch.epoch,
        since=batch.since,
        seq=batch.seq,
        time=batch.time,
        nodes=[node.text for node in changes.nodes_set],
        edges=[(edge_id(edge.key), edge_value(edge)) for edge in changes.edges_set],
        removed_edges=[edge_id(key) for key in changes.edges_removed],
        removed_nodes=changes.nodes_removed,
        releases={release_id(at): _revision_value(now) for at, now in changes.releases.items()},
    )


def undo_of(changes: Changes, graph: ServedGraph) -> UndoRecord:
    """The state in this graph of everything that the changes will change."""
    undo = UndoRecord()
    for uid in (*[node.uid for node in changes.nodes_set], *changes.nodes_removed):
        before = graph.nodes.get(uid)
        undo.nodes[uid] = before.text if before is not None else None
    for key in (*[edge.key for edge in changes.edges_set], *changes.edges_removed):
        edge = graph.edge(key)
        undo.edges[edge_id(key)] = edge_value(edge) if edge is not None else None
    for release in changes.releases:
        undo.releases[release_id(release)] = _revision_value(graph.releases.get(release))
    return undo


def encode(document: LogEntry | UndoRecord) -> bytes:
    return _ENCODER.encode(document)


def decode_entry(data: bytes) -> LogEntry:
    """Raises CorruptData."""
    try:
        return _ENTRY.decode(data)
    except DECODE_ERRORS as error:
        raise CorruptData(f"a batch: {error}") from error


def decode_undo(data: bytes) -> UndoRecord:
    """Raises CorruptData."""
    try:
        return _UNDO.decode(data)
    except DECODE_ERRORS as error:
        raise CorruptData(f"an undo record: {error}") from error


def encode_tick(tick: Tick) -> bytes:
    return TICK + msgspec.json.encode(tick)


def decode_tick(data: bytes) -> Tick:
    """Decode a tick without its first byte. Raises CorruptData."""
    try:
        return _TICK.decode(data)
    except DECODE_ERRORS as error:
        raise CorruptData(f"a tick: {error}") from error


def _validated(node: Node) -> Node:
    """Raises ValueError for a node that no engine creates."""
    if node.status not in SEVERITIES or not node.uid or len(node.text) > MAX_NODE_BYTES:
        raise ValueError("not a node of Astrolabe")
    return node


class Decoder:
    """Decodes stored nodes, edges and releases. Raises CorruptData if they are invalid."""

    def __init__(self) -> None:
        self._fields: dict[str | bytes, tuple[tuple[str, ...], int]] = {}
        self._types: dict[str, str] = {}

    def batch(self, entry: LogEntry) -> Batch:
        """Decode a logged or published batch."""
        changes = Changes(
            nodes_set=[self.node(text) for text in entry.nodes],
            edges_set=[self.edge(id, value) for id, value in entry.edges],
            edges_removed=[self.key(id) for id in entry.removed_edges],
            nodes_removed=entry.removed_nodes,
            releases=dict(self.releases(entry.releases.items())),
        )
        return Batch(entry.epoch, entry.seq, changes, time=entry.time, gap=entry.seq - entry.since)

    def node(self, text: str) -> Node:
        try:
            return _validated(parse_node(text))
        except DECODE_ERRORS as error:
            raise CorruptData(f"node {text[:40]!r}: {error}") from error

    def nodes(self, stored: Mapping[bytes, bytes]) -> Iterator[tuple[str, Node]]:
        """Decode stored nodes by uid."""
        try:
            nodes = parse_nodes(list(stored.values()))
        except DECODE_ERRORS:  # one node, or the separator between two, is invalid: find out which
            nodes = [self._node(uid, text) for uid, text in stored.items()]
        for uid, node in zip(stored, nodes, strict=True):
            try:
                if _validated(node).uid.encode() != uid:
                    raise ValueError(f"its uid is {node.uid!r}")
            except DECODE_ERRORS as error:
                raise CorruptData(f"node {uid!r}: {error}") from error
            yield node.uid, node

    def _node(self, uid: bytes, text: bytes) -> Node:
        try:
            return parse_node(text.decode())
        except DECODE_ERRORS as error:  # also for invalid UTF-8
            raise CorruptData(f"node {uid!r}: {error}") from error

    def key(self, id: str | bytes) -> EdgeKey:
        try:
            type, source, target = _KEY.decode(id)
        except DECODE_ERRORS as error:
            raise CorruptData(f"edge {id!r}: {error}") from error
        return self._types.setdefault(type, type), source, target

    def edge(self, id: str | bytes, value: str | bytes) -> Edge:
        type, source, target = self.key(id)
        field, forward = self._fields.get(value) or self._read_fields(id, value)
        return Edge(type, source, target, field, forward)

    def edges(self, stored: Mapping[bytes, bytes], uids: Mapping[str, str]) -> list[Edge]:
        """Decode stored edges by id. uids: strings in memory, to share."""
        fields, types, find = self._fields, self._types, uids.get
        edges = []
        for id, (type, source, target), value in zip(
            stored, self._keys(stored), stored.values(), strict=True
        ):
            if len(id) != len(type) + len(source) + len(target) + 10:  # the length without escapes
                self._see_canonical(id, (type, source, target))
            field, forward = fields.get(value) or self._read_fields(type, value)
            source, target = find(source, source), find(target, target)
            edges.append(Edge(types.setdefault(type, type), source, target, field, forward))
        return edges

    def _keys(self, ids: Mapping[bytes, Any]) -> list[EdgeKey]:
        try:
            keys = _KEYS.decode(b"[%b]" % b",".join(ids))
        except DECODE_ERRORS:
            keys = []
        return keys if len(keys) == len(ids) else [self.key(id) for id in ids]

    def _see_canonical(self, id: bytes, key: EdgeKey) -> None:
        """Require the canonical id, because another id would make it another edge."""
        if edge_id(key).encode() != id:
            raise CorruptData(f"edge {id!r}: the id is not canonical")

    def _read_fields(self, id: str | bytes, value: str | bytes) -> tuple[tuple[str, ...], int]:
        """Decode and cache a list of fields. Millions of edges share a few hundred lists."""
        try:
            forward, *fields = _FIELDS.decode(value)
        except DECODE_ERRORS as error:
            raise CorruptData(f"edge {id!r}: {error}") from error
        if type(forward) is not int or not all(isinstance(field, str) for field in fields):
            raise CorruptData(f"edge {id!r}: {value[:60]!r} is not a list of fields")
        if len(self._fields) > MAX_FIELD_LISTS:
            self._fields.clear()
        known = self._fields[value] = (tuple(fields), forward)
        return known

    def releases(
        self, items: Iterable[tuple[str, str | None]]
    ) -> Iterator[tuple[Release, HelmRevision | None]]:
        """Decode releases by id, with their newest revisions."""
        for id, value in items:
            try:
                stored = _RELEASE.decode(id)
                release = Release(stored.namespace, stored.name, stored.cluster)
                revision = None if value is None else _REVISION.decode(value).of(release)
            except DECODE_ERRORS as error:
                raise CorruptData(f"release {id!r}: {error}") from error
            yield release, revision
