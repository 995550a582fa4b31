"""How complete the picture is: the state of every watched kind, and whether all required ones are synced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec

from astrolabe.engine.inbox import InvalidObject, UnavailableCause, WatchState
from astrolabe.graph.faults import Fault


class Scope(msgspec.Struct, frozen=True):
    """One watch: a kind everywhere (`namespace` "") or in one namespace.

    required: readiness waits for it.
    """

    kind: str
    namespace: str = ""
    required: bool = True


class ScopeState(msgspec.Struct):
    """last_message: loop time in seconds of the last message of the watch; None before the first.

    removed: whether it is unavailable because there is no such kind any more, and so no object of it.
    """

    state: WatchState = "listing"
    why: str = ""
    cause: UnavailableCause = ""
    last_message: float | None = None
    removed: bool = False


class Readiness:
    """Ready once, ready for good: a kind that becomes unavailable later is told, not hidden behind 503.

    skipped: of each kind the objects that are left out now, by uid (or by label, where there is none).
    failing: tells those whose status is not derived from their neighbours, since a rule raised.
    rebuilds: how often a change failed and the graph was put together anew, since the start of the process.
    """

    def __init__(self, scopes: Iterable[Scope]) -> None:
        self.states: dict[Scope, ScopeState] = {scope: ScopeState() for scope in scopes}
        self.skipped: dict[str, dict[str, InvalidObject]] = {scope.kind: {} for scope in self.states}
        self.failing: Callable[[], Sequence[Fault]] = tuple
        self.rebuilds = 0
        self._by_location = {(scope.kind, scope.namespace): scope for scope in self.states}
        self._ready = asyncio.Event()
        self.update_ready()

    @property
    def ready(self) -> bool:
        """Whether every required kind has been synced."""
        return self._ready.is_set()

    async def wait(self) -> None:
        """Return as soon as it is ready."""
        await self._ready.wait()

    def note_message(self, kind: str, namespace: str, now: float) -> None:
        """There was news of this watch (of any of the kind's, when the message does not tell which)."""
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
        """Note how a watch is. served: whether what it listed is served; if not, `settle` has to follow."""
        for scope in self._scopes(kind, namespace):
            known = self.states[scope]
            known.state, known.why, known.cause = state, why, cause
            known.removed = known.removed and state == "unavailable"
        if served:
            self.update_ready()

    def mark_removed(self, kind: str, namespace: str) -> None:
        """There is no such kind any more."""
        for scope in self._scopes(kind, namespace):
            self.states[scope].removed = True
        self.forget_skipped(kind, namespace)

    def skip(self, kind: str, invalid: InvalidObject) -> None:
        """This object is left out; until one with its uid is taken in, or is gone."""
        known = self.skipped.setdefault(kind, {})
        if invalid.uid:
            known.pop(invalid.label, None)  # as which it was left out while its uid could not be read
        known[invalid.uid or invalid.label] = invalid

    def forget_skipped(self, kind: str, namespace: str) -> None:
        """A complete list of the kind follows, in all namespaces or in one."""
        known = self.skipped.setdefault(kind, {})
        for key in [key for key, each in known.items() if namespace in ("", each.namespace)]:
            del known[key]

    def update_ready(self) -> None:
        """What the watches told is served: whoever waits for readiness may go on."""
        if not self.unready():
            self._ready.set()

    def restart(self) -> None:
        """Nothing is known any more: all watches begin anew."""
        self._ready.clear()
        self.failing = tuple
        for scope in self.states:
            self.states[scope] = ScopeState()
            self.skipped[scope.kind].clear()
        self.update_ready()

    def is_listed(self, kind: str, namespace: str) -> bool:
        """Whether it is known which resources of the kind there are in the namespace; none are known where
        nobody watches, which is what the settings ask for."""
        scope = self._by_location.get((kind, "")) or self._by_location.get((kind, namespace))
        return scope is None or self.states[scope].state == "synced" or self.states[scope].removed

    def still_listing(self) -> list[Scope]:
        """The required scopes of which it is not known yet whether they can be listed."""
        return [s for s, known in self.states.items() if s.required and known.state == "listing"]

    def unready(self) -> list[Scope]:
        """The required scopes that are waited for."""
        return [s for s, known in self.states.items() if s.required and known.state != "synced"]

    def _scopes(self, kind: str, namespace: str) -> list[Scope]:
        exact = self._by_location.get((kind, namespace))
        if exact is not None:
            return [exact]
        return [scope for scope in self.states if scope.kind == kind]
