import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astrolabe.engine.inbox import InvalidObject
from astrolabe.graph.state.status import READY, Status
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest, Projection
from astrolabe.kube.events import (
    MAX_OBJECT_BYTES,
    BookmarkEvent,
    Deletion,
    ErrorEvent,
    NotAnEvent,
    Upserted,
    decode,
    invalid_object,
)
from tests.support.kinds import KINDS, KINDS_BY_NAME

RECORDINGS = Path(__file__).parents[1] / "recordings"


class WidgetStatus(Projection):
    size: int = 0


class Widget(Manifest):
    """A kind whose `status` is an object, as most are; that of a metav1.Status is a string."""

    status: WidgetStatus


WIDGET = Kind(
    name="Widget",
    group="example.com",
    version="v1",
    plural="widgets",
    layer="workload",
    manifest=Widget,
    status=lambda widget: Status(READY, "Ready", str(widget.status.size)),
)

SMALL = b'{"metadata":{"name":"w","namespace":"n","uid":"u1","resourceVersion":"7"},"status":{"size":3}}'


def test_added_and_modified() -> None:
    for type in (b"ADDED", b"MODIFIED"):
        event = decode(WIDGET, b'{"type":"' + type + b'","object":' + SMALL + b"}")
        assert isinstance(event, Upserted)
        assert event.manifest.metadata.uid == "u1"
        assert event.manifest.status.size == 3


def test_deleted() -> None:
    assert decode(WIDGET, b'{"type":"DELETED","object":' + SMALL + b"}") == Deletion("u1", "7")


def test_a_deletion_counts_even_if_the_object_is_invalid() -> None:
    line = (
        b'{"type":"DELETED","object":{"metadata":{"uid":"u1","resourceVersion":"8"},"status":{"size":"big"}}}'
    )
    assert decode(WIDGET, line) == Deletion("u1", "8")


def test_a_bookmark_carries_metadata_only() -> None:
    line = b'{"type":"BOOKMARK","object":{"kind":"Widget","metadata":{"resourceVersion":"2320"}}}'
    assert decode(WIDGET, line) == BookmarkEvent("2320", False)


def test_the_bookmark_at_the_end_of_the_initial_events() -> None:
    line = (
        b'{"type":"BOOKMARK","object":{"kind":"NetworkPolicy","apiVersion":"networking.k8s.io/v1","metadata":'
        b'{"resourceVersion":"2320","annotations":{"k8s.io/initial-events-end":"true"}},"spec":{"podSelector":{}}}}'
    )
    for kind in (*KINDS, WIDGET):
        assert decode(kind, line) == BookmarkEvent("2320", True)


def test_an_error_event_is_a_status() -> None:
    line = (
        b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":'
        b'"too old resource version: 500 (2355)","reason":"Expired","code":410}}'
    )
    for kind in (*KINDS, WIDGET):
        event = decode(kind, line)
        assert isinstance(event, ErrorEvent)
        assert str(event.error) == "410 Expired: too old resource version: 500 (2355)"


@pytest.mark.parametrize(
    ("object", "invalid"),
    [
        (
            b'{"metadata":{"name":"w","namespace":"n","uid":"u1"},"status":{"size":"big"}}',
            InvalidObject("n", "w", "Expected `int`, got `str` - at `$.object.status.size`", "u1"),
        ),
        (
            b'{"metadata":{"name":"w","uid":"u1"}}',
            InvalidObject("", "w", "Object missing required field `status` - at `$.object`", "u1"),
        ),
        (
            b'{"metadata":{"name":"w","namespace":"n"},"status":{}}',
            InvalidObject("n", "w", "has no metadata.uid"),
        ),
        (b"[]", InvalidObject("", "", "Expected `object`, got `array` - at `$.object`")),
    ],
)
def test_an_invalid_object(object: bytes, invalid: InvalidObject) -> None:
    assert decode(WIDGET, b'{"type":"ADDED","object":' + object + b"}") == invalid


#: Nested deeper than a decoder follows. Python 3.11 stops at 1,000 levels, 3.13 at 10,000, and 3.14 where the
#: stack ends.
DEEP = b"[" * 100_000 + b"]" * 100_000
IDENTIFIED = b'"name":"w","namespace":"n","uid":"u1","resourceVersion":"8"'


@pytest.mark.parametrize(
    "object",
    [
        b'{"kind":"Widget","metadata":{%b},"spec":{"tree":%b}}' % (IDENTIFIED, DEEP),
        b'{"metadata":{%b,"managedFields":[{"fieldsV1":%b}]},"status":{}}' % (IDENTIFIED, DEEP),
        b'{"metadata":{%b},"status":{"size":%b}}' % (IDENTIFIED, DEEP),
        b'{"spec":{"metadata":{"name":"other"},"tree":%b},"metadata":{%b}}' % (DEEP, IDENTIFIED),
    ],
    ids=["undeclared", "managed fields", "declared", "metadata last"],
)
def test_an_object_that_is_nested_too_deeply(object: bytes) -> None:
    for type in (b"ADDED", b"MODIFIED"):
        event = decode(WIDGET, b'{"type":"%b","object":%b}' % (type, object))
        assert isinstance(event, InvalidObject)
        assert (event.namespace, event.name, event.uid) == ("n", "w", "u1")
        assert event.why.startswith(("is nested too deeply", "Expected `int`"))
    assert decode(WIDGET, b'{"type":"DELETED","object":%b}' % object) == Deletion("u1", "8")


@pytest.mark.parametrize(
    "line",
    [DEEP, b'{"x":%b}' % DEEP, b'{"type":"ADDED","x":%b}' % DEEP, b'{"type":"ADDED","object":%b}' % DEEP],
)
def test_a_deep_line_of_another_shape(line: bytes) -> None:
    assert isinstance(decode(WIDGET, line), NotAnEvent | InvalidObject)


def test_an_unknown_event_type_is_ignored() -> None:
    line = b'{"type":"RENAMED","object":' + SMALL + b"}"
    assert decode(WIDGET, line) == InvalidObject("n", "w", "unknown type of event 'RENAMED'", "u1")


def test_the_order_of_the_fields_does_not_matter() -> None:
    assert decode(WIDGET, b'{ "object" : ' + SMALL + b' , "type" : "DELETED" }') == Deletion("u1", "7")


@pytest.mark.parametrize(
    "line",
    [b"<html><body>502 Bad Gateway</body></html>", b"[]", b"{}", b'{"type":"ADDED"}', b"404 page not found"],
)
def test_lines_that_are_not_events(line: bytes) -> None:
    assert isinstance(decode(WIDGET, line), NotAnEvent)


@given(st.binary())
def test_arbitrary_bytes_raise_nothing(line: bytes) -> None:
    assert isinstance(decode(WIDGET, line), NotAnEvent)


@given(st.integers(0, len(SMALL)), st.binary(max_size=3))
def test_damaged_events_raise_nothing(at: int, damage: bytes) -> None:
    line = b'{"type":"ADDED","object":' + SMALL[:at] + damage + SMALL[at:] + b"}"
    assert isinstance(decode(WIDGET, line), Upserted | InvalidObject | NotAnEvent)


def test_text_that_is_not_utf_8_is_an_invalid_object() -> None:
    line = b'{"type":"ADDED","object":{"metadata":{"name":"\xff","uid":"u"},"status":{}}}'
    assert isinstance(decode(WIDGET, line), InvalidObject)


def test_every_recorded_event_of_every_kind_is_understood() -> None:
    counted = 0
    for kind in KINDS:
        recording = RECORDINGS / f"shop/{kind.plural}.watch.jsonl"
        if not recording.exists():
            continue
        for line in recording.read_bytes().splitlines():
            raw = line.split(b"\t", 1)[1]
            event, told = decode(kind, raw), json.loads(raw)
            counted += 1
            if told["type"] == "DELETED":
                assert event == Deletion(
                    told["object"]["metadata"]["uid"], told["object"]["metadata"]["resourceVersion"]
                )
            elif told["type"] == "BOOKMARK":
                assert event == BookmarkEvent(told["object"]["metadata"]["resourceVersion"], False)
            else:
                assert isinstance(event, Upserted)
                assert event.manifest.metadata.name == told["object"]["metadata"]["name"]
    assert counted > 500


def test_the_recorded_watch_list_of_secrets_ends_with_its_bookmark() -> None:
    recorded = json.loads((RECORDINGS / "apiserver-behaviour.json").read_text())
    answer = next(pair["response"] for pair in recorded if "with initial events" in pair["title"])
    lines = answer["body_start"].encode().splitlines()
    events = [decode(KINDS_BY_NAME["Secret"], line) for line in lines]
    assert [type(event) for event in events] == [Upserted] * (len(lines) - 1) + [BookmarkEvent]
    assert events[-1] == BookmarkEvent("2318", True)


@pytest.mark.parametrize(
    "value",
    [b"NaN", b"-Infinity", b"0x1", b'"\\ud800"', b'"\\q"', b"[1,,2]", b"nul"],
)
@pytest.mark.parametrize("place", [b"status", b"undeclared"])
def test_an_object_with_invalid_json(value: bytes, place: bytes) -> None:
    """No API server writes such; but where one does, all others of the kind are followed as ever."""
    for type in (b"ADDED", b"MODIFIED", b"DELETED"):
        object = b'{"metadata":{%b},"%b":{"size":%b}}' % (IDENTIFIED, place, value)
        event = decode(WIDGET, b'{"type":"%b","object":%b}' % (type, object))
        if type == b"DELETED":
            assert event == Deletion("u1", "8")
        else:
            assert event == InvalidObject("n", "w", "is not valid JSON", "u1")


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"ADDED","object":{"metadata":{%b},"status":{"size":NaN' % IDENTIFIED,
        b'{"type":"ADDED","object":{"metadata":{%b},"x":"\\ud800' % IDENTIFIED,
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"},"x":NaN}}',
        b'{"type":"ADDED","object":NaN}',
    ],
    ids=["cut off", "cut off in a text", "a bookmark", "no object"],
)
def test_a_truncated_line(line: bytes) -> None:
    assert isinstance(decode(WIDGET, line), NotAnEvent)


def test_an_object_that_is_too_large_is_left_out_by_its_name() -> None:
    large = b'{"metadata":{%b},"status":{},"x":"%b"}' % (IDENTIFIED, b"x" * MAX_OBJECT_BYTES)
    unending = b'{"metadata":{%b,"annotations":{"a":"%b"}}}' % (IDENTIFIED, b'\\"' * MAX_OBJECT_BYTES)
    for object in (large, unending):
        for type in (b"ADDED", b"MODIFIED"):
            line = b'{"type":"%b","object":%b}' % (type, object)
            assert decode(WIDGET, line) == InvalidObject("n", "w", "is larger than 4 MiB", "u1")
        assert decode(WIDGET, b'{"type":"DELETED","object":%b}' % object) == Deletion("u1", "8")
        assert invalid_object(object, "is larger than 4 MiB").label == "n/w"
