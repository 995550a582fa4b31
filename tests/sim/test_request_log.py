from __future__ import annotations

import asyncio

from astrolabe.sim.request_log import RecordedRequest, RequestLog


def request(path: str, *, write: bool = False) -> RecordedRequest:
    return RecordedRequest("GET", path, kind="Pod", verb="list", write=write)


async def test_waits_until_something_was_asked() -> None:
    request_log = RequestLog()
    waiting = asyncio.create_task(request_log.until(lambda request_log: request_log.total == 2))
    await asyncio.sleep(0)
    request_log.record(request("/a"))
    await asyncio.sleep(0)
    assert not waiting.done()
    request_log.record(request("/b"))
    await waiting
    await request_log.until(lambda request_log: request_log.total == 2)


async def test_a_waiter_that_was_cancelled_is_forgotten() -> None:
    request_log = RequestLog()
    waiting = asyncio.create_task(request_log.until(lambda request_log: request_log.writes == 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    request_log.record(request("/a", write=True))
    assert request_log.writes == 1


def test_keeps_the_last_requests_and_counts_all() -> None:
    request_log = RequestLog(size=2)
    for path in ("/a", "/b", "/c"):
        request_log.record(request(path))
    assert [one.path for one in request_log.requests] == ["/b", "/c"]
    assert request_log.total == 3
    assert request_log.of("Pod", "list") == list(request_log.requests)
    assert request_log.of("Pod", "watch") == request_log.of("Node") == []
