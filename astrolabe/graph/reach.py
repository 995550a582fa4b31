"""What roots reach along edges, kept up to date incrementally and exactly, cycles included.

Each member remembers one *parent*, a member that reaches it, so the members form a forest below the roots.
Removing an edge that is not to a parent costs nothing. Removing one to a parent takes the subtree out, and
lets in again what another member still reaches. A cycle that loses its root cannot keep itself in, because
its members no longer hang below a root.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from math import inf
from typing import Generic, Protocol, TypeVar

T = TypeVar("T", bound=Hashable)


class Traversable(Protocol[T]):
    """The graph that is walked. All four must describe the present when `update` is called."""

    def is_root(self, item: T) -> bool: ...
    def admits(self, item: T) -> bool:
        """Whether it may be reached if it is not a root."""
        ...

    def successors(self, item: T) -> Iterable[T]: ...
    def predecessors(self, item: T) -> Iterable[T]: ...


class Reach(Generic[T]):
    """The members, each with its parent."""

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
        """Follow a change. Returns the items whose membership changed.

        touched: items that came, went, became or ceased to be roots or admitted, or gained an
            incoming edge. cut: (source, target) pairs that no edge connects any longer.
        waiting: if given, items that may enter are added to it, and `enter` lets them in later.
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
        """Let in the candidates that a member reaches, and what they reach. Returns the new members.

        At most `most` are processed, and the others remain in the list. Until it is empty, members may be
        missing. Updates with the same list may come meanwhile.
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
        """Give it a parent, if there is one."""
        if self._terrain.is_root(item):
            self._parents[item] = None
            return True
        if self._terrain.admits(item):
            for source in self._terrain.predecessors(item):
                if source in self._parents:
                    self._parents[item] = source
                    return True
        return False
