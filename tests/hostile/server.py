"""Astrolabe as installed, in a cgroup, with a task that finds out for how long the loop is held.

`python -m tests.hostile.server SOCKET GROUP [flags]`: who connects to the Unix socket is told, in JSON, the
longest holds since the last one asked; see `Holds`. GROUP is the folder of a cgroup, or empty. On SIGUSR1 it
logs more than any pipe or queue takes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path

import msgspec

from astrolabe import app
from astrolabe.cli import main

#: Seconds between two looks at the clock.
PAUSE = 0.005
#: What is logged: 2 MB, at ten lines a turn of the loop.
LINES, LINE = 8_000, "x" * 250


class Holds(msgspec.Struct):
    """For how long the loop was held, in milliseconds, at most.

    late: by the clock, also while the system gave the processor to others.
    busy: of that, how much the loop itself computed.
    """

    late: float = 0.0
    busy: float = 0.0


class Probe:
    """A task of the loop that measures how late it is called, and a thread that tells."""

    def __init__(self) -> None:
        self._holds = Holds()

    async def run(self) -> None:
        while True:
            wall, busy = time.monotonic(), time.thread_time()
            await asyncio.sleep(PAUSE)
            late = time.monotonic() - wall - PAUSE
            holds = self._holds
            holds.late = max(holds.late, late * 1e3)
            holds.busy = max(holds.busy, min(late, time.thread_time() - busy) * 1e3)

    def tell(self, path: str) -> None:
        """Answer whoever asks, for as long as the process runs."""
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen()
            while True:
                connection, _ = listening.accept()
                with connection:
                    holds, self._holds = self._holds, Holds()
                    connection.sendall(msgspec.json.encode(holds))


async def chatter() -> None:
    """Log much whenever the signal comes."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, asked.set)
    while True:
        await asked.wait()
        asked.clear()
        for number in range(LINES):
            logging.getLogger("astrolabe.chatter").info("%d %s", number, LINE)
            if number % 10 == 0:
                await asyncio.sleep(0)


async def holds(path: Path) -> Holds:
    """What the server behind this socket tells."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        return msgspec.json.decode(await reader.read(), type=Holds)
    finally:
        writer.close()


if __name__ == "__main__":
    path, group, *flags = sys.argv[1:]
    if group:
        (Path(group) / "cgroup.procs").write_text(str(os.getpid()))
    probe = Probe()
    threading.Thread(target=probe.tell, args=(path,), name="probe", daemon=True).start()
    app.serve = partial(app.serve, extra_tasks={"probe": probe.run, "chatter": chatter})  # type: ignore[assignment]
    main(flags)
