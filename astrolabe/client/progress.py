"""How far a copy has come, by the rules that all subscriptions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, TypeVar

from astrolabe.client.errors import ProtocolError
from astrolabe.client.message import (
    BookmarkMessage,
    DeltaMessage,
    ProblemsDeltaMessage,
    ProblemsMessage,
    ResetMessage,
    ServerMessage,
    SnapshotMessage,
    SummaryDeltaMessage,
    SummaryMessage,
)

_Part = SnapshotMessage | ProblemsMessage | SummaryMessage
_Step = DeltaMessage | ProblemsDeltaMessage | SummaryDeltaMessage
Sign = Literal["+", "~", "-"]
C_co = TypeVar("C_co", covariant=True)


class Position(NamedTuple):
    """A position in the server's history: the epoch, and the sequence number in it."""

    epoch: str
    seq: int


class LocalCopy(Protocol[C_co]):
    """What a subscription keeps up to date: `Graph`, `ProblemSet`, or `SummarySet`."""

    @property
    def position(self) -> Position | None:
        """None before the first complete snapshot."""
        ...

    @property
    def complete(self) -> bool:
        """Whether a delta may follow. False from a reset until its snapshot is complete."""
        ...

    def restart(self) -> None:
        """Expect a snapshot next. The current content stays until the snapshot is complete."""
        ...

    def resume(self) -> Position | None:
        """The position to resume from on a new connection; None if a snapshot is needed.

        Discards the parts of an interrupted snapshot.
        """
        ...

    def apply(self, message: ServerMessage, /) -> Sequence[C_co]:
        """Apply a message and return the changes. The last part of a snapshot returns all its differences.

        Setting something to its current value is not a change, nor is removing what does not exist. Raises
        ProtocolError for a message that does not fit; call `restart` then.
        """
        ...


class CopyProgress:
    """The position of a copy, and whether it expects a snapshot."""

    def __init__(self) -> None:
        self.position: Position | None = None
        self._stale = False
        #: The number of parts of the expected snapshot that came, and its position; None without one.
        self._snapshot: tuple[int, Position | None] | None = (0, None)

    @property
    def complete(self) -> bool:
        """Whether a delta may follow."""
        return self._snapshot is None

    def restart(self) -> None:
        """As of `LocalCopy`."""
        self._snapshot = (0, None)
        self._stale = True

    def resume(self) -> Position | None:
        """As of `LocalCopy`."""
        resumes = self.position is not None and not self._stale
        self._snapshot = None if resumes else (0, None)
        return self.position if resumes else None

    def move(self, message: BookmarkMessage | ResetMessage) -> None:
        """Apply a message without changes."""
        if isinstance(message, ResetMessage):
            self._snapshot = (0, None)
            return
        held = self.position.seq if self.position is not None else 0
        self._check(message, since=min(message.seq, held))
        self.position = Position(message.epoch, message.seq)

    def check_step(self, delta: _Step) -> None:
        """Raise ProtocolError unless this delta may be applied."""
        self._check(delta, since=delta.since)
        if delta.seq <= delta.since:
            raise ProtocolError(f"a delta from {delta.since} to {delta.seq}")

    def advance(self, delta: _Step) -> None:
        """The delta was applied."""
        self.position = Position(delta.epoch, delta.seq)

    def add_part(self, part: _Part) -> None:
        """Raise ProtocolError unless this is the next part of the expected snapshot."""
        position = Position(part.epoch, part.seq)
        if self._snapshot is None:
            raise ProtocolError(f"a snapshot of {part.epoch}:{part.seq} that was not asked for")
        parts, begun = self._snapshot
        if part.part != parts + 1 or begun not in (None, position):
            raise ProtocolError(
                f"part {part.part} of a snapshot of {part.epoch}:{part.seq} after {parts} parts"
            )
        self._snapshot = (part.part, position)

    def finish(self, part: _Part) -> None:
        """The snapshot with this last part is complete."""
        self.position, self._snapshot, self._stale = Position(part.epoch, part.seq), None, False

    def _check(self, message: _Step | BookmarkMessage, *, since: int) -> None:
        what = f"a {message.__struct_config__.tag} of {message.epoch}:{message.seq} since {since}"
        if self._snapshot is not None:
            raise ProtocolError(f"{what} before the end of a snapshot")
        if self.position != (message.epoch, since):
            held = "{}:{}".format(*self.position) if self.position is not None else "nothing"
            raise ProtocolError(f"{what}, while {held} is held")


class FollowedCopy:
    """What all implementations of `LocalCopy` share: its progress, which only their `apply` moves on."""

    def __init__(self) -> None:
        self._progress = CopyProgress()

    @property
    def position(self) -> Position | None:
        """The position in the server's history; None before the first complete snapshot."""
        return self._progress.position

    @property
    def complete(self) -> bool:
        """Whether a delta may follow. False from a reset until its snapshot is complete."""
        return self._progress.complete

    def restart(self) -> None:
        """Expect a snapshot next. The current content stays until the snapshot is complete."""
        self._progress.restart()

    def resume(self) -> Position | None:
        """The position to resume from on a new connection; None if a snapshot is needed.

        Discards the parts of an interrupted snapshot.
        """
        return self._progress.resume()
