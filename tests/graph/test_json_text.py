"""JSON as it is sent: the same text as ever, whichever encoder makes it."""

from __future__ import annotations

from typing import Any

import pytest
import ujson

from astrolabe.graph.state.json_text import json_text

CONTROLS = "".join(map(chr, range(0x20))) + '\x7f"\\/<&>'


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"b": 1, "a": [True, None, -0.5], "c": ("x", {})}, '{"b":1,"a":[true,null,-0.5],"c":["x",{}]}'),
        ({"path": "a/b"}, '{"path":"a/b"}'),
        ({"name": "Zoë"}, '{"name":"Zo\\u00eb"}'),
        ({"Zoë": "🚀"}, '{"Zo\\u00eb":"\\ud83d\\ude80"}'),
        (["\ud800"], '["\\ud800"]'),
        (2**64 - 1, "18446744073709551615"),
    ],
)
def test_json_is_compact_and_ascii(document: Any, text: str) -> None:
    assert json_text(document) == text


def test_json_is_escaped_like_stored_texts() -> None:
    assert json_text(CONTROLS) == ujson.dumps(CONTROLS, escape_forward_slashes=False)


def test_values_that_are_not_json_are_refused() -> None:
    with pytest.raises(TypeError):
        json_text({"rule": object()})
