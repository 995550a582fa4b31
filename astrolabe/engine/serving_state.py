"""How far clients can trust what is served: one value, computed here and shown everywhere.

The state is never too optimistic: only data that is known to be complete and fresh is `live`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol

import msgspec

from astrolabe.engine.inbox import InvalidObject, Scope, WatchState
from astrolabe.engine.readiness import ReadinessTracker, ScopeState, WatchReadiness
from astrolabe.engine.skips import sample_of
from astrolabe.kinds.event import EVENT

#: syncing: not all kinds are listed yet. live: every kind is listed and watched. partial: live, but some
#: kinds or objects cannot be read. stale: the data was true once, and may be outdated.
StateName = Literal["syncing", "live", "partial", "stale"]
STATE_NAMES: tuple[StateName, ...] = ("syncing", "live", "partial", "stale")

#: Why a part of the cluster is not in the graph: HTTP 403, HTTP 404, or objects that cannot be read.
PartialReason = Literal["forbidden", "not-served", "skipped"]
PARTIAL_REASONS: tuple[PartialReason, ...] = ("forbidden", "not-served", "skipped")

#: Seconds without a connection after which a synced watch no longer counts as fresh. A regular reconnect
#: takes less.
LOST_GRACE = 5.0

#: Seconds between two assessments. Their cost depends on the number of watches, not on the size of the graph.
ASSESS_EVERY = 0.5

#: Seconds between two messages that report only progress.
PROGRESS_EVERY = 1.0

#: Why the data may be outdated during a rebuild.
REBUILDING = "a graph update failed; the graph is being rebuilt"
#: The same, while no rebuild succeeds.
CANNOT_REBUILD = "a graph update failed, and the graph cannot be rebuilt: %s; trying again"

#: Kinds to name in one sentence.
MAX_NAMED_KINDS = 5


class ClusterInfo(msgspec.Struct, frozen=True):
    """Which cluster this is. Unknown fields are "".

    name: of the cluster in the kubeconfig, or `--cluster-name`. context: of the kubeconfig.
    server: the URL of its API server.
    """

    name: str = ""
    context: str = ""
    server: str = ""


class Progress(msgspec.Struct, frozen=True):
    """kinds: how many are listed or known to be unreadable. of: how many there are. objects: known so far."""

    kinds: int = 0
    of: int = 0
    objects: int = 0


class PartialEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the cluster that is not in the graph.

    objects: how many are left out, if that is known. cluster: its name, in a union of several.
    """

    kind: str
    reason: PartialReason
    why: str
    objects: int = 0
    cluster: str = ""


class ClusterCoverage(msgspec.Struct, frozen=True):
    """What a user may see of one cluster of a union: see `Coverage`.

    why: why they may see nothing of it; "" if its API server says what they may see.
    """

    name: str
    hidden: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    complete: bool = True
    why: str = ""


class Coverage(msgspec.Struct, frozen=True):
    """What a user may see, if that is not everything.

    hidden: kinds that they may not see at all. limited: kinds that they may see in some namespaces only, or
    in some clusters. namespaces: these. complete: whether that is all that they may see; False while the API
        server is still being asked about further namespaces.
    clusters: in a union, the clusters of which they may not see everything; None where there is only one.
    """

    hidden: tuple[str, ...] = ()
    limited: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    complete: bool = True
    clusters: tuple[ClusterCoverage, ...] | None = None

    def document(self) -> dict[str, Any]:
        """As a JSON object; `clusters` only of a union."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        if self.clusters is None:
            del document["clusters"]
        return document


class ClusterState(msgspec.Struct, frozen=True):
    """One cluster of a union. since, why: as of `ServingState`. server: the URL of its API server."""

    name: str
    state: StateName
    since: str
    why: str
    server: str
    progress: Progress


class Assessment(msgspec.Struct, frozen=True):
    """The current state, and why.

    began: when the state began, on the clock of the event loop. None: when it was first observed.
    since: the same in RFC 3339, if another process reported it; "" otherwise.
    coverage: which parts are visible; None: everything.
    clusters: those of a union; None where there is only one.
    """

    state: StateName
    why: str = ""
    progress: Progress = Progress()
    partial: tuple[PartialEntry, ...] = ()
    began: float | None = None
    since: str = ""
    coverage: Coverage | None = None
    clusters: tuple[ClusterState, ...] | None = None


class ServingState(msgspec.Struct, frozen=True):
    """The state as published: in `/health`, on the stream, and by the leader to its followers.

    since: RFC 3339. why: one sentence, or "". clusters: see `Assessment`.
    """

    state: StateName
    since: str
    why: str
    cluster: ClusterInfo
    progress: Progress
    partial: tuple[PartialEntry, ...]
    coverage: Coverage | None = None
    clusters: tuple[ClusterState, ...] | None = None

    def document(self) -> dict[str, Any]:
        """The state as a JSON object; `coverage` only where something may not be seen, `clusters` only of a
        union."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        if self.coverage is None:
            del document["coverage"]
        else:
            document["coverage"] = self.coverage.document()
        if self.clusters is None:
            del document["clusters"]
        else:
            document["clusters"] = list(document["clusters"])
        return {**document, "partial": list(document["partial"])}

    @property
    def reasons(self) -> tuple[str, ...]:
        """What it and its clusters say."""
        return (self.why, *[each.why for each in self.clusters or ()])

    @property
    def is_syncing(self) -> bool:
        """Whether something is being listed, the whole or one of its clusters."""
        return self.state == "syncing" or any(each.state == "syncing" for each in self.clusters or ())

    def without_progress(self) -> ServingState:
        """The state but for what changes all the time while kinds are listed."""
        clusters = self.clusters and tuple(
            [msgspec.structs.replace(each, progress=Progress(), why="") for each in self.clusters]
        )
        return msgspec.structs.replace(self, progress=Progress(), why="", clusters=clusters)


def state_of_kinds(state: ServingState) -> StateName:
    """The state without what it tells of single objects, for those who may know of none."""
    if state.state == "partial" and all(gap.reason == "skipped" for gap in state.partial):
        return "live"
    return state.state


_NO_REPORT = ServingState("syncing", "", "", ClusterInfo(), Progress(), ())


class WatchFacts(Protocol):
    """The health of one watch: see `kube.health.WatchHealth`.

    lost_since: when the watch lost its connection, on time.monotonic; None while it is connected.
    """

    kind: str
    namespace: str
    state: WatchState
    connected: bool
    lists: int
    last_error: str
    lost_since: float | None


def assess_watches(
    readiness: ReadinessTracker,
    watches: Sequence[WatchFacts],
    *,
    count: Callable[[str], int],
    restored: bool,
    rebuilding: bool = False,
    rebuild_error: str = "",
    left_out: Mapping[str, str] = MappingProxyType({}),
    now: float,
) -> Assessment:
    """The state of a process that watches the cluster itself.

    count: returns how many objects of a kind are known.
    restored: whether a restored graph is served until all kinds are listed.
    rebuilding: whether the graph is being rebuilt after a fault, so that changes have to wait.
    rebuild_error: why it cannot be rebuilt at the moment.
    left_out: the kinds that are not watched though they should be, and why.
    now: on the clock of `lost_since`.
    """
    # Without Events the graph is true, and its words less specific: so they do not decide its state.
    scopes = {scope: known for scope, known in readiness.states.items() if scope.kind != EVENT}
    watches = [watch for watch in watches if watch.kind != EVENT]
    kinds: dict[str, bool] = {}
    open = scopes.keys() & set(readiness.still_listing())
    for scope in scopes:
        kinds[scope.kind] = kinds.get(scope.kind, True) and scope not in open
    progress = Progress(sum(kinds.values()), len(kinds), sum(map(count, kinds)))
    lost = [watch for watch in watches if _is_lost(watch, now)]
    partial = (
        *_unreadable(scopes, listing=bool(open)),
        *_skipped(readiness.skipped),
        *[PartialEntry(kind, "skipped", f"it is not watched: {why}") for kind, why in left_out.items()],
    )
    if progress.kinds < progress.of:
        return Assessment("syncing", _syncing(kinds, watches, restored=restored), progress, partial)
    if lost:
        began = min([watch.lost_since for watch in lost if watch.lost_since is not None])
        return Assessment("stale", _stale(lost, watches), progress, partial, began=began)
    if rebuild_error:
        return Assessment("stale", CANNOT_REBUILD % rebuild_error, progress, partial)
    if rebuilding:
        return Assessment("stale", REBUILDING, progress, partial)
    if partial:
        return Assessment("partial", tell_gaps(partial), progress, partial)
    return Assessment("live", "", progress)


def assess_follower(
    told: ServingState | None, *, joined: bool, stale: bool, why: str, began: float | None
) -> Assessment:
    """The state of a follower, which serves what the leader writes.

    told: the last state that the leader reported; None before the first.
    joined: whether there is a stored graph.
    stale, why, began: whether no leader keeps the graph up to date, why, and since when.
    """
    if not joined:
        return Assessment("syncing", why or "there is no graph in Redis yet")
    if stale:
        known = told or _NO_REPORT
        return Assessment("stale", why, known.progress, known.partial, began=began)
    if told is None:
        return Assessment("syncing", "the leader has not reported its state yet")
    return Assessment(told.state, told.why, told.progress, told.partial, since=told.since)


def _is_lost(watch: WatchFacts, now: float) -> bool:
    """Whether the watch was synced and has been disconnected for longer than the grace period."""
    if watch.connected or watch.state != "synced" or watch.lost_since is None:
        return False
    return now - watch.lost_since >= LOST_GRACE


def _unreadable(scopes: Mapping[Scope, ScopeState], *, listing: bool) -> list[PartialEntry]:
    """The unavailable kinds, in the order of the catalogue. Several namespaces of a kind are one entry.

    listing: whether others are being listed for the first time. What fails then may work soon.
    """
    found: dict[tuple[str, PartialReason], list[tuple[Scope, ScopeState]]] = {}
    for scope, known in scopes.items():
        reason = _gap(scope, known, listing=listing)
        if reason:
            found.setdefault((scope.kind, reason), []).append((scope, known))
    gaps = []
    for (kind, reason), each in found.items():
        namespaces = [scope.namespace for scope, _ in each if scope.namespace]
        where = f"in {_names(namespaces)}: " if namespaces else ""
        gaps.append(PartialEntry(kind, reason, f"{where}{each[0][1].why}"))
    return gaps


def _gap(scope: Scope, known: ScopeState, *, listing: bool) -> PartialReason | None:
    """Why objects of this kind may be missing. None if none can be, or nobody expects them.

    An optional kind that the API server does not serve has none. One that it serves, but cannot list, may
    have some: its conversion webhook may be broken.
    """
    if known.state == "unavailable" and known.cause:
        wanted = scope.required or (known.cause == "forbidden" and scope.expected)
        return known.cause if wanted else None
    if known.state == "listing" and known.why and not scope.required and not listing:
        return "not-served"
    return None


def absent_kinds(readiness: WatchReadiness) -> set[str]:
    """The kinds that cannot be read anywhere, and that nobody misses: an optional kind that the API server
    does not serve, or a custom kind that the account may not read."""
    there = {
        scope.kind
        for scope, known in readiness.states.items()
        if known.state != "unavailable" or _gap(scope, known, listing=False)
    }
    return {scope.kind for scope in readiness.states} - there


def _skipped(skipped: Mapping[str, Mapping[str, InvalidObject]]) -> list[PartialEntry]:
    """The kinds with objects that the graph leaves out."""
    gaps = []
    for kind, objects in skipped.items():
        if objects:
            first = min(sample_of(objects.values()), key=lambda each: each.label)
            several = len(objects) > 1
            count = f"{len(objects)} objects are left out, such as" if several else "1 object is left out:"
            gaps.append(PartialEntry(kind, "skipped", f"{count} {first.label}: {first.why}", len(objects)))
    return gaps


def _syncing(kinds: Mapping[str, bool], watches: Iterable[WatchFacts], *, restored: bool) -> str:
    """How many kinds are listed, and which one fails."""
    open = [kind for kind, listed in kinds.items() if not listed]
    failing = [watch for watch in watches if watch.state == "listing" and watch.last_error]
    why = f"{len(kinds) - len(open)} of {len(kinds)} kinds are listed"
    if failing and not failing[0].connected:
        why += f"; {failing[0].kind} cannot be listed: {failing[0].last_error}"
    if restored:
        why += "; the stored graph is served until all are"
    return why


def _stale(lost: Sequence[WatchFacts], watches: Iterable[WatchFacts]) -> str:
    in_step = sum([watch.state == "synced" for watch in watches])
    error = lost[0].last_error
    if len(lost) == in_step:
        return f"the API server cannot be reached: {error}"
    kinds = list(dict.fromkeys([watch.kind for watch in lost]))
    verb = "has" if len(kinds) == 1 else "have"
    return f"{_names(kinds)} {verb} no watch: {error}"


def tell_gaps(gaps: Sequence[PartialEntry]) -> str:
    """What is missing: one phrase per reason."""
    words: dict[PartialReason, str] = {
        "forbidden": "not readable",
        "not-served": "not served",
        "skipped": "missing some objects",
    }
    said = []
    for reason, word in words.items():
        kinds = list(dict.fromkeys([gap.kind for gap in gaps if gap.reason == reason and not _is_whole(gap)]))
        if kinds:
            said.append(f"{word}: {_names(kinds)}")
    if kinds := [gap.kind for gap in gaps if _is_whole(gap)]:
        said.append(f"not watched: {_names(kinds)}")
    return "; ".join(said)


def _is_whole(gap: PartialEntry) -> bool:
    """Whether all objects of a kind are left out, so that nobody knows how many there are."""
    return gap.reason == "skipped" and not gap.objects


def _names(names: Sequence[str]) -> str:
    """The first names, and the number of the others."""
    more = len(names) - MAX_NAMED_KINDS
    return ", ".join(names[:MAX_NAMED_KINDS]) + (f" and {more} more" if more > 0 else "")


class StateTracker:
    """Keeps the current state and notifies listeners of changes.

    cluster: which one it is; shown from the next assessment on.
    assess: returns the state now. clock: monotonic seconds, as in `Assessment.began`. time: Unix seconds.
    """

    def __init__(
        self,
        assess: Callable[[], Assessment],
        cluster: ClusterInfo,
        *,
        clock: Callable[[], float],
        time: Callable[[], float],
    ) -> None:
        self.cluster = cluster
        self._assess = assess
        self._clock = clock
        self._time = time
        self._listeners: list[Callable[[ServingState], None]] = []
        self._published_at = clock()
        self.current = self._state(assess(), None)
        self._published = self.current

    def subscribe(self, listener: Callable[[ServingState], None]) -> None:
        """Call the listener with each new state from now on. The listener must not raise."""
        self._listeners.append(listener)

    def refresh(self) -> ServingState:
        """Assess the state, notify the listeners of a change, and return the state."""
        self.current = self._state(self._assess(), self.current)
        if self._has_changed():
            self._published, self._published_at = self.current, self._clock()
            for listener in self._listeners:
                listener(self.current)
        return self.current

    async def run(self) -> None:
        """Assess the state regularly, until cancelled."""
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
            verdict.state,
            since,
            verdict.why,
            self.cluster,
            verdict.progress,
            verdict.partial,
            verdict.coverage,
            verdict.clusters,
        )

    def _has_changed(self) -> bool:
        now, told = self.current, self._published
        if now == told:
            return False
        if now.without_progress() == told.without_progress():
            # Only the progress changed: publish it while syncing, but not too often.
            if now.reasons == told.reasons and not now.is_syncing:
                return False
            return self._clock() - self._published_at >= PROGRESS_EVERY
        return True


def _rfc3339(time: float) -> str:
    """To the second, in UTC."""
    return datetime.fromtimestamp(int(time), UTC).isoformat().replace("+00:00", "Z")
