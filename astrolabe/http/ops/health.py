"""The documents of `/health` and `/readyz`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from astrolabe.engine.inbox import Scope, WatchState
from astrolabe.engine.readiness import ScopeState, WatchReadiness
from astrolabe.engine.skips import failing_of, skipped_of
from astrolabe.graph.model.faults import Fault
from astrolabe.http.source import GraphSource, ReplicationHealth

#: Of a kind that is watched in several namespaces, the worst state is shown.
WORST_FIRST: tuple[WatchState, ...] = ("unavailable", "listing", "synced")

#: Between the kind and the namespace of a watch.
_IN = " in "


def health(source: GraphSource, *, now: float) -> dict[str, Any]:
    """The document of `/health`. now: loop time in seconds."""
    graph, readiness, replication = source.hub.graph, source.readiness, source.replication()
    report = replication.report if replication is not None else None
    state = source.state.refresh()
    coverage = state.coverage
    unseen = (*coverage.hidden, *coverage.limited) if coverage is not None else ()
    document = {
        "status": "healthy",
        **state.document(),
        "nodes": len(graph.nodes),
        "edges": graph.edge_count,
        "synced": report.synced if report is not None else readiness.ready and not readiness.unready(),
        "epoch": graph.epoch,
        "seq": graph.seq,
        "role": source.role(),
        "kinds": report.kinds if report is not None else kinds_of(source, now=now, unseen=unseen),
    }
    if replication is not None:
        document["redis"] = replication.document
    return document


def readyz(
    readiness: WatchReadiness, replication: ReplicationHealth | None = None, *, places: bool = True
) -> tuple[int, dict[str, Any]]:
    """The status and document of `/readyz`. `waiting` names the watches that are not synced yet.

    A restored graph is ready even while no process can update it: `stale` says so.
    places: whether to name the namespaces of watches.
    """
    waiting = waiting_for(readiness)
    if replication is not None and replication.report is not None:
        waiting = replication.report.waiting
    if not places:
        waiting = sorted({watch.partition(_IN)[0] for watch in waiting})
    if replication is None:
        if readiness.ready:
            return 200, {"status": "ready"}
        return 503, {"status": "not-ready", "waiting": waiting}
    if replication.complete:
        return 200, {"status": "ready", "waiting": waiting, "stale": replication.stale}
    return 503, {"status": "not-ready", "waiting": waiting, "stale": replication.stale}


def waiting_for(readiness: WatchReadiness) -> list[str]:
    """The names of the watches that readiness waits for."""
    return sorted({_name(scope) for scope in readiness.waiting()})


def kinds_of(source: GraphSource, *, now: float, unseen: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """The state of the watches of each kind. now: loop time in seconds.

    unseen: kinds of which not all may be seen: nothing is told of single objects, nor when one has changed,
        nor in the words of the API server.
    """
    readiness, disconnected = source.readiness, source.disconnected()
    failing: dict[str, list[Fault]] = {}
    for fault in readiness.failing():
        failing.setdefault(fault.kind, []).append(fault)
    found = {}
    for kind, states in _by_kind(readiness).items():
        known = {
            **_kind(states, now),
            **_connection(disconnected.get(kind)),
            "objects": source.count(kind),
        }
        if kind in unseen:  # the API server's words may name what may not be seen
            found[kind] = {**known, "age": None}
            found[kind].pop("why", None)
            continue
        skipped = readiness.skipped[kind].values()
        found[kind] = {**known, **skipped_of(skipped), **failing_of(failing.get(kind, ()))}
    return found


def _name(scope: Scope) -> str:
    return f"{scope.kind}{_IN}{scope.namespace}" if scope.namespace else scope.kind


def _connection(why: str | None) -> dict[str, Any]:
    return {} if why is None else {"connected": False, "why": why}


def _by_kind(readiness: WatchReadiness) -> dict[str, list[tuple[Scope, ScopeState]]]:
    kinds: dict[str, list[tuple[Scope, ScopeState]]] = {}
    for scope, state in readiness.states.items():
        kinds.setdefault(scope.kind, []).append((scope, state))
    return kinds


def _kind(states: Iterable[tuple[Scope, ScopeState]], now: float) -> dict[str, Any]:
    """state, why (unless empty), and age: seconds since the last news, or null."""
    _, worst = min(states, key=lambda entry: WORST_FIRST.index(entry[1].state))
    news = [state.last_message for _, state in states if state.last_message is not None]
    document: dict[str, Any] = {"state": worst.state}
    if worst.why:
        document["why"] = worst.why
    if worst.cause:
        document["cause"] = worst.cause
    document["age"] = round(max(now - max(news), 0.0), 1) if news else None
    return document
