"""Which causes reach an effect, and which effects a cause: walks along arcs, cycles included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from astrolabe.graph.causes.words import Missing

#: What may be a cause: a node, by its uid, or an object that does not exist.
Item = str | Missing


class Arc(NamedTuple):
    """The effect that holds it is explained by the target. type, field: of the edge that says so, if any."""

    target: Item
    type: str
    field: tuple[str, ...] = ()


Arcs = Mapping[Item, tuple[Arc, ...]]


def roots_of(arcs: Arcs, item: Item) -> set[Item]:
    """Where all ways along arcs end: items without a further cause. Of a circle of causes, one stands for
    all."""
    roots: set[Item] = set()
    seen = {item}
    waiting = [item]
    while waiting:
        here = waiting.pop()
        further = arcs.get(here, ())
        if not further:
            roots.add(here)
        for arc in further:
            if arc.target not in seen:
                seen.add(arc.target)
                waiting.append(arc.target)
    if len(seen) == 1 or not _has_circle(arcs, item):
        return roots
    return _ends(arcs, seen)


def _has_circle(arcs: Arcs, start: Item) -> bool:
    """Whether a walk from here can come to where it was before."""
    done: set[Item] = set()
    on_way: dict[Item, None] = {start: None}
    stack = [(start, iter(arcs.get(start, ())))]
    while stack:
        here, further = stack[-1]
        for arc in further:
            if arc.target in on_way:
                return True
            if arc.target not in done:
                on_way[arc.target] = None
                stack.append((arc.target, iter(arcs.get(arc.target, ()))))
                break
        else:
            stack.pop()
            del on_way[here]
            done.add(here)
    return False


def _ends(arcs: Arcs, seen: Iterable[Item]) -> set[Item]:
    """Items without a way on, and of each circle without one, the first in order. Circles are rare and
    small."""
    reached = {item: _reach(arcs, item) for item in seen}
    ends: set[Item] = set()
    for item, reach in reached.items():
        if all(item == other or item in reached[other] for other in reach):
            ends.add(min((item, *reach), key=order_of))
    return ends


def _reach(arcs: Arcs, item: Item) -> set[Item]:
    found: set[Item] = set()
    waiting = [item]
    while waiting:
        for arc in arcs.get(waiting.pop(), ()):
            if arc.target not in found:
                found.add(arc.target)
                waiting.append(arc.target)
    return found


def order_of(item: Item) -> tuple[str, ...]:
    """Its place among others."""
    return (item,) if isinstance(item, str) else item


def reached_from(effects: Mapping[Item, Iterable[Item]], items: Iterable[Item]) -> dict[Item, None]:
    """All that these are the cause of, directly or not, without themselves; the nearest first."""
    start = dict.fromkeys(items)
    found: dict[Item, None] = {}
    waiting = list(start)
    for item in waiting:
        for effect in effects.get(item, ()):
            if effect not in found and effect not in start:
                found[effect] = None
                waiting.append(effect)
    return found
