"""What is told about a process in replicated mode, for each way that it can stand."""

from __future__ import annotations

import msgspec
import pytest

from astrolabe.bus.redis.status import ReplicationStatus
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.http.source import LeaderReport
from astrolabe.modes.replication import leader_report, replication_health
from tests.support.timing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100.0)


@pytest.fixture
def status(clock: ManualClock) -> ReplicationStatus:
    return ReplicationStatus(clock, RedisTiming(tick=2.0))


def test_a_follower_without_a_leader_is_stale_and_says_why(status: ReplicationStatus) -> None:
    status.cannot_lead = "no cluster"
    health = replication_health(status)
    assert health.document == {
        "reachable": True,
        "lag": None,
        "tickAge": None,
        "stale": True,
        "staleWhy": "no leader writes to Redis; this process cannot lead: no cluster",
        "cannotLead": "no cluster",
    }
    assert (health.complete, health.stale, health.report) == (False, True, None)


def test_a_follower_in_step_shows_the_ticks_age_and_the_leaders_report(
    status: ReplicationStatus, clock: ManualClock
) -> None:
    status.ticked = clock.now
    status.leader_report = b'{"synced":true,"waiting":[],"kinds":{"Pod":{"state":"synced"}}}'
    status.note_heartbeat()
    status.note_in_sync()
    status.complete = True
    clock.now += 3.04
    health = replication_health(status)
    assert health.document == {"reachable": True, "lag": 0.5, "tickAge": 3.0, "stale": False}
    assert health.report == LeaderReport(synced=True, kinds={"Pod": {"state": "synced"}})
    assert health.complete


def test_a_leader_without_redis_is_detached_and_not_stale(status: ReplicationStatus) -> None:
    status.role, status.detached = "leader", True
    status.reachability.mark_lost("it does not answer")
    health = replication_health(status)
    assert health.document == {
        "reachable": False,
        "lag": 0.0,
        "tickAge": None,
        "stale": False,
        "why": "it does not answer",
        "alone": True,
    }
    assert health.detached


def test_the_blocker_of_the_stored_graph_is_named(status: ReplicationStatus) -> None:
    status.blocker = "foreign"
    assert replication_health(status).document["obstacle"] == "foreign"


@pytest.mark.parametrize("report", [b"", b"{", b'{"synced":1}', b'{"kinds":' + b"[" * 100_000])
def test_an_unreadable_report_is_ignored(
    report: bytes, status: ReplicationStatus, clock: ManualClock
) -> None:
    status.ticked, status.leader_report = clock.now, report
    assert leader_report(status) is None


def test_a_leader_has_no_report_of_another(status: ReplicationStatus, clock: ManualClock) -> None:
    status.role, status.ticked = "leader", clock.now
    status.leader_report = msgspec.json.encode(LeaderReport())
    assert leader_report(status) is None
