"""How far what is served may be trusted: one value, worked out here and shown the same everywhere.

It is never greener than what is known: whatever is not known to be complete and fresh is not `live`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import msgspec

from astrolabe.engine.inbox import InvalidObject, WatchState
from astrolabe.engine.readiness import Readiness, Scope, ScopeState
from astrolabe.engine.skips import sample_of

#: syncing: not all kinds are listed yet. live: every kind is listed and watched. partial: live, but some
#: kinds or objects cannot be read. stale: what is served was true, and may not be any more.
StateName = Literal["syncing", "live", "partial", "stale"]
STATE_NAMES: tuple[StateName, ...] = ("syncing", "live", "partial", "stale")

#: Why a part of the cluster is not in the graph: HTTP 403, HTTP 404, or objects that cannot be read.
MissingReason = Literal["forbidden", "not-served", "skipped"]
MISSING_REASONS: tuple[MissingReason, ...] = ("forbidden", "not-served", "skipped")

#: Seconds without a connection after which a watch that was in step no longer counts as fresh. A watch that
#: ends and begins again, as they all do, takes less.
LOST_GRACE = 5.0

#: Seconds between two looks. What a look costs grows with the number of watches, not with the graph.
ASSESS_EVERY = 0.5

#: Seconds between two messages of which only the progress is news.
PROGRESS_EVERY = 1.0

#: Why what is served may be old while it is made anew.
REBUILDING = "a change of the graph failed, and it is put together anew"

#: Kinds that one sentence names.
MAX_NAMED_KINDS = 5


class ClusterInfo(msgspec.Struct, frozen=True):
    """Which cluster this is; "" for what is not known.

    name: of the kubeconfig's cluster, or the one of `--cluster-name`. context: of the kubeconfig.
    server: the URL of its API server.
    """

    name: str = ""
    context: str = ""
    server: str = ""


class Progress(msgspec.Struct, frozen=True):
    """kinds: listed at least once, or known to be unreadable; of so many. objects: known so far."""

    kinds: int = 0
    of: int = 0
    objects: int = 0


class MissingPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the cluster that is not in the graph. objects: how many are left out, when that is known."""

    kind: str
    reason: MissingReason
    why: str
    objects: int = 0


class Assessment(msgspec.Struct, frozen=True):
    """What the state is now.

    began: when it became so, on the loop's clock; None: when it was first seen to be so.
    since: the same as RFC 3339, when another process says so; "" otherwise.
    """

    state: StateName
    why: str = ""
    progress: Progress = Progress()
    partial: tuple[MissingPart, ...] = ()
    began: float | None = None
    since: str = ""


class ServingState(msgspec.Struct, frozen=True):
    """The state as it is told: in `/health`, on the stream, by the leader to its followers.

    since: RFC 3339. why: one sentence; "" when there is nothing to say.
    """

    state: StateName
    since: str
    why: str
    cluster: ClusterInfo
    progress: Progress
    partial: tuple[MissingPart, ...]

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return {**document, "partial": list(document["partial"])}


_NO_REPORT = ServingState("syncing", "", "", ClusterInfo(), Progress(), ())


class WatchFacts(Protocol):
    """How one watch is doing: see `kube.health.WatchHealth`.

    lost_since: when it lost its connection, on the clock time.monotonic; None while it has one.
    """

    kind: str
    namespace: str
    state: WatchState
    connected: bool
    lists: int
    last_error: str
    lost_since: float | None


def assess_watches(
    readiness: Readiness,
    watches: Sequence[WatchFacts],
    *,
    count: Callable[[str], int],
    restored: bool,
    rebuilding: bool = False,
    now: float,
) -> Assessment:
    """The state of a process that watches the cluster itself.

    count: how many objects of a kind are known.
    restored: whether a stored graph is served until all kinds are listed.
    rebuilding: whether the graph is put together anew after a fault, and what changes meanwhile has to wait.
    now: on the clock of `lost_since`.
    """
    scopes = readiness.states
    kinds: dict[str, bool] = {}
    for scope, known in scopes.items():
        kinds[scope.kind] = kinds.get(scope.kind, True) and known.state != "listing"
    progress = Progress(sum(kinds.values()), len(kinds), sum(map(count, kinds)))
    lost = [watch for watch in watches if _is_lost(watch, now)]
    partial = (*_unreadable(scopes), *_skipped(readiness.skipped))
    if progress.kinds < progress.of:
        return Assessment("syncing", _syncing(kinds, watches, restored=restored), progress, partial)
    if lost:
        began = min([watch.lost_since for watch in lost if watch.lost_since is not None])
        return Assessment("stale", _stale(lost, watches), progress, partial, began=began)
    if rebuilding:
        return Assessment("stale", REBUILDING, progress, partial)
    if partial:
        return Assessment("partial", _partial(partial), progress, partial)
    return Assessment("live", "", progress)


def assess_follower(
    told: ServingState | None, *, joined: bool, stale: bool, why: str, began: float | None
) -> Assessment:
    """The state of a process that serves what another one writes.

    told: the state of the writer, as it said last; None before. joined: whether a graph was found.
    stale, why, began: whether nobody keeps it up to date, and since when.
    """
    if not joined:
        return Assessment("syncing", why or "there is no graph in Redis yet")
    if stale:
        known = told or _NO_REPORT
        return Assessment("stale", why, known.progress, known.partial, began=began)
    if told is None:
        return Assessment("syncing", "the leader has not told its state yet")
    return Assessment(told.state, told.why, told.progress, told.partial, since=told.since)


def _is_lost(watch: WatchFacts, now: float) -> bool:
    """Whether what the watch brought is served, and no longer kept up to date."""
    if watch.connected or watch.state != "synced" or watch.lost_since is None:
        return False
    return now - watch.lost_since >= LOST_GRACE


def _unreadable(scopes: Mapping[Scope, ScopeState]) -> list[MissingPart]:
    """The kinds that cannot be had, in the order of the catalogue; several namespaces are one gap.

    A kind that need not be there and is not served has no objects that could be missing.
    """
    found: dict[tuple[str, MissingReason], list[tuple[Scope, ScopeState]]] = {}
    for scope, known in scopes.items():
        if known.state == "unavailable" and known.cause and (scope.required or known.cause == "forbidden"):
            found.setdefault((scope.kind, known.cause), []).append((scope, known))
    gaps = []
    for (kind, reason), each in found.items():
        namespaces = [scope.namespace for scope, _ in each if scope.namespace]
        where = f"in {_names(namespaces)}: " if namespaces else ""
        gaps.append(MissingPart(kind, reason, f"{where}{each[0][1].why}"))
    return gaps


def _skipped(skipped: Mapping[str, Mapping[str, InvalidObject]]) -> list[MissingPart]:
    """The kinds of which objects are left out."""
    gaps = []
    for kind, objects in skipped.items():
        if objects:
            first = min(sample_of(objects.values()), key=lambda each: each.label)
            several = len(objects) > 1
            count = f"{len(objects)} objects are left out, such as" if several else "1 object is left out:"
            gaps.append(MissingPart(kind, "skipped", f"{count} {first.label}: {first.why}", len(objects)))
    return gaps


def _syncing(kinds: Mapping[str, bool], watches: Iterable[WatchFacts], *, restored: bool) -> str:
    """What is waited for; and what keeps it from coming."""
    open = [kind for kind, listed in kinds.items() if not listed]
    failing = [watch for watch in watches if watch.state == "listing" and watch.last_error]
    why = f"{len(kinds) - len(open)} of {len(kinds)} kinds are listed"
    if failing and not failing[0].connected:
        why += f"; {failing[0].kind} cannot be listed: {failing[0].last_error}"
    if restored:
        why += "; until all are, the stored graph is served"
    return why


def _stale(lost: Sequence[WatchFacts], watches: Iterable[WatchFacts]) -> str:
    in_step = sum([watch.state == "synced" for watch in watches])
    error = lost[0].last_error
    if len(lost) == in_step:
        return f"the API server cannot be reached: {error}"
    kinds = list(dict.fromkeys([watch.kind for watch in lost]))
    verb = "has" if len(kinds) == 1 else "have"
    return f"{_names(kinds)} {verb} no watch: {error}"


def _partial(gaps: Sequence[MissingPart]) -> str:
    """One sentence for all reasons."""
    words: dict[MissingReason, str] = {
        "forbidden": "not readable",
        "not-served": "not served",
        "skipped": "missing some objects",
    }
    said = []
    for reason, word in words.items():
        kinds = list(dict.fromkeys([gap.kind for gap in gaps if gap.reason == reason]))
        if kinds:
            said.append(f"{word}: {_names(kinds)}")
    return "; ".join(said)


def _names(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = len(names) - MAX_NAMED_KINDS
    return ", ".join(names[:MAX_NAMED_KINDS]) + (f" and {more} more" if more > 0 else "")


class StateTracker:
    """Keeps the current state, and tells of its changes.

    assess: what the state is now. clock: monotonic seconds, of `Assessment.began`. time: seconds since 1970.
    """

    def __init__(
        self,
        assess: Callable[[], Assessment],
        cluster: ClusterInfo,
        *,
        clock: Callable[[], float],
        time: Callable[[], float],
    ) -> None:
        self._assess = assess
        self._cluster = cluster
        self._clock = clock
        self._time = time
        self._listeners: list[Callable[[ServingState], None]] = []
        self._published_at = clock()
        self.current = self._state(assess(), None)
        self._published = self.current

    def subscribe(self, listener: Callable[[ServingState], None]) -> None:
        """Call the listener with each new state from now on. It must not raise."""
        self._listeners.append(listener)

    def refresh(self) -> ServingState:
        """Look, tell if there is something new, and return what is."""
        self.current = self._state(self._assess(), self.current)
        if self._has_changed():
            self._published, self._published_at = self.current, self._clock()
            for listener in self._listeners:
                listener(self.current)
        return self.current

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            self.refresh()
            await asyncio.sleep(ASSESS_EVERY)

    def _state(self, verdict: Assessment, before: ServingState | None) -> ServingState:
        since = verdict.since
        if not since and before is not None and before.state == verdict.state:
            since = before.since
        if not since:
            age = 0.0 if verdict.began is None else max(0.0, self._clock() - verdict.began)
            since = _rfc3339(self._time() - age)
        return ServingState(
            verdict.state, since, verdict.why, self._cluster, verdict.progress, verdict.partial
        )

    def _has_changed(self) -> bool:
        now, told = self.current, self._published
        if now == told:
            return False
        if msgspec.structs.replace(now, progress=told.progress, why=told.why) == told:
            # Only the numbers have moved: told while they are news, and not too often.
            if now.why == told.why and now.state != "syncing":
                return False
            return self._clock() - self._published_at >= PROGRESS_EVERY
        return True


def _rfc3339(time: float) -> str:
    """To the second, in UTC."""
    return datetime.fromtimestamp(int(time), UTC).isoformat().replace("+00:00", "Z")
