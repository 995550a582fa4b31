"""A body that many answers share, and an answer that sends it without a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sanic.http import Stage
from sanic.response import HTTPResponse


class Body:
    """chunks: its bytes in order, which are never joined. size: how many there are."""

    __slots__ = ("__weakref__", "chunks", "size")

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self.chunks = chunks
        self.size = sum(map(len, chunks))

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks)


class SharedResponse(HTTPResponse):
    """Sanic would copy the body behind the head, for each who asks."""

    __slots__ = ("_shared",)

    def __init__(self, body: Body, *, headers: Mapping[str, str], content_type: str) -> None:
        super().__init__(
            headers={**headers, "content-length": str(body.size)},
            content_type=content_type,
        )
        self._shared: Body | None = body

    async def send(self, data: Any = None, end_stream: bool | None = None) -> None:
        """Send head and body. A connection that is kept alive does not hold the body afterwards."""
        body, self._shared = self._shared, None
        if body is None:
            await super().send(data, end_stream)
            return
        http: Any = self.stream
        if http.head_only:
            await http.send(b"", end_stream=True)
            return
        await http.send(b"", end_stream=False)
        await http.protocol.send_shared(body.chunks)
        http.response_bytes_left, http.response_func, http.stage = 0, None, Stage.IDLE
