"""The keys of a collection in etcd's order: by the bytes of `namespace/name`.

A data structure of its own: the store has one per kind.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping


class SortedKeys:
    """A sorted list of keys. Finding a range takes logarithmic time."""

    def __init__(self, ordered: list[str]) -> None:
        self._ordered = ordered

    def __len__(self) -> int:
        return len(self._ordered)

    def __getitem__(self, position: int) -> str:
        return self._ordered[position]

    def add(self, key: str) -> None:
        insort(self._ordered, key)

    def remove(self, key: str) -> None:
        del self._ordered[bisect_left(self._ordered, key)]

    def changed(self, present: Mapping[str, bool]) -> SortedKeys:
        """A copy with the keys whose value in `present` is True, and without those whose value is False."""
        copy = SortedKeys([key for key in self._ordered if present.get(key, True)])
        known = set(copy._ordered) & present.keys()
        for key, there in present.items():
            if there and key not in known:
                copy.add(key)
        return copy

    def within(self, namespace: str, start: str = "") -> list[str]:
        """The keys of a namespace ("": all) from `start` on, which is relative to the namespace."""
        prefix = f"{namespace}/" if namespace else ""
        first = bisect_left(self._ordered, prefix + start)
        last = (
            bisect_left(self._ordered, f"{namespace}0") if namespace else len(self._ordered)
        )  # "0" follows "/"
        return self._ordered[first:last]
