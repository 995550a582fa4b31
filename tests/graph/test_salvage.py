"""A model that broke in the midst of a change is made anew, and is what it would have been."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.facts import Facts
from astrolabe.graph.graph import Graph
from astrolabe.graph.model import Broken, Model
from astrolabe.graph.salvage import Salvage
from astrolabe.graph.selector import Selector
from tests.graph.histories import histories, roots
from tests.graph.test_model import World, check_equal
from tests.support.injector import Injector


def graph_of(model: Model) -> Graph:
    """What the model says is in the graph."""
    graph = Graph("e")
    changes = Changes(
        nodes_set=list(model.nodes()),
        edges_set=[edge for node in model.nodes() for edge in model.edges(node.uid)],
        releases=dict(model.releases()),
    )
    graph.apply(Batch("e", 1, changes))
    return graph


class Mended(World):
    """Its model is made anew when it breaks. left_out: the objects that broke it again."""

    def __init__(self, roots: Selector | None) -> None:
        super().__init__(roots)
        self.left_out: list[str] = []

    def step(self, step: Any) -> None:
        try:
            super().step(step)
        except Broken as broken:
            self.mend(broken)
            if isinstance(step, Facts):
                self.facts[step.uid] = step
            elif isinstance(step, str):
                self.facts.pop(step, None)
            elif step is not None:
                super().step(step)
        for uid in self.left_out:
            self.facts.pop(uid, None)

    def mend(self, broken: Broken) -> None:
        salvage = Salvage(broken)
        for _ in salvage.steps():
            pass
        self.left_out += salvage.left_out
        self.model, self.graph = salvage.model, graph_of(salvage.model)


def lines_of(history: list[Any], roots: Selector | None) -> int:
    """How many lines of the model the history takes."""
    world, injector = World(roots), Injector(0)
    with injector():
        for step in history:
            world.step(step)
    return injector.lines


@settings(max_examples=30, deadline=None)
@given(history=histories, roots=roots, share=st.floats(0, 1))
def test_a_fault_at_any_line_costs_nothing(history: list[Any], roots: Selector | None, share: float) -> None:
    """It comes once, so nobody is to blame, and all is as if it had never been."""
    world, injector = Mended(roots), Injector(int(share * lines_of(history, roots)) + 1)
    with injector():
        for step in history:
            world.step(step)
    world.commit()
    check_equal(world.graph, world.expected())
    assert world.left_out == []
