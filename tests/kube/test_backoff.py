from random import Random

from astrolabe.kube.retry import RetryBackoff


class Highest(Random):
    """Draws the upper bound, which full jitter never exceeds."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_doubles_from_0_8_to_30_seconds() -> None:
    backoff = RetryBackoff(random=Highest(), clock=Clock())
    assert [backoff.delay() for _ in range(8)] == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


def test_the_jitter_is_full() -> None:
    backoff = RetryBackoff(random=Random(7), clock=Clock(), first=30.0)
    delays = [backoff.delay() for _ in range(200)]
    assert 0 <= min(delays) < 1
    assert 29 < max(delays) <= 30


def test_two_minutes_of_health_reset_it() -> None:
    clock = Clock()
    backoff = RetryBackoff(random=Highest(), clock=clock)
    assert [backoff.delay(), backoff.delay()] == [0.8, 1.6]
    clock.now += 1.6 + 119.9
    assert backoff.delay() == 3.2
    clock.now += 3.2 + 120
    assert backoff.delay() == 0.8


def test_retry_after_is_the_least() -> None:
    backoff = RetryBackoff(random=Highest(), clock=Clock())
    assert backoff.delay(5.0) == 5.8
    assert backoff.delay(None) == 1.6


def test_an_absurd_retry_after_is_bounded() -> None:
    assert RetryBackoff(random=Highest(), clock=Clock()).delay(86400.0) == 300.8
