"""All commands to Redis, typed. Every method raises RedisUnavailable if Redis does not answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from types import TracebackType
from typing import Any, TypeVar, cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from astrolabe.bus.redis import codec, scripts
from astrolabe.bus.redis.codec import UndoRecord
from astrolabe.bus.redis.connection import address_of, connect, drop_demoted, translated_errors, verify
from astrolabe.bus.redis.errors import CorruptData, LeadershipLost, RedisRefused, RedisUnavailable
from astrolabe.bus.redis.keys import SCHEMA, RedisKeys
from astrolabe.bus.redis.parser import MAX_REPLY_BYTES, ReplyTooLarge
from astrolabe.bus.redis.routing import SlotClient
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.bus.redis.writes import Writes, writes_of
from astrolabe.graph.state.batch import Batch
from astrolabe.settings import Settings

T = TypeVar("T")

#: Fields of a hash and entries of the log to request at a time. Redis needs a millisecond or two for them.
SCAN_COUNT = 2048
LOG_COUNT = 8
#: Bytes of a key, and further bytes per entry, beyond which it contains foreign data. Our largest entries
#: take 2 KB on average.
OVERSIZED, OVERSIZED_EACH = 8 * MAX_REPLY_BYTES, 16 * 1024
#: Attempts to scan a hash that moves between nodes.
MAX_SCANS = 5
#: See `RedisStore.alarm`.
CORRUPT = "damaged"
#: Bytes of the custom kinds: 1,000 of them take some 500 kB.
MAX_KINDS_BYTES = 16 * 2**20
#: Seconds to keep quarantined keys.
QUARANTINE_SECONDS = 7 * 24 * 3600


#: The largest seq. It leaves room for a jump below 2^53, up to which every client can count.
MAX_SEQ = 2**52

_EPOCH = re.compile("[0-9A-Za-z]{1,64}")


class StoredPosition(msgspec.Struct, frozen=True):
    """The position of the stored graph. epoch is "" if there is no graph.

    complete: whether the graph of this epoch was complete once. cluster: the identity of its cluster; "" if
        it is unknown. run: the run id of Redis when the lease was last taken.
    """

    epoch: str = ""
    seq: int = 0
    schema: str = ""
    complete: bool = False
    run: str = ""
    cluster: str = ""


class Lease(msgspec.Struct, frozen=True):
    """The lease, held by this process. position: the stored one, without its seq.

    restarted: whether Redis was restarted since the lease was last taken.
    """

    token: str
    position: StoredPosition
    restarted: bool


class ScriptReply(msgspec.Struct, frozen=True):
    """The reply of a fenced script. outcome: ok, moved (the position has changed), lost (there is none).

    alarm: what another process found wrong, see `RedisStore.alarm`; "" for nothing.
    """

    outcome: str
    epoch: str
    seq: int
    alarm: str = ""


class RedisStore:
    """One cluster's keys in one Redis."""

    def __init__(self, settings: Settings, timing: RedisTiming, *, id: str) -> None:
        """id: of this process, unique among all that share the Redis."""
        #: The identity of the cluster that this process watches; "" while it is unknown.
        self.identity = ""
        self.address = address_of(settings)
        self.keys = RedisKeys(settings.cluster_name)
        self._id = id
        self._lease_ms = round(timing.lease * 1000)
        self._client = connect(settings, timing, retry_once=True)
        self._subscriber = connect(settings, timing, retry_once=False)
        script = self._client.register_script
        self._position = script(scripts.POSITION)
        self._acquire_lease = script(scripts.ACQUIRE_LEASE)
        self._renew_lease = script(scripts.RENEW_LEASE)
        self._release_lease = script(scripts.RELEASE_LEASE)
        self._commit = script(scripts.COMMIT)
        self._truncate = script(scripts.TRUNCATE)
        self._bulk_load = script(scripts.BULK_LOAD)
        self._begin_epoch = script(scripts.BEGIN_EPOCH)
        self._delete_field = script(scripts.DELETE_FIELD)
        self._store_events = script(scripts.STORE_EVENTS)
        self._store_value = script(scripts.STORE_VALUE)

    async def verify(self) -> None:
        """Raises BusError if this Redis cannot be used."""
        await verify(self._client, self.address)

    async def drop_demoted(self) -> None:
        """See `connection.drop_demoted`."""
        await drop_demoted(self._client, self._subscriber)

    async def close(self) -> None:
        await self._client.aclose()
        await self._subscriber.aclose()

    # Leadership

    async def acquire_lease(self, *, force: bool = False) -> Lease | None:
        """Take the lease; None if another process has it. force: take it anyway."""
        keys = self.keys
        answer = await self._run(
            self._acquire_lease,
            (keys.leader, keys.position),
            (self._id, self._lease_ms, "yes" if force else "no", QUARANTINE_SECONDS),
        )
        if answer[0] == "held":
            return None
        _, token, epoch, _, schema, complete, before, now = answer
        position = StoredPosition(epoch, 0, schema, complete == "yes", before)
        return Lease(token, position, restarted=bool(epoch) and before != now)

    async def renew_lease(self, token: str, *, complete: bool, tick: bytes = b"") -> ScriptReply:
        """Renew the lease, and publish a tick unless it is empty. Raises LeadershipLost."""
        keys = self.keys
        args = (
            token,
            self._id,
            self._lease_ms,
            "yes" if complete else "no",
            keys.diff,
            tick,
            SCHEMA,
            self.identity,
        )
        return await self._fenced(self._renew_lease, (keys.position, keys.leader, keys.alarm), args)

    async def release_lease(self) -> None:
        """Release the lease if this process has it, and notify the others."""
        keys = self.keys
        await self._run(self._release_lease, (keys.leader,), (self._id, keys.diff, codec.LEADER_LEFT))

    # Writing

    async def commit(self, token: str, batch: Batch, undo: UndoRecord, *, forget: int | None) -> ScriptReply:
        """Store, log and publish a batch. Raises LeadershipLost.

        forget: the log may drop the entries before this seq.
        """
        keys, entry = self.keys, codec.entry_of(batch)
        return await self._fenced(
            self._commit,
            (keys.position, *keys.graph, keys.log),
            (
                *(token, entry.epoch, entry.since, entry.seq, "" if forget is None else forget, keys.diff),
                *(codec.encode(entry), codec.encode(undo)),
                *writes_of(batch.changes, entry).arguments(),
            ),
        )

    async def truncate(self, token: str, *, quarantine: str = "") -> None:
        """Delete the graph and its position. Raises LeadershipLost.

        quarantine: if not empty, rename the keys with this suffix instead and let them expire.
        """
        keys = self.keys
        names = (keys.position, *keys.graph, keys.log)
        await self._fenced(
            self._truncate, names, (token, f":aside:{quarantine}" if quarantine else "", QUARANTINE_SECONDS)
        )

    async def bulk_load(self, token: str, writes: Writes) -> None:
        """Write a part of a graph that has no position yet. Raises LeadershipLost."""
        names = (self.keys.position, *self.keys.graph)
        await self._fenced(self._bulk_load, names, (token, *writes.arguments()))

    async def begin_epoch(self, token: str, epoch: str, seq: int, *, complete: bool) -> None:
        """Begin an epoch with the graph that was loaded. Raises LeadershipLost."""
        args = (token, epoch, seq, SCHEMA, "yes" if complete else "no", self.identity)
        await self._fenced(self._begin_epoch, (self.keys.position,), args)

    async def delete_field(self, token: str, key: str, field: bytes) -> None:
        """Delete a field that is not part of a graph. Raises LeadershipLost."""
        await self._fenced(self._delete_field, (self.keys.position, key), (token, field))

    async def store_events(self, token: str, changed: Mapping[str, bytes | None], *, only: bool) -> None:
        """Store the Events of some objects; None: of one that has none. Raises LeadershipLost.

        only: forget those of all other objects.
        """
        known = {object: events for object, events in changed.items() if events is not None}
        gone = [object for object in changed if object not in known]
        args = (token, "yes" if only else "no", len(known), *chain.from_iterable(known.items()), *gone)
        await self._fenced(self._store_events, (self.keys.position, self.keys.events), args)

    async def alarm(self, what: str) -> None:
        """Tell the leader what is wrong.

        what: CORRUPT, or `<epoch>:<seq>`, a served position that is ahead of the stored one.
        """
        with translated_errors():
            await self._client.set(self.keys.alarm, what, ex=60)

    # Reading

    async def run_id(self) -> str:
        """The run id of Redis, which identifies the server and its start."""
        with translated_errors():
            info: dict[str, Any] = await self._client.info("server")
        return str(info.get("run_id", ""))

    async def last_logged_seq(self) -> int:
        """The seq of the last entry of the log; 0 if it is empty. Raises CorruptData if it is not a log."""
        with translated_errors():
            found = await cast(Any, self._client.xrevrange(self.keys.log, count=1))
        return int(found[0][0].partition(b"-")[0]) if found else 0

    def foreign_reason(self, position: StoredPosition) -> str:
        """Why the stored graph is of another cluster; "" if it is ours, or if that is unknown."""
        theirs = position.cluster if position.epoch else ""
        if not theirs or not self.identity or theirs == self.identity:
            return ""
        return (
            f"the graph under the name {self.keys.cluster!r} in Redis is of another cluster (its kube-system "
            f"has uid {theirs}, ours {self.identity}); give each cluster its own --cluster-name"
        )

    async def position(self) -> StoredPosition:
        """Read the position. Raises CorruptData."""
        fields = ("epoch", "seq", "schema", "complete", "run", "cluster")
        epoch, seq, schema, complete, run, cluster = await self._run(
            self._position, (self.keys.position,), fields
        )
        if epoch and not _EPOCH.fullmatch(epoch):
            raise CorruptData(f"position: {epoch[:20]!r} is not an epoch")
        if not 0 <= (number := _seq(seq)) <= MAX_SEQ:
            raise CorruptData(f"position: {seq[:20]!r} is not a seq")
        return StoredPosition(
            epoch, number, schema, complete == "yes", run, cluster if _is_identity(cluster) else ""
        )

    async def scan(self, key: str, handle: Callable[[Mapping[bytes, bytes]], None]) -> None:
        """Pass a hash to the handler, page by page. A concurrent write may appear in no page, one or two.

        Redis fetches the next page while the handler works on the current one. If the hash moves to another
        node of a Redis Cluster, the scan starts over, because a cursor is valid on one node only. Raises
        RedisUnavailable if the hash keeps moving.
        """
        for _ in range(MAX_SCANS):
            if await self._scan(key, handle):
                return
        raise RedisUnavailable(f"{key} keeps moving between nodes")

    async def _scan(self, key: str, handle: Callable[[Mapping[bytes, bytes]], None]) -> bool:
        """Scan once. Returns whether all pages came from one node."""
        pending = asyncio.create_task(self._scan_page(key, 0), name="scan")
        began = None
        try:
            while True:
                cursor, page = await pending
                place = self._place(key)
                if began not in (None, place):
                    return False
                began = place
                if cursor:
                    pending = asyncio.create_task(self._scan_page(key, cursor), name="scan")
                    await asyncio.sleep(0)  # sends the command
                handle(page)
                if not cursor:
                    return True
        finally:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)

    def _place(self, key: str) -> str:
        return self._client.place(key) if isinstance(self._client, SlotClient) else ""

    async def _scan_page(self, key: str, cursor: int) -> tuple[int, Mapping[bytes, bytes]]:
        async def ask(count: int) -> tuple[int, Mapping[bytes, bytes]]:
            found: tuple[int, Mapping[bytes, bytes]] = await cast(
                Any, self._client.hscan(key, cursor, count=count)
            )
            return found

        return await self._read_bounded(key, ask, SCAN_COUNT)

    async def _read_bounded(self, key: str, ask: Callable[[int], Awaitable[T]], count: int) -> T:
        """Read `count` entries of a key, or only one if they are too large together.

        Raises CorruptData if a single entry is too large, or takes Redis too long to send.
        """
        try:
            with translated_errors():
                try:
                    return await ask(count)
                except ReplyTooLarge:
                    return await ask(1)
        except RedisRefused:
            raise
        except RedisUnavailable as error:
            if await self._is_oversized(key):
                raise CorruptData(f"{key} has entries of many megabytes") from error
            raise

    async def _is_oversized(self, key: str) -> bool:
        """Whether a key takes far more memory than our entries would. Redis has to inspect each entry."""
        with translated_errors():
            kind = await cast(Any, self._client.type(key))
            count = await (self._client.xlen(key) if kind == b"stream" else cast(Any, self._client.hlen(key)))
            size = await self._client.memory_usage(key, samples=0)
        return (size or 0) > OVERSIZED + count * OVERSIZED_EACH

    async def read(self, key: str, fields: Sequence[bytes]) -> list[bytes | None]:
        """Read some fields of a hash."""
        with translated_errors():
            values: list[bytes | None] = await cast(Any, self._client.hmget(key, list(fields)))
        return values

    async def log(self, after: int = -1) -> AsyncIterator[tuple[bytes, bytes]]:
        """The entries of the log after this seq, with their undo records."""
        start = "-" if after < 0 else f"({after}-0"

        async def ask(count: int) -> Any:
            return await cast(Any, self._client.xrange(self.keys.log, min=start, count=count))

        while found := await self._read_bounded(self.keys.log, ask, LOG_COUNT):
            for id, fields in found:
                yield fields.get(b"b", b""), fields.get(b"u", b"")
                start = f"({id.decode()}"

    async def store_kinds(self, token: str, kinds: bytes) -> None:
        """Store the custom kinds that the graph may have. Raises LeadershipLost."""
        keys = self.keys
        await self._fenced(self._store_value, (keys.position, keys.kinds), (token, kinds))

    async def kinds(self) -> bytes:
        """The stored custom kinds; b"" if there are none, or if that is not ours."""
        with translated_errors():
            if await cast(Any, self._client.strlen(self.keys.kinds)) > MAX_KINDS_BYTES:
                return b""
            return cast(bytes, await self._client.get(self.keys.kinds) or b"")

    def subscribe(self) -> ChannelSubscription:
        """Subscribe to the channel on a separate connection. Returns a context manager."""
        return ChannelSubscription(self._subscriber, self.keys.diff)

    async def _fenced(self, script: Any, keys: Sequence[str], args: Iterable[Any]) -> ScriptReply:
        outcome, epoch, seq, *more = await self._run(script, keys, args)
        if outcome == "fenced":
            raise LeadershipLost("another process has taken the lease")
        return ScriptReply(outcome, epoch, _seq(seq), more[0] if more else "")

    async def _run(self, script: Any, keys: Sequence[str], args: Iterable[Any]) -> list[str]:
        with translated_errors():
            answer = await script(keys=keys, args=args)
        return [part.decode(errors="replace") if isinstance(part, bytes) else part for part in answer]


class ChannelSubscription:
    """Receives the messages of the channel."""

    def __init__(self, client: Redis, channel: str) -> None:
        self._pubsub: PubSub = client.pubsub()
        self._channel = channel

    async def __aenter__(self) -> ChannelSubscription:
        try:
            with translated_errors():
                await self._pubsub.subscribe(self._channel)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]

    async def next(self, timeout: float) -> bytes | None:
        """The next message; None after `timeout` seconds without one.

        b"" means that the subscription has begun, or begun again, so that messages may have been missed.
        """
        try:
            with translated_errors():
                message = await self._pubsub.get_message(timeout=timeout)
        except CorruptData as error:  # too large to read, so we have missed a message
            raise RedisUnavailable(str(error)) from error
        if message is None:
            return None
        return b"" if message["type"] == "subscribe" else bytes(message["data"])


def _is_identity(text: str) -> bool:
    return len(text) <= 64 and text.isprintable()


def _seq(text: str) -> int:
    """The seq in a text; -1 if it is not a number."""
    return int(text or 0) if len(text) < 20 and (text.isdecimal() or not text) else -1
