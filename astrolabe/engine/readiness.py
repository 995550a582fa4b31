"""The state of every watched kind, and whether all that can be read is synced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from astrolabe.engine.inbox import InvalidObject, Scope, UnavailableCause, WatchState
from astrolabe.graph.model.faults import Fault
from astrolabe.kinds.event import EVENT
from astrolabe.kinds.kind import is_custom


class ScopeState(msgspec.Struct):
    """last_message: loop time in seconds of the last message of the watch; None before the first.

    removed: whether the API server no longer serves the kind, so that it has no objects.
    late: whether the kind was added to the cluster after the start. Its first list delays nothing.
    """

    state: WatchState = "listing"
    why: str = ""
    cause: UnavailableCause = ""
    last_message: float | None = None
    removed: bool = False
    late: bool = False


class WatchReadiness(Protocol):
    """What is known about watches, of one cluster or of several; see `ReadinessTracker`."""

    @property
    def ready(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    @property
    def rebuilds(self) -> int: ...
    @property
    def states(self) -> Mapping[Scope, ScopeState]: ...
    @property
    def skipped(self) -> Mapping[str, Mapping[str, InvalidObject]]: ...
    @property
    def failing(self) -> Callable[[], Sequence[Fault]]: ...
    def waiting(self) -> list[Scope]: ...
    def unready(self) -> list[Scope]: ...


class ReadinessTracker:
    """Once ready, always ready. A kind that becomes unavailable later is reported, not hidden behind a 503.

    skipped: per kind, the objects that the graph leaves out now, by uid or, without a uid, by label.
    complete: whether these are all kinds that the cluster is known to have; else more may come.
    failing: returns the resources whose status is not derived from their neighbors because a rule failed.
    rebuilds: how often the graph was rebuilt after a failed update, since the start of the process.
    """

    def __init__(self, scopes: Iterable[Scope]) -> None:
        self.states: dict[Scope, ScopeState] = {scope: ScopeState() for scope in scopes}
        self.skipped: dict[str, dict[str, InvalidObject]] = {scope.kind: {} for scope in self.states}
        self.complete = True
        self.failing: Callable[[], Sequence[Fault]] = tuple
        self.rebuilds = 0
        self._by_location = {(scope.kind, scope.namespace): scope for scope in self.states}
        self._ready = asyncio.Event()
        self.update_ready()

    @property
    def ready(self) -> bool:
        """Whether every kind has been synced, except optional ones that cannot be."""
        return self._ready.is_set()

    async def wait(self) -> None:
        """Wait until all kinds are synced that can be."""
        await self._ready.wait()

    def change(self, scopes: Iterable[Scope], removed: Iterable[str] = (), *, complete: bool = True) -> None:
        """Some kinds go, and then some come, or are watched anew.

        complete: see the attribute.
        """
        scopes = tuple(scopes)
        renewed = {scope.kind for scope in scopes}
        gone = {*removed, *renewed}
        self.states = {scope: known for scope, known in self.states.items() if scope.kind not in gone}
        self.states.update({scope: ScopeState(late=self.complete) for scope in scopes})
        for kind in gone - renewed:
            self.skipped.pop(kind, None)
        for kind in renewed:
            self.skipped.setdefault(kind, {})
        self._by_location = {(scope.kind, scope.namespace): scope for scope in self.states}
        self.complete = complete
        self.update_ready()

    def note_message(self, kind: str, namespace: str, now: float) -> None:
        """Note the time of a message of this watch, or of all watches of the kind."""
        for scope in self._scopes(kind, namespace):
            self.states[scope].last_message = now

    def report(
        self,
        kind: str,
        namespace: str,
        state: WatchState,
        why: str = "",
        *,
        cause: UnavailableCause = "",
        served: bool = True,
    ) -> None:
        """Note the state of a watch. served: whether its list is served. If not, call `update_ready` then."""
        for scope in self._scopes(kind, namespace):
            known = self.states[scope]
            known.state, known.why, known.cause = state, why, cause
            known.removed = known.removed and state == "unavailable"
        if served:
            self.update_ready()

    def mark_removed(self, kind: str, namespace: str) -> None:
        """The API server no longer serves this kind."""
        for scope in self._scopes(kind, namespace):
            self.states[scope].removed = True
        self.forget_skipped(kind, namespace)

    def skip(self, kind: str, invalid: InvalidObject) -> None:
        """Note that the graph leaves out this object, until an object with its uid is applied or deleted."""
        known = self.skipped.setdefault(kind, {})
        if invalid.uid:
            known.pop(invalid.label, None)  # under which it was noted while its uid was unreadable
        known[invalid.uid or invalid.label] = invalid

    def forget_skipped(self, kind: str, namespace: str) -> None:
        """Clear the skipped objects of a kind, in one namespace or in all, before a complete list."""
        known = self.skipped.setdefault(kind, {})
        for key in [key for key, each in known.items() if namespace in ("", each.namespace)]:
            del known[key]

    def update_ready(self) -> None:
        """Become ready if all kinds are synced and served, except optional ones that cannot be."""
        if not self.waiting():
            self._ready.set()

    def restart(self, scopes: Iterable[Scope], *, complete: bool = True) -> None:
        """Forget everything: these watches start. complete: see the attribute."""
        self._ready.clear()
        self.failing = tuple
        self.states = {scope: ScopeState() for scope in scopes}
        self.skipped = {scope.kind: {} for scope in self.states}
        self._by_location = {(scope.kind, scope.namespace): scope for scope in self.states}
        self.complete = complete
        self.update_ready()

    def is_listed(self, kind: str, namespace: str) -> bool:
        """Whether all resources of the kind in the namespace are known.

        True if the settings exclude the namespace: then there are none. The same holds for a kind that is
        not watched, once all kinds are known.
        """
        scope = self._by_location.get((kind, "")) or self._by_location.get((kind, namespace))
        if scope is None:
            return self.complete or kind in self.skipped
        return self.states[scope].state == "synced" or self.states[scope].removed

    def still_listing(self) -> list[Scope]:
        """The scopes whose first list is neither complete nor refused yet.

        Without those that need not be read, and cannot for now.
        """
        return [
            scope
            for scope, known in self.states.items()
            if known.state == "listing" and (scope.required or not (known.why or known.late))
        ]

    def awaited(self) -> list[Scope]:
        """Those of them without which a new writer does not begin: the required ones, Events, without whose
        words nodes would change twice, and custom resources, which are many and whose lists would each need
        another comparison with what was stored."""
        return [
            scope
            for scope in self.still_listing()
            if scope.required or scope.kind == EVENT or is_custom(scope.kind)
        ]

    def waiting(self) -> list[Scope]:
        """What readiness waits for: required scopes that are not synced, and the first lists of others.

        Kinds that the account may not list delay nothing, unless it may list none: then the API server may
        have just started, and may not know its roles yet.
        """
        unready = self.unready()
        if any(known.state == "synced" for known in self.states.values()):
            unready = [scope for scope in unready if self.states[scope].cause != "forbidden"]
        return list(dict.fromkeys([*unready, *self.still_listing()]))

    def unready(self) -> list[Scope]:
        """The required scopes that are not synced."""
        return [s for s, known in self.states.items() if s.required and known.state != "synced"]

    def _scopes(self, kind: str, namespace: str) -> list[Scope]:
        exact = self._by_location.get((kind, namespace))
        if exact is not None:
            return [exact]
        return [scope for scope in self.states if scope.kind == kind]
