"""Gives the batches of several writers one epoch and one order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import chain, islice

from astrolabe.engine.engine import Publisher
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.cluster_part import ClusterPart
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.timeslice import TimeSlice

logger = logging.getLogger("astrolabe.app")

#: Nodes that leave the graph in one batch, with their edges: a batch is applied in one turn of the loop.
LEAVE_TOGETHER = 300


class UnionWriter:
    """Publishes what the writers of the clusters change, one batch at a time.

    publisher: takes the batches. graph: returns the served one. crossing: called with each batch's changes
    before it is published; it may add edges between clusters, and must add the removal of such edges whose
    ends go.
    """

    def __init__(
        self,
        publisher: Publisher,
        graph: Callable[[], ServedGraph],
        *,
        epoch: str,
        crossing: Callable[[Changes], None] = lambda _: None,
    ) -> None:
        self.epoch = epoch
        self.crossing = crossing
        self._publisher = publisher
        self._graph = graph
        self._seq = graph().seq
        self._publishing = asyncio.Lock()
        self._members: dict[str, MemberWriter] = {}

    def member(self, cluster: str) -> MemberWriter:
        """The writer of a cluster, which may have been one before."""
        if cluster not in self._members:
            self._members[cluster] = MemberWriter(self, cluster, ClusterPart(self._graph, cluster))
        return self._members[cluster]

    async def commit(self, changes: Changes, time: int, *, by: str) -> bool:
        """Publish changes. Returns False if the served graph was rebuilt and may lack earlier ones.

        time: see `Batch`. by: the cluster whose writer asks, which learns from the result.
        """
        async with self._publishing:
            self.crossing(changes)
            self._seq += 1
            intact = await self._publisher.publish(Batch(self.epoch, self._seq, changes, time))
        if not intact:
            for each in self._members.values():
                if each.cluster != by:
                    each.note_rebuilt()
        return intact

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

    async def publish(self, batch: Batch) -> bool:
        """Publish the changes of a batch at the union's next position."""
        intact = await self._union.commit(batch.changes, batch.time, by=self.cluster)
        doubts, self._has_doubts = self._has_doubts, False
        return intact and not doubts

    def note_rebuilt(self) -> None:
        """The served graph may lack what this cluster wrote."""
        self._has_doubts = not self.rebuilt()
