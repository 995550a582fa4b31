"""Events in Redis: what is written, by whom, and how much at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from astrolabe.bus.redis.errors import LeadershipLost
from astrolabe.bus.redis.shared_events import (
    SHARED_AT_A_TIME,
    EventShare,
    decode_events,
    encode_events,
)
from astrolabe.bus.redis.store import RedisStore
from astrolabe.bus.redis.timing import RedisTiming
from astrolabe.engine.event_keeper import EventKeeper
from astrolabe.settings import Settings
from tests.graph.test_event_index import event
from tests.support.redis_server import RedisServer


class Shelf:
    """Where Events are stored. away: whether it cannot be reached."""

    def __init__(self) -> None:
        self.away = False
        self.held: dict[str, bytes] = {}
        self.writes: list[int] = []

    async def store(self, changed: Mapping[str, bytes | None], only: bool) -> bool:
        if self.away:
            return False
        if only:
            self.held.clear()
        self.writes.append(len(changed))
        for object, events in changed.items():
            self.held.pop(object, None)
            if events is not None:
                self.held[object] = events
        return True

    def counts(self, objects: Iterable[str]) -> list[list[int]]:
        return [[each.count for each in decode_events([self.held.get(object)])] for object in objects]


async def test_changed_events_are_written_and_leftovers_of_an_earlier_leader_deleted() -> None:
    keeper, shelf = EventKeeper(), Shelf()
    shelf.held["old"] = b"[]"
    keeper.apply(event("a"))
    share = EventShare(keeper, shelf.store)
    shelf.away = True
    await share.flush()
    assert shelf.held == {"old": b"[]"}
    shelf.away = False
    await share.flush()
    assert set(shelf.held) == {"pod-1"}
    await share.flush()
    assert len(shelf.writes) == 1
    keeper.apply(event("a", count=2))
    keeper.apply(event("b", "pod-2"))
    await share.flush()
    assert shelf.counts(["pod-1", "pod-2"]) == [[2], [1]]
    for _ in keeper.replace("", []):
        pass
    await share.flush()
    assert shelf.held == {}


async def test_a_storm_is_written_in_steps_and_objects_take_turns() -> None:
    keeper, shelf = EventKeeper(), Shelf()
    share = EventShare(keeper, shelf.store)
    for count in range(1, 4):
        for number in range(2 * SHARED_AT_A_TIME):
            keeper.apply(event(f"e{number}", f"pod-{number}", count=count))
    for _ in range(3):
        await share.flush()
    assert shelf.writes == [SHARED_AT_A_TIME, SHARED_AT_A_TIME]
    assert (
        shelf.counts([f"pod-{number}" for number in range(2 * SHARED_AT_A_TIME)])
        == [[3]] * 2 * SHARED_AT_A_TIME
    )


def test_unreadable_events_are_left_out() -> None:
    whole = encode_events([event("a"), event("b", last="2026-11-30T03:05:00Z")])
    assert [each.uid for each in decode_events([b'{"x":1}', whole, None, b"[[[", b"\xff"])] == ["b", "a"]
    assert encode_events([]) is None


async def test_only_the_leader_writes(redis: RedisServer) -> None:
    settings = Settings(enable_persistence=True, redis_addr=redis.address)
    store = RedisStore(settings, RedisTiming(), id="me")
    try:
        lease = await store.acquire_lease()
        assert lease is not None
        await store.store_events(lease.token, {"a": b"[1]", "b": b"[2]"}, only=True)
        await store.store_events(lease.token, {"a": None, "c": b"[3]"}, only=False)
        assert await store.read(store.keys.events, [b"a", b"b", b"c"]) == [None, b"[2]", b"[3]"]
        with pytest.raises(LeadershipLost):
            await store.store_events("0", {"b": None}, only=False)
        await store.store_events(lease.token, {}, only=True)
        assert await store.read(store.keys.events, [b"b", b"c"]) == [None, None]
    finally:
        await store.close()
