from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.engine.inbox import InvalidObject
from astrolabe.kube.errors import NotTheApi
from astrolabe.kube.events import decode
from astrolabe.kube.lines import LineSplitter
from tests.support.kinds import KINDS_BY_NAME


def test_lines_are_cut_at_newlines() -> None:
    lines = LineSplitter()
    assert lines.feed(b'{"a":1}\n{"b"') == [b'{"a":1}']
    assert lines.feed(b":2}") == []
    assert lines.feed(b"\n\n{}\n") == [b'{"b":2}', b"{}"]
    assert lines.feed(b"") == []


def test_an_unfinished_line_is_not_returned() -> None:
    assert LineSplitter().feed(b'{"type":"ADDED","object":{') == []


@given(st.lists(st.sampled_from([b"\n", b"a", b"bc", b"d\ne", b"\n\n", b"f\n"])), st.data())
def test_any_chunking_gives_the_same_lines(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    bounds = [0, *cuts, len(stream)]
    lines = LineSplitter()
    told = [line for start, end in pairwise(bounds) for line in lines.feed(stream[start:end])]
    assert told == [line for line in stream.split(b"\n")[:-1] if line]


def test_a_line_of_three_megabytes_in_small_chunks() -> None:
    line = b"x" * 3_000_000
    lines = LineSplitter()
    for start in range(0, len(line), 1000):
        assert lines.feed(line[start : start + 1000]) == []
    assert lines.feed(b"\n") == [line]


def test_an_endless_line_is_refused() -> None:
    lines = LineSplitter(longest=10)
    assert lines.feed(b"1234567890") == []
    with pytest.raises(NotTheApi, match="a line is longer than 10 bytes"):
        lines.feed(b"1")


def test_only_the_beginning_of_a_long_line_is_kept() -> None:
    """It is too long for an object, which is left out by the name that stands there."""
    lines = LineSplitter(kept=10)
    for chunk in (b"1234567", b"8901", b"2345", b"6789"):
        assert lines.feed(chunk) == []
    assert lines.feed(b"0\nabc\n123") == [b"12345678901", b"abc"]
    assert lines.feed(b"4\n") == [b"1234"]


def test_an_oversized_object_affects_only_itself() -> None:
    """One of 100 MB, above which no line was read: its kind was never listed again."""
    line = b'{"type":"ADDED","object":{"metadata":{"name":"l","namespace":"n","uid":"u"},"x":"'
    lines, piece = LineSplitter(), b"x" * 2**20
    assert lines.feed(line) == []
    for _ in range(100):
        assert lines.feed(piece) == []
    (kept,) = lines.feed(b'"}}\n')
    assert len(kept) < 7 * 2**20
    large = decode(KINDS_BY_NAME["Pod"], kept)
    assert large == InvalidObject("n", "l", "is larger than 4 MiB", "u")


def test_the_limit_applies_to_a_line_not_to_the_stream() -> None:
    lines = LineSplitter(longest=10)
    assert lines.feed(b"1234567") == []
    assert lines.feed(b"8\n1234567") == [b"12345678"]
    assert lines.feed(b"8\n1234567") == [b"12345678"]
