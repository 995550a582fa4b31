"""Logging: text or JSON lines on stderr, levels by verbosity. No token and no manifest is ever logged.

Nothing waits for whoever reads the log: see `LogQueue`. No text forges a line: what cannot be printed is
escaped, and the lines of a traceback are indented.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

import msgspec

from astrolabe.log_queue import LogQueue
from astrolabe.printable import printable, printable_json

#: Characters, before they are escaped, of a message, and of a traceback, of which the end tells most.
LONGEST_MESSAGE = 8 * 1024
LONGEST_TRACE = 32 * 1024

#: (level of Astrolabe's loggers, of the libraries', of asyncio's), by verbosity 0-4.
LEVELS = (
    (logging.INFO, logging.WARNING, logging.WARNING),
    (logging.INFO, logging.INFO, logging.WARNING),
    (logging.DEBUG, logging.INFO, logging.WARNING),
    (logging.DEBUG, logging.DEBUG, logging.WARNING),
    (logging.DEBUG, logging.DEBUG, logging.DEBUG),
)


def configure(*, verbosity: int, log_format: Literal["text", "json"], several: bool = False) -> None:
    """Set up logging for the process. verbosity: 0 (changes of state) to 4 (everything).

    several: other processes log to the same place, so that each line says which one it is of.
    """
    own, libraries, loop = (logging.getLevelName(level) for level in LEVELS[verbosity])
    formatter = JsonFormatter if log_format == "json" else TextFormatter
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": formatter, "numbered": several}},
            "handlers": {"stderr": {"()": LogQueue, "formatter": "line"}},
            "root": {"level": libraries, "handlers": ["stderr"]},
            "loggers": {
                "astrolabe": {"level": own},
                "asyncio": {"level": loop},
                # Its DEBUG quotes bodies of answers, and with them what must never be logged.
                "kubernetes_asyncio": {"level": "WARNING"},
            },
        }
    )
    sys.excepthook = _log_uncaught


def line(message: str, *, log_format: Literal["text", "json"]) -> str:
    """A warning as a line of the log, for what is said before there is one."""
    formatter = (JsonFormatter if log_format == "json" else TextFormatter)(numbered=False)
    return formatter.format(logging.LogRecord("astrolabe.cli", logging.WARNING, "", 0, message, None, None))


def lines_dropped() -> int:
    """How many lines nobody will see, since the process began."""
    return sum(each.dropped for each in logging.getLogger().handlers if isinstance(each, LogQueue))


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z INFO    astrolabe.kube  Pod: connected again`

    numbered: with the number of the process, as `astrolabe.kube[4711]`.
    """

    def __init__(self, *, numbered: bool) -> None:
        super().__init__()
        self._numbered = numbered

    def format(self, record: logging.LogRecord) -> str:
        number = f"[{record.process}]" if self._numbered else ""
        message = printable(_message_of(record))
        line = f"{_time_of(record)} {record.levelname:<7} {record.name}{number}  {message}"
        trace = _trace_of(self, record)
        return "\n    ".join([line, *map(printable, trace.split("\n"))]) if trace else line


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, and exception where there is one.

    numbered: with the number of the process, as `process`.
    """

    def __init__(self, *, numbered: bool) -> None:
        super().__init__()
        self._numbered = numbered

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message_of(record),
        }
        if self._numbered:
            entry["process"] = record.process
        trace = _trace_of(self, record)
        if trace:
            entry["exception"] = trace
        return printable_json(msgspec.json.encode(entry).decode())


def _log_uncaught(type: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends the process is logged as all else is, as `sys.excepthook`."""
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(type, error, trace)
    else:
        logging.getLogger("astrolabe").critical("ended by an error", exc_info=(type, error, trace))


def _message_of(record: logging.LogRecord) -> str:
    return _bounded(_encodable(record.getMessage()))


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_MESSAGE:
        return text
    return f"{text[:LONGEST_MESSAGE]}… ({len(text) - LONGEST_MESSAGE} more characters)"


def _encodable(text: str) -> str:
    """Half of a surrogate pair has no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _time_of(record: logging.LogRecord) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    time = datetime.fromtimestamp(record.created, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Its end, when it is too long."""
    if not record.exc_info:
        return ""
    trace = _encodable(formatter.formatException(record.exc_info))
    cut = len(trace) - LONGEST_TRACE
    return f"… ({cut} characters before)\n{trace[cut:]}" if cut > 0 else trace
