"""Gives the batches of several writers one epoch and one order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import chain, islice
from time import time

from astrolabe.engine.engine import Publisher
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.cluster_part import ClusterPart
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.modes.union.crossings import ClusterNames, Crossings
from astrolabe.timeslice import TimeSlice

logger = logging.getLogger("astrolabe.app")

#: Nodes that leave the graph in one batch, with their edges: a batch is applied in one turn of the loop.
LEAVE_TOGETHER = 300


class UnionWriter:
    """Publishes what the writers of the clusters change, one batch at a time.

    publisher: takes the batches. graph: returns the served one. crossings: add the edges between clusters.
    """

    def __init__(
        self,
        publisher: Publisher,
        graph: Callable[[], ServedGraph],
        *,
        epoch: str,
        crossings: Crossings | None = None,
    ) -> None:
        self.epoch = epoch
        self.crossings = crossings or Crossings(graph, ClusterNames())
        self._publisher = publisher
        self._graph = graph
        self._publishing = asyncio.Lock()
        self._members: dict[str, MemberWriter] = {}

    def member(self, cluster: str) -> MemberWriter:
        """The writer of a cluster, which may have been one before."""
        if cluster not in self._members:
            self._members[cluster] = MemberWriter(self, cluster, ClusterPart(self._graph, cluster))
        return self._members[cluster]

    async def commit(self, changes: Changes, at: int, *, by: str) -> bool:
        """Publish changes. Returns False if the served graph was rebuilt and may lack earlier ones.

        at: the time of the batch, see `Batch`. by: the cluster whose writer asks; it learns from the result.
        """
        async with self._publishing:
            self.crossings(changes)
            if not changes:
                return True
            # A batch whose writer was stopped while the graph was rebuilt for it has never been.
            seq, intact = self._graph().seq + 1, False
            try:
                intact = await self._publisher.publish(Batch(self.epoch, seq, changes, at))
            finally:
                if not intact:
                    self.crossings.doubt()
        if not intact:
            for each in self._members.values():
                if each.cluster != by:
                    each.note_rebuilt()
        return intact

    async def settle(self) -> None:
        """Publish what of the edges between clusters no other batch brings about."""
        slice = TimeSlice()
        for _ in self.crossings.read():
            await slice.pause()
        if self.crossings.is_due:
            await self.commit(Changes(), int(time() * 1000), by="")

    async def remove(self, cluster: str) -> None:
        """Take out everything of a cluster, which must not be written any more, in as many batches as keep
        the loop free."""
        part = self.member(cluster).part
        graph, slice, count = self._graph, TimeSlice(), 0
        uids: list[str] = []
        for node in part.each_node():
            uids += [node.uid] if node is not None else []
            await slice.pause()
        waiting = iter(uids)
        while some := list(islice(waiting, LEAVE_TOGETHER)):
            served = graph()
            here = [uid for uid in some if uid in served.nodes]
            edges = chain.from_iterable((*served.outgoing(uid), *served.incoming(uid)) for uid in here)
            gone = list(dict.fromkeys([edge.key for edge in edges]))
            await self.commit(Changes(edges_removed=gone, nodes_removed=here), 0, by=cluster)
            count += len(here)
            await slice.pause()
        if releases := part.releases:
            await self.commit(Changes(releases=dict.fromkeys(releases)), 0, by=cluster)
        self.crossings.forget(cluster)
        del self._members[cluster]
        logger.info("cluster %s is no longer served: %d nodes removed", cluster, count)


class MemberWriter:
    """Implements `engine.Publisher` for one cluster of a union. Made by `UnionWriter.member`.

    part: what of the served graph is its own.
    rebuilt: called when the served graph was rebuilt because of another cluster's batch; returns False if
        that cannot be noted now. See `Engine.tell_rebuilt`.
    """

    def __init__(self, union: UnionWriter, cluster: str, part: ClusterPart) -> None:
        self.cluster = cluster
        self.part = part
        self.rebuilt: Callable[[], bool] = lambda: True
        self._union = union
        self._has_doubts = False

    @property
    def epoch(self) -> str:
        """The epoch of the union."""
        return self._union.epoch

    @property
    def elsewhere(self) -> Crossings:
        """Is told what objects of this cluster refer to in others."""
        return self._union.crossings

    async def publish(self, batch: Batch) -> bool:
        """Publish the changes of a batch at the union's next position."""
        intact = await self._union.commit(batch.changes, batch.time, by=self.cluster)
        doubts, self._has_doubts = self._has_doubts, False
        return intact and not doubts

    def note_rebuilt(self) -> None:
        """The served graph may lack what this cluster wrote."""
        self._has_doubts = not self.rebuilt()
