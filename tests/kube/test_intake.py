import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from astrolabe.engine.inbox import Gone, InvalidObject, Replace, Update
from astrolabe.graph.status import READY, Status
from astrolabe.kinds.kind import Kind
from astrolabe.kinds.manifest import Manifest
from astrolabe.kube.errors import ApiError, NotTheApi
from astrolabe.kube.events import LONGEST_OBJECT
from astrolabe.kube.health import Health
from astrolabe.kube.intake import Intake
from tests.kube.support import Collector, bookmark, error_event, event, manifest
from tests.support.kinds import KINDS_BY_NAME

SHOP = Path(__file__).parents[1] / "recordings/shop"
CONFIG_MAP = KINDS_BY_NAME["ConfigMap"]


def intake_of(kind: Kind[Any] = CONFIG_MAP) -> tuple[Intake, Collector, Health]:
    sink, health = Collector(), Health(kind.name)
    return Intake(kind, sink, health=health, clock=time.monotonic), sink, health


async def listed(*names: str) -> tuple[Intake, Collector, Health]:
    """An intake that knows these objects, at version 10."""
    intake, sink, health = intake_of()
    intake.begin_list()
    await intake.take_lines([*(event("ADDED", name, "3") for name in names), bookmark("10", end=True)])
    return intake, sink, health


async def test_a_list_is_told_when_it_is_complete() -> None:
    intake, sink, health = intake_of()
    intake.begin_list()
    await intake.take_lines([event("ADDED", "a", "3")])
    assert (intake.listing, sink.messages, intake.position) == (True, [], "")
    await intake.take_lines([bookmark("10", end=True)])
    assert (intake.listing, sink.replaces(), intake.position) == (False, [["a"]], "10")
    assert (health.state, health.objects, health.lists, health.events) == ("synced", 1, 1, 2)


async def test_events_in_the_chunk_that_completes_the_list_come_after_it() -> None:
    intake, sink, _ = intake_of()
    intake.begin_list()
    await intake.take_lines([event("ADDED", "a", "3"), bookmark("10", end=True), event("ADDED", "b", "11")])
    assert [type(told) for told in sink.messages] == [Replace, Update]
    assert (sink.replaces(), sink.names("ConfigMap"), intake.position) == ([["a"]], ["a", "b"], "11")


async def test_position_follows_events_deletions_and_bookmarks() -> None:
    intake, _, _ = await listed("a")
    positions = []
    for line in (event("MODIFIED", "a", "12"), bookmark("15"), event("DELETED", "a", "x17"), bookmark("")):
        await intake.take_lines([line])
        positions.append(intake.position)
    assert positions == ["12", "15", "x17", "x17"]


async def test_a_chunk_without_changes_tells_nothing() -> None:
    intake, sink, _ = await listed("a")
    told = len(sink.messages)
    await intake.take_lines([bookmark("11")])
    await intake.take_lines([])
    assert len(sink.messages) == told


async def test_a_recreated_object_is_gone_and_new_in_this_order() -> None:
    intake, sink, _ = await listed("a")
    again = json.loads(event("ADDED", "a", "12"))
    again["object"]["metadata"]["uid"] = "uid-2"
    await intake.take_lines([event("DELETED", "a", "11"), json.dumps(again).encode()])
    update = sink.messages[-1]
    assert isinstance(update, Update)
    assert [type(change).__name__ for change in update.changes] == ["Gone", "Facts"]
    assert [change.uid for change in update.changes] == ["uid-a", "uid-2"]


async def test_what_came_before_an_error_is_told() -> None:
    intake, sink, _ = await listed("a")
    with pytest.raises(ApiError, match="410 Expired"):
        await intake.take_lines([event("DELETED", "a", "11"), error_event(410, "Expired"), b"never read"])
    assert sink.messages[-1] == Update("ConfigMap", [Gone("uid-a")])
    assert intake.position == "11"


async def test_a_line_that_is_no_event() -> None:
    intake, _, _ = await listed("a")
    with pytest.raises(NotTheApi, match="the stream holds what is no event: JSON is malformed"):
        await intake.take_lines([b"<html>"])


async def test_pages_are_collected_until_the_end() -> None:
    intake, sink, _ = intake_of()
    intake.begin_list()
    first = {"metadata": {"resourceVersion": "20", "continue": "t"}, "items": [manifest("a", "1")]}
    assert await intake.take_page(json.dumps(first).encode()) == ("20", "t")
    assert await intake.take_page(b'{"metadata":{"resourceVersion":"20"},"items":null}') == ("20", "")
    await intake.end_list("20")
    assert (sink.replaces(), intake.position) == ([["a"]], "20")


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"items":[]}', b'{"metadata":{},"items":{}}'])
async def test_a_page_that_is_no_list(body: bytes) -> None:
    intake, _, _ = intake_of()
    with pytest.raises(NotTheApi, match="the answer is no list"):
        await intake.take_page(body)


async def test_an_item_that_does_not_fit_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    intake, sink, _ = intake_of()
    odd = {"metadata": {"name": "odd", "namespace": "n", "uid": "u", "generation": "many"}}
    nameless = {"metadata": {"name": "nobody"}}
    page = {"metadata": {"resourceVersion": "20"}, "items": [odd, manifest("a", "1"), nameless, odd]}
    intake.begin_list()
    await intake.take_page(json.dumps(page).encode())
    await intake.end_list("20")
    assert sink.replaces() == [["a"]]
    assert [record.getMessage() for record in caplog.records] == [
        "ConfigMap n/odd is left out: Expected `int`, got `str` - at `$.metadata.generation`",
        "ConfigMap nobody is left out: has no metadata.uid",
    ]


async def test_a_rule_that_fails_costs_only_that_object(caplog: pytest.LogCaptureFixture) -> None:
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
    intake, sink, _ = intake_of(kind)
    intake.begin_list()
    lines = [event("ADDED", "odd", "1"), event("ADDED", "a", "2"), bookmark("9", end=True)]
    await intake.take_lines([*lines, event("MODIFIED", "odd", "11")])
    assert (sink.replaces(), intake.position) == ([["a"]], "11")
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "Widget.e.com n/odd is left out: its rules failed: KeyError in status, line "
    )
    assert "hush" not in caplog.text


async def test_different_invalid_objects_are_logged_up_to_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    intake, _, _ = await listed("a")
    odd = [b'{"type":"ADDED","object":{"metadata":{"name":"odd-%d"}}}' % number for number in range(300)]
    await intake.take_lines(odd)
    assert len(caplog.records) == 100


DEEP = b'{"kind":"ConfigMap","metadata":{"name":"deep","namespace":"n","uid":"u"},"x":%b}' % (
    b"[" * 1100 + b"]" * 1100
)
IS_DEEP = InvalidObject("n", "deep", "is nested too deeply", "u")


async def test_a_page_with_a_deep_object_costs_only_that(caplog: pytest.LogCaptureFixture) -> None:
    intake, sink, _ = intake_of()
    items = b",".join(
        [json.dumps(manifest("a", "1")).encode(), DEEP, json.dumps(manifest("b", "1")).encode()]
    )
    intake.begin_list()
    page = b'{"kind":"List","metadata":{"resourceVersion":"20","continue":"t"},"items":[%b]}' % items
    assert await intake.take_page(page) == ("20", "t")
    await intake.end_list("20")
    assert sink.replaces() == [["a", "b"]]
    (told,) = sink.messages
    assert isinstance(told, Replace)
    assert told.invalid == [IS_DEEP]
    assert [record.getMessage() for record in caplog.records] == [
        "ConfigMap n/deep is left out: is nested too deeply"
    ]


@pytest.mark.parametrize("value", [b"NaN", b'"\\ud800"', b"[1,,2]"])
async def test_a_page_with_an_object_that_is_no_json_costs_only_that(value: bytes) -> None:
    intake, sink, _ = intake_of()
    odd = b'{"metadata":{"name":"odd","namespace":"n","uid":"u"},"x":%b}' % value
    a, b = (json.dumps(manifest(name, "1")).encode() for name in "ab")
    intake.begin_list()
    page = b'{"metadata":{"resourceVersion":"20"},"items":[%b]}' % b",".join([a, odd, b])
    assert await intake.take_page(page) == ("20", "")
    await intake.end_list("20")
    (told,) = sink.messages
    assert isinstance(told, Replace)
    assert (sink.replaces(), told.invalid) == ([["a", "b"]], [InvalidObject("n", "odd", "is no JSON", "u")])


async def test_a_page_that_is_cut_off_is_no_shorter_list() -> None:
    """What is missing at its end is not gone."""
    intake, _, _ = intake_of()
    items = b",".join([json.dumps(manifest(name, "1")).encode() for name in "ab"])
    page = b'{"metadata":{"resourceVersion":"20"},"items":[%b,%b]}' % (DEEP, items)
    for end in (len(page) - 1, len(page) - 2, page.index(b'"b"'), page.index(b"]]")):
        with pytest.raises(NotTheApi, match="the answer is no list"):
            await intake.take_page(page[:end])
    with pytest.raises(NotTheApi, match="the answer is no list"):
        await intake.take_page(page.replace(b'"x":', b'"x":}'))


async def test_an_object_that_is_too_large_costs_only_itself() -> None:
    intake, sink, _ = await listed("a")
    large = b'{"metadata":{"name":"l","namespace":"n","uid":"u"},"x":"%b"}' % (b"x" * LONGEST_OBJECT)
    told = InvalidObject("n", "l", "is larger than 4 MiB", "u")
    await intake.take_lines([b'{"type":"ADDED","object":%b}' % large, event("ADDED", "b", "12")])
    assert isinstance(sink.messages[-1], Update)
    assert sink.messages[-1].changes[0] == told
    assert sink.names("ConfigMap") == ["a", "b"]
    intake.begin_list()
    await intake.take_page(b'{"metadata":{"resourceVersion":"20"},"items":[%b]}' % large)
    await intake.end_list("20")
    assert sink.messages[-1] == Replace("ConfigMap", "", [], [told])


async def test_a_deep_page_that_is_no_list() -> None:
    intake, _, _ = intake_of()
    with pytest.raises(NotTheApi, match="the answer is no list"):
        await intake.take_page(b'{"metadata":[%b],"items":[]}' % DEEP)


async def test_a_large_page_with_a_deep_object_lets_the_loop_run() -> None:
    intake, sink, _ = intake_of()
    items = [json.dumps(manifest(f"c{number}", "1")).encode() for number in range(20_000)]
    intake.begin_list()
    task = asyncio.create_task(
        intake.take_page(b'{"metadata":{"resourceVersion":"2"},"items":[%b]}' % b",".join([*items, DEEP]))
    )
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await intake.end_list("2")
    assert len(sink.names("ConfigMap")) == 20_000
    assert turns >= 20


async def test_what_cannot_be_taken_in_is_told_in_its_place() -> None:
    intake, sink, _ = await listed("a")
    await intake.take_lines([event("ADDED", "b", "11"), b'{"type":"MODIFIED","object":%b}' % DEEP])
    told = sink.messages[-1]
    assert isinstance(told, Update)
    assert [type(change).__name__ for change in told.changes] == ["Facts", "InvalidObject"]
    assert told.changes[1] == IS_DEEP


@pytest.mark.parametrize("size", [10, LONGEST_OBJECT], ids=["deep", "large"])
async def test_a_watch_goes_on_behind_an_object_that_cannot_be_taken_in(size: int) -> None:
    """Else it would be told of it again after each connection, and one day of nothing else."""
    intake, _, _ = await listed("a")
    object = (
        b'{"metadata":{"name":"odd","namespace":"n","uid":"u","resourceVersion":"12"},"x":[%b%b],"y":"%b"}'
    )
    odd = object % (b"[" * 1100, b"]" * 1100, b"y" * size)
    await intake.take_lines([event("ADDED", "b", "11"), b'{"type":"MODIFIED","object":%b}' % odd])
    assert intake.position == "12"
    intake.begin_list()
    await intake.take_lines([b'{"type":"ADDED","object":%b}' % odd])
    assert intake.position == "", "of an object, not of the list"


async def test_an_object_that_is_mended_while_it_is_listed_is_not_left_out() -> None:
    intake, sink, _ = intake_of()
    intake.begin_list()
    deep = b'{"type":"ADDED","object":%b}' % DEEP
    mended = json.loads(event("MODIFIED", "deep", "4"))
    mended["object"]["metadata"]["uid"] = "u"
    await intake.take_lines([deep, json.dumps(mended).encode(), bookmark("10", end=True)])
    (told,) = sink.messages
    assert isinstance(told, Replace)
    assert (told.invalid, sink.names("ConfigMap")) == ([], ["deep"])


@pytest.mark.parametrize("plural", ["pods", "deployments", "secrets", "replicasets", "services"])
async def test_a_recorded_list_and_watch_end_in_the_recorded_state(plural: str) -> None:
    kind = next(kind for kind in KINDS_BY_NAME.values() if kind.plural == plural)
    intake, sink, _ = intake_of(kind)
    intake.begin_list()
    version, token = await intake.take_page((SHOP / f"{plural}.list.json").read_bytes())
    assert token == ""
    await intake.end_list(version)
    recording = (SHOP / f"{plural}.watch.jsonl").read_bytes().splitlines()
    await intake.take_lines([line.split(b"\t", 1)[1] for line in recording])
    final = json.loads((SHOP / f"{plural}.final.json").read_bytes())
    expected = [kind.facts(kind.decoder.decode(json.dumps(item))) for item in final["items"]]
    assert sink.objects[kind.name] == {facts.uid: facts for facts in expected}


async def test_a_long_chunk_lets_the_loop_run() -> None:
    intake, _, _ = await listed("a")
    lines = [event("MODIFIED", "a", str(version)) for version in range(20_000)]
    task = asyncio.create_task(intake.take_lines(lines))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 5


async def test_a_list_grows_by_objects_not_by_bookmarks() -> None:
    now = 100.0
    intake = Intake(CONFIG_MAP, Collector(), health=Health("ConfigMap"), clock=lambda: now)
    intake.begin_list()
    now = 105.0
    await intake.take_lines([bookmark("3")])
    assert intake.moved_at == 100.0
    await intake.take_lines([event("ADDED", "a", "1")])
    assert intake.moved_at == 105.0
