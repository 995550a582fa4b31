"""Log lines on their way to stderr, so that nothing ever waits for whoever reads them.

A pipe that nobody reads is full after 64 KiB; a process that writes to it itself stands still from then on.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TextIO

#: Bytes of lines that wait; what is more is dropped.
LONGEST_QUEUE = 1024 * 1024
#: Seconds for which the end of the process waits until the lines are written.
LONGEST_FLUSH = 1.0
#: What saying so is logged as.
LOGGER = "astrolabe.telemetry"


class LogQueue(logging.Handler):
    """Writes lines to stderr by a thread of its own. Drops what is too much, counts it, and says so.

    dropped: lines that nobody will see, since the process began.
    """

    def __init__(self, limit: int = LONGEST_QUEUE) -> None:
        super().__init__()
        self.dropped = 0
        self._limit = limit
        self._untold = 0
        self._stream = sys.stderr
        self._begin()

    def emit(self, record: logging.LogRecord) -> None:
        """As `logging.Handler`, which holds the lock meanwhile."""
        try:
            line = self._line(record)
        except Exception as error:  # as `handleError`, which would write to stderr itself
            text = f"{record.msg!r} cannot be logged: {error!r}"
            line = self._line(_record(record.name, logging.ERROR, text))
        if not self._writer.is_alive():  # in a process that was forked
            self._begin()
        # Once full, it takes lines again when it is half empty: else it would tell of each few it dropped.
        if self._size + len(line) > (self._limit // 2 if self._untold else self._limit):
            self.dropped += 1
            self._untold += 1
            return
        self._tell_dropped()
        self._append(line)
        self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all is written; not for longer than `LONGEST_FLUSH`."""
        ends = time.monotonic() + LONGEST_FLUSH
        with self._changed:
            while (self._lines or self._writing or self._untold) and self._writer.is_alive():
                left = ends - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return

    def close(self) -> None:
        """End the thread once it has written all; `logging.shutdown` calls `flush` before."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        super().close()

    def _begin(self) -> None:
        assert self.lock is not None
        # A process that is forked gets a new lock, and writes nothing of what its parent had to write.
        self._changed = threading.Condition(self.lock)
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._writing = False
        self._closed = False
        self._writer = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._writer.start()

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode("utf-8", "backslashreplace")

    def _append(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)

    def _tell_dropped(self) -> None:
        """Put it where the lines would have been."""
        if self._untold:
            lines = "1 log line was" if self._untold == 1 else f"{self._untold} log lines were"
            record = _record(LOGGER, logging.WARNING, f"{lines} dropped: nobody reads them")
            self._untold = 0
            self._append(self._line(record))

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                if not self._lines:
                    self._tell_dropped()
                if not self._lines:
                    self._changed.notify_all()
                    if self._closed:
                        return
                    self._changed.wait()
                    continue
                line = self._lines.popleft()
                self._size -= len(line)
                self._writing = True
            if not _write(self._stream, line):
                with self._changed:
                    self.dropped += 1


def _record(logger: str, level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord(logger, level, __file__, 0, text, None, None)


def _write(stream: TextIO, line: bytes) -> bool:
    """Write a line, however long that takes; returns whether it could be."""
    try:
        # Not by the stream: this thread would hold its lock when the interpreter flushes it at its end.
        number = stream.fileno()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            stream.write(line.decode())
            return True
        return False
    rest = memoryview(line)
    while rest:
        try:
            rest = rest[os.write(number, rest) :]
        except BlockingIOError:  # somebody else set the pipe, which we share, to that
            poll = select.poll()
            poll.register(number, select.POLLOUT)
            poll.poll()
        except OSError:
            return False
    return True
