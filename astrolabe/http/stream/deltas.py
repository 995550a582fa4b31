"""The messages that carry changes. Views that see the same changes share them, whatever their filters."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from astrolabe.graph.encoding import wire
from astrolabe.graph.state.batch import Batch, Changes
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.http.net.message import LONG, LongText, LongTexts, Message

#: Messages of one catch-up that are kept for others, newest first. Clients choose ids and positions.
SHARED = 16
#: Nodes that could be visited in the time that one piece of text takes.
PIECE = 20

#: What changed: a text, or a long one.
_Text = str | LongText


class DeltaMessages:
    """The messages of one batch. Views that see the same changes share texts."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        #: Text and messages, by the changes that are seen.
        self._seen: dict[Hashable, tuple[_Text, dict[tuple[str, int], Message]]] = {}
        #: The same by the id of the object, which is kept alive so that its id is not reused.
        self._objects: dict[int, tuple[Changes, tuple[_Text, dict[tuple[str, int], Message]]]] = {}
        #: What was asked for last: most views in a row see the whole step.
        self._latest: tuple[Changes, tuple[_Text, dict[tuple[str, int], Message]]] | None = None

    def message(self, id: str, since: int, changes: Changes) -> Message:
        """The delta for the subscription with this id, which was last sent `since`."""
        known = self._latest
        if known is None or known[0] is not changes:
            known = self._objects.get(id_ := _id(changes))
            if known is None:
                known = self._objects[id_] = (changes, self._find(changes))
            self._latest = known
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


class CatchUp:
    """All changes of a view up to one position, as one message.

    lost: whether it cannot be made: the history does not reach back so far, or memory is short.
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
        """Whether it is still being worked out."""
        return self._text is None and not self.lost

    def begin(self, graph: ServedGraph) -> None:
        """End at the current position of the graph."""
        self.epoch, self.seq = graph.epoch, graph.seq

    def set(self, changes: Changes, texts: LongTexts) -> None:
        """Set few changes. Even these are refused while too much text waits for slow readers."""
        text = wire.changes_text(changes)
        self._anything = bool(changes)
        if len(text) <= LONG:
            self._text = text
        elif texts.full:
            self.lost = True
        else:
            self._text = texts.make([text])

    def set_in_steps(self, changes: Changes, texts: LongTexts) -> Iterator[int]:
        """Set any number of changes: the text is made in steps."""
        pieces = []
        for piece in wire.changes_pieces(changes):
            pieces.append(piece)
            yield PIECE
        short = sum(map(len, pieces)) <= LONG
        self._text, self._anything = "".join(pieces) if short else texts.make(pieces), bool(changes)

    def message(self, id: str, since: int) -> Message:
        """For the subscription with this id, which was last sent `since`: a bookmark if nothing changed."""
        message = self._messages.get((id, since))
        if message is None:
            assert self._text is not None
            if self._anything:
                message = _delta(id, self.epoch, since=since, seq=self.seq, changed=self._text)
            else:
                text = wire.bookmark(id, self.epoch, self.seq)
                message = Message("bookmark", text, f"{self.epoch}:{self.seq}")
            self._messages[id, since] = message
            if len(self._messages) > SHARED:
                del self._messages[next(iter(self._messages))]
        return message
