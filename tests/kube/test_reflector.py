"""Each line of what a reflector must do, against a server over real HTTP that plays it."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from astrolabe.engine.inbox import Deleted, ObjectChanges, WatchStatus
from astrolabe.kube.reflector import Reflector
from tests.kube.support import (
    LISTED,
    LISTED_THEN_ENDED,
    Collector,
    RudeServer,
    Step,
    answer,
    bookmark,
    brief,
    connected,
    error_event,
    event,
    page,
    playing,
    reflecting,
    refusal,
    stream,
)
from tests.support.kinds import KINDS_BY_NAME
from tests.support.timing import SHORT

POD = KINDS_BY_NAME["Pod"]
SECRET = KINDS_BY_NAME["Secret"]

HTML = answer(200, b"<html>login</html>", {"Content-Type": "text/html"})


async def asked_of(tmp_path: Path, *steps: Step, count: int) -> tuple[list[str], Collector]:
    """Play the steps to a reflector of pods; what it asked, up to this many requests, and what it told."""
    async with (
        RudeServer(*steps) as server,
        connected(server.url, tmp_path) as cluster,
        reflecting(POD, cluster) as (_, sink),
    ):
        await server.until_asked(count)
        return [brief(asked) for asked in server.asked[:count]], sink


async def test_a_watch_list_becomes_one_replace_and_its_stream_continues(tmp_path: Path) -> None:
    step = stream(
        event("ADDED", "a", "3"),
        event("ADDED", "b", "9"),
        bookmark("10", end=True),
        event("MODIFIED", "a", "11"),
        event("DELETED", "b", "12"),
        event("ADDED", "c", "13"),
        then="hang",
    )
    async with playing(tmp_path, step) as (server, _, sink):
        await sink.until(lambda: sink.names("Pod") == ["a", "c"])
    assert sink.messages[0] == WatchStatus("Pod", "", "listing")
    assert sink.replaces() == [["a", "b"]]
    changes = [change for told in sink.messages if isinstance(told, ObjectChanges) for change in told.changes]
    assert [change.uid for change in changes] == ["uid-a", "uid-b", "uid-c"]
    assert changes[1] == Deleted("uid-b")
    (asked,) = server.asked
    assert asked.path == "/api/v1/pods"
    assert asked.query == {
        "watch": "1",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "1",
    }


async def test_an_object_deleted_during_the_initial_events_is_not_listed(tmp_path: Path) -> None:
    step = stream(
        event("ADDED", "a", "3"),
        event("ADDED", "b", "4"),
        event("DELETED", "a", "9"),
        bookmark("10", end=True),
        then="hang",
    )
    async with playing(tmp_path, step) as (_server, _, sink):
        await sink.until(lambda: bool(sink.replaces()))
    assert sink.replaces() == [["b"]]


async def test_an_empty_kind_is_a_complete_list(tmp_path: Path) -> None:
    step = stream(bookmark("2320", end=True), then="hang")
    async with playing(tmp_path, step) as (_server, reflector, sink):
        await sink.until(lambda: sink.replaces() == [[]])
        assert reflector.health.state == "synced"


async def test_the_events_of_one_chunk_are_one_update(tmp_path: Path) -> None:
    burst = b"\n".join(event("MODIFIED", "a", str(version)) for version in range(20, 70))
    async with playing(tmp_path, LISTED_THEN_ENDED, stream(burst, then="hang")) as (_server, _, sink):
        await sink.until(lambda: any(isinstance(told, ObjectChanges) for told in sink.messages))
        (update,) = [told for told in sink.messages if isinstance(told, ObjectChanges)]
        assert len(update.changes) == 50


async def test_a_watch_that_ends_resumes(tmp_path: Path) -> None:
    asked, sink = await asked_of(
        tmp_path,
        LISTED_THEN_ENDED,
        stream(event("ADDED", "b", "11")),
        stream(event("DELETED", "b", "15")),
        stream(bookmark("opaque")),
        count=5,
    )
    assert asked == ["watch-list", "watch 10", "watch 11", "watch 15", "watch opaque"]
    assert sink.names("Pod") == ["a"]


async def test_the_version_of_a_synthetic_event_is_never_used(tmp_path: Path) -> None:
    asked, _ = await asked_of(
        tmp_path, stream(event("ADDED", "a", "3"), event("ADDED", "b", "99"), then="cut"), LISTED, count=2
    )
    assert asked == ["watch-list", "watch-list"]


@pytest.mark.parametrize("code", [400, 422])
async def test_an_older_server_is_listed_page_by_page_and_then_watched(tmp_path: Path, code: int) -> None:
    asked, sink = await asked_of(
        tmp_path,
        refusal(code, "Invalid", "sendInitialEvents: Forbidden"),
        page("a", "b", version="20", token="next"),
        page("c", version="20"),
        count=4,
    )
    assert asked == ["watch-list", "list", "list next", "watch 20"]
    assert sink.replaces() == [["a", "b", "c"]]


async def test_a_list_asks_for_pages_of_500_and_no_version(tmp_path: Path) -> None:
    async with playing(tmp_path, refusal(422), page(version="20")) as (server, _, _):
        await server.until_asked(3)
    assert server.asked[1].query == {"limit": "500"}
    assert server.asked[2].query == {
        "watch": "1",
        "resourceVersion": "20",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "1",
    }


async def test_an_oversized_page_is_requested_with_fewer_objects(tmp_path: Path) -> None:
    names = [f"pod-{number}" for number in range(40)]
    large, small = page(*names, version="20"), page(*names[:20], version="20", token="t")
    steps = [refusal(422), large, small, large, page(*names[20:], version="20")]
    async with playing(tmp_path, *steps, longest_page=3000) as (server, _, sink):
        await sink.until(lambda: bool(sink.replaces()))
        assert sink.names("Pod") == sorted(names)
        asked = [(each.query.get("limit"), each.query.get("continue")) for each in server.asked[1:5]]
        assert asked == [("500", None), ("62", None), ("62", "t"), ("7", "t")]


@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
async def test_an_oversized_answer_that_is_not_a_list_is_an_error(tmp_path: Path, declared: bool) -> None:
    body = json.dumps({"items": [], "metadata": 5, "x": "x" * 100_000}).encode()
    large = answer(200, body) if declared else stream(body)
    async with playing(tmp_path, refusal(422), *[large] * 5, longest_page=20) as (server, watch, _):
        await server.until_asked(6)
        assert [each.query["limit"] for each in server.asked[1:5]] == ["500", "62", "7", "1"]
        assert watch.health.last_error == "the answer is no list, and too large"


async def test_an_older_server_is_remembered(tmp_path: Path) -> None:
    asked, _ = await asked_of(
        tmp_path,
        refusal(422),
        page("a", version="20"),
        stream(error_event(410, "Expired")),
        page("a", version="30"),
        count=5,
    )
    assert asked == ["watch-list", "list", "watch 20", "list", "watch 30"]


async def test_a_server_that_ignores_send_initial_events_is_listed(tmp_path: Path) -> None:
    """Events come, and bookmarks, but never the one that ends the initial events."""
    mute = stream(event("ADDED", "a", "3"), bookmark("10"), then="hang")
    asked, sink = await asked_of(tmp_path, mute, page("a", version="20"), count=3)
    assert asked == ["watch-list", "list", "watch 20"]
    assert sink.replaces() == [["a"]]


async def test_a_watch_list_that_ends_without_its_bookmark_is_listed(tmp_path: Path) -> None:
    """However long it took: its timeoutSeconds may be over before the list is."""
    half = stream(event("ADDED", "a", "3"))
    patient = replace(SHORT, short_watch=0.0)
    async with playing(tmp_path, half, page("a", version="20"), timing=patient) as (server, _, _):
        await server.until_asked(3)
        assert [brief(asked) for asked in server.asked] == ["watch-list", "list", "watch 20"]


async def test_410_in_the_stream_lists_again(tmp_path: Path) -> None:
    gone = stream(event("ADDED", "b", "11"), error_event(410, "Expired", "too old resource version: 10 (99)"))
    fresh = stream(event("ADDED", "c", "90"), bookmark("99", end=True), then="hang")
    async with playing(tmp_path, LISTED_THEN_ENDED, gone, fresh) as (server, reflector, sink):
        await sink.until(lambda: sink.replaces() == [["a"], ["c"]])
        assert [brief(asked) for asked in server.asked] == ["watch-list", "watch 10", "watch-list"]
        assert sink.names("Pod") == ["c"]
        assert sink.reports() == [("listing", "")], "what is known stays served meanwhile"
        assert reflector.health.lists == 2
    assert any(isinstance(told, ObjectChanges) for told in sink.messages), (
        "what came before the error is told"
    )


async def test_410_of_a_watch_is_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="astrolabe.kube")
    gone = stream(error_event(410, "Expired", "too old resource version: 10 (99)"))
    async with playing(tmp_path, LISTED_THEN_ENDED, gone, LISTED) as (_server, reflector, sink):
        await sink.until(lambda: len(sink.replaces()) == 2)
        assert reflector.health.failures == 0
    assert caplog.records == []


async def test_410_of_a_list_is_a_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gone = stream(event("ADDED", "a", "3"), error_event(410, "Expired", "too old"))
    async with playing(tmp_path, gone, LISTED) as (_server, reflector, sink):
        await sink.until(lambda: bool(sink.replaces()))
        assert reflector.health.failures == 1
    assert [record.getMessage() for record in caplog.records] == ["Pod: 410 Expired: too old"]


async def test_410_as_a_status_lists_again(tmp_path: Path) -> None:
    asked, _ = await asked_of(tmp_path, LISTED_THEN_ENDED, refusal(410, "Gone"), LISTED, count=3)
    assert asked == ["watch-list", "watch 10", "watch-list"]


async def test_a_compacted_continue_token_lists_again(tmp_path: Path) -> None:
    asked, sink = await asked_of(
        tmp_path,
        refusal(422),
        page("a", version="20", token="old"),
        refusal(410, "Expired", "The provided continue parameter is too old"),
        page("b", version="30"),
        count=5,
    )
    assert asked == ["watch-list", "list", "list old", "list", "watch 30"]
    assert sink.replaces() == [["b"]]


async def test_a_circular_continue_token_is_refused(tmp_path: Path) -> None:
    circle = page("a", version="20", token="same")
    asked, _ = await asked_of(tmp_path, refusal(422), circle, circle, page("a", version="21"), count=5)
    assert asked == ["watch-list", "list", "list same", "list", "watch 21"]


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(429, "TooManyRequests", "too many requests"),
        refusal(500, "InternalError", "etcdserver: request timed out"),
        refusal(503),
        answer(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
        answer(504, b"<html>Gateway Timeout</html>", {"Content-Type": "text/html"}),
        HTML,
        answer(200, b"<html>login</html>\n"),
        stream(error_event(500, "InternalError", "etcd is away")),
        stream(then="cut"),
        stream(then="end"),
    ],
    ids=["429", "500", "503", "502", "504", "html", "html as json", "error event", "cut", "empty"],
)
async def test_after_an_error_the_watch_resumes_from_the_same_version(tmp_path: Path, trouble: Step) -> None:
    asked, sink = await asked_of(tmp_path, LISTED_THEN_ENDED, trouble, trouble, count=4)
    assert asked == ["watch-list", "watch 10", "watch 10", "watch 10"]
    assert sink.reports() == [("listing", "")], "what is known stays served meanwhile"
    assert sink.replaces() == [["a"]]


async def test_events_before_a_cut_are_kept_and_not_requested_again(tmp_path: Path) -> None:
    cut = stream(event("ADDED", "b", "11"), then="cut")
    asked, sink = await asked_of(tmp_path, LISTED_THEN_ENDED, cut, count=3)
    assert asked == ["watch-list", "watch 10", "watch 11"]
    assert sink.names("Pod") == ["a", "b"]


async def test_a_version_ahead_of_the_server_is_listed_later(tmp_path: Path) -> None:
    too_large = refusal(
        504, "Timeout", "Timeout: Too large resource version: 10, current: 5", {"Retry-After": "0"}
    )
    asked, _ = await asked_of(tmp_path, LISTED_THEN_ENDED, too_large, LISTED, count=3)
    assert asked == ["watch-list", "watch 10", "watch-list"]


async def test_retry_after_is_honoured(tmp_path: Path) -> None:
    busy = refusal(429, "TooManyRequests", headers={"Retry-After": "1"})
    began = time.monotonic()
    await asked_of(tmp_path, busy, LISTED, count=2)
    assert time.monotonic() - began >= 1.0


async def test_a_watch_that_ends_at_once_is_delayed(tmp_path: Path) -> None:
    """kubernetes_asyncio's Watch asks more than a thousand times a second here."""
    slow = replace(SHORT, backoff_first=0.2, backoff_longest=0.2)
    empty = [stream() for _ in range(1000)]
    async with playing(tmp_path, LISTED_THEN_ENDED, *empty, timing=slow) as (server, _, _):
        began = time.monotonic()
        await server.until_asked(8)
        assert time.monotonic() - began > 0.2


async def test_a_bookmark_that_does_not_advance_does_not_prove_health(tmp_path: Path) -> None:
    same = stream(bookmark("10"))
    async with playing(tmp_path, LISTED_THEN_ENDED, same, same) as (server, reflector, _):
        await server.until_asked(4)
        assert reflector.health.failures == 2


async def test_a_half_open_connection_is_detected(tmp_path: Path) -> None:
    """The server neither says anything nor ends the watch at its timeoutSeconds."""
    silent = stream(then="hang")
    async with playing(tmp_path, LISTED_THEN_ENDED, silent) as (server, reflector, _):
        await server.until_asked(2)
        began = time.monotonic()
        await server.until_asked(3)
        assert 1.2 < time.monotonic() - began < 5, "timeoutSeconds is 1, the margin 0.3"
        assert reflector.health.last_error == "the server stopped responding"
    assert brief(server.asked[2]) == "watch 10"


async def test_a_stalled_list_is_abandoned(tmp_path: Path) -> None:
    asked, _ = await asked_of(
        tmp_path, refusal(422), stream(b'{"metadata":', then="hang"), page(version="20"), count=4
    )
    assert asked == ["watch-list", "list", "list", "watch 20"]


async def test_a_line_of_three_megabytes(tmp_path: Path) -> None:
    huge = json.loads(event("ADDED", "huge", "11"))
    huge["object"]["metadata"]["annotations"] = {"notes": "x" * 3_000_000}
    step = stream(json.dumps(huge).encode(), event("ADDED", "small", "12"), then="hang")
    async with playing(tmp_path, LISTED_THEN_ENDED, step) as (server, _, sink):
        await sink.until(lambda: sink.names("Pod") == ["a", "huge", "small"])
        assert len(server.asked) == 2


async def test_an_invalid_object_is_left_out_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = b'{"type":"MODIFIED","object":{"metadata":{"name":"odd","namespace":"n","uid":"u","labels":[]}}}'
    step = stream(odd, odd, event("ADDED", "b", "12"), then="hang")
    async with playing(tmp_path, LISTED_THEN_ENDED, step) as (server, _, sink):
        await sink.until(lambda: sink.names("Pod") == ["a", "b"])
        assert len(server.asked) == 2
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert warnings[0].startswith("Pod n/odd is left out: Expected `object | null`, got `array` - at")


async def test_secrets_are_requested_as_metadata_only(tmp_path: Path) -> None:
    async with playing(tmp_path, refusal(422), page(version="20"), kind=SECRET) as (server, _, _):
        await server.until_asked(3)
    assert [(brief(asked), asked.headers["Accept"]) for asked in server.asked[:3]] == [
        ("watch-list", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
        ("list", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
        ("watch 20", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
    ]


async def test_one_namespace_and_a_selector(tmp_path: Path) -> None:
    async with RudeServer(LISTED) as server, connected(server.url, tmp_path) as cluster:
        async with reflecting(POD, cluster, namespace="shop", label_selector="app=x,tier in (a,b)") as (
            _,
            sink,
        ):
            await sink.until(lambda: bool(sink.replaces()))
        assert server.asked[0].path == "/api/v1/namespaces/shop/pods"
        assert server.asked[0].query["labelSelector"] == "app=x,tier in (a,b)"
    assert {told.namespace for told in sink.messages if not isinstance(told, ObjectChanges)} == {"shop"}


async def test_timeout_seconds_are_random_between_five_and_ten_minutes(tmp_path: Path) -> None:
    asked = []
    minutes = replace(SHORT, watch_shortest=300, watch_longest=600)
    for seed in range(12):
        async with playing(tmp_path, LISTED, seed=seed, timing=minutes) as (server, _, _):
            (first,) = await server.until_asked(1)
            asked.append(int(first.query["timeoutSeconds"]))
    assert all(300 <= seconds <= 600 for seconds in asked)
    assert len(set(asked)) > 6


async def test_cancelling_ends_it_at_once(tmp_path: Path) -> None:
    async with RudeServer(LISTED) as server, connected(server.url, tmp_path) as cluster:
        before = asyncio.all_tasks()
        async with reflecting(POD, cluster) as (_, sink):
            await sink.until(lambda: bool(sink.replaces()))
            began = time.monotonic()
        assert time.monotonic() - began < 1
        assert asyncio.all_tasks() <= before | {task for task in asyncio.all_tasks() if "web_" in repr(task)}


async def test_state_changes_are_logged_and_events_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="astrolabe.kube")
    broken = refusal(500, "InternalError", "etcd is away")
    busy = stream(*[event("MODIFIED", "a", str(version)) for version in range(11, 40)], then="hang")
    async with playing(tmp_path, LISTED_THEN_ENDED, broken, broken, broken, busy) as (
        _server,
        reflector,
        sink,
    ):
        await sink.until(lambda: reflector.health.events >= 30)
    assert [record.getMessage() for record in caplog.records] == [
        "Pod: 500 InternalError: etcd is away",
        "Pod: connected again",
    ]


async def test_cancelling_works_while_a_watch_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ending, may_end = asyncio.Event(), asyncio.Event()

    async def slow_to_end(reflector: Reflector, timeout: asyncio.Timeout) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    monkeypatch.setattr(Reflector, "_guard", slow_to_end)
    async with (
        RudeServer(LISTED_THEN_ENDED) as server,
        connected(server.url, tmp_path) as cluster,
        reflecting(POD, cluster),
    ):
        await ending.wait()
        (following,) = [
            each for each in asyncio.all_tasks() if each.get_coro().__qualname__ == "Reflector.run"
        ]
        following.cancel()
        may_end.set()
        async with asyncio.timeout(5):
            await asyncio.wait([following])
        assert following.cancelled()
