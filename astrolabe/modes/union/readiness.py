"""The readiness of a union: what its clusters know of their watches, taken together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from astrolabe.engine.inbox import InvalidObject, Scope
from astrolabe.engine.readiness import ScopeState
from astrolabe.engine.serving_state import ClusterState, Progress
from astrolabe.graph.model.faults import Fault
from astrolabe.http.source import ClusterSource

#: Seconds without progress after which a cluster that is still listing does not delay readiness any more.
STALLED = 30.0


class UnionReadiness:
    """Implements `WatchReadiness`. Once ready, always ready.

    It is ready when every cluster is, except those that cannot be reached or whose lists have stalled. If
    there are clusters, at least one must be ready.
    listed: whether it is known which clusters there are.
    members: returns the clusters by name. clock: monotonic seconds.
    """

    def __init__(
        self, members: Callable[[], Mapping[str, ClusterSource]], *, clock: Callable[[], float]
    ) -> None:
        self.listed = False
        self._members = members
        self._clock = clock
        self._ready = asyncio.Event()
        #: The last progress of each cluster, and when it was made.
        self._moved: dict[str, tuple[Progress, float]] = {}

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    async def wait(self) -> None:
        """Wait until it is ready."""
        await self._ready.wait()

    def update(self, clusters: Iterable[ClusterState]) -> None:
        """Become ready if clusters in these states allow it."""
        if self.ready or not self.listed:
            return
        members, now = self._members(), self._clock()
        ready = {name for name, member in members.items() if member.readiness.ready}
        for each in clusters:
            before = self._moved.get(each.name)
            if before is None or before[0] != each.progress:
                self._moved[each.name] = (each.progress, now)
        held = {
            each.name
            for each in clusters
            if each.state == "syncing" and now - self._moved[each.name][1] < STALLED
        }
        if (ready or not members) and not held - ready:
            self._ready.set()

    @property
    def complete(self) -> bool:
        return all(each.readiness.complete for each in self._members().values())

    @property
    def rebuilds(self) -> int:
        return sum([each.readiness.rebuilds for each in self._members().values()])

    @property
    def states(self) -> Mapping[Scope, ScopeState]:
        """Of each watch the state in the cluster where it matters most."""
        found: dict[Scope, ScopeState] = {}
        for member in self._members().values():
            for scope, state in member.readiness.states.items():
                known = found.get(scope)
                if known is None:
                    found[scope] = msgspec.structs.replace(state)
                    continue
                news = [each for each in (known.last_message, state.last_message) if each is not None]
                worse = min(known, state, key=lambda each: _rank(scope, each))
                found[scope] = msgspec.structs.replace(worse, last_message=max(news, default=None))
        return found

    @property
    def skipped(self) -> Mapping[str, Mapping[str, InvalidObject]]:
        """By the uid, or by cluster and label."""
        found: dict[str, dict[str, InvalidObject]] = {}
        for name, member in self._members().items():
            for kind, objects in member.readiness.skipped.items():
                known = found.setdefault(kind, {})
                known.update([(each.uid or f"{name}/{key}", each) for key, each in objects.items()])
        return found

    @property
    def failing(self) -> Callable[[], Sequence[Fault]]:
        return lambda: [fault for each in self._members().values() for fault in each.readiness.failing()]

    def waiting(self) -> list[Scope]:
        """What any of the clusters waits for."""
        return _each([member.readiness.waiting() for member in self._members().values()])

    def unready(self) -> list[Scope]:
        """The required watches that are not synced in some cluster."""
        return _each([member.readiness.unready() for member in self._members().values()])


def _rank(scope: Scope, state: ScopeState) -> int:
    """What matters most comes first. A kind that one cluster does not have is no gap."""
    if state.state == "unavailable":
        return 1 if scope.required or state.cause == "forbidden" else 3
    return 0 if state.state == "listing" else 2


def _each(some: Iterable[Iterable[Scope]]) -> list[Scope]:
    return list(dict.fromkeys([scope for scopes in some for scope in scopes]))
