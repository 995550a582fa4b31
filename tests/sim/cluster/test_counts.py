from __future__ import annotations

import pytest

from astrolabe.sim.cluster.counts import object_counts
from tests.support.kinds import KINDS_BY_NAME


def test_the_large_one_is_as_counted() -> None:
    counts = object_counts(1.0)
    assert (counts["Namespace"], counts["Deployment"], counts["ReplicaSet"]) == (432, 19_924, 43_033)
    assert (counts["Pod"], counts["Service"], counts["Secret"]) == (29_455, 23_547, 26_668)
    assert sum(counts.values()) == 191_936


def test_smaller_ones_are_proportional() -> None:
    counts = object_counts(0.01)
    assert (counts["Pod"], counts["Deployment"], counts["DaemonSet"], counts["Node"]) == (295, 199, 1, 4)


@pytest.mark.parametrize("scale", [1e-6, 0.5, 2.0])
def test_at_least_one_of_each_kind_and_of_kinds_that_are_known(scale: float) -> None:
    counts = object_counts(scale)
    assert min(counts.values()) >= 1
    assert set(counts) < set(KINDS_BY_NAME)
