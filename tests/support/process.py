"""Runs programs, and Astrolabe in a process of its own, or in this one and restores what it changed."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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


async def astrolabe(*args: str) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr of a command."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "astrolabe.cli", *args, stdout=PIPE, stderr=PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 30)
    finally:
        await kill(process)
    return process.returncode, out.decode(), err.decode()


async def run(
    *command: str | Path, folder: Path, fails: bool = False, environment: Mapping[str, str] | None = None
) -> str:
    """What a program printed until it ended; it has to succeed, unless it `fails`."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=PIPE, stderr=STDOUT, env={**os.environ, **(environment or {})}
    )
    try:
        printed, _ = await process.communicate()
    finally:
        await kill(process)
    assert fails or process.returncode == 0, printed.decode()
    return printed.decode()


async def kill(process: Process) -> None:
    """End a program that still runs."""
    if process.returncode is None:
        process.kill()
        await process.wait()
