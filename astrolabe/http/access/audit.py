"""The audit log: who asked what, with which result, as JSON lines. It never contains tokens."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from time import monotonic, time
from typing import Any

import msgspec
from sanic.request import Request

from astrolabe.http.access.authentication import identity_of
from astrolabe.printable import printable_json
from astrolabe.telemetry import AUDIT

_logger = logging.getLogger(AUDIT)

#: Query parameters in which somebody may have put a secret, by their names.
_SECRETS = re.compile(r"([?&;][^=&;]*(?:token|secret|passw|key|auth)[^=&;]*=)[^&;]*", re.IGNORECASE)
#: Most characters of a path with its query, and groups of a user.
LONGEST_PATH, MOST_GROUPS = 4096, 32


class AuditLog:
    """Writes a line for each answer, and two for each stream. Does nothing unless its logger is set up."""

    def answered(self, request: Request, status: int) -> None:
        """A request was answered, or refused."""
        if _logger.handlers:
            self._write(request, event="answered", status=status)

    def opened(self, request: Request) -> StreamRecord | None:
        """A stream has begun."""
        if not _logger.handlers:
            return None
        self._write(request, event="opened", status=101)
        return StreamRecord(self, request)

    def closed(self, request: Request, seconds: float) -> None:
        """A stream has ended."""
        self._write(request, event="closed", seconds=round(seconds, 3))

    def _write(self, request: Request, **result: Any) -> None:
        known = identity_of(request)
        user = known.user if known is not None else None
        entry: dict[str, Any] = {
            "time": f"{datetime.fromtimestamp(time(), UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "user": user.name if user is not None else "",
            "groups": list(user.groups[:MOST_GROUPS]) if user is not None else [],
            "address": request.ip,
            "method": request.method,
            "path": _SECRETS.sub(r"\1…", request.raw_url.decode("latin-1")[:LONGEST_PATH]),
            **result,
        }
        _logger.info("%s", printable_json(msgspec.json.encode(entry).decode()))


class StreamRecord:
    """One open stream."""

    def __init__(self, log: AuditLog, request: Request) -> None:
        self._log = log
        self._request = request
        self._began = monotonic()

    def close(self) -> None:
        """It has ended."""
        self._log.closed(self._request, monotonic() - self._began)
