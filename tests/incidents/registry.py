"""The incidents made by hand, each with what an operator would say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.incidents.made import MadeCluster

Build = Callable[[MadeCluster], None]

CASES: list[Any] = []
PVCSPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def case(*told: str) -> Callable[[Build], Build]:
    """What is told of the cluster that a function builds: the cause, then what it breaks."""

    def add(build: Build) -> Build:
        CASES.append(pytest.param(build, list(told), id=build.__name__))
        return build

    return add
