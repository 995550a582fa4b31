"""How complete the picture is: the state of every watched kind, and whether all required ones are synced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from astrolabe.engine.inbox import State


class Scope(msgspec.Struct, frozen=True):
    """One watch: a kind everywhere (`namespace` "") or in one namespace.

    required: readiness waits for it.
    """

    kind: str
    namespace: str = ""
    required: bool = True


class ScopeState(msgspec.Struct):
    """news: loop time in seconds of the last message of the watch; None before the first."""

    state: State = "listing"
    why: str = ""
    news: float | None = None


class Readiness:
    """Ready once, ready for good: a kind that becomes unavailable later is told, not hidden behind 503."""

    def __init__(self, scopes: Iterable[Scope]) -> None:
        self.states: dict[Scope, ScopeState] = {scope: ScopeState() for scope in scopes}
        self._by_place = {(scope.kind, scope.namespace): scope for scope in self.states}
        self._ready = asyncio.Event()
        self._settle()

    @property
    def ready(self) -> bool:
        """Whether every required kind has been synced."""
        return self._ready.is_set()

    async def wait(self) -> None:
        """Return as soon as it is ready."""
        await self._ready.wait()

    def heard(self, kind: str, namespace: str, now: float) -> None:
        """There was news of this watch (of any of the kind's, when the message does not tell which)."""
        for scope in self._scopes(kind, namespace):
            self.states[scope].news = now

    def report(self, kind: str, namespace: str, state: State, why: str = "") -> None:
        for scope in self._scopes(kind, namespace):
            known = self.states[scope]
            known.state, known.why = state, why
        self._settle()

    def unready(self) -> list[Scope]:
        """The required scopes that are waited for."""
        return [s for s, known in self.states.items() if s.required and known.state != "synced"]

    def _scopes(self, kind: str, namespace: str) -> list[Scope]:
        exact = self._by_place.get((kind, namespace))
        if exact is not None:
            return [exact]
        return [scope for scope in self.states if scope.kind == kind]

    def _settle(self) -> None:
        if not self.unready():
            self._ready.set()
