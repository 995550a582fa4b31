from __future__ import annotations

import random
from collections import Counter

import pytest

from astrolabe.sim.cluster.failures import FAILURE_MODES
from astrolabe.sim.cluster.plan import ClusterPlan, object_counts, plan
from tests.support.kinds import KINDS_BY_NAME


def test_the_large_plan_has_the_documented_counts() -> None:
    counts = object_counts(1.0)
    assert (counts["Namespace"], counts["Deployment"], counts["ReplicaSet"]) == (432, 19_924, 43_033)
    assert (counts["Pod"], counts["Service"], counts["Secret"]) == (29_455, 23_547, 26_668)
    assert sum(counts.values()) == 191_936


def test_smaller_ones_are_proportional() -> None:
    counts = object_counts(0.01)
    assert (counts["Pod"], counts["Deployment"], counts["DaemonSet"], counts["Node"]) == (295, 199, 1, 4)


@pytest.mark.parametrize("scale", [1e-6, 0.5, 2.0])
def test_at_least_one_object_of_each_kind(scale: float) -> None:
    counts = object_counts(scale)
    assert min(counts.values()) >= 1
    assert set(counts) < set(KINDS_BY_NAME)


@pytest.fixture(scope="module")
def decided() -> ClusterPlan:
    return plan(0.1, random.Random(1))


def test_sums_are_those_of_the_counts(decided: ClusterPlan) -> None:
    counts = decided.counts
    jobs = sum(cron_job.good + cron_job.bad + cron_job.running for cron_job in decided.cron_jobs) + len(
        decided.single_jobs
    )
    assert jobs == counts["Job"]
    assert sum(component.old + 1 for component in decided.components) == counts["ReplicaSet"]
    databases = sum(replicas for _, replicas in decided.databases)
    running = sum(component.replicas for component in decided.components)
    assert running + databases + decided.job_pods + len(decided.agents) * counts["Node"] == counts["Pod"]


def test_no_two_apps_share_a_name(decided: ClusterPlan) -> None:
    apps = [component.app for component in decided.components] + [app for app, _ in decided.databases]
    assert len({(app.namespace, app.name) for app in apps}) == len(apps)
    runs = [cron_job.app for cron_job in decided.cron_jobs] + [app for app, _ in decided.single_jobs]
    assert len({(app.namespace, app.name) for app in runs}) == len(runs)


def test_failures_have_the_planned_rate(decided: ClusterPlan) -> None:
    failures = Counter(component.failure for component in decided.components if component.failure)
    running = sum(1 for component in decided.components if component.replicas)
    assert set(failures) == set(FAILURE_MODES)
    assert all(component.replicas for component in decided.components if component.failure)
    for name, failure_mode in FAILURE_MODES.items():
        assert 1 <= failures[name] <= running // failure_mode.rarity + 1


def test_releases_of_one_name_in_two_namespaces_are_two(decided: ClusterPlan) -> None:
    homes: dict[str, set[str]] = {}
    for release, _ in decided.revisions:
        homes.setdefault(release.name, set()).add(release.namespace)
    assert any(len(found) > 1 for found in homes.values())
    assert len({(release.namespace, release.name) for release, _ in decided.revisions}) == len(
        decided.revisions
    )
