"""JSON taken apart without recursion: the same parts as a decoder finds."""

import json
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.kube.scan import PAUSE_EVERY, Truncated, members

LEAVES = st.none() | st.integers(0, 99) | st.text('a"\\[]{}:,é', max_size=5)
LISTS = st.lists(LEAVES, max_size=3)
JSON = LEAVES | LISTS | st.fixed_dictionaries({"a": LISTS, "items": LEAVES})


@pytest.mark.parametrize("separators", [(",", ":"), (" , ", " :\n")], ids=["dense", "spaced"])
@given(st.dictionaries(st.text('a"\\\\é', max_size=3), JSON, max_size=4))
def test_the_members_of_an_object(separators: tuple[str, str], document: dict[str, object]) -> None:
    text = json.dumps(document, separators=separators).encode()
    found = [(json.loads(b'"%b"' % key), json.loads(value)) for key, value in members(text)]
    assert found == list(document.items())


@given(st.lists(JSON, max_size=4), JSON)
def test_an_array_element_by_element(items: list[object], other: object) -> None:
    text = json.dumps({"before": other, "items": items, "after": other}).encode()
    found = [(key.decode(), json.loads(value)) for key, value in members(text, array=b"items")]
    assert found == [("before", other), *[("items", item) for item in items], ("after", other)]


def test_excessive_nesting() -> None:
    deep = b"[" * 1_000 + b'"]"' + b"]" * 1_000
    text = b'{"items":[%b,{"a":%b}],"metadata":{}}' % (deep, deep)
    assert list(members(text, array=b"items")) == [
        (b"items", deep),
        (b"items", b'{"a":%b}' % deep),
        (b"metadata", b"{}"),
    ]


def test_a_long_value_is_scanned_in_slices() -> None:
    assert next(members(b'{"a":[%b]}' % (b"1," * PAUSE_EVERY))) == (b"", b"")


@pytest.mark.parametrize(
    ("document", "is_whole"),
    [
        (b' {"a":[1,{"b":NaN}]} ', True),
        (b'{"items":[]}', True),
        (b"{}", True),
        (b'{"items":[1,2', False),
        (b'{"items":[1,2]', False),
        (b'{"items":[1,2}}', False),
        (b'{"a":"\\"}', False),
        (b"[1]", False),
        (b"<html>{}</html>", False),
        (b"", False),
    ],
)
def test_completeness_of_an_object(document: bytes, is_whole: bool) -> None:
    if is_whole:
        list(members(document, array=b"items", whole=True))
    else:
        with pytest.raises(Truncated):
            list(members(document, array=b"items", whole=True))


def test_an_unterminated_string_is_scanned_once() -> None:
    started = thread_time()
    assert list(members(b'{"a":"' + b'\\"' * 500_000)) == []
    assert thread_time() - started < 1, "not once for each quote in it"


@given(st.binary())
def test_arbitrary_bytes_raise_nothing(data: bytes) -> None:
    list(members(data, array=b"items"))
