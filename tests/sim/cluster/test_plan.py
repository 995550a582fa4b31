from __future__ import annotations

import random
from collections import Counter

import pytest

from astrolabe.sim.cluster.ailments import AILMENTS
from astrolabe.sim.cluster.plan import Plan, plan


@pytest.fixture(scope="module")
def decided() -> Plan:
    return plan(0.1, random.Random(1))


def test_sums_are_those_of_the_census(decided: Plan) -> None:
    counts = decided.counts
    jobs = sum(task.good + task.bad + task.running for task in decided.tasks) + len(decided.single_jobs)
    assert jobs == counts["Job"]
    assert sum(component.old + 1 for component in decided.components) == counts["ReplicaSet"]
    databases = sum(replicas for _, replicas in decided.databases)
    running = sum(component.replicas for component in decided.components)
    assert running + databases + decided.job_pods + len(decided.agents) * counts["Node"] == counts["Pod"]


def test_no_two_parts_share_a_name(decided: Plan) -> None:
    parts = [component.part for component in decided.components] + [part for part, _ in decided.databases]
    assert len({(part.namespace, part.name) for part in parts}) == len(parts)
    runs = [task.part for task in decided.tasks] + [part for part, _ in decided.single_jobs]
    assert len({(part.namespace, part.name) for part in runs}) == len(runs)


def test_troubles_are_as_rare_as_they_should(decided: Plan) -> None:
    troubles = Counter(component.trouble for component in decided.components if component.trouble)
    running = sum(1 for component in decided.components if component.replicas)
    assert set(troubles) == set(AILMENTS)
    assert all(component.replicas for component in decided.components if component.trouble)
    for name, ailment in AILMENTS.items():
        assert 1 <= troubles[name] <= running // ailment.rarity + 1


def test_releases_of_one_name_in_two_namespaces_are_two(decided: Plan) -> None:
    homes: dict[str, set[str]] = {}
    for release, _ in decided.revisions:
        homes.setdefault(release.name, set()).add(release.namespace)
    assert any(len(found) > 1 for found in homes.values())
    assert len({(release.namespace, release.name) for release, _ in decided.revisions}) == len(
        decided.revisions
    )
