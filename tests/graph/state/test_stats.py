from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.stats import GraphStats
from tests.support.changes import some_changes
from tests.support.churn import change
from tests.support.worlds import World, shop


def test_stats_of_a_small_cluster() -> None:
    stats = shop().hub.stats
    assert +stats.nodes == Counter(
        {
            ("Namespace", "Ready"): 2,
            ("Deployment", "Pending"): 1,
            ("ReplicaSet", "Ready"): 1,
            ("Pod", "Error"): 1,
            ("Pod", "Ready"): 1,
            ("Service", "Ready"): 1,
            ("PersistentVolumeClaim", "Ready"): 1,
            ("PersistentVolume", "Ready"): 1,
        }
    )
    assert stats.edges == Counter({"owns": 2, "mounts": 1, "binds": 1, "selects": 1})
    assert stats.unresolved == Counter({"Pod": 1})


def counts(stats: GraphStats) -> tuple[Counter[tuple[str, str]], Counter[str], Counter[str]]:
    """What is there; a zero is nothing."""
    return +stats.nodes, +stats.edges, +stats.unresolved


def counted(graph: ServedGraph) -> GraphStats:
    """Of all that is there."""
    stats = GraphStats(graph)
    for _ in stats.count():
        pass
    return stats


@given(st.integers(0, 10_000))
def test_counts_kept_up_to_date_equal_a_new_count(seed: int) -> None:
    random, graph = Random(seed), ServedGraph("e")
    stats = GraphStats(graph)
    for seq in range(1, 15):
        stats.update(graph.apply(Batch("e", seq, some_changes(random, graph))))
        assert counts(stats) == counts(counted(graph))


@given(st.integers(0, 10_000))
def test_references_are_counted_as_they_come_and_go(seed: int) -> None:
    random, world = Random(seed), World()
    world.sync()
    for _ in range(15):
        change(world, random)
    assert counts(world.hub.stats) == counts(counted(world.hub.graph))
    listed = sum([len(node.document().get("unresolved", [])) for node in world.hub.graph.nodes.values()])
    assert world.hub.stats.unresolved.total() == listed


@given(st.integers(0, 10_000))
def test_the_graph_may_change_while_it_is_counted(seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("astrolabe.graph.state.stats.STEP", 2)
        random, graph = Random(seed), ServedGraph("e")
        for seq in range(1, 6):
            graph.apply(Batch("e", seq, some_changes(random, graph)))
        stats = GraphStats(graph)
        for seq, _ in enumerate(stats.count(), 6):
            stats.update(graph.apply(Batch("e", seq, some_changes(random, graph))))
        assert counts(stats) == counts(counted(graph))
