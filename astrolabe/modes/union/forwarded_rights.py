"""What users of a hub may see of a cluster that another Astrolabe watches: it is asked with their tokens."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import ssl
from collections.abc import Callable, Collection
from contextvars import Context
from typing import NoReturn
from urllib.parse import quote

import msgspec

from astrolabe.client.connection import UNAUTHORISED
from astrolabe.client.errors import ClientError
from astrolabe.client.rest import RestClient, decoded
from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.access.authentication import KnownUser
from astrolabe.http.access.visible import RightsChanged, rights_unknown
from astrolabe.modes.union.cluster_list import ClusterEntry
from astrolabe.users import User

logger = logging.getLogger("astrolabe.http")

#: Seconds for which an answer is good, and between two questions about who has open streams.
FRESH_SECONDS = 1.0
#: Seconds after which a token is forgotten by which nobody has come, and who has no stream.
IDLE_SECONDS = 60.0
#: Tokens that are remembered. Questions at a time, and seconds for one.
MOST_TOKENS, ABREAST, TIMEOUT = 1_000, 16, 10.0
#: Failures in a row after which nobody can rely on what was answered before.
MOST_FAILURES = 2


class _ToldUser(msgspec.Struct):
    name: str
    groups: tuple[str, ...] = ()


class _ToldRights(msgspec.Struct):
    everywhere: tuple[str, ...] = ()
    within: dict[str, tuple[str, ...]] = {}
    complete: bool = True


class _ToldCaller(msgspec.Struct):
    """Without `rights`, the server is too old to say them, and nothing is shown."""

    rights: _ToldRights
    user: _ToldUser | None = None


class _Forwarded:
    """A token, whose it is, and what they may see. used: when somebody came with it."""

    def __init__(self, token: str, mark: str) -> None:
        self.token = token
        self.user = User("", mark=mark)
        self.visibility = Visibility(foreign=True)
        self.asked = self.used = 0.0
        self.failures = 0
        self.asking: asyncio.Task[None] | None = None


class ForwardedTokens:
    """Finds out whose a token is at the other server, and what they may see there.

    Tokens are kept in memory while their users have streams, and for a minute after they came.
    clock: monotonic seconds.
    """

    def __init__(self, entry: ClusterEntry, *, clock: Callable[[], float]) -> None:
        self.records: dict[str, _Forwarded] = {}
        self.listeners: list[RightsChanged] = []
        self.streaming: Callable[[], Collection[User]] = frozenset[User]
        self._entry = entry
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._abreast = asyncio.Semaphore(ABREAST)

    async def known(self, token: str) -> KnownUser | None:
        """See `ApiTokens.known`."""
        mark = hmac.digest(self._key, token.encode(errors="surrogateescape"), hashlib.sha256).hex()
        record = self.records.get(mark)
        if record is None:
            if len(self.records) >= MOST_TOKENS:
                raise rights_unknown(f"{MOST_TOKENS} other tokens are being asked about")
            record = _Forwarded(token, mark)
        record.used = self._clock()
        if self._clock() - record.asked >= IDLE_SECONDS / 2 or not record.asked:
            await self.ask(record)
            if record.failures:
                raise rights_unknown("the server of the cluster does not answer")
        if mark not in self.records:
            return None
        return KnownUser(record.user, lambda: mark in self.records)

    def is_fresh(self, record: _Forwarded) -> bool:
        """Whether nothing has to be asked about it."""
        return not record.failures and self._clock() - record.asked < FRESH_SECONDS

    async def ask(self, record: _Forwarded) -> None:
        """Ask about a token, once for all who wait for it."""
        if record.asking is None:
            # Not in the context of the request, which would be kept alive as long.
            record.asking = asyncio.create_task(
                self._ask(record), name="astrolabe.http.forwarded", context=Context()
            )
        await asyncio.shield(record.asking)

    async def _ask(self, record: _Forwarded) -> None:
        before, began = record.visibility, self._clock()
        was_sure = record.failures < MOST_FAILURES
        mark = record.user.mark
        try:
            async with asyncio.timeout(TIMEOUT), self._abreast:
                answer = await self.client(record).get("/api/v1/whoami", {"rights": "true"})
            told = decoded(answer, _ToldCaller, self._entry.url)
        except ClientError as error:
            if error.code == UNAUTHORISED:
                self.records.pop(mark, None)
                record.visibility, record.failures = Visibility(foreign=True), 0
            else:
                record.failures += 1
                logger.debug("what a user may see of %s is not known: %s", self._entry.name, error)
        except (TimeoutError, OSError) as error:
            record.failures += 1
            logger.debug("what a user may see of %s is not known: %r", self._entry.name, error)
        else:
            rights, user = told.rights, told.user or _ToldUser("everybody")
            pairs = [(namespace, kind) for namespace, kinds in rights.within.items() for kind in kinds]
            if not record.user.name:  # it stays the same, so that listeners know it
                record.user = User(user.name, tuple(sorted(user.groups)), mark=mark)
            record.visibility = Visibility(
                frozenset(rights.everywhere), frozenset(pairs), rights.complete, foreign=True
            )
            record.asked, record.failures = began, 0
            self.records[mark] = record
        finally:
            record.asking = None
        if before != record.visibility or was_sure != (record.failures < MOST_FAILURES):
            for listener in self.listeners:
                listener({record.user: (before, record.visibility)})

    def client(self, record: _Forwarded) -> RestClient:
        """Asks with the user's token. Raises OSError."""
        authority = self._entry.ca_file
        context = ssl.create_default_context(cafile=authority) if authority else None
        return RestClient(self._entry.url, token=record.token, ssl=context)

    async def run(self) -> NoReturn:
        """Ask about those who have open streams, and forget others, until cancelled."""
        try:
            while True:
                await asyncio.sleep(FRESH_SECONDS)
                streaming, now = frozenset(self.streaming()), self._clock()
                asked = [record for record in self.records.values() if record.user in streaming]
                for mark, record in list(self.records.items()):
                    if record.user not in streaming and now - record.used > IDLE_SECONDS:
                        del self.records[mark]
                await asyncio.gather(*[self.ask(record) for record in asked])
        finally:
            for record in self.records.values():
                if record.asking is not None:
                    record.asking.cancel()


class ForwardedRights:
    """Implements `ClusterRights` by what the other server says to the users' own tokens."""

    def __init__(self, tokens: ForwardedTokens) -> None:
        self._tokens = tokens

    @property
    def users(self) -> int:
        return len(self._tokens.records)

    def follow(self, listener: RightsChanged) -> None:
        self._tokens.listeners.append(listener)

    def keep(self, streaming: Callable[[], Collection[User]]) -> None:
        self._tokens.streaming = streaming

    def _record(self, user: User) -> _Forwarded | None:
        return self._tokens.records.get(user.mark)

    def fresh(self, user: User, _namespaces: Collection[str] = ()) -> Visibility | None:
        record = self._record(user)
        return record.visibility if record is not None and self._tokens.is_fresh(record) else None

    def is_sure(self, user: User) -> bool:
        record = self._record(user)
        return record is not None and record.failures < MOST_FAILURES

    def known(self, user: User) -> Visibility | None:
        record = self._record(user)
        return record.visibility if record is not None else None

    async def of(self, user: User, _namespaces: Collection[str] = ()) -> Visibility:
        record = self._record(user)
        if record is None:
            raise rights_unknown("the token is not known any more")
        await self._tokens.ask(record)
        if record.failures:
            raise rights_unknown("the server of the cluster does not answer")
        return record.visibility

    async def may_get(self, user: User, _kind: str, _namespace: str, _name: str, uid: str) -> bool:
        record = self._record(user)
        if record is None:
            return False
        path = f"/api/v1/resources/{quote(uid.partition('/')[2], safe='')}"
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._tokens.client(record).get(path)
        except (ClientError, TimeoutError, OSError):
            return False
        return True

    async def may_read(self, _user: User, _path: str) -> bool:
        """What is no object is not asked for there."""
        return False
