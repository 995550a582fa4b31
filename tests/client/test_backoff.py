from __future__ import annotations

from random import Random

from astrolabe.client import Backoff


class Highest(Random):
    def uniform(self, a: float, b: float) -> float:
        assert a == 0
        return b


def test_the_bound_doubles_up_to_the_longest() -> None:
    backoff = Backoff(random=Highest())
    bounds = [backoff.delay(healthy=0) for _ in range(12)]
    assert bounds == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30]


def test_any_number_of_failures_is_handled() -> None:
    backoff = Backoff(random=Highest())
    assert [backoff.delay(healthy=0) for _ in range(3000)][-1] == 30


def test_a_healthy_connection_resets_the_backoff() -> None:
    backoff = Backoff(random=Highest())
    assert [backoff.delay(healthy=healthy) for healthy in (0, 0, 9.9, 10, 0)] == [0.1, 0.2, 0.4, 0.1, 0.2]


def test_delays_are_anything_below_the_bound() -> None:
    backoff = Backoff(base=8, longest=8, random=Random(1))
    delays = [backoff.delay(healthy=0) for _ in range(200)]
    assert min(delays) < 0.5
    assert 7.5 < max(delays) <= 8


def test_retry_after_is_added_up_to_five_minutes() -> None:
    backoff = Backoff(random=Highest())
    assert backoff.delay(healthy=0, retry_after=5) == 5.1
    assert backoff.delay(healthy=0, retry_after=1e9) == 300.2
