"""What a run of Astrolabe changes of the process it is in, put back."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: The loggers whose levels `telemetry.configure` sets.
LOGGERS = ("", "astrolabe", "asyncio", "kubernetes_asyncio")


@contextmanager
def process_as_before() -> Iterator[None]:
    """Logging, with its thread, and the thresholds of the collector are afterwards what they were."""
    thresholds, hook = gc.get_threshold(), sys.excepthook
    root = logging.getLogger()
    handlers = list(root.handlers)
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.excepthook = hook
        for handler in root.handlers:
            if handler not in handlers:
                handler.close()
        root.handlers[:] = handlers
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
