"""Faults in the model, at whatever line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from astrolabe import graph

#: The modules of which a model is made. Not node.py: nothing has changed yet while that is at work.
_SOURCES = {
    str(Path(graph.__file__).parent / f"{name}.py")
    for name in (
        *("closure", "derivation", "edge", "inheritance", "labels", "linker", "model", "names"),
        *("reach", "record", "rendering", "revisions", "scopes", "selector"),
    )
}
#: The ways into it, each of which guards all that it does.
_WAYS_IN = ("upsert", "remove", "commit", "set_synced", "set_outdated", "restore")
#: What a rule raises, or makes that is no JSON, is the rule's fault.
_OF_RULES = ("_derive", "_encode")
#: Frames between a line and the way in.
_DEPTH = 12


class Injected(Exception):
    """The fault."""


class Injector:
    """Raises once, at the so-manieth line that is executed in the model; 0: never. lines: executed so far."""

    def __init__(self, at: int) -> None:
        self.lines = 0
        self._at = at

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
        if frame.f_code.co_filename not in _SOURCES:
            return None
        outer = frame.f_back
        for _ in range(_DEPTH):
            if outer is None or outer.f_code.co_name in _OF_RULES or frame.f_code.co_name in _OF_RULES:
                return None
            if outer.f_code.co_name in _WAYS_IN and outer.f_code.co_qualname.startswith("Model."):
                return self._step
            outer = outer.f_back
        return None

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self._at:
                raise Injected
        return self._step
