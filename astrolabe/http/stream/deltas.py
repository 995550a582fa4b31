"""The messages that tell of changes: made once for all who see the same, whatever their filters are."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import Graph
from astrolabe.http.net.message import LONG, LongText, LongTexts, Message

#: Messages of one difference that are shared, the latest made ones: clients choose their ids and where they
#: say that they are.
SHARED = 16
#: Nodes that may be looked at while a piece of a text is made.
PIECE = 20

#: What changed: a text, or a long one.
_Text = str | LongText


class Deltas:
    """The messages of one batch. Views that see the same of it share their texts."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        #: By what is seen, its text and its messages.
        self._seen: dict[Hashable, tuple[_Text, dict[tuple[str, int], Message]]] = {}
        #: The same by the object; it is kept, so that nothing else is found in its place.
        self._objects: dict[int, tuple[Changes, tuple[_Text, dict[tuple[str, int], Message]]]] = {}

    def message(self, id: str, since: int, changes: Changes) -> Message:
        """What the subscription of this id, which was told up to `since`, is told of the batch."""
        known = self._objects.get(id_ := _id(changes))
        if known is None:
            known = self._objects[id_] = (changes, self._find(changes))
        text, messages = known[1]
        message = messages.get((id, since))
        if message is None:
            batch = self._batch
            message = messages[id, since] = _delta(
                id, batch.epoch, since=since, seq=batch.seq, changed=text, time=batch.time
            )
        return message

    def _find(self, changes: Changes) -> tuple[_Text, dict[tuple[str, int], Message]]:
        # Of one batch a uid or a key means one node or edge.
        what = (
            tuple([node.uid for node in changes.nodes_set]),
            tuple([edge.key for edge in changes.edges_set]),
            tuple(changes.edges_removed),
            tuple(changes.nodes_removed),
        )
        seen = self._seen.get(what)
        if seen is None:
            text = wire.changes_text(changes)
            seen = self._seen[what] = (text if len(text) <= LONG else LongText([text.encode()]), {})
        return seen


_id = id


def _delta(id: str, epoch: str, *, since: int, seq: int, changed: _Text, time: int = 0) -> Message:
    position = f"{epoch}:{seq}"
    if isinstance(changed, str):
        whole = wire.delta(id, epoch, since=since, seq=seq, changed=changed, time=time)
        return Message("delta", whole, position)
    head = wire.delta_head(id, epoch, since=since, seq=seq, time=time)
    return Message("delta", head, position, long=changed, tail=wire.DELTA_TAIL)


class Difference:
    """What has changed of a view up to one place in history, once it is worked out.

    lost: whether it never will be: the beginning is not known any more, or there is no room for it.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.lost = False
        self._text: _Text | None = None
        self._anything = False
        self._messages: dict[tuple[str, int], Message] = {}

    @property
    def under_way(self) -> bool:
        """Whether it is being worked out."""
        return self._text is None and not self.lost

    def begin(self, graph: Graph) -> None:
        """It leads up to where the graph is now."""
        self.epoch, self.seq = graph.epoch, graph.seq

    def set(self, changes: Changes, texts: LongTexts) -> None:
        """This is it, and is little; even of that there may be only so much that nobody reads."""
        text = wire.changes_text(changes)
        self._anything = bool(changes)
        if len(text) <= LONG:
            self._text = text
        elif texts.full:
            self.lost = True
        else:
            self._text = texts.make([text])

    def take(self, changes: Changes, texts: LongTexts) -> Iterator[int]:
        """This is it, and may be much: its text is made in steps."""
        pieces = []
        for piece in wire.changes_pieces(changes):
            pieces.append(piece)
            yield PIECE
        short = sum(map(len, pieces)) <= LONG
        self._text, self._anything = "".join(pieces) if short else texts.make(pieces), bool(changes)

    def message(self, id: str, told: int) -> Message:
        """For the subscription of this id, which was told up to `told`: a bookmark when nothing changed."""
        message = self._messages.get((id, told))
        if message is None:
            assert self._text is not None
            if self._anything:
                message = _delta(id, self.epoch, since=told, seq=self.seq, changed=self._text)
            else:
                text = wire.bookmark(id, self.epoch, self.seq)
                message = Message("bookmark", text, f"{self.epoch}:{self.seq}")
            self._messages[id, told] = message
            if len(self._messages) > SHARED:
                del self._messages[next(iter(self._messages))]
        return message
