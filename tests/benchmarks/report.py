"""How the benchmarks measure and what they print: ratios within one run, in one table.

`make bench` runs the full sizes and prints every row; by default each runs small, and fails only when its
ratio misses the budget by more than `SLACK`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

#: In a small run on a noisy machine a budget may be missed by this factor before a test fails.
SLACK = 1.5


def is_full() -> bool:
    """Whether the full sizes are asked for (`make bench`)."""
    return os.environ.get("ASTROLABE_BENCH") == "full"


def size(full: int, small: int) -> int:
    """The size of this run."""
    return full if is_full() else small


def cpu_seconds(work: Callable[[], object], *, rounds: int = 5) -> float:
    """The least CPU time of some rounds: what the work costs when nothing disturbs it."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def report(number: int, what: str, measured: str, budget: str, *, met: bool) -> None:
    """Print one row of the table."""
    print(f"\n| {number} | {what} | {measured} | {budget} | {'met' if met else 'MISSED'} |")
