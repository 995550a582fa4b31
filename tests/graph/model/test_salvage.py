"""A model that broke in the midst of a change is made anew, and is what it would have been."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from itertools import chain, pairwise
from types import FrameType
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.model.facts import Facts
from astrolabe.graph.model.links import Ref
from astrolabe.graph.model.model import InconsistentModelError, Model
from astrolabe.graph.model.salvage import Salvage
from astrolabe.graph.selector import Selector
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.status import READY, Status
from tests.graph.histories import RULES, histories, roots
from tests.graph.test_model import World, check_equal
from tests.support.injector import Injector


def graph_of(model: Model) -> ServedGraph:
    """What the model says is in the graph."""
    graph = ServedGraph("e")
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
        except InconsistentModelError as broken:
            self.mend(broken)
            if isinstance(step, Facts):
                self.facts[step.uid] = step
            elif isinstance(step, str):
                self.facts.pop(step, None)
            elif step is not None:
                super().step(step)
        for uid in self.left_out:
            self.facts.pop(uid, None)

    def mend(self, broken: InconsistentModelError) -> None:
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


@settings(max_examples=30)
@given(history=histories, roots=roots, share=st.floats(0, 1))
def test_a_fault_at_any_line_loses_nothing(history: list[Any], roots: Selector | None, share: float) -> None:
    """It comes once, so nobody is to blame, and all is as if it had never been."""
    world, injector = Mended(roots), Injector(int(share * lines_of(history, roots)) + 1)
    with injector():
        for step in history:
            world.step(step)
    world.commit()
    check_equal(world.graph, world.expected())
    assert world.left_out == []


MANY = 3_000


def broken_model() -> InconsistentModelError:
    """Of many Pods, which all refer to one Service that comes after them; nothing else holds it."""
    model = Model(RULES)
    for number in range(MANY):
        model.upsert(a_pod(f"pod-{number}", Ref("binds", "Service", "a", "hub", "spec.hub")))
        if not number % 500:
            model.commit()
    model.upsert(msgspec.structs.replace(a_pod("hub"), kind="Service"))
    model.commit()
    try:
        model.remove([])  # type: ignore[arg-type]
    except InconsistentModelError as broken:
        return broken
    raise AssertionError


def a_pod(name: str, *links: Ref) -> Facts:
    metadata = {"creationTimestamp": ""}
    status = Status(READY, "Active")
    return Facts("Pod", name, name, "a", {}, status, metadata, links)


def test_steps_over_a_large_model_are_short() -> None:
    """By the calls that it makes; each of thousands is a step of its own."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    def each(steps: Iterator[None]) -> Iterator[int]:
        before = calls
        for _ in steps:
            yield calls - before
            before = calls

    sys.setprofile(count)
    try:
        taken = list(each(Salvage(broken_model()).steps()))
    finally:
        sys.setprofile(None)
    assert len(taken) > MANY
    assert max(taken) < sum(taken) / 20


def test_a_large_broken_model_is_freed_in_steps() -> None:
    broken = broken_model()
    salvage = Salvage(broken)
    gc.collect()
    gc.disable()  # what others left behind does not count
    try:
        held = [sys.getallocatedblocks() for _ in chain(salvage.steps(), [None])]
        model, most = salvage.model, max(held)
        del salvage, broken
        left = sys.getallocatedblocks()
    finally:
        gc.enable()
    assert most - held[-1] > 3 * MANY, "the old one is gone"
    assert max(before - after for before, after in pairwise(held)) < 2 * MANY
    assert held[-1] - left < MANY, "nothing is left to let go of"
    assert len(model) == MANY + 1
