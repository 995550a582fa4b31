"""The long-running tasks of the process, and what must be closed when it stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

logger = logging.getLogger("astrolabe.app")


class TaskFailed(Exception):
    """A task that should run as long as the process has ended; the log says why."""


class Supervisor:
    """Runs named tasks until it is closed. What was started last ends first."""

    def __init__(self) -> None:
        self._running = AsyncExitStack()
        self._failed = asyncio.Event()
        self._first_failed = ""

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str, may_end: bool = False) -> None:
        """Run a task until `close`. may_end: whether it may return before that."""
        task = asyncio.create_task(work, name=name)

        def check(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if may_end and error is None:
                return
            logger.critical("the %s ended unexpectedly", name, exc_info=error)
            self._first_failed = self._first_failed or name
            self._failed.set()

        async def end() -> None:
            task.remove_done_callback(check)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        task.add_done_callback(check)
        self._running.push_async_callback(end)

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call this in `close`, once everything that was started later has ended."""
        self._running.push_async_callback(close)

    async def close(self) -> None:
        """End everything. Does nothing the second time."""
        await self._running.aclose()

    async def wait_for_failure(self) -> None:
        """Wait until a task ends unexpectedly. Raises TaskFailed then."""
        await self._failed.wait()
        raise TaskFailed(f"the {self._first_failed} ended unexpectedly; the log says why")
