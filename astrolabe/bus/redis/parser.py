"""Limits the size of a reply from Redis, because others may store values of any size there."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from redis._parsers import _AsyncHiredisParser
from redis.exceptions import ConnectionError, RedisError

#: Bytes of one reply. Our own largest replies are pages of a hash or of the log, of a few megabytes: see
#: `store.SCAN_COUNT`.
MAX_REPLY_BYTES = 8 * 1024 * 1024


class ReplyTooLarge(RedisError):
    """The reply was not read to its end, so the connection can no longer be used."""

    def __init__(self) -> None:
        super().__init__(f"a reply has more than {MAX_REPLY_BYTES // 1024 // 1024} MB")


class BoundedParser(_AsyncHiredisParser):
    """Rejects a reply as soon as it exceeds the limit.

    Asking for sizes first would take a round trip per value, would not help with published messages, and the
    value may change in between.
    """

    def __init__(self, socket_read_size: int) -> None:
        super().__init__(socket_read_size)
        self._size = 0

    def on_disconnect(self) -> None:
        super().on_disconnect()  # type: ignore[no-untyped-call]
        self._reader = None  # drops what it has of a reply

    async def read_from_socket(self) -> bool:
        some = await cast(asyncio.StreamReader, self._stream).read(self._read_size)
        if not some or self._reader is None:
            raise ConnectionError("Redis closed the connection")
        self._size += len(some)
        if self._size > MAX_REPLY_BYTES:
            # At once, not when a collection finds the error, whose traceback leads to what was read.
            self._reader = None
            raise ReplyTooLarge
        cast(Any, self._reader).feed(some)
        return True

    async def read_response(self, disable_decoding: bool = False, push_request: bool = False) -> Any:
        try:
            answer = await super().read_response(disable_decoding, push_request)
        except asyncio.CancelledError:  # also by a timeout: the rest of the reply comes later
            raise
        except BaseException:
            self._size = 0
            raise
        self._size = 0
        return answer
