"""Errors between a replica and Redis that callers handle differently.

A leaf, because most modules of this package raise or handle them.
"""

from __future__ import annotations

#: Characters of a message that quotes stored data.
MAX_MESSAGE = 240


class BusError(Exception):
    """Redis cannot be used as it is. The message says why in one line. Raised at the start."""


class RedisUnavailable(Exception):
    """Redis did not answer, or refused. The message says why. The command may have been executed."""


class RedisRefused(RedisUnavailable):
    """Redis refused a command: it is full, read-only, or does not permit it to this user."""


class LeadershipLost(Exception):
    """Another process leads, or may lead, so Redis refused a write of this process."""


class CorruptData(Exception):
    """The stored data is not a valid graph. The message says where.

    The message is truncated, because it quotes foreign data.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…")
