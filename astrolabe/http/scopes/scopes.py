"""The sources of all visibilities in use. Each is made when it is first needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextvars import Context
from typing import Any, Generic, Protocol, TypeVar

from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.node import Node
from astrolabe.graph.visible.visibility import EVERYTHING, Reads, Visibility
from astrolabe.http.access.visible import Rights
from astrolabe.http.errors import Refusal
from astrolabe.http.scopes.visible_source import VisibleSource
from astrolabe.http.source import GraphSource
from astrolabe.kinds.reads import reads_of
from astrolabe.settings import Limits
from astrolabe.users import EVERYBODY, User

logger = logging.getLogger("astrolabe.http")

#: Seconds for which an unused scope is kept, in case its users return; and seconds between two sweeps.
KEEP_SECONDS, SWEEP_SECONDS = 300.0, 60.0
#: Seconds after which a new place takes over rights that were found in the meantime.
FOLLOW_SECONDS = 0.5
#: Changes of a user's rights that a request waits for.
MOST_TURNS = 5


class Doors(Protocol):
    """The front doors of one source. They are open until `close`."""

    async def close(self) -> None: ...


D = TypeVar("D", bound=Doors)


class UserScope(Generic[D]):
    """What some users may see, and the doors to it. users: who see it now."""

    def __init__(self, source: VisibleSource, doors: D) -> None:
        self.source = source
        self.doors = doors
        self.users: set[User] = set()
        self.last_used = 0.0


class UserPlace(Generic[D]):
    """What one user sees. scope: None for everything. left: whether they see something else since."""

    def __init__(self, user: User, scope: UserScope[D] | None, doors: D) -> None:
        self.user = user
        self.scope = scope
        self.doors = doors
        self.left = False
        self.last_used = 0.0


class UserScopes(Generic[D]):
    """Finds the doors for each user. Implements `HubObserver` for the whole graph.

    make: makes the doors of a source. all: the doors of the whole graph, for users who may see everything.
    moved: called when places have been left: streams that were opened there have to move.
    streaming: the users with open streams.
    """

    def __init__(
        self,
        source: GraphSource,
        rights: Rights,
        *,
        make: Callable[[VisibleSource], D],
        all: D,
        limits: Limits,
        moved: Callable[[], None],
        streaming: Callable[[], Collection[User]],
    ) -> None:
        self._source = source
        self._rights = rights
        self._make = make
        self._all = all
        self._limits = limits
        self._moved = moved
        self._streaming = streaming
        self._places: dict[User, UserPlace[D]] = {}
        self._building: set[UserScope[D]] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._scopes: dict[Visibility, UserScope[D]] = {}
        self._coming: dict[Visibility, asyncio.Task[UserScope[D]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: The scopes by what they see: cluster, namespace ("": all) and kind.
        self._listed: dict[tuple[str, str, str], dict[UserScope[D], None]] = {}
        self._reads: tuple[int, Reads] = (-1, {})
        source.hub.observe(self)
        source.state.subscribe(lambda _: self._refresh_states())
        rights.follow(self._change)
        rights.keep(streaming)

    def __len__(self) -> int:
        """How many visibilities are in use, not counting the one of everything."""
        return len(self._scopes)

    async def place_of(self, user: User, namespaces: Iterable[str] = ()) -> UserPlace[D]:
        """What the user may see, and the doors to it. namespaces: that the request names. Raises Refusal."""
        if user == EVERYBODY:
            return UserPlace(user, None, self._all)
        named = tuple(namespaces)
        for _ in range(MOST_TURNS):
            visibility = await self._rights.of(user, named)
            if (place := self._places.get(user)) is not None and place.scope is not None:
                self._change({user: (place.scope.source.visibility, visibility)})
            if _is_everything(visibility):
                return self._lead(user, None)
            scope = self._scopes.get(visibility) or await self._begin(visibility)
            await scope.source.settled()
            # Meanwhile the user's rights may have changed, or what the scope shows.
            now = await self._rights.of(user, named)
            if visibility == scope.source.visibility and now.includes(visibility):
                return self._lead_on(user, scope, now)
        raise _restless()

    async def place_by_what_is_known(self, user: User) -> UserPlace[D]:
        """The same for open streams, which follow what is known of the user's rights, and ask nothing.
        Raises Refusal."""
        for _ in range(MOST_TURNS):
            visibility = self._rights.known(user)
            if visibility is None:
                break
            if _is_everything(visibility):
                return self._lead(user, None)
            scope = self._scopes.get(visibility) or await self._begin(visibility)
            await scope.source.settled()
            now = self._rights.known(user)
            if visibility == scope.source.visibility and now is not None and now.includes(visibility):
                return self._lead_on(user, scope, now)
        raise _restless()

    def _lead_on(self, user: User, scope: UserScope[D], now: Visibility) -> UserPlace[D]:
        """The user's place in the scope. If they see even more by now, the place follows a little later:
        while rights are found, one would always be behind."""
        if now != scope.source.visibility:
            loop = asyncio.get_running_loop()
            loop.call_later(FOLLOW_SECONDS, self._follow_rights, user, context=Context())
        return self._lead(user, scope)

    def _follow_rights(self, user: User) -> None:
        place, now = self._places.get(user), self._rights.known(user)
        if place is not None and place.scope is not None and now is not None:
            self._change({user: (place.scope.source.visibility, now)})

    def _lead(self, user: User, scope: UserScope[D] | None) -> UserPlace[D]:
        """The user's place in the scope. Their place in any other scope ends."""
        now = asyncio.get_running_loop().time()
        place = self._places.get(user)
        if place is None or place.left or place.scope is not scope:
            if place is not None:
                self._leave(place)
            place = UserPlace(user, scope, self._all if scope is None else scope.doors)
            self._places[user] = place
            if scope is not None:
                scope.users.add(user)
            self._moved()
        place.last_used = now
        if scope is not None:
            scope.last_used = now
        if self._sweeping is None:
            self._sweep_later()
        return place

    def _leave(self, place: UserPlace[D]) -> None:
        place.left = True
        if place.scope is not None:
            place.scope.users.discard(place.user)
        if self._places.get(place.user) is place:
            del self._places[place.user]

    async def close(self) -> None:
        """Close all doors."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        working = [*self._coming.values(), *self._tasks]
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        for scope in list(self._scopes.values()):
            await scope.doors.close()

    def reads(self) -> Reads:
        """What the statuses of the kinds as they are now depend on."""
        catalogue = self._source.catalogue
        if self._reads[0] != catalogue.version:
            self._reads = catalogue.version, reads_of(catalogue)
        return self._reads[1]

    # Coming and going

    async def _begin(self, visibility: Visibility) -> UserScope[D]:
        """Make a scope, once for all who wait for it."""
        coming = self._coming.get(visibility)
        if coming is None:
            self._make_room()
            making = self._build(visibility)
            # Not in the context of the first request, which would be kept alive as long.
            coming = asyncio.create_task(making, name="astrolabe.http.scope", context=Context())
            self._coming[visibility] = coming
        return await asyncio.shield(coming)

    async def _build(self, visibility: Visibility) -> UserScope[D]:
        try:
            source = VisibleSource(self._source, visibility, limits=self._limits, reads=self.reads)
            scope = UserScope(source, self._make(source))
            self._building.add(scope)
            self._list(scope)  # from now on it follows, while it takes in what was there before
            try:
                await source.build()
            except BaseException:
                self._strike(scope)
                raise
            finally:
                self._building.discard(scope)
            scope.last_used = asyncio.get_running_loop().time()
            self._scopes[visibility] = scope
            return scope
        finally:
            del self._coming[visibility]

    def _make_room(self) -> None:
        """Drop scopes that were not used for long. Raises Refusal if the most are still in use."""
        self._drop_unused()
        most = self._limits.max_visibilities
        if len(self._scopes) + len(self._coming) >= most:
            raise Refusal(
                503,
                "too-many-visibilities",
                f"the server already serves users with {most} different sets of rights, the most it may "
                "(--max-visibilities); try again later",
                headers={"Retry-After": "30"},
            )

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep, context=Context())

    def _sweep(self) -> None:
        """Forget users who have not come for long, and what nobody uses any more."""
        now, streaming = asyncio.get_running_loop().time(), self._streaming()
        for place in list(self._places.values()):
            if now - place.last_used > KEEP_SECONDS and place.user not in streaming:
                self._leave(place)
        self._drop_unused()
        self._sweep_later()

    def _drop_unused(self) -> None:
        now, streaming = asyncio.get_running_loop().time(), self._streaming()
        for visibility, scope in list(self._scopes.items()):
            is_used = any(user in streaming for user in scope.users) or scope.source.hub.subscriptions
            if not is_used and now - scope.last_used > KEEP_SECONDS:
                self._drop(visibility, scope)

    def _drop(self, visibility: Visibility, scope: UserScope[D]) -> None:
        del self._scopes[visibility]
        self._strike(scope)
        for user in list(scope.users):
            self._leave(self._places[user])
        self._moved()
        self._spawn(scope.doors.close())

    def _list(self, scope: UserScope[D]) -> None:
        for key in _keys_of(scope.source.visibility):
            self._listed.setdefault(key, {})[scope] = None

    def _strike(self, scope: UserScope[D]) -> None:
        for key in _keys_of(scope.source.visibility):
            scopes = self._listed.get(key, {})
            scopes.pop(scope, None)
            if not scopes:
                self._listed.pop(key, None)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work, name="astrolabe.http.scopes", context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("the graph of some users could not be updated", exc_info=task.exception())

    # What changes

    def stepped(self, batch: Batch, past: GraphAt) -> None:
        """Tell each scope that the step concerns."""
        for scope in self._concerned(batch, past):
            try:
                scope.source.step(batch)
            except Exception:
                logger.exception("what some users may see could not be updated; it is made anew")
                self._renew(scope)

    def replaced(self) -> None:
        """All scopes are made anew."""
        for scope in (*self._scopes.values(), *self._building):
            self._renew(scope)

    def _renew(self, scope: UserScope[D]) -> None:
        scope.source.expect()
        self._spawn(self._take_care(scope, scope.source.rebuild))

    async def _take_care(self, scope: UserScope[D], work: Callable[[], Awaitable[None]]) -> None:
        """Do this with a scope. If it fails, the scope is closed to its users."""
        try:
            await work()
        except Exception:
            logger.exception("what some users may see could not be updated; they have to come back")
            visibility = scope.source.visibility
            if self._scopes.get(visibility) is scope:
                self._drop(visibility, scope)

    def _concerned(self, batch: Batch, past: GraphAt) -> Iterable[UserScope[D]]:
        found: dict[UserScope[D], None] = {}
        if not self._listed:
            return found
        for node in _touched(batch, past, self._source.hub.graph.nodes):
            found.update(self._listed.get((node.cluster, "", EVERYTHING), {}))
            found.update(self._listed.get((node.cluster, "", node.kind), {}))
            if node.namespace:
                found.update(self._listed.get((node.cluster, node.namespace, node.kind), {}))
        if batch.changes.releases:
            for scopes in self._listed.values():
                found.update(scopes)
        return found

    def _refresh_states(self) -> None:
        for scope in self._scopes.values():
            scope.source.state.refresh()

    def _change(self, changed: Mapping[User, tuple[Visibility, Visibility]]) -> None:
        """Some users may see something else: those who could see the same go on together."""
        moving: dict[UserScope[D], dict[User, Visibility]] = {}
        for user, (_, after) in changed.items():
            place = self._places.get(user)
            if place is None:
                continue
            scope = place.scope
            if scope is None:
                if not _is_everything(after):
                    self._leave(place)
            elif after != scope.source.visibility:
                moving.setdefault(scope, {})[user] = after
        for scope, users in moving.items():
            now, after = set(users.values()), next(iter(users.values()))
            is_free = after not in self._scopes and after not in self._coming and not _is_everything(after)
            if len(now) == 1 and is_free and users.keys() == scope.users:
                self._turn(scope, after)
            else:
                for user in users:
                    self._leave(self._places[user])
        self._moved()

    def _turn(self, scope: UserScope[D], after: Visibility) -> None:
        self._strike(scope)
        del self._scopes[scope.source.visibility]
        self._scopes[after] = scope
        scope.source.visibility = after
        self._list(scope)
        scope.source.expect()
        self._spawn(self._take_care(scope, scope.source.become))


def _restless() -> Refusal:
    return Refusal(
        503,
        "rights-unknown",
        "what you may see changes faster than it can be shown; come back",
        headers={"Retry-After": "5"},
    )


def _is_everything(visibility: Visibility) -> bool:
    """Whether kinds that come later may be seen, too."""
    return EVERYTHING in visibility.everywhere


def _keys_of(visibility: Visibility) -> Iterator[tuple[str, str, str]]:
    for cluster, each in (("", visibility), *visibility.clusters):
        yield from [(cluster, "", kind) for kind in each.everywhere]
        yield from [(cluster, namespace, kind) for namespace, kind in each.within]


def _touched(batch: Batch, past: GraphAt, nodes: Mapping[str, Node]) -> Iterator[Node]:
    """The nodes that the step changed, as they were and as they are, and the ends of changed edges."""
    changes = batch.changes
    uids = dict.fromkeys([*[node.uid for node in changes.nodes_set], *changes.nodes_removed])
    for _, source, target in (*[edge.key for edge in changes.edges_set], *changes.edges_removed):
        uids[source] = uids[target] = None
    for uid in uids:
        if (before := past.node(uid)) is not None:
            yield before
        if (now := nodes.get(uid)) is not None:
            yield now
