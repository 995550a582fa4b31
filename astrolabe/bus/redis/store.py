"""All that is asked of Redis, typed. Every method raises Away when it does not answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar, cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from astrolabe.bus.redis import codec, scripts
from astrolabe.bus.redis.answers import LARGEST, AnswerTooLarge
from astrolabe.bus.redis.codec import Undo
from astrolabe.bus.redis.connection import address_of, away, connect, leave_former, verify
from astrolabe.bus.redis.errors import Away, Damaged, Deposed, Refused
from astrolabe.bus.redis.keys import SCHEMA, Keys
from astrolabe.bus.redis.routing import SlotClient
from astrolabe.bus.redis.timing import Timing
from astrolabe.bus.redis.writes import Writes, writes_of
from astrolabe.graph.batch import Batch
from astrolabe.settings import Settings

T = TypeVar("T")

#: Fields of a hash that are asked for at a time, and entries of the log: what Redis does in a millisecond
#: or two.
SCAN_COUNT = 2048
LOG_COUNT = 8
#: Bytes of a key beyond which something is in it that is not ours, and those for each entry: the largest
#: graph has 2 KB for each.
SWOLLEN, SWOLLEN_EACH = 8 * LARGEST, 16 * 1024
#: Scans of a hash that may be cut off by its moving before that is an error.
SCANS = 5
#: See `Store.alarm`.
DAMAGED = "damaged"
#: Seconds that what was set aside is kept.
ASIDE_LASTS = 7 * 24 * 3600


#: The largest seq that leaves room for a leap below the 2^53 that every client can count to.
LARGEST_SEQ = 2**52

_EPOCH = re.compile("[0-9A-Za-z]{1,64}")


class Position(msgspec.Struct, frozen=True):
    """Where the stored graph is. epoch is "" when there is none.

    complete: whether the graph of this epoch was complete once. cluster: the identity of the cluster whose
    graph it is, "" when that is not known. run: names the start of Redis at which the
    lock was taken last.
    """

    epoch: str = ""
    seq: int = 0
    schema: str = ""
    complete: bool = False
    run: str = ""
    cluster: str = ""


class Taken(msgspec.Struct, frozen=True):
    """The lock was taken. position: what was found, its seq unread. restarted: Redis was, since the last
    taking."""

    token: str
    position: Position
    restarted: bool


class Answer(msgspec.Struct, frozen=True):
    """What a fenced script answers. outcome: ok, moved (the position is another one), lost (there is none).

    alarm: what somebody found wrong, see `Store.alarm`; "" when nothing.
    """

    outcome: str
    epoch: str
    seq: int
    alarm: str = ""


class Store:
    """One cluster's keys in one Redis."""

    def __init__(self, settings: Settings, timing: Timing, *, id: str) -> None:
        """id: of this process among all that share the Redis."""
        #: Of the cluster whose graph this process would write; "" while that is not known.
        self.identity = ""
        self.address = address_of(settings)
        self.keys = Keys(settings.cluster_name)
        self._id = id
        self._lasts = round(timing.lock * 1000)
        self._client = connect(settings, timing, patient=True)
        self._subscriber = connect(settings, timing, patient=False)
        script = self._client.register_script
        self._position = script(scripts.POSITION)
        self._take = script(scripts.TAKE)
        self._renew = script(scripts.RENEW)
        self._release = script(scripts.RELEASE)
        self._commit = script(scripts.COMMIT)
        self._clear = script(scripts.CLEAR)
        self._fill = script(scripts.FILL)
        self._found = script(scripts.FOUND)
        self._scrub = script(scripts.SCRUB)

    async def verify(self) -> None:
        """Raises BusError when this Redis cannot be used."""
        await verify(self._client, self.address)

    async def leave_former(self) -> None:
        """See `connection.leave_former`."""
        await leave_former(self._client, self._subscriber)

    async def close(self) -> None:
        await self._client.aclose()
        await self._subscriber.aclose()

    # Leadership

    async def take(self, *, force: bool = False) -> Taken | None:
        """Take the lock; None when another has it. force: take it all the same."""
        keys = self.keys
        answer = await self._run(
            self._take,
            (keys.leader, keys.position),
            (self._id, self._lasts, "yes" if force else "no", ASIDE_LASTS),
        )
        if answer[0] == "held":
            return None
        _, token, epoch, _, schema, complete, before, now = answer
        position = Position(epoch, 0, schema, complete == "yes", before)
        return Taken(token, position, restarted=bool(epoch) and before != now)

    async def renew(self, token: str, *, complete: bool, tick: bytes = b"") -> Answer:
        """Keep the lock, and publish a tick unless it is empty. Raises Deposed."""
        keys = self.keys
        args = (
            token,
            self._id,
            self._lasts,
            "yes" if complete else "no",
            keys.diff,
            tick,
            SCHEMA,
            self.identity,
        )
        return await self._fenced(self._renew, (keys.position, keys.leader, keys.alarm), args)

    async def release(self) -> None:
        """Give up the lock, if it is ours, and tell the others."""
        keys = self.keys
        await self._run(self._release, (keys.leader,), (self._id, keys.diff, codec.VACANT))

    # Writing

    async def commit(self, token: str, batch: Batch, undo: Undo, *, forget: int | None) -> Answer:
        """Store, log and publish a batch. forget: the seq before which the log may forget. Raises Deposed."""
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

    async def clear(self, token: str, *, aside: str = "") -> None:
        """Forget graph and position; with `aside`, keep them for a while under that name. Raises Deposed."""
        keys = self.keys
        names = (keys.position, *keys.graph, keys.log)
        await self._fenced(self._clear, names, (token, f":aside:{aside}" if aside else "", ASIDE_LASTS))

    async def fill(self, token: str, writes: Writes) -> None:
        """Write a part of a graph that has no position yet. Raises Deposed."""
        names = (self.keys.position, *self.keys.graph)
        await self._fenced(self._fill, names, (token, *writes.arguments()))

    async def found(self, token: str, epoch: str, seq: int, *, complete: bool) -> None:
        """Begin an epoch with what was filled in. Raises Deposed."""
        args = (token, epoch, seq, SCHEMA, "yes" if complete else "no", self.identity)
        await self._fenced(self._found, (self.keys.position,), args)

    async def scrub(self, token: str, key: str, field: bytes) -> None:
        """Remove a field of the graph that is no part of any. Raises Deposed."""
        await self._fenced(self._scrub, (self.keys.position, key), (token, field))

    async def alarm(self, what: str) -> None:
        """Tell the leader what is wrong: DAMAGED, or `<epoch>:<seq>`, a position that is served and that the
        stored one is behind."""
        with away():
            await self._client.set(self.keys.alarm, what, ex=60)

    # Reading

    async def server(self) -> str:
        """Names the server that answers, and its start."""
        with away():
            info: dict[str, Any] = await self._client.info("server")
        return str(info.get("run_id", ""))

    async def newest(self) -> int:
        """The seq of the last entry of the log, 0 when it has none. Raises Damaged when it is no log."""
        with away():
            found = await cast(Any, self._client.xrevrange(self.keys.log, count=1))
        return int(found[0][0].partition(b"-")[0]) if found else 0

    def refusal(self, position: Position) -> str:
        """Why this is no graph of ours, but of another cluster; "" when it is, or we cannot know."""
        theirs = position.cluster if position.epoch else ""
        if not theirs or not self.identity or theirs == self.identity:
            return ""
        return (
            f"the graph under the name {self.keys.cluster!r} in Redis is of another cluster (its kube-system "
            f"has uid {theirs}, ours {self.identity}); give each a name of its own by --cluster-name"
        )

    async def position(self) -> Position:
        """Raises Damaged."""
        fields = ("epoch", "seq", "schema", "complete", "run", "cluster")
        epoch, seq, schema, complete, run, cluster = await self._run(
            self._position, (self.keys.position,), fields
        )
        if epoch and not _EPOCH.fullmatch(epoch):
            raise Damaged(f"position: {epoch[:20]!r} is no epoch")
        if not 0 <= (number := _seq(seq)) <= LARGEST_SEQ:
            raise Damaged(f"position: {seq[:20]!r} is no seq")
        return Position(
            epoch, number, schema, complete == "yes", run, cluster if _is_identity(cluster) else ""
        )

    async def scan(self, key: str, take: Callable[[Mapping[bytes, bytes]], None]) -> None:
        """Hand over a hash, in pieces. What is written meanwhile may be in them or not, or in two of them.

        While one is taken, Redis looks for the next. When the hash moves to another node of a Redis Cluster,
        all is handed over again: a cursor of one is worth nothing to another. Raises Away when it does not
        stay where it is.
        """
        for _ in range(SCANS):
            if await self._scan(key, take):
                return
        raise Away(f"{key} moves from node to node")

    async def _scan(self, key: str, take: Callable[[Mapping[bytes, bytes]], None]) -> bool:
        """Whether all of it came from one place."""
        looking = asyncio.create_task(self._look(key, 0), name="scan")
        began = None
        try:
            while True:
                cursor, piece = await looking
                place = self._place(key)
                if began not in (None, place):
                    return False
                began = place
                if cursor:
                    looking = asyncio.create_task(self._look(key, cursor), name="scan")
                    await asyncio.sleep(0)  # it is sent
                take(piece)
                if not cursor:
                    return True
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    def _place(self, key: str) -> str:
        return self._client.place(key) if isinstance(self._client, SlotClient) else ""

    async def _look(self, key: str, cursor: int) -> tuple[int, Mapping[bytes, bytes]]:
        async def ask(count: int) -> tuple[int, Mapping[bytes, bytes]]:
            found: tuple[int, Mapping[bytes, bytes]] = await cast(
                Any, self._client.hscan(key, cursor, count=count)
            )
            return found

        return await self._read_part(key, ask, SCAN_COUNT)

    async def _read_part(self, key: str, ask: Callable[[int], Awaitable[T]], count: int) -> T:
        """So many entries of a key, or one when they are too large together.

        Raises Damaged when one alone is too large: to be read, or for Redis to hand it over in time.
        """
        try:
            with away():
                try:
                    return await ask(count)
                except AnswerTooLarge:
                    return await ask(1)
        except Refused:
            raise
        except Away as error:
            if await self._is_swollen(key):
                raise Damaged(f"{key} has entries of many megabytes") from error
            raise

    async def _is_swollen(self, key: str) -> bool:
        """Whether a key takes far more memory than so many entries of ours. Costs Redis a look at each."""
        with away():
            kind = await cast(Any, self._client.type(key))
            count = await (self._client.xlen(key) if kind == b"stream" else cast(Any, self._client.hlen(key)))
            size = await self._client.memory_usage(key, samples=0)
        return (size or 0) > SWOLLEN + count * SWOLLEN_EACH

    async def read(self, key: str, fields: Sequence[bytes]) -> list[bytes | None]:
        """Some fields of a hash."""
        with away():
            values: list[bytes | None] = await cast(Any, self._client.hmget(key, list(fields)))
        return values

    async def log(self, after: int = -1) -> AsyncIterator[tuple[bytes, bytes]]:
        """The entries of the log behind this seq, and what undoes them."""
        start = "-" if after < 0 else f"({after}-0"

        async def ask(count: int) -> Any:
            return await cast(Any, self._client.xrange(self.keys.log, min=start, count=count))

        while found := await self._read_part(self.keys.log, ask, LOG_COUNT):
            for id, fields in found:
                yield fields.get(b"b", b""), fields.get(b"u", b"")
                start = f"({id.decode()}"

    def subscribe(self) -> Subscription:
        """To the channel, on a connection of its own; a context manager."""
        return Subscription(self._subscriber, self.keys.diff)

    async def _fenced(self, script: Any, keys: Sequence[str], args: Iterable[Any]) -> Answer:
        outcome, epoch, seq, *more = await self._run(script, keys, args)
        if outcome == "fenced":
            raise Deposed("another process has taken the lock")
        return Answer(outcome, epoch, _seq(seq), more[0] if more else "")

    async def _run(self, script: Any, keys: Sequence[str], args: Iterable[Any]) -> list[str]:
        with away():
            answer = await script(keys=keys, args=args)
        return [part.decode(errors="replace") if isinstance(part, bytes) else part for part in answer]


class Subscription:
    """Messages of the channel, as they come."""

    def __init__(self, client: Redis, channel: str) -> None:
        self._pubsub: PubSub = client.pubsub()
        self._channel = channel

    async def __aenter__(self) -> Subscription:
        try:
            with away():
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
        """The next message; b"" when we are (again) subscribed, and may have missed some before.

        None when there was none for `timeout` seconds.
        """
        try:
            with away():
                message = await self._pubsub.get_message(timeout=timeout)
        except Damaged as error:  # too large to be read: whoever sent it, we have missed something
            raise Away(str(error)) from error
        if message is None:
            return None
        return b"" if message["type"] == "subscribe" else bytes(message["data"])


def _is_identity(text: str) -> bool:
    return len(text) <= 64 and text.isprintable()


def _seq(text: str) -> int:
    """-1: what is stored is no number."""
    return int(text or 0) if len(text) < 20 and (text.isdecimal() or not text) else -1
