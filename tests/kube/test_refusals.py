"""What a reflector does about a kind that may not be read, or is not there, and about credentials that are not taken."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from astrolabe.engine.inbox import KindRemoved, WatchStatus
from tests.kube.support import (
    LISTED,
    LISTED_THEN_ENDED,
    RudeServer,
    Step,
    answer,
    brief,
    connected,
    event,
    playing,
    reflecting,
    refusal,
    stream,
)
from tests.support.kinds import KINDS_BY_NAME
from tests.support.timing import SHORT

POD = KINDS_BY_NAME["Pod"]


@pytest.mark.parametrize(
    ("refused", "why", "cause"),
    [
        (
            refusal(403, "Forbidden", 'pods is forbidden: User "u" cannot list resource "pods"'),
            '403 Forbidden: pods is forbidden: User "u" cannot list resource "pods"',
            "forbidden",
        ),
        (answer(404, b"404 page not found\n", {"Content-Type": "text/plain"}), "404", "not-served"),
        (
            refusal(404, "NotFound", "the server could not find the requested resource"),
            "404 NotFound: the server could not find the requested resource",
            "not-served",
        ),
    ],
)
async def test_a_forbidden_kind_is_unavailable_until_permitted(
    tmp_path: Path, refused: Step, why: str, cause: str
) -> None:
    async with playing(tmp_path, refused, refused, LISTED) as (server, reflector, sink):
        await sink.until(lambda: sink.replaces() == [["a"]])
        assert sink.reports() == [("listing", ""), ("unavailable", why), ("listing", "")]
        assert [told.cause for told in sink.messages if isinstance(told, WatchStatus)] == ["", cause, ""]
        assert (reflector.health.state, reflector.health.cause) == ("synced", "")
        assert [brief(asked) for asked in server.asked] == ["watch-list"] * 3


async def test_a_forbidden_kind_becomes_unavailable_and_is_listed_again(tmp_path: Path) -> None:
    forbidden = refusal(403, "Forbidden", "no more")
    timing = replace(SHORT, refusal_grace=0)
    async with playing(tmp_path, LISTED_THEN_ENDED, forbidden, LISTED, timing=timing) as (server, _, sink):
        await sink.until(lambda: len(sink.replaces()) == 2)
        assert sink.reports() == [
            ("listing", ""),
            ("unavailable", "403 Forbidden: no more"),
            ("listing", ""),
        ]
        assert [brief(asked) for asked in server.asked] == ["watch-list", "watch 10", "watch-list"]


async def test_a_brief_refusal_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As by an API server that has just started, and knows no roles yet."""
    forbidden = refusal(403, "Forbidden", "no more")
    timing = replace(SHORT, refusal_grace=60)
    async with playing(tmp_path, LISTED_THEN_ENDED, *[forbidden] * 4, LISTED, timing=timing) as (
        server,
        reflector,
        sink,
    ):
        await sink.until(lambda: len(sink.replaces()) == 2)
        assert sink.reports() == [("listing", "")]
        assert [brief(asked) for asked in server.asked] == ["watch-list", "watch 10", *["watch-list"] * 4]
        assert reflector.health.failures == 4
    assert [record.levelname for record in caplog.records] == []


async def test_a_lasting_refusal_makes_a_kind_unavailable(tmp_path: Path) -> None:
    forbidden = refusal(403, "Forbidden", "no more")
    timing = replace(SHORT, refusal_grace=0.1)
    async with playing(tmp_path, LISTED_THEN_ENDED, *[forbidden] * 100, timing=timing) as (server, _, sink):
        await server.until_asked(2)
        began = time.monotonic()
        await sink.until(lambda: len(sink.reports()) > 1)
        assert time.monotonic() - began >= 0.09
        assert sink.reports() == [("listing", ""), ("unavailable", "403 Forbidden: no more")]


async def test_the_timeout_restarts_after_another_failure(tmp_path: Path) -> None:
    forbidden, broken = refusal(403, "Forbidden", "no more"), refusal(500, "InternalError", "etcd is away")
    timing = replace(SHORT, refusal_grace=0.1)
    refused = [step for _ in range(20) for step in (forbidden, broken)]
    async with playing(tmp_path, LISTED_THEN_ENDED, *refused, LISTED, timing=timing) as (_server, _, sink):
        await sink.until(lambda: len(sink.replaces()) == 2)
        assert sink.reports() == [("listing", "")]


async def test_a_forbidden_kind_stays_so_while_there_is_no_connection(tmp_path: Path) -> None:
    """What is missing of the picture is missing until the API server says otherwise."""
    forbidden, broken = refusal(403, "Forbidden", "no"), refusal(503, "ServiceUnavailable", "later")
    async with playing(tmp_path, forbidden, broken, broken, forbidden, LISTED) as (server, reflector, sink):
        await server.until_asked(4)
        assert reflector.health.cause == "forbidden"
        assert sink.reports() == [("listing", ""), ("unavailable", "403 Forbidden: no")]
        await sink.until(lambda: sink.replaces() == [["a"]])
        assert [told.cause for told in sink.messages if isinstance(told, WatchStatus)] == [
            "",
            "forbidden",
            "",
        ]


async def test_a_forbidden_kind_is_retried_slowly(tmp_path: Path) -> None:
    forbidden = refusal(403, "Forbidden", "no")
    timing = replace(SHORT, refusal_grace=0, slow_retry=0.4)
    async with playing(tmp_path, forbidden, forbidden, timing=timing) as (server, _, _):
        await server.until_asked(1)
        began = time.monotonic()
        await server.until_asked(3)
        assert time.monotonic() - began >= 0.4, "two pauses of at least half of 0.4 s"


async def test_before_the_first_list_the_engine_learns_why_it_waits(tmp_path: Path) -> None:
    broken = refusal(500, "InternalError", "etcd is away")
    async with playing(tmp_path, broken, broken, LISTED) as (_server, _, sink):
        await sink.until(lambda: bool(sink.replaces()))
        assert sink.reports() == [("listing", ""), ("listing", "500 InternalError: etcd is away")]


async def test_401_reloads_the_credentials_and_tries_again(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("old\n")
    seen = []

    async def guard(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        if seen[-1] == "Bearer new":
            return await LISTED(request)
        token_file.write_text("new\n")
        return await refusal(401, "Unauthorized", "Unauthorized")(request)

    async with (
        RudeServer(guard, guard) as server,
        connected(server.url, tmp_path, tokenFile=str(token_file)) as cluster,
        reflecting(POD, cluster) as (_, sink),
    ):
        await sink.until(lambda: sink.names("Pod") == ["a"])
    assert seen == ["Bearer old", "Bearer new"]


async def test_repeated_401_backs_off(tmp_path: Path) -> None:
    refused = refusal(401, "Unauthorized", "Unauthorized")
    slow = replace(SHORT, backoff_first=0.1, backoff_longest=0.1)
    async with playing(tmp_path, *[refused] * 1000, timing=slow) as (server, _, _):
        began = time.monotonic()
        await server.until_asked(10)
        assert time.monotonic() - began > 0.1


async def test_a_kind_not_served_for_long_is_removed_once(tmp_path: Path) -> None:
    absent, broken = refusal(404, "NotFound", "no such resource"), stream(then="cut")
    timing = replace(SHORT, refusal_grace=0, absence=0.1, slow_retry=0.02)
    steps = [LISTED_THEN_ENDED, absent, broken, *[absent] * 100]
    async with playing(tmp_path, *steps, timing=timing) as (server, _, sink):
        began = time.monotonic()
        await sink.until(lambda: KindRemoved("Pod", "") in sink.messages)
        assert time.monotonic() - began >= 0.1
        assert sink.reports()[-1] == ("unavailable", "404 NotFound: no such resource")
        await server.until_asked(len(server.asked) + 10)
        assert sink.messages.count(KindRemoved("Pod", "")) == 1


@pytest.mark.parametrize("between", [refusal(403, "Forbidden", "no"), LISTED_THEN_ENDED], ids=["403", "list"])
async def test_a_kind_served_intermittently_is_not_removed(tmp_path: Path, between: Step) -> None:
    absent = refusal(404, "NotFound", "no such resource")
    timing = replace(SHORT, refusal_grace=0, absence=0.3, slow_retry=0.04)
    steps = [step for _ in range(12) for step in (absent, absent, between)]
    async with playing(tmp_path, *steps, LISTED, timing=timing) as (server, _, sink):
        await server.until_asked(len(steps) + 1)
        assert KindRemoved("Pod", "") not in sink.messages


async def test_a_forbidden_kind_is_never_removed(tmp_path: Path) -> None:
    timing = replace(SHORT, refusal_grace=0, absence=0.01, slow_retry=0.01)
    forbidden = refusal(403, "Forbidden", "no")
    async with playing(tmp_path, LISTED_THEN_ENDED, *[forbidden] * 30, timing=timing) as (server, _, sink):
        await server.until_asked(30)
        assert KindRemoved("Pod", "") not in sink.messages


async def test_disconnected_watches_have_a_since(tmp_path: Path) -> None:
    broken = refusal(500, "InternalError", "etcd is away")
    back = stream(event("ADDED", "b", "11"), then="hang")
    async with playing(tmp_path, LISTED_THEN_ENDED, broken, broken, back) as (server, watch, sink):
        assert watch.health.lost_since is None
        began = time.monotonic()
        await server.until_asked(3)
        lost_since = watch.health.lost_since
        assert lost_since is not None
        assert began <= lost_since <= time.monotonic()
        await sink.until(lambda: sink.names("Pod") == ["a", "b"])
        assert watch.health.lost_since is None
