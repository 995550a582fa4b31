"""Time in tests: short timings of a watch, and a clock that is set by hand."""

from __future__ import annotations

from astrolabe.kube.timing import WatchTiming

#: All of them, a hundredth of what they are.
SHORT = WatchTiming(
    watch_shortest=1.0,
    watch_longest=1.0,
    read_margin=0.3,
    list_silence=0.3,
    initial_silence=0.3,
    short_watch=0.2,
    refusal_grace=0.1,
    slow_retry=0.05,
    backoff_first=0.01,
    backoff_longest=0.05,
)


class ManualClock:
    """Stands still unless somebody moves it."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
