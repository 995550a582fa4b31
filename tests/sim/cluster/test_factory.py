from __future__ import annotations

import random
import re
from datetime import UTC, datetime

from astrolabe.sim.cluster.factory import DAY, ObjectFactory


def factory(seed: int = 1, stream: int = 0) -> ObjectFactory:
    return ObjectFactory(random.Random(seed), datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC), stream=stream)


def test_uids_look_like_uids() -> None:
    uids = {made for _ in range(3) for made in [factory().uid()]}
    assert len(uids) == 1
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", uids.pop())


def test_suffixes_and_addresses_are_unique() -> None:
    first, second = factory(), factory(stream=1)
    suffixes = [one.suffix() for one in (first, second) for _ in range(20_000)]
    addresses = [one.address() for one in (first, second) for _ in range(20_000)]
    assert len(set(suffixes)) == len(set(addresses)) == 40_000
    assert all(re.fullmatch("[bcdfghjklmnpqrstvwxz2456789]{5}", suffix) for suffix in suffixes)
    assert all(address.startswith("10.") for address in addresses)


def test_times_are_counted_back_from_now() -> None:
    assert factory().ago() == "2026-11-23T08:00:00Z"
    assert factory().ago(DAY + 90) == "2026-11-22T07:58:30Z"
    assert factory().ago(-30) == "2026-11-23T08:00:30Z"
