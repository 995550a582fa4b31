"""The sources of all visibilities in use. Each is made when it is first needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import Context
from typing import Any, Generic, Protocol, TypeVar

from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.history import GraphAt
from astrolabe.graph.state.node import Node
from astrolabe.graph.visible.visibility import EVENT, Reads, Visibility
from astrolabe.http.access.visible import Rights
from astrolabe.http.errors import Refusal
from astrolabe.http.scopes.visible_source import VisibleSource
from astrolabe.http.source import GraphSource
from astrolabe.kinds.reads import reads_of
from astrolabe.settings import Limits
from astrolabe.users import EVERYBODY, User

logger = logging.getLogger("astrolabe.http")

#: Seconds for which an unused scope is kept, for users who come back.
KEEP_SECONDS = 300.0


class Doors(Protocol):
    """The front doors of one source. They are open until `close`."""

    async def close(self) -> None: ...


D = TypeVar("D", bound=Doors)


class UserScope(Generic[D]):
    """What some users may see, and its front doors. users: those who have used it."""

    def __init__(self, source: VisibleSource, doors: D) -> None:
        self.source = source
        self.doors = doors
        self.users: set[User] = set()
        self.last_used = 0.0


class UserScopes(Generic[D]):
    """Finds the doors for each user. Implements `HubObserver` for the whole graph.

    make: makes the doors of a source. all: those of the whole graph, for who may see everything.
    moved: called with the users whose doors are others from now on: their streams have to end.
    """

    def __init__(
        self,
        source: GraphSource,
        rights: Rights,
        *,
        make: Callable[[VisibleSource], D],
        all: D,
        limits: Limits,
        moved: Callable[[Iterable[User]], None],
    ) -> None:
        self._source = source
        self._rights = rights
        self._make = make
        self._all = all
        self._limits = limits
        self._moved = moved
        self._scopes: dict[Visibility, UserScope[D]] = {}
        self._coming: dict[Visibility, asyncio.Task[UserScope[D]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: The scopes that see a kind everywhere, or in a namespace.
        self._listed: dict[tuple[str, str], dict[UserScope[D], None]] = {}
        self._reads: tuple[int, Reads] = (-1, {})
        source.hub.observe(self)
        source.state.subscribe(lambda _: self._refresh_states())
        rights.follow(self._change)

    def __len__(self) -> int:
        """How many visibilities are in use, not counting the one of everything."""
        return len(self._scopes)

    async def doors_of(self, user: User, namespaces: Iterable[str] = ()) -> D:
        """The doors to what the user may see. namespaces: that the request names. Raises Refusal."""
        if user == EVERYBODY:
            return self._all
        visibility = await self._rights.of(user, tuple(namespaces))
        if self._is_everything(visibility):
            return self._all
        scope = self._scopes.get(visibility) or await self._begin(visibility)
        scope.users.add(user)
        scope.last_used = asyncio.get_running_loop().time()
        return scope.doors

    async def close(self) -> None:
        """Close all doors."""
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

    def _is_everything(self, visibility: Visibility) -> bool:
        return visibility.everywhere >= {*self._source.catalogue.keys, EVENT}

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
            self._list(scope)  # from now on it follows, while it takes in what was there before
            try:
                await source.build()
            except BaseException:
                self._strike(scope)
                raise
            self._scopes[visibility] = scope
            return scope
        finally:
            del self._coming[visibility]

    def _make_room(self) -> None:
        """Drop what nobody has used for long. Raises Refusal if as many are in use as there may be."""
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

    def _drop_unused(self) -> None:
        now = asyncio.get_running_loop().time()
        for visibility, scope in list(self._scopes.items()):
            if not scope.source.hub.subscriptions and now - scope.last_used > KEEP_SECONDS:
                self._drop(visibility, scope)

    def _drop(self, visibility: Visibility, scope: UserScope[D]) -> None:
        del self._scopes[visibility]
        self._strike(scope)
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
                logger.exception("the graph of some users could not be updated; rebuilding it")
                self._spawn(scope.source.rebuild())

    def replaced(self) -> None:
        """Rebuild all scopes."""
        for scope in self._scopes.values():
            self._spawn(scope.source.rebuild())

    def _concerned(self, batch: Batch, past: GraphAt) -> Iterable[UserScope[D]]:
        found: dict[UserScope[D], None] = {}
        if not self._listed:
            return found
        for node in _touched(batch, past, self._source.hub.graph.nodes):
            found.update(self._listed.get(("", node.kind), {}))
            if node.namespace:
                found.update(self._listed.get((node.namespace, node.kind), {}))
        if batch.changes.releases:
            for scopes in self._listed.values():
                found.update(scopes)
        return found

    def _refresh_states(self) -> None:
        for scope in self._scopes.values():
            scope.source.state.refresh()

    def _change(self, changed: Mapping[User, tuple[Visibility, Visibility]]) -> None:
        """The rights of some users have changed. Those who keep equal rights stay together."""
        for before in {before for before, _ in changed.values()}:
            scope = self._scopes.get(before)
            if scope is None:
                continue
            now = {changed[user][1] if user in changed else before for user in scope.users}
            after = next(iter(now), before)
            if len(now) == 1 and after not in self._scopes and after not in self._coming:
                self._turn(scope, before, after)
            else:
                gone = {user for user in scope.users if user in changed}
                scope.users -= gone
                self._moved(gone)
        self._moved([user for user, (before, _) in changed.items() if self._is_everything(before)])

    def _turn(self, scope: UserScope[D], before: Visibility, after: Visibility) -> None:
        self._strike(scope)
        del self._scopes[before]
        self._scopes[after] = scope
        scope.source.visibility = after
        self._list(scope)
        self._spawn(scope.source.become(after))


def _keys_of(visibility: Visibility) -> Iterator[tuple[str, str]]:
    yield from [("", kind) for kind in visibility.everywhere]
    yield from visibility.within


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
