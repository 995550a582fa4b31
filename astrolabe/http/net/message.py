"""Messages of the stream, and the bytes they become on a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from weakref import WeakSet

#: Longer texts (in bytes) are shared: each connection has only what it adds around the text.
LONG = 32 * 1024
#: Bytes that all long texts together may hold. Above them no new one is made.
MOST_LONG = 8 * 1024 * 1024


class SharedBytes:
    """Bytes that many responses share. chunks: in order, never joined. size: the sum of their lengths."""

    __slots__ = ("__weakref__", "chunks", "size")

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self.chunks = chunks
        self.size = sum(map(len, chunks))

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks)


class LongText(SharedBytes):
    """The part of a message that is the same for all subscriptions, whatever their ids and framings."""

    __slots__ = ()


class LongTexts:
    """All long texts that are held by readers. Their memory is bounded: a client chooses how much it wants to
    catch up with, and need not read it."""

    def __init__(self) -> None:
        self._held: WeakSet[LongText] = WeakSet()

    @property
    def full(self) -> bool:
        """Whether no new text should be made."""
        return sum([text.size for text in self._held]) > MOST_LONG

    def make(self, pieces: Iterable[str]) -> LongText:
        """Make a text of these pieces. It counts for as long as somebody holds it."""
        text = LongText([piece.encode() for piece in pieces])
        self._held.add(text)
        return text


class LongFrame(SharedBytes):
    """A long text in the framing of a connection. text: kept alive with the frame, so that it counts."""

    __slots__ = ("text",)

    def __init__(self, head: bytes, text: LongText, tail: bytes) -> None:
        super().__init__([head, *text.chunks, tail])
        self.text = text

    def __len__(self) -> int:
        return self.size


class Message:
    """A JSON text. Each framing is made once, however many connections the message is written to.

    event: the type of the message: `hello`, `snapshot`, `delta`, ...
    position: `<epoch>:<seq>` from which a client can resume after this message; "" if it cannot; None if
        the message does not change that.
    head: the whole text, or the part before the long text. long, tail: the long text and the part after it.
    """

    __slots__ = ("_frames", "event", "head", "long", "position", "tail")

    def __init__(
        self,
        event: str,
        head: str,
        position: str | None = "",
        *,
        long: LongText | None = None,
        tail: str = "",
    ) -> None:
        self.event = event
        self.head = head
        self.long = long
        self.tail = tail
        self.position = position
        self._frames: dict[Framing, bytes | LongFrame] = {}

    @property
    def text(self) -> str:
        """The whole text."""
        return self.head if self.long is None else f"{self.head}{bytes(self.long).decode()}{self.tail}"

    @property
    def size(self) -> int:
        """The length in bytes."""
        size = len(self.head.encode())
        return size if self.long is None else size + self.long.size + len(self.tail.encode())

    def between(self, before: bytes, behind: bytes) -> bytes | LongFrame:
        """The bytes of the message between two others. A long text is not copied."""
        if self.long is None:
            return b"%b%b%b" % (before, self.head.encode(), behind)
        return LongFrame(before + self.head.encode(), self.long, self.tail.encode() + behind)

    def framed(self, framing: Framing) -> bytes | LongFrame:
        """The bytes of the message in this framing."""
        frame = self._frames.get(framing)
        if frame is None:
            frame = self._frames[framing] = framing(self)
        return frame


#: How a kind of connection encodes a message. A pure function.
Framing = Callable[[Message], bytes | LongFrame]
