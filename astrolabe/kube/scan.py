"""Splits JSON into its members without recursion, if a decoder rejects a document because of one bad value.

This is ten times slower than decoding. It does not validate the members: the caller decodes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: A string, or one byte of structure. Everything else is skipped. An unterminated string counts as a string,
#: so that no byte is scanned twice.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\],:]', re.DOTALL)

#: Tokens between two pauses. They take about 2 ms.
PAUSE_EVERY = 4096


class Truncated(ValueError):
    """The document is incomplete."""


def members(document: bytes, *, array: bytes = b"", whole: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Yield the members of an object, as key and value in bytes, as soon as each is complete.

    array: the key of a member whose array is yielded element by element.
    whole: raise Truncated at the end unless the document is one complete object. An empty key with an empty
        value is yielded now and then, so that the caller can pause.
    """
    depth = start = 0
    level = 1  # the depth at which a value is complete: 2 within the array
    key: bytes | None = None
    for count, match in enumerate(_TOKEN.finditer(document), 1):
        token = match[0]
        if not count % PAUSE_EVERY:
            yield b"", b""
        if token[0] == 0x22:  # a string
            if depth == 1 and key is None:
                key = token[1:-1]
        elif token in b"{[":
            depth += 1
            if depth == 1:
                key = None
            elif depth == 2 and token == b"[" and array and key == array:
                level, start = 2, match.end()
        elif token == b":":
            if depth == 1:
                start = match.end()
        elif depth == level:  # a comma, or the end of the object or of the array
            value = document[start : match.start()].strip()
            if value and key is not None:
                yield key, value
            start = match.end()
            if token != b",":
                if whole and token != (b"]" if level == 2 else b"}"):
                    raise Truncated("its brackets do not match")
                depth, level = depth - 1, 1
            elif level == 1:
                key = None
        elif token != b",":
            depth -= 1
    if whole and (depth or document[:64].lstrip()[:1] != b"{"):
        raise Truncated("it is cut off")
