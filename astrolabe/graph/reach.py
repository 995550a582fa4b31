"""What is reached from roots along edges, kept incrementally and exactly, cycles included.

Each reached member remembers one *parent*, a member that reaches it, so the members form a forest
that hangs on the roots. Losing an edge that is no parent costs nothing; losing a parent takes the
subtree out and lets it in again where another member still reaches it. A cycle that has lost its
root cannot hold itself up, because its forest no longer hangs on anything.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from math import inf
from typing import Generic, Protocol, TypeVar

T = TypeVar("T", bound=Hashable)


class Traversable(Protocol[T]):
    """The graph that is walked. All four must be true of the present when `update` is called."""

    def is_root(self, item: T) -> bool: ...
    def admits(self, item: T) -> bool:
        """Whether it may be reached at all (when it is no root)."""
        ...

    def successors(self, item: T) -> Iterable[T]: ...
    def predecessors(self, item: T) -> Iterable[T]: ...


class Reach(Generic[T]):
    """The members, and how each is held. `in` asks for membership."""

    def __init__(self, terrain: Traversable[T]) -> None:
        self._terrain = terrain
        self._parents: dict[T, T | None] = {}

    def __contains__(self, item: object) -> bool:
        return item in self._parents

    def __len__(self) -> int:
        return len(self._parents)

    def __iter__(self) -> Iterator[T]:
        return iter(self._parents)

    def update(
        self,
        touched: Iterable[T],
        *,
        removed_edges: Iterable[tuple[T, T]] = (),
        waiting: list[T] | None = None,
    ) -> set[T]:
        """Follow a change; returns the items whose membership changed.

        touched: items that came, went, became or ceased to be roots or admitted, or gained an
            incoming edge. cut: (source, target) pairs between which no edge leads any more.
        waiting: where those who may come in are put, to be let in later (`enter`).
        """
        touched = list(touched)
        orphans = self._orphans(touched, removed_edges)
        if waiting is not None:
            waiting += [*orphans, *touched]
            return orphans
        entered = self._enter([*orphans, *touched])
        return (orphans - entered) | (entered - orphans)

    def _orphans(self, touched: list[T], removed_edges: Iterable[tuple[T, T]]) -> set[T]:
        parents, terrain = self._parents, self._terrain
        loose = [
            target for source, target in removed_edges if target in parents and parents[target] == source
        ]
        for item in touched:
            if item not in parents or terrain.is_root(item):
                continue
            if parents[item] is None or not terrain.admits(item):
                loose.append(item)
        orphans: set[T] = set()
        while loose:
            item = loose.pop()
            if item in orphans:
                continue
            orphans.add(item)
            del parents[item]
            loose.extend([s for s in terrain.successors(item) if s in parents and parents[s] == item])
        return orphans

    def enter(self, candidates: list[T], most: int) -> set[T]:
        """Take in the candidates that are held, and what they reach; returns who came in.

        At most so many are looked at: the others are left in the list, to be gone on with. Until there are
        none, what is reached from the members may be lacking. Updates may come meanwhile, with the same list.
        """
        return self._enter(candidates, most)

    def _enter(self, candidates: list[T], most: float = inf) -> set[T]:
        entered: set[T] = set()
        looked = 0
        while candidates and looked < most:
            looked += 1
            item = candidates.pop()
            if item in self._parents or not self._held(item):
                continue
            entered.add(item)
            candidates.extend([s for s in self._terrain.successors(item) if s not in self._parents])
        return entered

    def _held(self, item: T) -> bool:
        """Give it a parent, when there is one."""
        if self._terrain.is_root(item):
            self._parents[item] = None
            return True
        if self._terrain.admits(item):
            for source in self._terrain.predecessors(item):
                if source in self._parents:
                    self._parents[item] = source
                    return True
        return False
