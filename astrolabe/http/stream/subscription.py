"""What one client follows under one id, and how far it has come.

A subscription is *in step* when it was sent every change of its view. It then gets each delta as it comes. A
subscription that is not in step (its transport was full, or its snapshot is not complete) has no queue: when
the transport accepts data again, the client asks for the `next` message until the subscription is in step.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from astrolabe.graph.encoding import wire
from astrolabe.graph.encoding.wire import ResetReason
from astrolabe.graph.state.batch import is_detached
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.history import History
from astrolabe.http.counters import Counters
from astrolabe.http.net.close_codes import FAILED, INTERNAL_ERROR
from astrolabe.http.net.message import Message
from astrolabe.http.query import StreamPosition
from astrolabe.http.stream.deltas import CatchUp
from astrolabe.http.stream.snapshot import ViewSnapshot

logger = logging.getLogger("astrolabe.http")


class StreamConnection(Protocol):
    """Where the messages of one client go.

    writable: whether the transport accepts more data. Nothing should be written while it does not.
    """

    writable: bool

    def write(self, message: Message) -> None:
        """Send a message. Does nothing once the connection is closing."""
        ...

    def close(self, code: int, error: str, message: str) -> None:
        """Send an `error` and close the connection with one of the stream's close codes."""
        ...


class ViewSource(Protocol):
    """What a subscription follows, see `shared_subscription.SharedSubscription`.

    changed: the seq of the latest batch that changed the view.
    generation: increases when another graph is followed. Subscriptions of an earlier one have to restart.
    """

    graph: ServedGraph
    history: History
    ready: bool
    changed: int
    generation: int
    counters: Counters

    def snapshot(self) -> ViewSnapshot | None: ...
    def catch_up(self, base_seq: int) -> CatchUp | None: ...
    def bookmark(self, id: str) -> Message: ...


def fail(connection: StreamConnection) -> None:
    """Log the exception that is being handled, and close the connection. The client has to reconnect."""
    logger.exception("a subscription failed; its client has to reconnect")
    dismiss(connection)


def dismiss(connection: StreamConnection) -> None:
    """Close the connection, so that its client reconnects."""
    try:
        connection.close(INTERNAL_ERROR, "internal-error", FAILED)
    except Exception:
        logger.exception("a connection could not be closed")


class ClientSubscription:
    """Decides what one subscription of a client is sent next.

    sent_seq: the last seq that the client was sent. wake: called when there may be a `next` message.
    """

    __slots__ = (
        "_base_seq",
        "_catch_up",
        "_generation",
        "_needs_snapshot",
        "_pending_messages",
        "_reset",
        "_resume_pending",
        "_snapshot",
        "connection",
        "id",
        "sent_seq",
        "source",
        "wake",
    )

    def __init__(
        self, id: str, source: ViewSource, connection: StreamConnection, *, wake: Callable[[], None]
    ) -> None:
        self.id = id
        self.source = source
        self.connection = connection
        self.wake = wake
        self.sent_seq = source.graph.seq
        self._generation = source.generation
        #: A seq after `sent_seq` up to which the view has not changed; 0 for none.
        self._base_seq = 0
        #: The reset to send next. Whether a snapshot has to be sent; the snapshot, and its parts when
        #: complete.
        self._reset: Message | None = None
        self._needs_snapshot = False
        self._snapshot: ViewSnapshot | None = None
        self._pending_messages: Iterator[Message] | None = None
        #: The missed changes as one message, while it waits for them.
        self._catch_up: CatchUp | None = None
        #: Whether the client has asked to resume and has not been answered.
        self._resume_pending = False

    def start(self, since: StreamPosition | None) -> None:
        """Start with a snapshot, or resume from the client's position, or reset if that is impossible."""
        if since is None:
            self._begin()
        elif since.epoch != self.source.graph.epoch or self._has_diverged(since.seq):
            self.restart("epoch-changed")
        elif since.seq > self.source.graph.seq or self.source.history.resumes(since.seq):
            self.sent_seq, self._resume_pending = since.seq, True
        else:
            self.restart("too-old")

    def restart(self, reason: ResetReason) -> None:
        """Send a reset and a snapshot, and drop everything else that was to be sent."""
        self.sent_seq, self._base_seq, self._resume_pending = self.source.graph.seq, 0, False
        self._generation = self.source.generation
        self.source.counters.resets[reason] += 1
        self._reset = Message("reset", wire.reset(self.id, reason))
        self._begin()

    def restart_if_replaced(self) -> None:
        """Restart if another graph is followed now, unless that was done."""
        if self._generation != self.source.generation:
            self.restart("epoch-changed")

    def _begin(self) -> None:
        self._needs_snapshot, self._snapshot, self._pending_messages, self._catch_up = True, None, None, None
        if self.connection.writable:  # else later, when it is
            self._snapshot = self.source.snapshot()

    def _has_diverged(self, seq: int) -> bool:
        """Whether the position comes from a detached leader, so that no other process ever reaches it."""
        return seq > self.source.graph.seq and is_detached(seq)

    def is_ahead(self) -> bool:
        """Whether the client is ahead of this replica, and waits for it."""
        return self._resume_pending and self.sent_seq > self.source.graph.seq

    def is_up_to(self, changed: int) -> bool:
        """Whether the client was sent everything up to the change at this seq."""
        in_step = (
            not self._needs_snapshot
            and not self._resume_pending
            and self._generation == self.source.generation
        )
        return in_step and self.sent_seq >= changed

    def awaits(self, since: int, seq: int) -> bool:
        """Whether the client was sent everything up to the change at `since`, and neither was nor is about
        to be sent the one at `seq`."""
        return self.sent_seq < seq and self._catch_up is None and self.is_up_to(since)

    def send(self, message: Message, seq: int) -> None:
        """Write a message that brings the client to this seq."""
        self.sent_seq = seq
        self.connection.write(message)

    def fall_behind(self, base_seq: int) -> None:
        """Note that the client misses the changes after this seq. It holds the view as of this seq."""
        self._base_seq = base_seq

    def next(self) -> Message | None:
        """The next message to write. None when in step, or until it is woken."""
        self.restart_if_replaced()
        if self._reset is not None:
            reset, self._reset = self._reset, None
            return reset
        if self._needs_snapshot:
            return self._next_snapshot_part()
        source = self.source
        if not source.ready or self.is_up_to(source.changed) or self.is_ahead():
            return None
        if self._catch_up is None:
            if self._resume_pending and not source.history.resumes(self.sent_seq):
                # Its position does not exist in this history, so what it holds is unknown.
                self.restart("too-old")
                return self.next()
            self._catch_up = source.catch_up(max(self.sent_seq, self._base_seq))
        if self._catch_up is None:
            self.restart("lagging")
            return self.next()
        if self._catch_up.lost:
            self.restart("lagging")
            return self.next()
        if self._catch_up.under_way:
            return None
        catch_up, self._catch_up = self._catch_up, None
        message = catch_up.message(self.id, self.sent_seq)
        self.sent_seq, self._base_seq, self._resume_pending = catch_up.seq, 0, False
        return message

    def _next_snapshot_part(self) -> Message | None:
        if self._pending_messages is None:
            if self._snapshot is None:
                self._snapshot = self.source.snapshot()
            if self._snapshot is None or not self._snapshot.complete:
                return None
            self.sent_seq = self._snapshot.seq
            self._pending_messages = self._snapshot.read(self.id)
        message = next(self._pending_messages, None)
        if message is None:  # the snapshot was abandoned, see RetiredSnapshots
            self.restart("lagging")
            return self.next()
        if message.position:  # the last
            self._needs_snapshot, self._snapshot, self._pending_messages = False, None, None
        return message

    def bookmark(self) -> None:
        """Send the current position if the client is in step and its transport accepts data."""
        source = self.source
        if source.ready and self.connection.writable and self.is_up_to(source.changed):
            self.send(source.bookmark(self.id), source.graph.seq)
