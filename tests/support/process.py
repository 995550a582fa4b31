"""What a run of Astrolabe changes of the process it is in, put back."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager

#: The loggers whose levels `telemetry.configure` sets.
LOGGERS = ("", "astrolabe", "asyncio", "kubernetes_asyncio")


@contextmanager
def process_as_before() -> Iterator[None]:
    """Logging and the thresholds of the collector are afterwards what they were."""
    thresholds = gc.get_threshold()
    root = logging.getLogger()
    handlers = list(root.handlers)
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        root.handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
