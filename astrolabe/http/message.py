"""One message of the stream, and the bytes it becomes on a connection."""

from __future__ import annotations

from collections.abc import Callable


class Message:
    """A JSON text. Each framing of it is made once, however many connections it is written to.

    event: its type: `hello`, `snapshot`, `delta`, ...
    position: `<epoch>:<seq>` from which a client that has applied it may resume; "" when it may not; None
        when the message says nothing of that.
    """

    __slots__ = ("_frames", "event", "position", "text")

    def __init__(self, event: str, text: str, position: str | None = "") -> None:
        self.event = event
        self.text = text
        self.position = position
        self._frames: dict[Framing, bytes] = {}

    def framed(self, framing: Framing) -> bytes:
        """The bytes of this message in that framing."""
        frame = self._frames.get(framing)
        if frame is None:
            frame = self._frames[framing] = framing(self)
        return frame


#: How a kind of connection puts a message on the wire; pure.
Framing = Callable[[Message], bytes]
