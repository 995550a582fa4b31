from __future__ import annotations

import json
from typing import Any

import pytest

from astrolabe.client import ProtocolError
from astrolabe.client.message import (
    BookmarkMessage,
    DeltaMessage,
    EdgeDelta,
    EdgeName,
    ErrorMessage,
    HelloMessage,
    NodeDelta,
    decode,
)
from tests.support.stage import HELLO, delta, key, node, snapshot


def test_messages() -> None:
    assert decode(json.dumps(HELLO)) == HelloMessage(15, "astrolabe.v1")
    assert decode(b'{"type":"bookmark","id":"x","epoch":"e","seq":7}') == BookmarkMessage("e", 7)
    assert decode('{"type":"error","code":"c","message":"m"}') == ErrorMessage("c", "m", None)
    message = {**delta(1, 2, node("a"), removed=(key("a", "b"),), gone=("b",)), "time": 1767225600123.5}
    assert decode(json.dumps(message)) == DeltaMessage(
        epoch="e",
        since=1,
        seq=2,
        nodes=NodeDelta([node("a")], ["b"]),
        edges=EdgeDelta([], [EdgeName("owns", "a", "b")]),
        time=1767225600123.5,
    )


def test_unknown_keys_and_types_are_ignored() -> None:
    assert decode('{"new":[1],"seq":7,"type":"bookmark","epoch":"e"}') == BookmarkMessage("e", 7)
    assert decode('{"type":"weather","seq":"fine"}') is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<html>", "a message is not JSON"),
        (b"\xff", "a message is not JSON"),
        (b'{"type":"bookmark","epoch":"\xff","seq":1}', "a message is not JSON"),
        ('{"type":"delta","x":' + "[" * 100_000, "a message is not JSON"),
        ("{}", "a message is malformed: Object missing required field `type`"),
        ("[1]", "a message is malformed: Expected `object`, got `array`"),
        ('{"type":1}', "a message is malformed: Expected `str` - at `$.type`"),
        ('{"type":"hello","heartbeat":0}', "a message is malformed: Expected `float` > 0.0 - at `$.heartbeat`"),
        ('{"type":"bookmark","epoch":"e"}', "a message is malformed: Object missing required field `seq`"),
        ('{"type":"bookmark","epoch":"e","seq":"1"}', "a message is malformed: Expected `int`, got `str` - at `$.seq`"),
    ],
)  # fmt: skip
def test_invalid_messages(text: Any, why: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(text)
    assert str(caught.value) == why


@pytest.mark.parametrize("missing", ["epoch", "seq", "part", "last", "nodes", "edges"])
def test_snapshots_are_complete(missing: str) -> None:
    document = {name: value for name, value in snapshot().items() if name != missing}
    with pytest.raises(ProtocolError, match=f"a message is malformed: .*`{missing}`"):
        decode(json.dumps(document))
