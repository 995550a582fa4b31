"""What is around some nodes, followed on a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from astrolabe.client.follower import Access, StreamFollower
from astrolabe.client.graph import Change, Graph
from astrolabe.client.message import DeltaMessage, NodesBeyond, ServerMessage, SnapshotMessage


class NeighbourhoodGraph(Graph):
    """A graph, and what has no room in it.

    beyond: by kind, the nodes that are near enough and beyond the limit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.beyond: Sequence[NodesBeyond] = ()

    def apply(self, message: ServerMessage) -> list[Change]:
        """As of `Graph`."""
        changes = super().apply(message)
        if isinstance(message, SnapshotMessage | DeltaMessage) and self.complete:
            self.beyond = message.beyond
        return changes


class FollowedNeighbourhood:
    """Made by `Client.neighbourhood`. Iterate to follow it; it ends with the iteration."""

    def __init__(self, access: Access, focus: Sequence[str], more: dict[str, Any]) -> None:
        self.graph = NeighbourhoodGraph()
        self._subject: dict[str, Any] = {"what": "neighbourhood", "focus": list(focus), **more}
        self._follower = StreamFollower(access, self.graph, self._subject)

    async def __aiter__(self) -> AsyncIterator[NeighbourhoodGraph]:
        """The graph when it is known, and after each change of it."""
        try:
            while True:
                told = await self._follower.next()
                if told.event in ("snapshot", "delta") and self.graph.complete:
                    yield self.graph
        finally:
            await self._follower.close()

    async def refocus(self, focus: Sequence[str]) -> None:
        """Show what is around these nodes from now on. What both have in common stays."""
        self._subject = {**self._subject, "focus": list(focus)}
        message = {"type": "refocus", "id": "default", "focus": list(focus)}
        await self._follower.change_subject(self._subject, message)
