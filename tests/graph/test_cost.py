"""A change costs its own degree, never the size of the graph: the same steps in a world 40 times as large."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.batch import Batch
from astrolabe.graph.facts import Facts
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.links import Link, Ref, RefByUid, Select
from astrolabe.graph.model import Model
from astrolabe.graph.selector import Selector
from astrolabe.graph.view import View
from tests.graph.histories import RULES, facts, histories, roots


def count_steps(work: Callable[[], Any]) -> int:
    """How many bytecodes are executed: a cost that no noise of the machine changes."""
    steps = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return steps


def elsewhere(entry: Facts, copy: int) -> Facts:
    """The same resource in another part of the world, linked to that part only."""

    def place(namespace: str) -> str:
        return f"{namespace}-{copy}" if namespace else ""

    def link_there(link: Link) -> Link:
        if isinstance(link, RefByUid):
            return msgspec.structs.replace(link, uid=f"{link.uid}-{copy}", namespace=place(link.namespace))
        if isinstance(link, Ref):
            uid = f"{link.uid}-{copy}" if link.uid else ""
            return msgspec.structs.replace(link, uid=uid, namespace=place(link.namespace))
        assert isinstance(link, Select)
        return msgspec.structs.replace(link, namespace=place(link.namespace))

    return msgspec.structs.replace(
        entry,
        uid=f"{entry.uid}-{copy}",
        name=entry.name if entry.namespace else f"{entry.name}-{copy}",
        namespace=place(entry.namespace),
        links=tuple(map(link_there, entry.links)),
        aliases=(),
        release=None,
        revision=None,
    )


class World:
    def __init__(self, base: dict[str, Facts], copies: int, roots: Selector | None) -> None:
        self.model, self.graph = Model(RULES, roots=roots), Graph("e")
        for copy in range(copies):
            for entry in base.values():
                self.model.upsert(elsewhere(entry, copy))
        self.commit()
        self.views = [View(self.graph, Filter(namespace=frozenset(("a-0",)), release=frozenset(("r1",))))]

    def commit(self) -> None:
        changes = self.model.commit()
        self.graph.apply(Batch("e", self.graph.seq + 1, changes))
        for view in getattr(self, "views", ()):
            view.update(changes)

    def cost(self, change: Facts | str) -> int:
        def work() -> None:
            if isinstance(change, str):
                self.model.remove(f"{change}-0")
            else:
                self.model.upsert(elsewhere(change, 0))
            self.commit()

        return count_steps(work)


@settings(max_examples=25, deadline=None)
@given(
    history=histories, change=st.one_of(facts(), facts(), st.sampled_from(("u0", "u1", "u2"))), roots=roots
)
def test_the_same_change_costs_the_same_in_a_large_world(
    history: list[Any], change: Facts | str, roots: Selector | None
) -> None:
    base = {entry.uid: entry for entry in history if isinstance(entry, Facts)}
    small, large = World(base, 1, roots), World(base, 40, roots)
    assert len(large.graph.nodes) == 40 * len(small.graph.nodes)
    assert large.cost(change) <= small.cost(change) * 1.1 + 50
