"""When a quota is used up, in whatever units it is written."""

from astrolabe.graph.state.status import PENDING, READY, Status
from tests.kinds.support import judge


def quota(hard: dict[str, str], used: dict[str, str]) -> Status:
    return judge("ResourceQuota", spec={"hard": hard}, status={"hard": hard, "used": used})


def test_a_quota() -> None:
    assert quota({"pods": "10"}, {"pods": "9"}) == Status(READY, "Ready")
    assert quota({"pods": "10", "cpu": "2"}, {"pods": "10", "cpu": "1999m"}) == Status(
        READY, "Exhausted", "Used up: pods (10 of 10)"
    )
    assert quota({"memory": "1Gi", "cpu": "2"}, {"memory": "1024Mi", "cpu": "2500m"}) == Status(
        READY, "Exhausted", "Used up: cpu (2500m of 2), memory (1024Mi of 1Gi)"
    )


def test_a_quota_of_zero_is_not_exhausted() -> None:
    assert quota({"services.loadbalancers": "0"}, {"services.loadbalancers": "0"}).reason == "Ready"


def test_a_quota_without_usage_yet() -> None:
    status = judge("ResourceQuota", spec={"hard": {"pods": "1"}})
    assert status == Status(PENDING, "Pending", "Waiting for the quota controller to count what is used")
