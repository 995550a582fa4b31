"""How much one answer of Redis may be: what is stored there may be somebody else's, and of any size."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from redis._parsers import _AsyncHiredisParser
from redis.exceptions import ConnectionError, RedisError

#: Bytes of one answer. The largest of our own are pieces of a hash or of the log, of some megabytes: see
#: `store.SCAN_COUNT`.
MAX_REPLY_BYTES = 8 * 1024 * 1024


class ReplyTooLarge(RedisError):
    """It was not read to its end, and the connection is of no use any more."""

    def __init__(self) -> None:
        super().__init__(f"an answer has more than {MAX_REPLY_BYTES // 1024 // 1024} MB")


class BoundedParser(_AsyncHiredisParser):
    """Gives up an answer as soon as more of it came than that.

    To ask for sizes first would take a round trip for each thing that is read, would not help against what
    is published, and the value may be another one by then.
    """

    def __init__(self, socket_read_size: int) -> None:
        super().__init__(socket_read_size)
        self._size = 0

    def on_disconnect(self) -> None:
        super().on_disconnect()  # type: ignore[no-untyped-call]
        self._reader = None  # with what it has of an answer

    async def read_from_socket(self) -> bool:
        some = await cast(asyncio.StreamReader, self._stream).read(self._read_size)
        reader = cast(Any, self._reader)
        if not some or reader is None:
            raise ConnectionError("Redis closed the connection")
        self._size += len(some)
        if self._size > MAX_REPLY_BYTES:
            raise ReplyTooLarge
        reader.feed(some)
        return True

    async def read_response(self, disable_decoding: bool = False, push_request: bool = False) -> Any:
        try:
            answer = await super().read_response(disable_decoding, push_request)
        except asyncio.CancelledError:  # also by a timeout: the rest of it comes later
            raise
        except BaseException:
            self._size = 0
            raise
        self._size = 0
        return answer
