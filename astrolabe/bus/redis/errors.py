"""What can go wrong between a replica and Redis, as far as somebody has to decide something."""

from __future__ import annotations

#: Characters of a message that quotes.
MAX_MESSAGE = 240


class BusError(Exception):
    """Redis cannot be used as it is; the message says why, in one line. Raised at the start."""


class RedisUnavailable(Exception):
    """Redis did not answer, or refused for now; the message says why. What was asked may have been done."""


class RedisRefused(RedisUnavailable):
    """Redis answered, and would not do it: it is full, read-only, or does not permit it to this user."""


class LeadershipLost(Exception):
    """Another process leads, or may: what this one wanted to write was refused."""


class CorruptData(Exception):
    """What is stored cannot be read as a graph; the message says where.

    It quotes what somebody else wrote, and so is cut.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…")
