"""What panels show: made at most once a second for each filter, and shared by all requests."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Generator
from contextvars import Context
from typing import TypeVar

import msgspec

from astrolabe.graph.views.filter import Filter
from astrolabe.http.grafana.aggregation import Aggregation
from astrolabe.http.grafana.drawing import draw
from astrolabe.http.grafana.layout import Layout, spots
from astrolabe.http.grafana.rows import Rows, edge_row, node_row, overlap
from astrolabe.http.grafana.subgraph import gather
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.hub import Hub
from astrolabe.http.stream.snapshot import ViewSnapshot
from astrolabe.kinds.catalogue import Catalogue
from astrolabe.timeslice import Lane, in_slices

#: Seconds for which the same rows are sent.
FRESH = 1.0
#: Seconds within which a panel may combine two responses.
TOGETHER = 2.0
#: Queries whose layouts are remembered. The least recently used one is forgotten first.
REMEMBERED = 32

T = TypeVar("T")


class PanelQuery(msgspec.Struct, frozen=True):
    """What a panel asks for: a filtered graph, drawn with at most `limit` nodes."""

    filter: Filter
    limit: int


class Panel(msgspec.Struct, frozen=True):
    """The rows of a panel, and their position. made: loop time."""

    position: StreamPosition
    rows: Rows
    made: float


class PanelMemory:
    """What is remembered about a query, so that the next drawing resembles the last one."""

    def __init__(self) -> None:
        self.layout = Layout()
        self.aggregation: Aggregation = "resource"
        self.task: asyncio.Task[Panel] | None = None
        self.shown: Panel | None = None
        self.asked = 0.0


class GrafanaPanels:
    """The panels of all queries. catalogue: has the layer of each kind."""

    def __init__(self, hub: Hub, catalogue: Catalogue) -> None:
        self._hub = hub
        self._catalogue = catalogue
        self._memories: OrderedDict[PanelQuery, PanelMemory] = OrderedDict()
        self._running: set[asyncio.Task[Panel]] = set()
        hub.when_forgetting(self._memories.clear)

    async def get(self, query: PanelQuery) -> Panel:
        """The panel of this query, unchanged or at most a second old."""
        memory = self._memory(query)
        if memory.task is None or self._is_stale(memory.task, query.filter):
            memory.task = self._start(query, memory)
        panel = await asyncio.shield(memory.task)  # a cancelled caller must not cancel it for the others
        memory.shown, memory.asked = panel, asyncio.get_running_loop().time()
        return panel

    async def close(self) -> None:
        """Cancel what is being made."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _memory(self, query: PanelQuery) -> PanelMemory:
        memory = self._memories.get(query)
        if memory is None:
            memory = self._memories[query] = PanelMemory()
            if len(self._memories) > REMEMBERED:
                self._memories.popitem(last=False)
        self._memories.move_to_end(query)
        return memory

    def _is_stale(self, task: asyncio.Task[Panel], filter: Filter) -> bool:
        if not task.done():
            return False
        if task.cancelled() or task.exception() is not None:
            return True
        panel = task.result()
        if asyncio.get_running_loop().time() - panel.made < FRESH:
            return False
        return not (panel.rows.complete and self._hub.is_same_since(panel.position, filter))

    def _start(self, query: PanelQuery, memory: PanelMemory) -> asyncio.Task[Panel]:
        loop = asyncio.get_running_loop()
        before = memory.shown if loop.time() - memory.asked < TOGETHER else None
        making = self._make(query, memory, before)
        # The context of a handler holds its request and connection, and the task would keep it alive.
        task = asyncio.create_task(making, name="astrolabe.http.grafana", context=Context())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _make(self, query: PanelQuery, memory: PanelMemory, before: Panel | None) -> Panel:
        """before: the panel that may be read together with this one."""
        snapshot = await self._hub.snapshot(query.filter)
        rows = await finish(self._rows(query, snapshot, memory, before))
        position = StreamPosition(snapshot.epoch, snapshot.seq)
        return Panel(position=position, rows=rows, made=asyncio.get_running_loop().time())

    def _rows(
        self, query: PanelQuery, snapshot: ViewSnapshot, memory: PanelMemory, before: Panel | None
    ) -> Generator[None, None, Rows]:
        part = yield from gather(self._hub.graph, snapshot, self._catalogue, whole=not query.filter)
        of_kinds = {kind.key: kind.layer for kind in self._catalogue}
        drawing = yield from draw(part, limit=query.limit, current=memory.aggregation, layers=of_kinds)
        memory.aggregation = drawing.aggregation
        layers = {group.id: group.layer for group in drawing.groups.values()}
        wanted = yield from spots(layers, ((link.source, link.target) for link in drawing.links))
        places = memory.layout.update(wanted)
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
    """Run the steps in slices of time, and return their result."""
    ended: list[T] = []

    def drain() -> Generator[None, None, None]:
        ended.append((yield from steps))

    async for _ in in_slices(drain(), Lane.ANSWER):
        pass
    return ended[0]
