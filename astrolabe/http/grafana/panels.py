"""What panels show now, made at most once a second for each filter, and shared by all who ask."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Generator
from contextvars import Context
from typing import TypeVar

import msgspec

from astrolabe.graph.views.filter import Filter
from astrolabe.http.grafana.aggregation import Level
from astrolabe.http.grafana.drawing import draw
from astrolabe.http.grafana.layout import Layout, spots
from astrolabe.http.grafana.pairs import Rows, overlap
from astrolabe.http.grafana.rows import edge_row, node_row
from astrolabe.http.grafana.subgraph import gather
from astrolabe.http.query import Position
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import Snapshot
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.timeslice import Lane, in_slices

#: Seconds for which the same is answered.
FRESH = 1.0
#: Seconds within which two answers may be read together.
TOGETHER = 2.0
#: Filters whose places are remembered; those not asked for longest are forgotten first.
REMEMBERED = 32

T = TypeVar("T")


class Question(msgspec.Struct, frozen=True):
    """What a panel asks for: a part of the graph, drawn with at most `limit` nodes."""

    filter: Filter
    limit: int


class Panel(msgspec.Struct, frozen=True):
    """What is shown, and the place in history that it is of. made: in the loop's time."""

    position: Position
    rows: Rows
    made: float


class Board:
    """What is remembered of one question, so that the next answer resembles the last."""

    def __init__(self) -> None:
        self.layout = Layout()
        self.level: Level = "resource"
        self.task: asyncio.Task[Panel] | None = None
        self.shown: Panel | None = None
        self.asked = 0.0


class Panels:
    """catalogue: has the layer of each kind."""

    def __init__(self, hub: Hub, catalogue: Catalogue) -> None:
        self._hub = hub
        self._catalogue = catalogue
        self._boards: OrderedDict[Question, Board] = OrderedDict()
        self._running: set[asyncio.Task[Panel]] = set()

    async def get(self, question: Question) -> Panel:
        """The panel of this question, at most a second old or still as it was."""
        board = self._board(question)
        if board.task is None or self._is_stale(board.task, question.filter):
            board.task = self._start(question, board)
        panel = await asyncio.shield(board.task)  # a caller that goes away must not take it from the others
        board.shown, board.asked = panel, asyncio.get_running_loop().time()
        return panel

    async def close(self) -> None:
        """End what is being made."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _board(self, question: Question) -> Board:
        board = self._boards.get(question)
        if board is None:
            board = self._boards[question] = Board()
            if len(self._boards) > REMEMBERED:
                self._boards.popitem(last=False)
        self._boards.move_to_end(question)
        return board

    def _is_stale(self, task: asyncio.Task[Panel], filter: Filter) -> bool:
        if not task.done():
            return False
        if task.cancelled() or task.exception() is not None:
            return True
        panel = task.result()
        if asyncio.get_running_loop().time() - panel.made < FRESH:
            return False
        return not (panel.rows.complete and self._hub.is_same_since(panel.position, filter))

    def _start(self, question: Question, board: Board) -> asyncio.Task[Panel]:
        loop = asyncio.get_running_loop()
        before = board.shown if loop.time() - board.asked < TOGETHER else None
        making = self._make(question, board, before)
        # A task keeps its context, and that of a handler its request with the connection: this one is kept.
        task = asyncio.create_task(making, name="astrolabe.http.grafana", context=Context())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _make(self, question: Question, board: Board, before: Panel | None) -> Panel:
        """before: the panel that may be read together with this one."""
        taken = await self._hub.take(question.filter)
        rows = await finish(self._rows(question, taken, board, before))
        position = Position(taken.epoch, taken.seq)
        return Panel(position=position, rows=rows, made=asyncio.get_running_loop().time())

    def _rows(
        self, question: Question, taken: Snapshot, board: Board, before: Panel | None
    ) -> Generator[None, None, Rows]:
        part = yield from gather(self._hub.graph, taken, self._catalogue, whole=not question.filter)
        of_kinds = {kind.key: kind.layer for kind in self._catalogue}
        drawing = yield from draw(part, limit=question.limit, current=board.level, layers=of_kinds)
        board.level = drawing.level
        layers = {group.id: group.layer for group in drawing.groups.values()}
        wanted = yield from spots(layers, ((link.source, link.target) for link in drawing.links))
        places = board.layout.update(wanted)
        nodes, edges = [], []
        for group in drawing.groups.values():
            yield
            nodes.append(node_row(group, places[group.id]))
        for link in drawing.links:
            yield
            edges.append(edge_row(link, drawing))
        rows = Rows(nodes=nodes, edges=edges)
        return rows if before is None else (yield from overlap(before.rows, rows))


async def finish(steps: Generator[None, None, T]) -> T:
    """What the steps end with; others have their turn between them."""
    ended: list[T] = []

    def drain() -> Generator[None, None, None]:
        ended.append((yield from steps))

    async for _ in in_slices(drain(), Lane.ANSWER):
        pass
    return ended[0]
