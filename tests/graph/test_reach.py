"""Reach equals a search from the roots, after every change, cycles included."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from astrolabe.graph.reach import Reach

ITEMS = range(7)


class Field:
    """A terrain that can be changed: edges, roots, walls."""

    def __init__(self) -> None:
        self.edges: set[tuple[int, int]] = set()
        self.roots: set[int] = set()
        self.walls: set[int] = set()

    def is_root(self, item: int) -> bool:
        return item in self.roots

    def admits(self, item: int) -> bool:
        return item not in self.walls

    def successors(self, item: int) -> Iterable[int]:
        return [target for source, target in self.edges if source == item]

    def predecessors(self, item: int) -> Iterable[int]:
        return [source for source, target in self.edges if target == item]

    def reached(self) -> set[int]:
        found, waiting = set(self.roots), list(self.roots)
        while waiting:
            for item in self.successors(waiting.pop()):
                if item not in found and item not in self.walls:
                    found.add(item)
                    waiting.append(item)
        return found


item = st.sampled_from(ITEMS)
change = st.one_of(
    st.tuples(st.just("edge"), item, item),
    st.tuples(st.just("edge"), item, item),
    st.tuples(st.just("root"), item, item),
    st.tuples(st.just("wall"), item, item),
)


@settings(max_examples=300)
@given(
    start=st.sets(st.tuples(item, item), max_size=16),
    changes=st.lists(st.lists(change, max_size=4), max_size=12),
)
def test_equals_a_search(start: set[tuple[int, int]], changes: list[list[tuple[str, int, int]]]) -> None:
    field = Field()
    field.edges, field.roots = set(start), {0}
    reach = Reach(field)
    reach.update(ITEMS)
    for step in changes:
        before = set(reach)
        edges = set(field.edges)
        touched = set()
        for what, one, other in step:
            if what == "edge":
                field.edges ^= {(one, other)}
            else:
                (field.roots if what == "root" else field.walls).__ixor__({one})
                touched.add(one)
        touched |= {target for _, target in field.edges - edges}
        flipped = reach.update(touched, removed_edges=edges - field.edges)
        assert set(reach) == field.reached()
        assert flipped == before ^ set(reach)


def test_a_cycle_without_root_is_unreachable() -> None:
    field = Field()
    field.edges, field.roots = {(0, 1), (1, 2), (2, 1)}, {0}
    reach = Reach(field)
    assert reach.update(ITEMS) == {0, 1, 2}
    field.edges.remove((0, 1))
    assert reach.update([], removed_edges=[(0, 1)]) == {1, 2}
    assert set(reach) == {0}
