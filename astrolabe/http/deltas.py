"""The messages that tell of changes: made once for all who see the same, whatever their filters are."""

from __future__ import annotations

from collections.abc import Hashable

from astrolabe.graph import wire
from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.graph import Graph
from astrolabe.http.message import Message

#: Messages of one difference that are shared, the latest made ones: clients choose their ids and where they
#: say that they are, and each message may be as large as all that has changed.
SHARED = 16


class Deltas:
    """The messages of one batch. Views that see the same of it share their texts."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        #: By what is seen, its text and its messages.
        self._seen: dict[Hashable, tuple[str, dict[tuple[str, int], Message]]] = {}
        #: The same by the object; it is kept, so that nothing else is found in its place.
        self._objects: dict[int, tuple[Changes, tuple[str, dict[tuple[str, int], Message]]]] = {}

    def message(self, id: str, since: int, changes: Changes) -> Message:
        """What the subscription of this id, which was told up to `since`, is told of the batch."""
        known = self._objects.get(id_ := _id(changes))
        if known is None:
            known = self._objects[id_] = (changes, self._find(changes))
        text, messages = known[1]
        message = messages.get((id, since))
        if message is None:
            batch = self._batch
            whole = wire.delta(id, batch.epoch, since=since, seq=batch.seq, changed=text, time=batch.time)
            message = messages[id, since] = Message("delta", whole, f"{batch.epoch}:{batch.seq}")
        return message

    def _find(self, changes: Changes) -> tuple[str, dict[tuple[str, int], Message]]:
        # Of one batch a uid or a key means one node or edge.
        what = (
            tuple([node.uid for node in changes.nodes_set]),
            tuple([edge.key for edge in changes.edges_set]),
            tuple(changes.edges_removed),
            tuple(changes.nodes_removed),
        )
        seen = self._seen.get(what)
        if seen is None:
            seen = self._seen[what] = (wire.changes_text(changes), {})
        return seen


_id = id


class Difference:
    """What has changed of a view up to one place in history; `text` is None until it is worked out.

    lost: whether it never will be, since the beginning is not known any more.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.text: str | None = None
        self.lost = False
        self._anything = False
        self._messages: dict[tuple[str, int], Message] = {}

    @property
    def under_way(self) -> bool:
        """Whether it is being worked out."""
        return self.text is None and not self.lost

    def begin(self, graph: Graph) -> None:
        """It leads up to where the graph is now."""
        self.epoch, self.seq = graph.epoch, graph.seq

    def set(self, changes: Changes) -> None:
        """This is it."""
        self.text, self._anything = wire.changes_text(changes), bool(changes)

    def message(self, id: str, told: int) -> Message:
        """For the subscription of this id, which was told up to `told`: a bookmark when nothing changed."""
        message = self._messages.get((id, told))
        if message is None:
            position = f"{self.epoch}:{self.seq}"
            assert self.text is not None
            if self._anything:
                whole = wire.delta(id, self.epoch, since=told, seq=self.seq, changed=self.text)
                message = Message("delta", whole, position)
            else:
                message = Message("bookmark", wire.bookmark(id, self.epoch, self.seq), position)
            self._messages[id, told] = message
            if len(self._messages) > SHARED:
                del self._messages[next(iter(self._messages))]
        return message
