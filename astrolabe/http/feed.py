"""A view that somebody is subscribed to, and how far each subscription has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Protocol

import msgspec

from astrolabe.graph import wire
from astrolabe.graph.batch import Batch, Changes
from astrolabe.graph.filter import Filter
from astrolabe.graph.graph import Graph
from astrolabe.graph.view import View
from astrolabe.graph.wire import ResetReason
from astrolabe.http.history import History
from astrolabe.http.message import Message


class Position(msgspec.Struct, frozen=True):
    """A place in history: which one, and how far."""

    epoch: str
    seq: int


class Connection(Protocol):
    """Where the messages of a client go.

    writable: whether its transport takes more; while not, nothing may be written.
    """

    writable: bool

    def write(self, message: Message) -> None:
        """Send; does nothing once the connection is closing."""
        ...

    def close(self, code: int, error: str, message: str) -> None:
        """Tell why, with one of the stream's close codes, and end it."""
        ...


class Subscription:
    """What one client follows under one id.

    told: the seq that it was told last; it has all changes of the feed up to there.
    """

    __slots__ = ("_due", "connection", "feed", "id", "told", "wake")

    def __init__(self, id: str, feed: Feed, connection: Connection, wake: Callable[[], None]) -> None:
        self.id = id
        self.feed = feed
        self.connection = connection
        self.wake = wake
        self.told = feed.graph.seq
        self._due: Iterator[Message] = iter(())

    def start(self, since: Position | None) -> None:
        """Begin with a snapshot, or go on where the client says it is, or tell it that it cannot."""
        graph = self.feed.graph
        if since is None:
            self._due = self.feed.snapshot(self.id)
        elif since.epoch != graph.epoch:
            self.restart("epoch-changed")
        elif self.feed.history.start <= since.seq <= graph.seq:
            self.told = since.seq
        elif since.seq != graph.seq:
            self.restart("too-old")

    def restart(self, reason: ResetReason) -> None:
        """Begin anew, whatever was under way."""
        reset = Message("reset", wire.reset(self.id, reason))
        self.told = self.feed.graph.seq
        self._due = chain((reset,), self.feed.snapshot(self.id))

    def next(self) -> Message | None:
        """The message that is due: of a snapshot under way, or what brings it up to date."""
        message = next(self._due, None)
        if message is None and self.told < self.feed.changed:
            changes = self.feed.history.since(self.told)
            if changes is None:
                self.restart("lagging")
                return next(self._due)
            message = self.feed.delta(self.id, self.told, changes)
            self.told = self.feed.graph.seq
        return message

