"""`--workers N`: several equal processes that serve one port, and the process that supervises them.

Each worker has its own listening socket on the shared port (SO_REUSEPORT), so the system distributes
connections among them. The supervisor creates the sockets: if a worker dies, its socket stays open, and
connecting clients wait for the next worker.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from astrolabe import app, telemetry
from astrolabe.http.errors import ServerError
from astrolabe.http.server import BACKLOG
from astrolabe.settings import Settings

logger = logging.getLogger("astrolabe.cli")

#: Seconds before a dead worker is restarted, and seconds for a worker to stop.
PAUSE = 1.0
LONGEST_STOP = 12.0

#: Serves in a worker, and reports errors to the user as a single process would.
Serve = Callable[..., None]


class WorkerFailed(Exception):
    """A worker could not start; it has reported why."""


class ParentGone(Exception):
    """The supervising process is gone."""


class Workers:
    """serve: runs a coroutine in the worker and handles its errors."""

    def __init__(self, settings: Settings, serve: Serve) -> None:
        self._settings = settings
        self._serve = serve
        self._context = multiprocessing.get_context("spawn")
        self._sockets = _listen(settings.listen_host, settings.port, settings.workers)
        self._processes: list[SpawnProcess | None] = [None] * settings.workers
        self._due = [0.0] * settings.workers
        # The workers read end-of-file from this pipe when this process is gone.
        self._parent_pipe, self._parent_end = self._context.Pipe(duplex=False)
        self._stopping = False

    def run(self) -> None:
        """Keep all workers running until SIGTERM or SIGINT. Raises WorkerFailed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            self._start_first()
            while not self._stopping:
                self._start_due()
                self._wait()
        finally:
            self._end()

    def _start_first(self) -> None:
        """Start the first worker alone, so that a failure to start is reported once."""
        ready_pipe, started = self._context.Pipe(duplex=False)
        process = self._start(0, started)
        started.close()
        ready = wait([ready_pipe, process.sentinel])
        if self._stopping:
            return
        if ready_pipe not in ready or not _has_started(ready_pipe):
            process.join()
            raise WorkerFailed(f"worker 1 {_end_of(process)}")

    def _start_due(self) -> None:
        now = time.monotonic()
        for index, process in enumerate(self._processes):
            if process is None and self._due[index] <= now:
                self._start(index)

    def _start(self, index: int, started: Connection | None = None) -> SpawnProcess:
        process = self._context.Process(
            target=_work,
            args=(self._serve, self._settings, self._sockets[index], self._parent_pipe, started),
            name=f"worker {index + 1}",
        )
        process.start()
        self._processes[index] = process
        return process

    def _wait(self) -> None:
        """Wait until a worker ends, or until it is time to start one."""
        running = [process.sentinel for process in self._processes if process is not None]
        timeout = PAUSE if None in self._processes else None
        with suppress(InterruptedError):
            wait(running, timeout)
        for index, process in enumerate(self._processes):
            if process is not None and process.exitcode is not None and not self._stopping:
                logger.error("%s %s; restarting it", process.name, _end_of(process))
                self._processes[index] = None
                self._due[index] = time.monotonic() + PAUSE

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True
        for process in self._processes:
            if process is not None and process.is_alive():
                process.terminate()

    def _end(self) -> None:
        self._stop(0, None)
        ends = time.monotonic() + LONGEST_STOP
        for process in self._processes:
            if process is not None:
                process.join(max(0.0, ends - time.monotonic()))
                if process.is_alive():
                    process.kill()
        for listener in self._sockets:
            listener.close()


def run_workers(settings: Settings, serve: Serve) -> None:
    """Serve with several processes until told to stop. Raises ServerError, WorkerFailed."""
    telemetry.configure(
        verbosity=settings.verbosity, log_format=settings.log_format, several=settings.workers > 1
    )
    Workers(settings, serve).run()


def _listen(host: str, port: int, count: int) -> list[socket.socket]:
    """Sockets that listen on one address. Raises ServerError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            sockets.append(
                socket.create_server(
                    (host, port),
                    family=family,
                    backlog=BACKLOG,
                    reuse_port=True,
                    dualstack_ipv6=host == "::",
                )
            )
            port = sockets[0].getsockname()[1]
    except OSError as error:
        raise ServerError(f"cannot listen at {host}:{port}: {error.strerror or error}") from error
    return sockets


def _work(
    serve: Serve,
    settings: Settings,
    listener: socket.socket,
    parent_pipe: Connection,
    started: Connection | None,
) -> None:
    """The main function of a worker."""

    async def stay() -> None:
        """Report that the server has started, and stop when the supervisor is gone."""
        if started is not None:
            started.send(True)
            started.close()
        gone = asyncio.Event()
        asyncio.get_running_loop().add_reader(parent_pipe.fileno(), gone.set)
        await gone.wait()
        raise ParentGone

    serve(lambda: app.serve(settings, extra_tasks={"worker": stay}, listener=listener))


def _has_started(ready_pipe: Connection) -> bool:
    try:
        return bool(ready_pipe.recv())
    except (EOFError, OSError):
        return False


def _end_of(process: SpawnProcess) -> str:
    """How the process ended. An unexpected SIGKILL mostly means that memory ran out."""
    code = process.exitcode
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
