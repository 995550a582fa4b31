"""Logging: text or JSON lines on stderr, with levels by verbosity. Tokens and manifests are never logged.

A slow reader of the log blocks nothing: see `LogQueue`. Logged text cannot forge a line: unprintable
characters are escaped, and the lines of a traceback are indented.
"""

from __future__ import annotations

import logging
import logging.config
import os
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

import msgspec

from astrolabe.log_queue import LogQueue
from astrolabe.printable import printable, printable_json

#: The logger of the audit log, whose messages are its lines.
AUDIT = "astrolabe.audit"

#: Most characters of a message and of a traceback, before escaping. Of a traceback the end is kept.
LONGEST_MESSAGE = 8 * 1024
LONGEST_TRACE = 32 * 1024

#: The cluster on which a task works, where there are several. Tasks that it starts have it, too.
CLUSTER: ContextVar[str] = ContextVar("cluster", default="")

#: Levels of (Astrolabe's loggers, libraries' loggers, asyncio's logger), by verbosity 0-4.
LEVELS = (
    (logging.INFO, logging.WARNING, logging.WARNING),
    (logging.INFO, logging.INFO, logging.WARNING),
    (logging.DEBUG, logging.INFO, logging.WARNING),
    (logging.DEBUG, logging.DEBUG, logging.WARNING),
    (logging.DEBUG, logging.DEBUG, logging.DEBUG),
)


def configure(*, verbosity: int, log_format: Literal["text", "json"], several: bool = False) -> None:
    """Set up logging for the process. verbosity: 0 (changes of state) to 4 (everything).

    several: other processes log to the same place, so each line carries the process id.
    """
    own, libraries, loop = (logging.getLevelName(level) for level in LEVELS[verbosity])
    formatter = JsonFormatter if log_format == "json" else TextFormatter
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": formatter, "numbered": several}},
            "filters": {"cluster": {"()": ClusterMark}},
            "handlers": {"stderr": {"()": LogQueue, "formatter": "line", "filters": ["cluster"]}},
            "root": {"level": libraries, "handlers": ["stderr"]},
            "loggers": {
                "astrolabe": {"level": own},
                "asyncio": {"level": loop},
                # At DEBUG it logs response bodies, which may contain secrets.
                "kubernetes_asyncio": {"level": "WARNING"},
            },
        }
    )
    sys.excepthook = _log_uncaught


def configure_audit(path: str) -> None:
    """Append the audit log to a file; `-`: standard output. Raises OSError."""
    stream = sys.stdout if path == "-" else open(path, "a", encoding="utf-8", opener=_for_owner)  # noqa: SIM115
    handler = LogQueue(stream=stream)
    handler.setFormatter(AuditFormatter())
    audit = logging.getLogger(AUDIT)
    audit.setLevel(logging.INFO)
    audit.propagate = False
    audit.addHandler(handler)


def close_audit() -> None:
    """Write what is left of the audit log, and close its file."""
    audit = logging.getLogger(AUDIT)
    audit.propagate = True  # as it was
    for handler in list(audit.handlers):
        audit.removeHandler(handler)
        handler.flush()
        handler.close()


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def line(message: str, *, log_format: Literal["text", "json"]) -> str:
    """A warning formatted as a log line, for use before logging is set up."""
    formatter = (JsonFormatter if log_format == "json" else TextFormatter)(numbered=False)
    return formatter.format(logging.LogRecord("astrolabe.cli", logging.WARNING, "", 0, message, None, None))


def lines_dropped() -> int:
    """Number of dropped log lines since the process started."""
    loggers = (logging.getLogger(), logging.getLogger(AUDIT))
    return sum(each.dropped for one in loggers for each in one.handlers if isinstance(each, LogQueue))


class ClusterMark(logging.Filter):
    """Notes in each record which cluster it is about; all pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.cluster = CLUSTER.get()
        return True


class AuditFormatter(logging.Formatter):
    """One JSON object per line, as `http.access.audit` makes it; also for lines that were dropped."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == AUDIT:
            return record.getMessage()
        entry = {"time": _time_of(record), "event": "dropped", "message": record.getMessage()}
        return msgspec.json.encode(entry).decode()


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z INFO    astrolabe.kube  Pod: connected again`

    With several clusters: `... astrolabe.kube  prod-eu: Pod: connected again`.

    numbered: add the process id, as in `astrolabe.kube[4711]`.
    """

    def __init__(self, *, numbered: bool) -> None:
        super().__init__()
        self._numbered = numbered

    def format(self, record: logging.LogRecord) -> str:
        number = f"[{record.process}]" if self._numbered else ""
        message = printable(_message_of(record))
        if cluster := getattr(record, "cluster", ""):
            message = f"{cluster}: {message}"
        line = f"{_time_of(record)} {record.levelname:<7} {record.name}{number}  {message}"
        trace = _trace_of(self, record)
        return "\n    ".join([line, *map(printable, trace.split("\n"))]) if trace else line


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and exception if there is one; with several
    clusters also which one it is about.

    numbered: add the process id as `process`.
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
        if cluster := getattr(record, "cluster", ""):
            entry["cluster"] = cluster
        if self._numbered:
            entry["process"] = record.process
        trace = _trace_of(self, record)
        if trace:
            entry["exception"] = trace
        return printable_json(msgspec.json.encode(entry).decode())


def _log_uncaught(type: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A `sys.excepthook` that logs the exception that ends the process."""
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
    """Escape lone surrogates, which UTF-8 cannot encode."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _time_of(record: logging.LogRecord) -> str:
    """The time in RFC 3339, UTC, with milliseconds."""
    time = datetime.fromtimestamp(record.created, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """The traceback; only its end if it is too long."""
    if not record.exc_info:
        return ""
    trace = _encodable(formatter.formatException(record.exc_info))
    cut = len(trace) - LONGEST_TRACE
    return f"… ({cut} characters before)\n{trace[cut:]}" if cut > 0 else trace
