"""Delivers batches to the served graph."""

from __future__ import annotations

import logging
from typing import Protocol

from astrolabe.graph.model.faults import where
from astrolabe.graph.state.batch import Batch
from astrolabe.graph.state.graph import ApplyError, ServedGraph
from astrolabe.graph.state.renewal import Renewal
from astrolabe.timeslice import in_slices

logger = logging.getLogger("astrolabe.bus")


class GraphTarget(Protocol):
    """The graph that clients see: `http.hub.Hub`.

    rebuilding: whether the graph is being rebuilt, so that it falls behind.
    """

    graph: ServedGraph
    rebuilding: bool

    def receive(self, batch: Batch) -> None:
        """Apply the next batch. Raises GapError, ApplyError; the graph is unchanged then."""
        ...

    def replace(self, graph: ServedGraph) -> None:
        """Serve this graph from now on."""
        ...


async def deliver(batch: Batch, served: GraphTarget) -> bool:
    """Apply the next batch to the served graph. Returns False if the graph had to be rebuilt.

    In that case its indices disagreed: all readers are reset, and the caller has to compare the graph with
    what it should be. Raises GapError.
    """
    try:
        served.receive(batch)
    except ApplyError as unapplied:
        log_unapplied(unapplied, "rebuilding it")
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


def log_unapplied(unapplied: ApplyError, what_follows: str) -> None:
    """Log that a batch could not be applied, why, and what happens next."""
    error = unapplied.__cause__
    assert isinstance(error, Exception)
    logger.error("applying a batch to the served graph failed; %s: %s", what_follows, where(error))
