"""What `/health`, `/readyz` and followers learn about a process in replicated mode. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from astrolabe.bus.redis.status import ReplicationStatus
from astrolabe.http.source import LeaderReport, ReplicationHealth

_REPORT = msgspec.json.Decoder(LeaderReport)


def leader_report(status: ReplicationStatus) -> LeaderReport | None:
    """The leader's last report. None if this process leads, or no readable report has come."""
    if status.role != "follower" or status.ticked is None:
        return None
    try:
        return _REPORT.decode(status.leader_report)
    except (msgspec.MsgspecError, RecursionError):  # from another version of Astrolabe
        return None


def replication_health(status: ReplicationStatus) -> ReplicationHealth:
    """How this process and Redis are doing."""
    return ReplicationHealth(
        complete=status.complete,
        stale=status.stale,
        document=_document(status),
        report=leader_report(status),
        reachable=status.reachable,
        detached=status.detached,
        lag=status.lag,
        commits=status.commits,
    )


def _document(status: ReplicationStatus) -> dict[str, Any]:
    """The key `redis` of `/health`. Lag and age are in seconds, None if unknown."""
    document: dict[str, Any] = {
        "reachable": status.reachable,
        "lag": None if status.lag is None else round(status.lag, 1),
        "tickAge": None if status.ticked is None else round(status.clock() - status.ticked, 1),
        "stale": status.stale,
    }
    if status.why:
        document["why"] = status.why
    if status.blocker:
        document["obstacle"] = status.blocker
    if status.stale:
        document["staleWhy"] = status.stale_why
    if status.cannot_lead:
        document["cannotLead"] = status.cannot_lead
    if status.detached:
        document["alone"] = True
    return document
