"""What one client follows under one id, and how far it has come.

A subscription is *in step* when it was told all that its feed went through. Then a delta is handed to
it as it comes. When it is not (its transport was full, or its snapshot is still under way) nothing is
queued for it: once its transport takes more it is asked what is `next`, until it is in step again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from astrolabe.graph.encoding import wire
from astrolabe.graph.encoding.wire import ResetReason
from astrolabe.graph.state.batch import is_detached
from astrolabe.graph.state.graph import Graph
from astrolabe.graph.state.history import History
from astrolabe.http.counters import Figures
from astrolabe.http.net.close_codes import FAILED, INTERNAL_ERROR
from astrolabe.http.net.message import Message
from astrolabe.http.query import Position
from astrolabe.http.stream.deltas import Difference
from astrolabe.http.stream.snapshot import Snapshot

logger = logging.getLogger("astrolabe.http")


class Connection(Protocol):
    """Where the messages of one client go.

    writable: whether its transport takes more; while it does not, nothing should be written.
    """

    writable: bool

    def write(self, message: Message) -> None:
        """Send; without effect once the connection is closing."""
        ...

    def close(self, code: int, error: str, message: str) -> None:
        """Tell why and end it, with one of the stream's close codes."""
        ...


class Source(Protocol):
    """What a subscription follows: see `feed.Feed`.

    era: another one when another graph is followed; who is of an earlier one has to begin anew.
    """

    graph: Graph
    history: History
    ready: bool
    changed: int
    era: int
    figures: Figures

    def snapshot(self) -> Snapshot | None: ...
    def difference(self, held: int) -> Difference | None: ...
    def bookmark(self, id: str) -> Message: ...


def fail(connection: Connection) -> None:
    """To be called while an exception is handled: the client has to come back."""
    logger.exception("a subscription failed, its client has to come back")
    dismiss(connection)


def dismiss(connection: Connection) -> None:
    """End it, so that its client comes back."""
    try:
        connection.close(INTERNAL_ERROR, "internal-error", FAILED)
    except Exception:
        logger.exception("a connection could not be closed")


class Subscription:
    """told: the seq that the client was told last.

    wake: called when there may be something `next`.
    """

    __slots__ = (
        "_asked",
        "_begins",
        "_difference",
        "_due",
        "_era",
        "_held",
        "_reset",
        "_snapshot",
        "connection",
        "id",
        "source",
        "told",
        "wake",
    )

    def __init__(self, id: str, source: Source, connection: Connection, *, wake: Callable[[], None]) -> None:
        self.id = id
        self.source = source
        self.connection = connection
        self.wake = wake
        self.told = source.graph.seq
        self._era = source.era
        #: The seq at which the view was what the client holds; when it is below `told`, that is.
        self._held = 0
        #: The reset that is due. Whether a snapshot is; that one, and its parts once it is taken.
        self._reset: Message | None = None
        self._begins = False
        self._snapshot: Snapshot | None = None
        self._due: Iterator[Message] | None = None
        #: What it waits for to catch up.
        self._difference: Difference | None = None
        #: Whether the client waits to hear that it could resume.
        self._asked = False

    def start(self, since: Position | None) -> None:
        """Begin with a snapshot, or go on from where the client says it is, or tell it that it cannot."""
        if since is None:
            self._begin()
        elif since.epoch != self.source.graph.epoch or self._is_of_a_branch(since.seq):
            self.restart("epoch-changed")
        elif since.seq > self.source.graph.seq or self.source.history.knows(since.seq):
            self.told, self._asked = since.seq, True
        else:
            self.restart("too-old")

    def restart(self, reason: ResetReason) -> None:
        """Begin anew, whatever was under way."""
        self.told, self._held, self._asked = self.source.graph.seq, 0, False
        self._era = self.source.era
        self.source.figures.resets[reason] += 1
        self._reset = Message("reset", wire.reset(self.id, reason))
        self._begin()

    def renew(self) -> None:
        """Begin anew when another graph is followed by now, and that was not done yet."""
        if self._era != self.source.era:
            self.restart("epoch-changed")

    def _begin(self) -> None:
        self._begins, self._snapshot, self._due, self._difference = True, None, None, None
        if self.connection.writable:  # else it is time for that once it is
            self._snapshot = self.source.snapshot()

    def _is_of_a_branch(self, seq: int) -> bool:
        """Whether another leader gave this position away while it was detached: nobody else comes to it."""
        return seq > self.source.graph.seq and is_detached(seq)

    def is_ahead(self) -> bool:
        """Whether the client has seen more of history than this replica, and waits for it."""
        return self._asked and self.told > self.source.graph.seq

    def is_told(self, changed: int) -> bool:
        """Whether it was told everything up to the change at this seq."""
        in_step = not self._begins and not self._asked and self._era == self.source.era
        return in_step and self.told >= changed

    def awaits(self, since: int, seq: int) -> bool:
        """Whether it was told everything up to the change at `since`, and nothing of the one at `seq`, nor is
        about to be."""
        return self.told < seq and self._difference is None and self.is_told(since)

    def tell(self, message: Message, seq: int) -> None:
        """Write a message that brings it up to this seq."""
        self.told = seq
        self.connection.write(message)

    def fall_behind(self, held: int) -> None:
        """It will not be told of what comes after this seq, up to which it holds the view as it was."""
        self._held = held

    def next(self) -> Message | None:
        """The message that is due; None when it is in step, or has to wait until it is woken."""
        self.renew()
        if self._reset is not None:
            reset, self._reset = self._reset, None
            return reset
        if self._begins:
            return self._next_part()
        source = self.source
        if not source.ready or self.is_told(source.changed) or self.is_ahead():
            return None
        if self._difference is None:
            if self._asked and not source.history.knows(self.told):
                # It was somewhere that is no place in this history: what it holds is not known.
                self.restart("too-old")
                return self.next()
            self._difference = source.difference(max(self.told, self._held))
        if self._difference is None:
            self.restart("lagging")
            return self.next()
        if self._difference.lost:
            self.restart("lagging")
            return self.next()
        if self._difference.under_way:
            return None
        difference, self._difference = self._difference, None
        message = difference.message(self.id, self.told)
        self.told, self._held, self._asked = difference.seq, 0, False
        return message

    def _next_part(self) -> Message | None:
        if self._due is None:
            if self._snapshot is None:
                self._snapshot = self.source.snapshot()
            if self._snapshot is None or not self._snapshot.taken:
                return None
            self.told = self._snapshot.seq
            self._due = self._snapshot.read(self.id)
        message = next(self._due, None)
        if message is None:  # of so many that were slow it was the slowest
            self.restart("lagging")
            return self.next()
        if message.position:  # the last
            self._begins, self._snapshot, self._due = False, None, None
        return message

    def bookmark(self) -> None:
        """Tell the client how far it is, if it is in step and its transport takes more."""
        source = self.source
        if source.ready and self.connection.writable and self.is_told(source.changed):
            self.tell(source.bookmark(self.id), source.graph.seq)
