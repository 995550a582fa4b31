import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from astrolabe.engine.inbox import Deleted, InvalidObject, ObjectChanges, Replace
from astrolabe.graph.state.status import READY, Status
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest
from astrolabe.kube.decoder import ListWatchDecoder
from astrolabe.kube.errors import ApiError, NotTheApi
from astrolabe.kube.events import MAX_OBJECT_BYTES
from astrolabe.kube.health import WatchHealth
from tests.kube.support import Collector, bookmark, error_event, event, manifest
from tests.support.kinds import KINDS_BY_NAME

SHOP = Path(__file__).parents[1] / "recordings/shop"
CONFIG_MAP = KINDS_BY_NAME["ConfigMap"]


def decoder_of(kind: Kind[Any] = CONFIG_MAP) -> tuple[ListWatchDecoder, Collector, WatchHealth]:
    sink, health = Collector(), WatchHealth(kind.name)
    return ListWatchDecoder(kind, sink, health=health, clock=time.monotonic), sink, health


async def listed(*names: str) -> tuple[ListWatchDecoder, Collector, WatchHealth]:
    """A decoder that knows these objects, at version 10."""
    decoder, sink, health = decoder_of()
    decoder.begin_list()
    await decoder.decode_lines([*(event("ADDED", name, "3") for name in names), bookmark("10", end=True)])
    return decoder, sink, health


async def test_a_list_is_reported_once_complete() -> None:
    decoder, sink, health = decoder_of()
    decoder.begin_list()
    await decoder.decode_lines([event("ADDED", "a", "3")])
    assert (decoder.listing, sink.messages, decoder.position) == (True, [], "")
    await decoder.decode_lines([bookmark("10", end=True)])
    assert (decoder.listing, sink.replaces(), decoder.position) == (False, [["a"]], "10")
    assert (health.state, health.objects, health.lists, health.events) == ("synced", 1, 1, 2)


async def test_events_in_the_chunk_that_completes_the_list_come_after_it() -> None:
    decoder, sink, _ = decoder_of()
    decoder.begin_list()
    await decoder.decode_lines(
        [event("ADDED", "a", "3"), bookmark("10", end=True), event("ADDED", "b", "11")]
    )
    assert [type(told) for told in sink.messages] == [Replace, ObjectChanges]
    assert (sink.replaces(), sink.names("ConfigMap"), decoder.position) == ([["a"]], ["a", "b"], "11")


async def test_position_follows_events_deletions_and_bookmarks() -> None:
    decoder, _, _ = await listed("a")
    positions = []
    for line in (event("MODIFIED", "a", "12"), bookmark("15"), event("DELETED", "a", "x17"), bookmark("")):
        await decoder.decode_lines([line])
        positions.append(decoder.position)
    assert positions == ["12", "15", "x17", "x17"]


async def test_a_chunk_without_changes_yields_nothing() -> None:
    decoder, sink, _ = await listed("a")
    told = len(sink.messages)
    await decoder.decode_lines([bookmark("11")])
    await decoder.decode_lines([])
    assert len(sink.messages) == told


async def test_a_recreated_object_is_deleted_then_added() -> None:
    decoder, sink, _ = await listed("a")
    again = json.loads(event("ADDED", "a", "12"))
    again["object"]["metadata"]["uid"] = "uid-2"
    await decoder.decode_lines([event("DELETED", "a", "11"), json.dumps(again).encode()])
    update = sink.messages[-1]
    assert isinstance(update, ObjectChanges)
    assert [type(change).__name__ for change in update.changes] == ["Deleted", "Facts"]
    assert [change.uid for change in update.changes] == ["uid-a", "uid-2"]


async def test_events_before_an_error_are_reported() -> None:
    decoder, sink, _ = await listed("a")
    with pytest.raises(ApiError, match="410 Expired"):
        await decoder.decode_lines([event("DELETED", "a", "11"), error_event(410, "Expired"), b"never read"])
    assert sink.messages[-1] == ObjectChanges("ConfigMap", [Deleted("uid-a")])
    assert decoder.position == "11"


async def test_a_line_that_is_not_an_event() -> None:
    decoder, _, _ = await listed("a")
    with pytest.raises(NotTheApi, match="the stream contains a line that is no event: JSON is malformed"):
        await decoder.decode_lines([b"<html>"])


async def test_pages_are_collected_until_the_end() -> None:
    decoder, sink, _ = decoder_of()
    decoder.begin_list()
    first = {"metadata": {"resourceVersion": "20", "continue": "t"}, "items": [manifest("a", "1")]}
    assert await decoder.decode_page(json.dumps(first).encode()) == ("20", "t")
    assert await decoder.decode_page(b'{"metadata":{"resourceVersion":"20"},"items":null}') == ("20", "")
    await decoder.end_list("20")
    assert (sink.replaces(), decoder.position) == ([["a"]], "20")


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"items":[]}', b'{"metadata":{},"items":{}}'])
async def test_a_page_that_is_not_a_list(body: bytes) -> None:
    decoder, _, _ = decoder_of()
    with pytest.raises(NotTheApi, match="the answer is no list"):
        await decoder.decode_page(body)


async def test_an_invalid_item_affects_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    decoder, sink, _ = decoder_of()
    odd = {"metadata": {"name": "odd", "namespace": "n", "uid": "u", "generation": "many"}}
    nameless = {"metadata": {"name": "nobody"}}
    page = {"metadata": {"resourceVersion": "20"}, "items": [odd, manifest("a", "1"), nameless, odd]}
    decoder.begin_list()
    await decoder.decode_page(json.dumps(page).encode())
    await decoder.end_list("20")
    assert sink.replaces() == [["a"]]
    assert [record.getMessage() for record in caplog.records] == [
        "ConfigMap n/odd is left out: Expected `int`, got `str` - at `$.metadata.generation`",
        "ConfigMap nobody is left out: has no metadata.uid",
    ]


async def test_a_failing_rule_affects_only_that_object(caplog: pytest.LogCaptureFixture) -> None:
    def status(widget: Manifest) -> Status:
        if widget.metadata.name == "odd":
            raise KeyError("hush")
        return Status(READY, "Ready")

    kind = Kind(
        name="Widget",
        group="e.com",
        version="v1",
        plural="widgets",
        layer="workload",
        manifest=Manifest,
        status=status,
    )
    decoder, sink, _ = decoder_of(kind)
    decoder.begin_list()
    lines = [event("ADDED", "odd", "1"), event("ADDED", "a", "2"), bookmark("9", end=True)]
    await decoder.decode_lines([*lines, event("MODIFIED", "odd", "11")])
    assert (sink.replaces(), decoder.position) == ([["a"]], "11")
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "Widget.e.com n/odd is left out: its rules failed: KeyError in status, line "
    )
    assert "hush" not in caplog.text


async def test_different_invalid_objects_are_logged_up_to_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    decoder, _, _ = await listed("a")
    odd = [b'{"type":"ADDED","object":{"metadata":{"name":"odd-%d"}}}' % number for number in range(300)]
    await decoder.decode_lines(odd)
    assert len(caplog.records) == 100


DEEP = b'{"kind":"ConfigMap","metadata":{"name":"deep","namespace":"n","uid":"u"},"x":%b}' % (
    b"[" * 100_000 + b"]" * 100_000
)
IS_DEEP = InvalidObject("n", "deep", "is nested too deeply", "u")


async def test_a_deeply_nested_object_in_a_page_affects_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    decoder, sink, _ = decoder_of()
    items = b",".join(
        [json.dumps(manifest("a", "1")).encode(), DEEP, json.dumps(manifest("b", "1")).encode()]
    )
    decoder.begin_list()
    page = b'{"kind":"List","metadata":{"resourceVersion":"20","continue":"t"},"items":[%b]}' % items
    assert await decoder.decode_page(page) == ("20", "t")
    await decoder.end_list("20")
    assert sink.replaces() == [["a", "b"]]
    (told,) = sink.messages
    assert isinstance(told, Replace)
    assert told.invalid == [IS_DEEP]
    assert [record.getMessage() for record in caplog.records] == [
        "ConfigMap n/deep is left out: is nested too deeply"
    ]


@pytest.mark.parametrize("value", [b"NaN", b'"\\ud800"', b"[1,,2]"])
async def test_an_object_with_invalid_json_in_a_page_affects_only_itself(value: bytes) -> None:
    decoder, sink, _ = decoder_of()
    odd = b'{"metadata":{"name":"odd","namespace":"n","uid":"u"},"x":%b}' % value
    a, b = (json.dumps(manifest(name, "1")).encode() for name in "ab")
    decoder.begin_list()
    page = b'{"metadata":{"resourceVersion":"20"},"items":[%b]}' % b",".join([a, odd, b])
    assert await decoder.decode_page(page) == ("20", "")
    await decoder.end_list("20")
    (told,) = sink.messages
    assert isinstance(told, Replace)
    assert (sink.replaces(), told.invalid) == (
        [["a", "b"]],
        [InvalidObject("n", "odd", "is not valid JSON", "u")],
    )


async def test_a_truncated_page_is_not_a_shorter_list() -> None:
    """What is missing at its end is not gone."""
    decoder, _, _ = decoder_of()
    items = b",".join([json.dumps(manifest(name, "1")).encode() for name in "ab"])
    page = b'{"metadata":{"resourceVersion":"20"},"items":[%b,%b]}' % (DEEP, items)
    for end in (len(page) - 1, len(page) - 2, page.index(b'"b"'), page.index(b"]]")):
        with pytest.raises(NotTheApi, match="the answer is no list"):
            await decoder.decode_page(page[:end])
    with pytest.raises(NotTheApi, match="the answer is no list"):
        await decoder.decode_page(page.replace(b'"x":', b'"x":}'))


async def test_an_oversized_object_affects_only_itself() -> None:
    decoder, sink, _ = await listed("a")
    large = b'{"metadata":{"name":"l","namespace":"n","uid":"u"},"x":"%b"}' % (b"x" * MAX_OBJECT_BYTES)
    told = InvalidObject("n", "l", "is larger than 4 MiB", "u")
    await decoder.decode_lines([b'{"type":"ADDED","object":%b}' % large, event("ADDED", "b", "12")])
    assert isinstance(sink.messages[-1], ObjectChanges)
    assert sink.messages[-1].changes[0] == told
    assert sink.names("ConfigMap") == ["a", "b"]
    decoder.begin_list()
    await decoder.decode_page(b'{"metadata":{"resourceVersion":"20"},"items":[%b]}' % large)
    await decoder.end_list("20")
    assert sink.messages[-1] == Replace("ConfigMap", "", [], [told])


async def test_a_deeply_nested_page_that_is_not_a_list() -> None:
    decoder, _, _ = decoder_of()
    with pytest.raises(NotTheApi, match="the answer is no list"):
        await decoder.decode_page(b'{"metadata":[%b],"items":[]}' % DEEP)


async def test_a_large_page_with_a_nested_object_does_not_block_the_loop() -> None:
    decoder, sink, _ = decoder_of()
    items = [json.dumps(manifest(f"c{number}", "1")).encode() for number in range(20_000)]
    decoder.begin_list()
    task = asyncio.create_task(
        decoder.decode_page(b'{"metadata":{"resourceVersion":"2"},"items":[%b]}' % b",".join([*items, DEEP]))
    )
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await decoder.end_list("2")
    assert len(sink.names("ConfigMap")) == 20_000
    assert turns >= 20


async def test_invalid_objects_are_reported_in_order() -> None:
    decoder, sink, _ = await listed("a")
    await decoder.decode_lines([event("ADDED", "b", "11"), b'{"type":"MODIFIED","object":%b}' % DEEP])
    told = sink.messages[-1]
    assert isinstance(told, ObjectChanges)
    assert [type(change).__name__ for change in told.changes] == ["Facts", "InvalidObject"]
    assert told.changes[1] == IS_DEEP


@pytest.mark.parametrize("size", [10, MAX_OBJECT_BYTES], ids=["deep", "large"])
async def test_a_watch_continues_after_an_invalid_object(size: int) -> None:
    """Else it would be told of it again after each connection, and one day of nothing else."""
    decoder, _, _ = await listed("a")
    object = (
        b'{"metadata":{"name":"odd","namespace":"n","uid":"u","resourceVersion":"12"},"x":[%b%b],"y":"%b"}'
    )
    odd = object % (b"[" * 100_000, b"]" * 100_000, b"y" * size)
    await decoder.decode_lines([event("ADDED", "b", "11"), b'{"type":"MODIFIED","object":%b}' % odd])
    assert decoder.position == "12"
    decoder.begin_list()
    await decoder.decode_lines([b'{"type":"ADDED","object":%b}' % odd])
    assert decoder.position == "", "of an object, not of the list"


async def test_an_object_fixed_during_the_list_is_not_left_out() -> None:
    decoder, sink, _ = decoder_of()
    decoder.begin_list()
    deep = b'{"type":"ADDED","object":%b}' % DEEP
    mended = json.loads(event("MODIFIED", "deep", "4"))
    mended["object"]["metadata"]["uid"] = "u"
    await decoder.decode_lines([deep, json.dumps(mended).encode(), bookmark("10", end=True)])
    (told,) = sink.messages
    assert isinstance(told, Replace)
    assert (told.invalid, sink.names("ConfigMap")) == ([], ["deep"])


@pytest.mark.parametrize("plural", ["pods", "deployments", "secrets", "replicasets", "services"])
async def test_a_recorded_list_and_watch_end_in_the_recorded_state(plural: str) -> None:
    kind = next(kind for kind in KINDS_BY_NAME.values() if kind.plural == plural)
    decoder, sink, _ = decoder_of(kind)
    decoder.begin_list()
    version, token = await decoder.decode_page((SHOP / f"{plural}.list.json").read_bytes())
    assert token == ""
    await decoder.end_list(version)
    recording = (SHOP / f"{plural}.watch.jsonl").read_bytes().splitlines()
    await decoder.decode_lines([line.split(b"\t", 1)[1] for line in recording])
    final = json.loads((SHOP / f"{plural}.final.json").read_bytes())
    expected = [kind.facts(kind.decoder.decode(json.dumps(item))) for item in final["items"]]
    assert sink.objects[kind.name] == {facts.uid: facts for facts in expected}


async def test_a_long_chunk_does_not_block_the_loop() -> None:
    decoder, _, _ = await listed("a")
    lines = [event("MODIFIED", "a", str(version)) for version in range(20_000)]
    task = asyncio.create_task(decoder.decode_lines(lines))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5


async def test_a_list_grows_by_objects_not_by_bookmarks() -> None:
    now = 100.0
    decoder = ListWatchDecoder(CONFIG_MAP, Collector(), health=WatchHealth("ConfigMap"), clock=lambda: now)
    decoder.begin_list()
    now = 105.0
    await decoder.decode_lines([bookmark("3")])
    assert decoder.progressed_at == 100.0
    await decoder.decode_lines([event("ADDED", "a", "1")])
    assert decoder.progressed_at == 105.0
