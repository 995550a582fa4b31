"""How the process is: `/health`, `/livez`, `/readyz`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from astrolabe.engine.inbox import WatchState
from astrolabe.engine.readiness import Readiness, Scope, ScopeState
from astrolabe.engine.serving_state import ServingState
from astrolabe.engine.skips import failing_of, skipped_of
from astrolabe.graph.faults import Fault
from astrolabe.graph.graph import Graph

#: Where a kind is watched in several namespaces, the worst of them is shown.
WORST_FIRST: tuple[WatchState, ...] = ("unavailable", "listing", "synced")


class LeaderReport(msgspec.Struct, frozen=True):
    """What a leader tells its followers with each tick, as JSON.

    synced, waiting, kinds: as `/health` and `/readyz` show them. state: None from a leader that tells none.
    """

    synced: bool = False
    waiting: list[str] = []
    kinds: dict[str, dict[str, Any]] = {}
    state: ServingState | None = None


class Replication(msgspec.Struct, frozen=True):
    """How this process stands among those that share a Redis.

    complete: whether the graph that is served was complete once. stale: whether nobody keeps it up to date.
    reachable: whether Redis answers. alone: whether this leader goes on without it.
    lag: seconds by which what is served may be old; None while that is not known.
    commits: batches that this process stored.
    document: what `/health` shows as `redis`.
    told: by the leader, when this process is not the one; else None.
    """

    complete: bool
    stale: bool
    document: dict[str, Any]
    told: LeaderReport | None
    reachable: bool = True
    alone: bool = False
    lag: float | None = None
    commits: int = 0


def health(
    graph: Graph,
    readiness: Readiness,
    *,
    count: Callable[[str], int],
    role: str,
    lost: Mapping[str, str],
    now: float,
    state: ServingState,
    replication: Replication | None = None,
) -> dict[str, Any]:
    """The document of `/health`. now: loop time in seconds. count: objects known of a kind.
    state: how far what is served may be trusted.

    lost: the kinds whose watch has no connection now, and why: what is known of them is still served.
    """
    told = replication.told if replication is not None else None
    document = {
        "status": "healthy",
        **state.document(),
        "nodes": len(graph.nodes),
        "edges": graph.edge_count,
        "synced": told.synced if told is not None else readiness.ready and not readiness.unready(),
        "epoch": graph.epoch,
        "seq": graph.seq,
        "role": role,
        "kinds": kinds_of(readiness, count=count, lost=lost, now=now) if told is None else told.kinds,
    }
    if replication is not None:
        document["redis"] = replication.document
    return document


def readyz(readiness: Readiness, replication: Replication | None = None) -> tuple[int, dict[str, Any]]:
    """The status and the document of `/readyz`; `waiting` names the watches that are not synced yet.

    A restored graph is ready, also while nobody can bring it up to date: `stale` says so.
    """
    if replication is None:
        if readiness.ready:
            return 200, {"status": "ready"}
        return 503, {"status": "not-ready", "waiting": waiting_for(readiness)}
    waiting = waiting_for(readiness) if replication.told is None else replication.told.waiting
    if replication.complete:
        return 200, {"status": "ready", "waiting": waiting, "stale": replication.stale}
    return 503, {"status": "not-ready", "waiting": waiting, "stale": replication.stale}


def waiting_for(readiness: Readiness) -> list[str]:
    """The names of the watches that are not synced yet and must be."""
    return sorted({_name(scope) for scope in readiness.unready()})


def kinds_of(
    readiness: Readiness, *, count: Callable[[str], int], lost: Mapping[str, str], now: float
) -> dict[str, dict[str, Any]]:
    """How the watches of each kind are."""
    failing: dict[str, list[Fault]] = {}
    for fault in readiness.failing():
        failing.setdefault(fault.kind, []).append(fault)
    return {
        kind: {
            **_kind(states, now),
            **_connection(lost.get(kind)),
            "objects": count(kind),
            **skipped_of(readiness.skipped[kind].values()),
            **failing_of(failing.get(kind, ())),
        }
        for kind, states in _by_kind(readiness).items()
    }


def _name(scope: Scope) -> str:
    return f"{scope.kind} in {scope.namespace}" if scope.namespace else scope.kind


def _connection(why: str | None) -> dict[str, Any]:
    return {} if why is None else {"connected": False, "why": why}


def _by_kind(readiness: Readiness) -> dict[str, list[tuple[Scope, ScopeState]]]:
    kinds: dict[str, list[tuple[Scope, ScopeState]]] = {}
    for scope, state in readiness.states.items():
        kinds.setdefault(scope.kind, []).append((scope, state))
    return kinds


def _kind(states: Iterable[tuple[Scope, ScopeState]], now: float) -> dict[str, Any]:
    """state, why (when there is something to say) and age: seconds since the last news, or null."""
    _, worst = min(states, key=lambda entry: WORST_FIRST.index(entry[1].state))
    news = [state.last_message for _, state in states if state.last_message is not None]
    document: dict[str, Any] = {"state": worst.state}
    if worst.why:
        document["why"] = worst.why
    if worst.cause:
        document["cause"] = worst.cause
    document["age"] = round(max(now - max(news), 0.0), 1) if news else None
    return document
