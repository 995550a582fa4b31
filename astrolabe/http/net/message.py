"""One message of the stream, and the bytes it becomes on a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from weakref import WeakSet

#: Bytes from which on a text is long: connections share it, and each has only what it adds for itself.
LONG = 32 * 1024
#: Bytes that all long differences may hold together; beyond them no other one is begun.
MOST_LONG = 8 * 1024 * 1024


class Body:
    """chunks: its bytes in order, which are never joined. size: how many there are."""

    __slots__ = ("__weakref__", "chunks", "size")

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self.chunks = chunks
        self.size = sum(map(len, chunks))

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks)


class LongText(Body):
    """The part of a message that is the same for all who are told it, whatever their ids and framings."""

    __slots__ = ()


class LongTexts:
    """Those that somebody holds, as readers in the middle of them do. There may be only so many: who asks for
    changes chooses since when, and need not read them."""

    def __init__(self) -> None:
        self._held: WeakSet[LongText] = WeakSet()

    @property
    def full(self) -> bool:
        """Whether no other one should be begun."""
        return sum([text.size for text in self._held]) > MOST_LONG

    def make(self, pieces: Iterable[str]) -> LongText:
        """A text of these pieces, which counts for as long as it is held."""
        text = LongText([piece.encode() for piece in pieces])
        self._held.add(text)
        return text


class LongFrame(Body):
    """A long text as a connection sends it. text: is held as long as this is."""

    __slots__ = ("text",)

    def __init__(self, head: bytes, text: LongText, tail: bytes) -> None:
        super().__init__([head, *text.chunks, tail])
        self.text = text

    def __len__(self) -> int:
        return self.size


class Message:
    """A JSON text. Each framing of it is made once, however many connections it is written to.

    event: its type: `hello`, `snapshot`, `delta`, ...
    position: `<epoch>:<seq>` from which a client that has applied it may resume; "" when it may not; None
        when the message says nothing of that.
    head: all of it; or what stands before its long text. long, tail: that, and what stands behind it.
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
        """All of it."""
        return self.head if self.long is None else f"{self.head}{bytes(self.long).decode()}{self.tail}"

    @property
    def size(self) -> int:
        """How many bytes it has."""
        size = len(self.head.encode())
        return size if self.long is None else size + self.long.size + len(self.tail.encode())

    def between(self, before: bytes, behind: bytes) -> bytes | LongFrame:
        """Its bytes between these; long ones are not copied."""
        if self.long is None:
            return b"%b%b%b" % (before, self.head.encode(), behind)
        return LongFrame(before + self.head.encode(), self.long, self.tail.encode() + behind)

    def framed(self, framing: Framing) -> bytes | LongFrame:
        """The bytes of this message in that framing."""
        frame = self._frames.get(framing)
        if frame is None:
            frame = self._frames[framing] = framing(self)
        return frame


#: How a kind of connection puts a message on the wire; pure.
Framing = Callable[[Message], bytes | LongFrame]
