"""JSON as it is sent: compact, and ASCII only, so that a text is as long in bytes as in characters.

A leaf, because everything that is sent or stored is encoded with it.
"""

from __future__ import annotations

from typing import Any

import msgspec
import ujson

_encode = msgspec.json.Encoder().encode


def json_text(document: Any) -> str:
    """The value as JSON.

    msgspec takes a sixth of ujson's time, but does not escape what is not ASCII, and refuses surrogates.
    """
    try:
        text = _encode(document).decode()
        if text.isascii():
            return text
    except UnicodeEncodeError:
        pass
    if isinstance(document, msgspec.Struct):  # ujson does not know these
        document = msgspec.to_builtins(document)
    escaped: str = ujson.dumps(document, escape_forward_slashes=False)
    return escaped
