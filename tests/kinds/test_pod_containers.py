import pytest

from tests.kinds.support import Json, make
from tests.kinds.test_pod_status import READY, RUNNING, ended, pod

TERMINATIONS: dict[str, tuple[Json, Json | None]] = {
    "it has always run": (pod("Running", RUNNING, conditions=[READY]), None),
    "it was started again, and is ready": (
        pod("Running", RUNNING, last=ended(137), conditions=[READY], restarts=1),
        {"container": "a", "reason": "Error", "exitCode": 137, "at": "T5"},
    ),
    "it ended just now": (
        pod("Running", ended(1, "T7"), last=ended(2, "T5"), restarts=1),
        {"container": "a", "reason": "Error", "exitCode": 1, "at": "T7"},
    ),
    "the one that ended last": (
        pod("Failed", ended(1, "T6"), ended(2, "T7"), ended(3, "T5")),
        {"container": "b", "reason": "Error", "exitCode": 2, "at": "T7"},
    ),
    "it did its work": (pod("Succeeded", ended(0)), None),
}


@pytest.mark.parametrize(("status", "expected"), TERMINATIONS.values(), ids=TERMINATIONS)
def test_the_last_termination_is_kept(status: Json, expected: Json | None) -> None:
    assert make("Pod", status=status).metadata.get("lastTermination") == expected
