"""Finds out who sent a request where several clusters are served: as whom each of them knows the token."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Protocol

from msgspec import structs
from sanic.request import Request

from astrolabe.http.access.authentication import KnownUser, tokens_in
from astrolabe.http.errors import Refusal
from astrolabe.users import User

#: Seconds that a request waits for the other clusters, once one of them knows the token.
PATIENCE = 1.0
#: Seconds for which a cluster's refusal of a token is good that another cluster knows.
REFUSED_SECONDS = 60.0
#: Tokens that are remembered.
MOST_TOKENS = 5_000

#: Why nothing of a cluster is shown to a user.
UNKNOWN_HERE = "this cluster does not know your token"
NO_ANSWER = "the API server does not say whose your token is"


class ClusterTokens(Protocol):
    """Knows the tokens of one cluster."""

    async def known(self, token: str, /) -> KnownUser | None:
        """The user of the token; None if it is not known. Raises Refusal (503)."""
        ...


class _TokenIdentity:
    """As whom the clusters know a token. user: by the word of the first of them, for as long as it is used.

    refused: until when a refusal is good. asking: those that are being asked.
    """

    def __init__(self) -> None:
        self.user = User("")
        self.known: dict[str, KnownUser] = {}
        self.refused: dict[str, float] = {}
        self.asking: dict[str, asyncio.Task[None]] = {}
        self.error: Refusal | None = None


class UnionTokens:
    """Implements `Authenticator`. A token is good if any cluster knows it; the others show nothing to it.

    Each cluster is asked on its own, and one that does not answer holds up no other.
    changed: called with a user whom some cluster knows otherwise since. clock: monotonic seconds.
    """

    def __init__(self, *, changed: Callable[[User], None], clock: Callable[[], float]) -> None:
        self._changed = changed
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._clusters: dict[str, ClusterTokens] = {}
        #: Those that have not answered in time.
        self._slow: set[str] = set()
        #: By a keyed hash of the token.
        self._identities: OrderedDict[str, _TokenIdentity] = OrderedDict()

    def become(self, cluster: str, tokens: ClusterTokens | None) -> None:
        """Ask this cluster from now on; None: no more."""
        self._slow.discard(cluster)
        if tokens is not None:
            self._clusters[cluster] = tokens
        else:
            self._clusters.pop(cluster, None)
        for identity in list(self._identities.values()):
            identity.refused.pop(cluster, None)
            identity.known.pop(cluster, None)
            if (asking := identity.asking.pop(cluster, None)) is not None:
                asking.cancel()
            self._changed(identity.user)

    def user_in(self, cluster: str, user: User) -> User | str:
        """As whom this cluster knows the user; else why it does not."""
        if not user.mark:
            return user
        identity = self._identities.get(user.mark)
        if identity is not None and cluster in identity.known:
            return identity.known[cluster].user
        return UNKNOWN_HERE if identity is not None and cluster in identity.refused else NO_ANSWER

    async def authenticate(self, request: Request) -> KnownUser | None:
        for token in tokens_in(request):
            known = await self._known(token)
            if known is not None:
                return known
        return None

    async def _known(self, token: str) -> KnownUser | None:
        mark = hmac.digest(self._key, token.encode(errors="surrogateescape"), hashlib.sha256).hex()
        identity = self._identities.get(mark) or _TokenIdentity()
        asking = self._ask(identity, token)
        if asking:
            await self._wait(identity, asking)
        if not identity.known:
            if identity.error is not None:
                raise identity.error
            return None
        if not identity.user.mark:
            first = identity.known[min(identity.known)].user
            identity.user = structs.replace(first, mark=mark)
        self._identities[mark] = identity
        self._identities.move_to_end(mark)
        while len(self._identities) > MOST_TOKENS:
            _, oldest = self._identities.popitem(last=False)
            self._changed(oldest.user)
        return KnownUser(identity.user, self._renewal(mark, identity, token), lambda: _names(identity))

    def _ask(
        self, identity: _TokenIdentity, token: str, *, again: bool = True
    ) -> dict[str, asyncio.Task[None]]:
        """Ask each cluster that has not refused the token lately. Returns the tasks, by cluster.

        again: also those that know it.
        """
        now = self._clock()
        for name, tokens in self._clusters.items():
            if not again and name in identity.known:
                continue
            if identity.refused.get(name, now) > now or name in identity.asking:
                continue
            asking = self._ask_one(identity, name, tokens, token)
            # Not in the context of the request, which would be kept alive as long.
            task = asyncio.create_task(asking, name="astrolabe.http.token", context=Context())
            identity.asking[name] = task
        return dict(identity.asking)

    async def _ask_one(self, identity: _TokenIdentity, name: str, tokens: ClusterTokens, token: str) -> None:
        before = identity.known.get(name)
        try:
            known = await tokens.known(token)
        except Refusal as refusal:
            identity.error = refusal
            identity.known.pop(name, None)
            known = None
        else:
            self._slow.discard(name)
            if known is not None:
                identity.known[name] = known
                identity.refused.pop(name, None)
            else:
                identity.known.pop(name, None)
                identity.refused[name] = self._clock() + REFUSED_SECONDS
        finally:
            identity.asking.pop(name, None)
        if identity.user.mark and (before and before.user) != (known and known.user):
            self._changed(identity.user)

    async def _wait(self, identity: _TokenIdentity, asking: Mapping[str, asyncio.Task[None]]) -> None:
        """Wait for all clusters that answer in time, but not long for the others if one knows the token."""
        identity.error = None
        await asyncio.sleep(0)  # what is remembered needs no more
        until: float | None = None
        while True:
            left = {name: task for name, task in asking.items() if not task.done()}
            quick = {name: task for name, task in left.items() if name not in self._slow}
            waited = quick or (left if not identity.known else {})
            if not waited:
                return
            if identity.known and until is None:
                until = self._clock() + PATIENCE
            seconds = None if until is None else until - self._clock()
            if seconds is not None and seconds <= 0:
                self._slow.update(waited)
                return
            await asyncio.wait(waited.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def _renewal(self, mark: str, identity: _TokenIdentity, token: str) -> Callable[[], bool]:
        """Says whether any cluster still knows the token, and asks again, also those that did not."""

        def is_valid() -> bool:
            if self._identities.get(mark) is not identity:
                return False
            lost = [name for name, known in identity.known.items() if not known.is_valid()]
            for name in lost:
                del identity.known[name]
            if lost:
                self._changed(identity.user)
            self._ask(identity, token, again=False)
            return bool(identity.known)

        return is_valid

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = [task for each in self._identities.values() for task in each.asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _names(identity: _TokenIdentity) -> Mapping[str, User]:
    return {name: known.user for name, known in sorted(identity.known.items())}
