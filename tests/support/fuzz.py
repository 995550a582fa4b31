"""Random client input, from valid to pure noise."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from websockets.frames import Frame, Opcode

from astrolabe.graph.state.status import SEVERITIES
from tests.support.worlds import EPOCH, KINDS

_IDS = ("default", "a", "b", "c", "d", "x" * 64, "ü", "\x00", '"')
_WORDS = ("a", "b", "r", "pod-1", "", "*", "é", "x" * 300, "app in (one,two)", "!old", "=", ",")
_KEYS = ("namespace", "release", "kind", "status", "selector", "q", "colour", "")
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    2**70,
    "",
    "x" * 65,
    [],
    ["a"],
    [[]],
    {},
    {"a": {"b": [1]}},
)


class Fuzz:
    """The same seed makes the same bytes. seq: about where in history the server is."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.seq = 0

    def message(self) -> bytes:
        """A message that is one, as it goes over the wire; what it asks for may be refused."""
        return self._text(json.dumps(self._document()).encode())

    def anything(self) -> bytes:
        """Sometimes a message, and often what takes the place of one."""
        ways = (self.message, self._mutated, self._odd, self._noise, self._structure, self._long)
        return self.random.choices(ways, (12, 2, 2, 1, 2, 1))[0]()

    def _mutated(self) -> bytes:
        """A message with a few bytes changed, dropped or doubled."""
        data = bytearray(json.dumps(self._document()).encode())
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(data))
            data[at : at + 1] = self.random.choice(
                (b"", bytes(data[at : at + 1]) * 2, self.random.randbytes(1))
            )
        return self._text(bytes(data))

    def _odd(self) -> bytes:
        """JSON that is no message, or one with something odd in a field."""
        document = self._document()
        document[self.random.choice((*document, "id", "filter", "since", "more"))] = self.random.choice(
            _VALUES
        )
        return self._text(json.dumps(self.random.choice((document, self.random.choice(_VALUES)))).encode())

    def _noise(self) -> bytes:
        """Bytes that are not even a frame."""
        return self.random.randbytes(self.random.choice((1, 2, 7, 100, 5000)))

    def _structure(self) -> bytes:
        """Any opcode, flags and size, with a header that may lie."""
        data = self.random.randbytes(self.random.choice((0, 1, 2, 125, 126, 1000)))
        flags = self.random.choice((0x80, 0x80, 0x80, 0x00, 0xC0, 0xA0, 0x90))
        opcode = self.random.choice((0x0, 0x1, 0x2, 0x8, 0x9, 0x9, 0xA, 0xA, self.random.randrange(16)))
        masked = self.random.choice((0x80, 0x80, 0x80, 0x00))
        if self.random.random() < 0.1:
            length = bytes([masked | 127]) + self.random.randbytes(8)
        elif len(data) < 126:
            length = bytes([masked | len(data)])
        else:
            length = bytes([masked | 126]) + len(data).to_bytes(2, "big")
        return bytes([flags | opcode]) + length + (self.random.randbytes(4) if masked else b"") + data

    def _long(self) -> bytes:
        """A message that is longer than the server takes."""
        return self._text(b" " * 70_000)

    def _text(self, data: bytes) -> bytes:
        """In one frame, or in several."""
        if self.random.random() < 0.9:
            return _frame(Opcode.TEXT, data)
        cut = self.random.randint(0, len(data))
        return _frame(Opcode.TEXT, data[:cut], fin=False) + _frame(Opcode.CONT, data[cut:])

    def _document(self) -> dict[str, Any]:
        kind = self.random.choices(("subscribe", "unsubscribe", "ping"), (4, 2, 2))[0]
        document: dict[str, Any] = {"type": kind}
        if kind != "ping":
            document["id"] = self.random.choice(_IDS)
        if kind == "subscribe" and self.random.random() < 0.8:
            document["filter"] = {
                self.random.choice(_KEYS[:6] * 3 + _KEYS): self._value()
                for _ in range(self.random.randint(0, 3))
            }
        if kind == "subscribe" and self.random.random() < 0.4:
            seq = self.seq + self.random.choice((-9999, -20, -3, -1, 0, 0, 1, 9999))
            document["since"] = {"epoch": self.random.choice((EPOCH, EPOCH, "other", "")), "seq": seq}
        return document

    def _value(self) -> Any:
        words = (*_WORDS, *KINDS, *SEVERITIES)
        return self.random.choice(
            (self.random.choice(words), [self.random.choice(words) for _ in range(self.random.randint(0, 3))])
        )


def _frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)
