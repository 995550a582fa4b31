"""Generated clusters, run through the real model."""

from __future__ import annotations

import msgspec

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.status import Status
from astrolabe.sim.cluster.generator import generate
from tests.benchmarks.simulator import OBJECTS_AT_FULL_SCALE
from tests.support.kinds import KINDS, KINDS_BY_NAME
from tests.support.worlds import World


def create_model(nodes: int) -> tuple[Model, list[Facts]]:
    """A model of all kinds that has been told of about so many nodes, and the facts of its pods."""
    model = Model([kind.rules for kind in KINDS])
    pods = []
    for name, manifest in generate(nodes / OBJECTS_AT_FULL_SCALE, seed=1):
        kind = KINDS_BY_NAME[name]
        facts = kind.facts(kind.decoder.decode(msgspec.json.encode(manifest)))
        model.upsert(facts)
        if name == "Pod":
            pods.append(facts)
    return model, pods


class Cluster(World):
    """A world of all kinds with about this many nodes. pods: the facts of its pods."""

    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.model, self.pods = create_model(nodes)
        self.commit()

    def change(self, pod: Facts, level: str) -> None:
        """One batch, in which a pod has another status."""
        self.set(msgspec.structs.replace(pod, status=Status(level, level, "changed")))

    def recreate(self, pod: Facts) -> None:
        """Two batches, in which a pod and its edges go and come."""
        self.remove(pod.uid)
        self.set(pod)
