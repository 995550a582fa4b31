"""Handing batches to the graph that clients see."""

from __future__ import annotations

import logging
from typing import Protocol

from astrolabe.graph.batch import Batch
from astrolabe.graph.faults import where
from astrolabe.graph.graph import Graph, Unapplied
from astrolabe.graph.renewal import Renewal
from astrolabe.timeslice import in_slices

logger = logging.getLogger("astrolabe.bus")


class GraphTarget(Protocol):
    """The graph that clients see: `http.hub.Hub`.

    rebuilding: whether it is made anew just now, so that it stays behind.
    """

    graph: Graph
    rebuilding: bool

    def receive(self, batch: Batch) -> None:
        """Apply the next batch. Raises GapError, Unapplied; the graph was left as it was."""
        ...

    def replace(self, graph: Graph) -> None:
        """Begin anew with this graph."""
        ...


async def deliver(batch: Batch, served: GraphTarget) -> bool:
    """Let it take the next batch; False when it had to be made anew for that. All readers are reset then, and
    what it holds is to be compared with what it should: its indices disagreed. Raises GapError.
    """
    try:
        served.receive(batch)
    except Unapplied as unapplied:
        log_unapplied(unapplied, "it is put together anew")
        served.rebuilding = True
        try:
            renewal = Renewal(served.graph, batch)
            async for _ in in_slices(renewal.steps()):
                pass
            served.replace(renewal.graph)
        finally:
            served.rebuilding = False
        return False
    return True


def log_unapplied(unapplied: Unapplied, what_follows: str) -> None:
    """Log that a batch could not be applied, and why."""
    error = unapplied.__cause__
    assert isinstance(error, Exception)
    logger.error("the served graph could not take a change, and %s: %s", what_follows, where(error))
