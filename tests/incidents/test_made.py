"""Incidents of many kinds that nobody recorded: manifests as an API server and kubelets write them.

Those that begin with `well` are no problems.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.incidents import cluster, customs, others, pods, quiet, routes, several, young
from tests.incidents.made import MadeCluster
from tests.incidents.registry import CASES, Build
from tests.support.sketches import NOW, at, in_words, ranked

assert pods
assert quiet
assert routes
assert several
assert customs
assert others
assert cluster
assert young  # they add their cases


@pytest.mark.parametrize(("build", "told"), CASES)
def test_the_cause_is_named(build: Build, told: list[str]) -> None:
    cluster = MadeCluster()
    build(cluster)
    assert cluster.told() == told


@pytest.mark.parametrize(("build", "told"), CASES)
def test_the_cause_is_named_in_every_order_of_arrival(build: Build, told: list[str]) -> None:
    cluster = MadeCluster()
    build(cluster)
    causes, _ = cluster.followed(Random(len(told)))
    found = [in_words(causes, problem) for problem in ranked(causes.problems(at(NOW)))]
    assert found == told


def test_healthy_objects_appear_in_no_problem() -> None:
    assert not any(each.values[1] for each in CASES if each.id.startswith("well"))
    assert all(each.values[1] for each in CASES if not each.id.startswith("well"))
