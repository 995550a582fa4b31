from __future__ import annotations

import json

import pytest

from astrolabe.printable import printable, printable_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Pod shop/web-1: gäbe es “das”, 日本語 🎉", "Pod shop/web-1: gäbe es “das”, 日本語 🎉"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("one\r\ntwo\x85three\u2028four", r"one\r\ntwo\x85three\u2028four"),
        ("\x00\x07\x7f\x9b31m", r"\x00\x07\x7f\x9b31m"),
        ("evil\u202egnp.exe\u200b", r"evil\u202egnp.exe\u200b"),
        ("half \ud83d", r"half \ud83d"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_unprintable_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


def test_a_json_document_stays_the_same() -> None:
    document = {"a\x9b": "x\u2028y\x7f", "b": "\U000e0041 🎉 “"}
    written = printable_json(json.dumps(document, ensure_ascii=False))
    assert written == r'{"a\u009b": "x\u2028y\u007f", "b": "\udb40\udc41 🎉 “"}'
    assert json.loads(written) == document
