"""Injects faults at any line of the model or of the served graph."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from astrolabe import graph
from astrolabe.graph.model.model import Model
from astrolabe.graph.state.graph import ServedGraph


def _sources(*names: str) -> frozenset[str]:
    return frozenset(str(Path(graph.__file__).parent / f"{name}.py") for name in names)


def _names(*functions: Callable[..., Any]) -> frozenset[str]:
    return frozenset(function.__qualname__ for function in functions)


class Guarded(NamedTuple):
    """What is guarded against faults. sources: its modules. ways_in: each of which guards all that it does."""

    sources: frozenset[str]
    ways_in: frozenset[str]


#: Not node.py: nothing has changed yet while that is at work.
MODEL = Guarded(
    _sources(
        *("closure", "derivation", "edge", "inheritance", "labels", "linker", "model", "names"),
        *("reach", "record", "rendering", "revisions", "scopes", "selector"),
    ),
    _names(Model.upsert, Model.remove, Model.commit, Model.set_synced, Model.set_outdated, Model.restore),
)
SERVED = Guarded(_sources("graph", "edge"), _names(ServedGraph._apply))

#: What a rule raises, or makes that is no JSON, is the rule's fault.
_OF_RULES = ("_derive", "_encode")
#: Frames between a line and the way in.
_DEPTH = 12


class Injected(Exception):
    """The fault."""


class Injector:
    """Raises once, at the so-manieth line that is executed there; 0: never. lines: executed so far."""

    def __init__(self, at: int, guarded: Guarded = MODEL) -> None:
        self.lines = 0
        self._at = at
        self._guarded = guarded

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """What is done meanwhile counts."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in self._guarded.sources:
            return None
        outer = frame.f_back
        for _ in range(_DEPTH):
            if outer is None or outer.f_code.co_name in _OF_RULES or frame.f_code.co_name in _OF_RULES:
                return None
            if outer.f_code.co_qualname in self._guarded.ways_in:
                return self._step
            outer = outer.f_back
        return None

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self._at:
                raise Injected
        return self._step
