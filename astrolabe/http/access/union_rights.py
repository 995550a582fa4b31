"""What each user may see of several clusters: each cluster's API server decides about its own."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextvars import Context
from functools import partial
from typing import Any, Protocol

from astrolabe.graph.visible.visibility import Visibility
from astrolabe.http.access.visible import Rights, RightsChanged
from astrolabe.http.errors import Refusal
from astrolabe.users import User

logger = logging.getLogger("astrolabe.http")

#: Seconds that a request waits for what clusters say; and for one that has not answered in time lately.
PATIENCE, SLOW_PATIENCE = 3.0, 0.02
#: Users that are remembered, beside those who have open streams.
MOST_USERS = 2_000

#: Why nothing of a cluster is shown to a user.
NO_ANSWER = "the API server does not say what you may see"
NO_CONNECTION = "the API server cannot be reached yet"


class ClusterRights(Rights, Protocol):
    """The rights of users in one cluster."""

    def fresh(self, user: User, namespaces: Collection[str] = (), /) -> Visibility | None:
        """The same as `of`, if nothing has to be asked for it."""
        ...

    def is_sure(self, user: User, /) -> bool:
        """Whether what is known holds. Listeners learn of a change."""
        ...


class UnionRights:
    """Implements `Rights`. A cluster that does not tell shows nothing, says so, and holds up no other.

    user_in: as whom a cluster knows a user; else why it does not.
    """

    def __init__(self, user_in: Callable[[str, User], User | str]) -> None:
        self._user_in = user_in
        #: By cluster: those who know; or why nobody does.
        self._clusters: dict[str, ClusterRights | str] = {}
        self._users: OrderedDict[User, Visibility] = OrderedDict()
        self._of_all: set[str] = set()
        #: Clusters that have not answered in time, and of whom they have not told yet what they were asked.
        self._slow: set[str] = set()
        self._late: set[tuple[str, User]] = set()
        self._streaming: Callable[[], Collection[User]] = frozenset[User]
        self._listeners: list[RightsChanged] = []
        self._asking: set[asyncio.Task[None]] = set()

    def become(self, cluster: str, rights: ClusterRights | str | None, *, of_all: bool = False) -> None:
        """Ask these about a cluster from now on; or why nothing of it is shown; None: it is gone.

        of_all: whether the rights are the same for everybody, so that the cluster need not know them.
        """
        self._slow.discard(cluster)
        self._of_all.discard(cluster)
        if of_all:
            self._of_all.add(cluster)
        if rights is None:
            self._clusters.pop(cluster, None)
        else:
            self._clusters[cluster] = rights
        if rights is not None and not isinstance(rights, str):
            rights.follow(partial(self._note_change, cluster, rights))
            rights.keep(lambda: self._streaming_in(cluster))
        self._look_again(list(self._users))
        for user in self._streaming():
            self._spawn(self._ask_again(user))

    def note_identity(self, user: User) -> None:
        """Some cluster knows the user otherwise since."""
        if user in self._users:
            self._look_again([user])
            if user in self._streaming():
                self._spawn(self._ask_again(user))

    @property
    def users(self) -> int:
        return len(self._users)

    def follow(self, listener: RightsChanged) -> None:
        self._listeners.append(listener)

    def keep(self, streaming: Callable[[], Collection[User]]) -> None:
        self._streaming = streaming

    def known(self, user: User) -> Visibility | None:
        return self._users.get(user)

    async def of(self, user: User, namespaces: Collection[str] = ()) -> Visibility:
        asking: dict[tuple[str, User], asyncio.Task[None]] = {}
        for name, rights in self._clusters.items():
            known_as = self._known_as(name, user)
            if isinstance(rights, str) or isinstance(known_as, str):
                continue
            if rights.fresh(known_as, namespaces) is None:
                asking[name, known_as] = self._spawn(self._ask(name, rights, known_as, namespaces))
        await self._wait(asking)
        return self._take_in(user)

    async def _ask(self, name: str, rights: ClusterRights, user: User, namespaces: Collection[str]) -> None:
        try:
            await rights.of(user, namespaces)
            self._slow.discard(name)
        except Refusal:
            pass
        except Exception:
            logger.exception("the rights in cluster %s could not be found out", name)
        finally:
            if (name, user) in self._late:
                self._late.discard((name, user))
                self._look_again([each for each in self._users if self._known_as(name, each) == user])

    async def _wait(self, asking: Mapping[tuple[str, User], asyncio.Task[None]]) -> None:
        """Wait for all, but for none of them long."""
        quick = [task for (name, _), task in asking.items() if name not in self._slow]
        if quick:
            await asyncio.wait(quick, timeout=PATIENCE)
        elif asking:
            await asyncio.wait(asking.values(), timeout=SLOW_PATIENCE)
        for (name, user), task in asking.items():
            if not task.done():
                self._slow.add(name)
                self._late.add((name, user))

    async def _ask_again(self, user: User) -> None:
        await self.of(user)

    def _take_in(self, user: User) -> Visibility:
        """What the user may see now, as far as it is known."""
        parts = [(name, self._part(name, user)) for name in sorted(self._clusters)]
        complete = all(each.complete for _, each in parts)
        visibility = Visibility(complete=complete, clusters=tuple(parts))
        before, self._users[user] = self._users.get(user), visibility
        self._users.move_to_end(user)
        if before is None:
            self._make_room()
        elif before != visibility:
            for listener in self._listeners:
                listener({user: (before, visibility)})
        return visibility

    def _part(self, name: str, user: User) -> Visibility:
        rights, known_as = self._clusters[name], self._known_as(name, user)
        if isinstance(rights, str):
            return Visibility(why=rights)
        if isinstance(known_as, str):
            return Visibility(why=known_as)
        is_sure = (name, known_as) not in self._late and rights.is_sure(known_as)
        known = rights.known(known_as) if is_sure else None
        return known if known is not None else Visibility(why=NO_ANSWER)

    def _make_room(self) -> None:
        if len(self._users) <= MOST_USERS:
            return
        streaming = frozenset(self._streaming())
        for user in list(self._users)[:-1]:
            if len(self._users) <= MOST_USERS:
                return
            if user not in streaming:
                del self._users[user]

    async def may_get(self, user: User, kind: str, namespace: str, name: str, uid: str) -> bool:
        cluster = uid.partition("/")[0]
        rights, known_as = self._clusters.get(cluster, ""), self._known_as(cluster, user)
        if isinstance(rights, str) or isinstance(known_as, str):
            return False
        try:
            return await rights.may_get(known_as, kind, namespace, name, uid)
        except Refusal:
            return False

    async def may_read(self, user: User, path: str) -> bool:
        """In all clusters, because what is told there is of all."""
        allowed = []
        for name, rights in self._clusters.items():
            known_as = self._known_as(name, user)
            if isinstance(rights, str) or isinstance(known_as, str):
                return False
            allowed.append(rights.may_read(known_as, path))
        return bool(allowed) and all(await asyncio.gather(*allowed))

    # What changes

    def _note_change(
        self,
        cluster: str,
        rights: ClusterRights,
        changed: Mapping[User, tuple[Visibility, Visibility]],
    ) -> None:
        if self._clusters.get(cluster) is rights:
            self._look_again([user for user in self._users if self._known_as(cluster, user) in changed])

    def _look_again(self, users: Collection[User]) -> None:
        for user in users:
            if user in self._users:
                self._take_in(user)

    def _known_as(self, cluster: str, user: User) -> User | str:
        return user if cluster in self._of_all else self._user_in(cluster, user)

    def _streaming_in(self, cluster: str) -> Collection[User]:
        found = [self._known_as(cluster, user) for user in self._streaming()]
        return {user for user in found if not isinstance(user, str)}

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # Not in the context of the request, which would be kept alive as long.
        task = asyncio.create_task(work, name="astrolabe.http.rights", context=Context())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return task

    async def close(self) -> None:
        """Ask nobody any more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
