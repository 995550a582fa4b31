from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.kube.errors import NotTheApi
from astrolabe.kube.lines import Lines


def test_lines_are_cut_at_newlines() -> None:
    lines = Lines()
    assert lines.feed(b'{"a":1}\n{"b"') == [b'{"a":1}']
    assert lines.feed(b":2}") == []
    assert lines.feed(b"\n\n{}\n") == [b'{"b":2}', b"{}"]
    assert lines.feed(b"") == []


def test_an_unfinished_line_is_not_told() -> None:
    assert Lines().feed(b'{"type":"ADDED","object":{') == []


@given(st.lists(st.sampled_from([b"\n", b"a", b"bc", b"d\ne", b"\n\n", b"f\n"])), st.data())
def test_any_chunking_gives_the_same_lines(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    bounds = [0, *cuts, len(stream)]
    lines = Lines()
    told = [line for start, end in pairwise(bounds) for line in lines.feed(stream[start:end])]
    assert told == [line for line in stream.split(b"\n")[:-1] if line]


def test_a_line_of_three_megabytes_in_small_chunks() -> None:
    line = b"x" * 3_000_000
    lines = Lines()
    for start in range(0, len(line), 1000):
        assert lines.feed(line[start : start + 1000]) == []
    assert lines.feed(b"\n") == [line]


def test_a_line_without_end_is_refused() -> None:
    lines = Lines(longest=10)
    assert lines.feed(b"1234567890") == []
    with pytest.raises(NotTheApi, match="a line longer than 10 bytes"):
        lines.feed(b"1")


def test_the_bound_is_of_a_line_not_of_the_stream() -> None:
    lines = Lines(longest=10)
    assert lines.feed(b"1234567") == []
    assert lines.feed(b"8\n1234567") == [b"12345678"]
    assert lines.feed(b"8\n1234567") == [b"12345678"]
