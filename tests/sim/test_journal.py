from __future__ import annotations

import asyncio

from astrolabe.sim.journal import Journal, Request


def request(path: str, *, write: bool = False) -> Request:
    return Request("GET", path, kind="Pod", verb="list", write=write)


async def test_waits_until_something_was_asked() -> None:
    journal = Journal()
    waiting = asyncio.create_task(journal.until(lambda journal: journal.total == 2))
    await asyncio.sleep(0)
    journal.note(request("/a"))
    await asyncio.sleep(0)
    assert not waiting.done()
    journal.note(request("/b"))
    await waiting
    await journal.until(lambda journal: journal.total == 2)


async def test_a_waiter_that_was_cancelled_is_forgotten() -> None:
    journal = Journal()
    waiting = asyncio.create_task(journal.until(lambda journal: journal.writes == 1))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    journal.note(request("/a", write=True))
    assert journal.writes == 1


def test_keeps_the_last_requests_and_counts_all() -> None:
    journal = Journal(size=2)
    for path in ("/a", "/b", "/c"):
        journal.note(request(path))
    assert [one.path for one in journal.requests] == ["/b", "/c"]
    assert journal.total == 3
    assert journal.of("Pod", "list") == list(journal.requests)
    assert journal.of("Pod", "watch") == journal.of("Node") == []
