"""A queue of log lines for stderr, so that a slow reader never blocks the process.

A pipe that nobody reads is full after 64 KiB. A process that writes to it directly would then hang.
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

#: Most bytes of waiting lines; further lines are dropped.
LONGEST_QUEUE = 1024 * 1024
#: Longest time in seconds to write the remaining lines when the process ends.
LONGEST_FLUSH = 1.0
#: Logger of the message about dropped lines.
LOGGER = "astrolabe.telemetry"


class LogQueue(logging.Handler):
    """Writes lines to a stream, by default stderr, in its own thread. If too many wait, it drops, counts and
    reports them.

    dropped: lines dropped since the process started.
    """

    def __init__(self, limit: int = LONGEST_QUEUE, stream: TextIO | None = None) -> None:
        super().__init__()
        self.dropped = 0
        self._limit = limit
        self._untold = 0
        self._stream = stream or sys.stderr
        self._owns = stream is not None and stream is not sys.stdout
        self._begin()

    def emit(self, record: logging.LogRecord) -> None:
        """As in `logging.Handler`, which holds the lock."""
        try:
            line = self._line(record)
        except Exception as error:  # as in `handleError`, which would write to stderr directly
            text = f"{record.msg!r} cannot be logged: {error!r}"
            line = self._line(_record(record.name, logging.ERROR, text))
        if not self._writer.is_alive():  # in a forked process
            self._begin()
        # Once full, accept lines again when half empty; otherwise it would report every few dropped lines.
        if self._size + len(line) > (self._limit // 2 if self._untold else self._limit):
            self.dropped += 1
            self._untold += 1
            return
        self._tell_dropped()
        self._append(line)
        self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all lines are written, at most `LONGEST_FLUSH`."""
        ends = time.monotonic() + LONGEST_FLUSH
        with self._changed:
            while (self._lines or self._writing or self._untold) and self._writer.is_alive():
                left = ends - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return

    def close(self) -> None:
        """End the thread after its last line. `logging.shutdown` calls `flush` first."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._owns:
            self._writer.join(LONGEST_FLUSH)
            self._stream.close()
        super().close()

    def _begin(self) -> None:
        assert self.lock is not None
        # A forked process gets a new lock, and does not write the lines of its parent.
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
        """Report dropped lines in their place."""
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
    """Write a line, however long it takes. Returns whether it succeeded."""
    try:
        # Not through the stream: this thread could hold its lock when the interpreter flushes it at exit.
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
        except BlockingIOError:  # another process made the shared pipe non-blocking
            poll = select.poll()
            poll.register(number, select.POLLOUT)
            poll.poll()
        except OSError:
            return False
    return True
