"""Logging: text or JSON lines on stderr, levels by verbosity. No token and no manifest is ever logged."""

from __future__ import annotations

import logging
import logging.config
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

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
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": libraries, "handlers": ["stderr"]},
            "loggers": {
                "astrolabe": {"level": own},
                "asyncio": {"level": loop},
                # Its DEBUG quotes bodies of answers, and with them what must never be logged.
                "kubernetes_asyncio": {"level": "WARNING"},
            },
        }
    )


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z INFO    astrolabe.kube  Pod: connected again`

    numbered: with the number of the process, as `astrolabe.kube[4711]`.
    """

    def __init__(self, *, numbered: bool) -> None:
        super().__init__()
        self._numbered = numbered

    def format(self, record: logging.LogRecord) -> str:
        number = f"[{record.process}]" if self._numbered else ""
        line = f"{_time_of(record)} {record.levelname:<7} {record.name}{number}  {record.getMessage()}"
        trace = _trace_of(self, record)
        return f"{line}\n{trace}" if trace else line


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
            "message": record.getMessage(),
        }
        if self._numbered:
            entry["process"] = record.process
        trace = _trace_of(self, record)
        if trace:
            entry["exception"] = trace
        return msgspec.json.encode(entry).decode()


def _time_of(record: logging.LogRecord) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    time = datetime.fromtimestamp(record.created, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""
