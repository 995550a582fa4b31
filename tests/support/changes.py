"""Changes of a small graph."""

from __future__ import annotations

from random import Random

from astrolabe.graph.state.batch import Changes
from astrolabe.graph.state.graph import ServedGraph
from tests.support.members import edge, node, release

NAMES = [f"pod-{number}" for number in range(12)]


def some_changes(random: Random, graph: ServedGraph) -> Changes:
    """Something that leaves this graph closed."""
    changes = Changes()
    for name in random.sample(NAMES, 3):
        if name in graph.nodes and random.random() < 0.4:
            changes.nodes_removed.append(name)
            gone = {each.key for each in (*graph.outgoing(name), *graph.incoming(name))}
            changes.edges_removed += [key for key in gone if key not in changes.edges_removed]
        else:
            changes.nodes_set.append(node(name, str(random.random())))
    alive = (graph.nodes.keys() | {each.uid for each in changes.nodes_set}) - set(changes.nodes_removed)
    if len(alive) > 1:
        source, target = random.sample(sorted(alive), 2)
        made = edge(source, target, f"field-{random.randrange(3)}")
        changes.edges_set.append(made)
        changes.edges_removed = [key for key in changes.edges_removed if key != made.key]
    if random.random() < 0.3:
        changes.releases = release(random.choice("ab"), random.choice((None, 1, 2)))
    return changes
