"""The layout of a drawing: layers from left to right, and a stable place for each node.

A node gets a free place near its neighbours, and keeps it as long as it is drawn. All places are assigned
anew when the plan does not fit any more: at twice as many nodes as it was made for, or a quarter.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from itertools import count

import msgspec

from astrolabe.http.grafana.subgraph import STEP
from astrolabe.kinds.kind import LAYERS, Layer

#: Pixels between places: a node is 80 to 120 wide and has two lines of text below it.
COLUMN = 240
ROW = 170
#: Width to height of a panel, about.
ASPECT = 1.6
#: A plan is for at least this many nodes, so that small graphs do not move.
FEWEST = 20


class LayoutNode(msgspec.Struct, frozen=True):
    """A node that needs a place: its id, layer, and the ids that it is linked with."""

    id: str
    layer: Layer
    neighbours: Collection[str] = ()


class Layout:
    """The places of one drawing, over time."""

    def __init__(self) -> None:
        self._planned = 0
        self._rows = 1
        self._grids: dict[Layer, Grid] = {}
        self._places: dict[str, tuple[Layer, int, int]] = {}

    def update(self, spots: Sequence[LayoutNode]) -> dict[str, tuple[int, int]]:
        """x and y of each node, in pixels. Known nodes stay where they are."""
        if not self._planned / 4 <= max(len(spots), FEWEST) <= self._planned * 2:
            self._plan(spots)
        there = {spot.id for spot in spots}
        for id in [id for id in self._places if id not in there]:
            layer, column, row = self._places.pop(id)
            self._grids[layer].free(column, row)
        by_layer = sorted(spots, key=lambda spot: LAYERS.index(spot.layer))
        for spot in by_layer:
            if spot.id not in self._places:
                self._place(spot)
        return {spot.id: self._position(*self._places[spot.id]) for spot in spots}

    def _plan(self, spots: Sequence[LayoutNode]) -> None:
        """Divide the columns among the layers, so that the drawing has about the shape of a panel."""
        self._planned = max(len(spots), FEWEST)
        counts = {layer: sum([spot.layer == layer for spot in spots]) for layer in LAYERS}
        for self._rows in count(1):
            widths = {layer: max(1, -(-counts[layer] // self._rows)) for layer in LAYERS}
            if sum(widths.values()) * COLUMN <= ASPECT * self._rows * ROW or self._rows >= len(spots):
                break
        self._places, self._grids, first = {}, {}, 0
        for layer in LAYERS:
            self._grids[layer] = Grid(first, widths[layer])
            first += widths[layer]

    def _place(self, spot: LayoutNode) -> None:
        rows = [self._places[id][2] for id in spot.neighbours if id in self._places]
        wanted = round(sum(rows) / len(rows)) if rows else 0
        column, row = self._grids[spot.layer].occupy(min(wanted, self._highest()))
        self._places[spot.id] = (spot.layer, column, row)

    def _highest(self) -> int:
        """The last row that a node may want, so that places do not drift away."""
        return max(self._rows, *[grid.height for grid in self._grids.values()])

    def _position(self, layer: Layer, column: int, row: int) -> tuple[int, int]:
        return (self._grids[layer].first + column) * COLUMN, row * ROW


class Grid:
    """The places of one layer. first: its first column among all. width: how many columns it has."""

    def __init__(self, first: int, width: int) -> None:
        self.first = first
        self._width = width
        self._taken: dict[int, set[int]] = {}
        self._count = 0

    @property
    def height(self) -> int:
        """The rows that its nodes need at least."""
        return -(-self._count // self._width)

    def occupy(self, wanted: int) -> tuple[int, int]:
        """Occupy the free place nearest to this row. Returns its column and row."""
        row = next(row for row in _around(wanted) if len(self._taken.get(row, ())) < self._width)
        taken = self._taken.setdefault(row, set())
        column = next(column for column in range(self._width) if column not in taken)
        taken.add(column)
        self._count += 1
        return column, row

    def free(self, column: int, row: int) -> None:
        """Free a place."""
        self._count -= 1
        self._taken[row].discard(column)
        if not self._taken[row]:
            del self._taken[row]


def _around(row: int) -> Iterable[int]:
    """This row, the next, the one before, and so on, without end."""
    yield row
    for distance in count(1):
        yield row + distance
        if row >= distance:
            yield row - distance


def spots(
    ids: Mapping[str, Layer], links: Iterable[tuple[str, str]]
) -> Generator[None, None, list[LayoutNode]]:
    """The nodes to place, from ids with their layers and linked pairs, in steps."""
    neighbours: dict[str, dict[str, None]] = {id: {} for id in ids}
    for number, (source, target) in enumerate(links):
        if number % STEP == 0:
            yield
        neighbours[source][target] = None
        neighbours[target][source] = None
    return [LayoutNode(id=id, layer=layer, neighbours=tuple(neighbours[id])) for id, layer in ids.items()]
