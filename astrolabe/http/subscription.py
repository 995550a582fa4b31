"""What one client follows under one id, and how far it has come.

A subscription is *in step* when it was told all that its feed went through. Then a delta is handed to
it as it comes. When it is not (its transport was full, or its snapshot is still under way) nothing is
queued for it: once its transport takes more it is asked what is `next`, until it is in step again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Protocol

import msgspec

from astrolabe.graph import wire
from astrolabe.graph.graph import Graph
from astrolabe.graph.history import History
from astrolabe.graph.wire import ResetReason
from astrolabe.http.message import Message


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in history: which one, and how far."""

    epoch: str
    seq: int


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
    """What a subscription follows: see `feed.Feed`."""

    graph: Graph
    history: History
    changed: int

    def snapshot(self, id: str) -> Iterator[Message]: ...
    def catch_up(self, id: str, *, told: int, held: int) -> Message | None: ...
    def bookmark(self, id: str) -> Message: ...


class Subscription:
    """told: the seq that the client was told last.

    wake: called when there may be something `next`.
    """

    __slots__ = ("_asked", "_due", "_held", "connection", "id", "source", "told", "wake")

    def __init__(self, id: str, source: Source, connection: Connection, *, wake: Callable[[], None]) -> None:
        self.id = id
        self.source = source
        self.connection = connection
        self.wake = wake
        self.told = source.graph.seq
        #: The seq at which the view was what the client holds; when it is below `told`, that is.
        self._held = 0
        self._due: Iterator[Message] | None = None
        #: Whether the client waits to hear that it could resume.
        self._asked = False

    def start(self, since: Position | None) -> None:
        """Begin with a snapshot, or go on from where the client says it is, or tell it that it cannot."""
        if since is None:
            self._due = self.source.snapshot(self.id)
        elif since.epoch != self.source.graph.epoch:
            self.restart("epoch-changed")
        elif since.seq > self.source.graph.seq or self.source.history.knows(since.seq):
            self.told, self._asked = since.seq, True
        else:
            self.restart("too-old")

    def restart(self, reason: ResetReason) -> None:
        """Begin anew, whatever was under way."""
        self.told, self._held, self._asked = self.source.graph.seq, 0, False
        reset = Message("reset", wire.reset(self.id, reason))
        self._due = chain((reset,), self.source.snapshot(self.id))

    def is_ahead(self) -> bool:
        """Whether the client has seen more of history than this replica, and waits for it."""
        return self._asked and self.told > self.source.graph.seq

    def is_told(self, changed: int) -> bool:
        """Whether it was told everything up to the change at this seq."""
        return self.told >= changed and self._due is None and not self._asked

    def tell(self, message: Message) -> None:
        """Write a message that brings it up to the present."""
        self.told = self.source.graph.seq
        self.connection.write(message)

    def fall_behind(self, held: int) -> None:
        """It will not be told of what comes after this seq, up to which it holds the view as it was."""
        self._held = held

    def next(self) -> Message | None:
        """The message that is due; None when it is in step."""
        if self._due is not None:
            message = next(self._due)
            if message.position:  # the last of the snapshot
                self._due = None
            return message
        if self.is_told(self.source.changed) or self.is_ahead():
            return None
        if self._asked and not self.source.history.knows(self.told):
            # It was somewhere that is no place in this history: what it holds is not known.
            self.restart("too-old")
            return self.next()
        caught_up = self.source.catch_up(self.id, told=self.told, held=max(self.told, self._held))
        if caught_up is None:
            self.restart("lagging")
            return self.next()
        self.told, self._asked = self.source.graph.seq, False
        return caught_up

    def bookmark(self) -> None:
        """Tell the client how far it is, if it is in step and its transport takes more."""
        if self.connection.writable and self.is_told(self.source.changed):
            self.tell(self.source.bookmark(self.id))
