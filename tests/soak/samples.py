"""Samples the resources of a process over time, and tells whether they grow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import linear_regression, median

import msgspec
import psutil


class Sample(msgspec.Struct, frozen=True):
    """at: seconds since the first. rss: megabytes. cpu: seconds so far. nodes: of the graph.

    files: open, but for the connections to Redis, which are `links`.
    """

    at: float
    rss: float
    files: int
    cpu: float
    nodes: int
    links: int = 0


class Samples:
    """Samples of one process. redis: the port of its Redis; 0 where there is none."""

    def __init__(self, pid: int, *, redis: int = 0) -> None:
        self.taken: list[Sample] = []
        self._redis = redis
        self._process = psutil.Process(pid)
        self._began = time.monotonic()

    def take(self, nodes: int) -> Sample:
        """nodes: how many the graph has now."""
        times, links = self._process.cpu_times(), self._links()
        sample = Sample(
            at=time.monotonic() - self._began,
            rss=self._process.memory_info().rss / 1e6,
            files=self._process.num_fds() - links,
            cpu=times.user + times.system,
            nodes=nodes,
            links=links,
        )
        self.taken.append(sample)
        return sample

    def _links(self) -> int:
        if not self._redis:
            return 0
        found = self._process.net_connections("tcp")
        return sum(bool(each.raddr) and each.raddr.port == self._redis for each in found)


def growth(values: Sequence[float]) -> float:
    """The median of the last quarter, against the median of the second: the first is warm-up."""
    quarter = len(values) // 4
    return median(values[-quarter:]) / median(values[quarter : 2 * quarter])


def slope(samples: Sequence[Sample]) -> float:
    """Megabytes an hour, over the second half."""
    half = samples[len(samples) // 2 :]
    line = linear_regression([sample.at / 3600 for sample in half], [sample.rss for sample in half])
    return line.slope
