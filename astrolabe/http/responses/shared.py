"""What responses are made of: headers, JSON in pieces, and bodies that many requests share without a copy."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2s
from itertools import chain
from typing import Any

from sanic.http import Stage
from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.graph.encoding.wire import encode, joined
from astrolabe.graph.state.graph import ServedGraph
from astrolabe.graph.state.json_text import json_text
from astrolabe.graph.state.node import Node
from astrolabe.http.net.message import SharedBytes

#: Nodes that are looked at in one step.
STRETCH = 1000


def stretches(nodes: Sequence[Node], most: int = STRETCH) -> Iterator[Sequence[Node]]:
    """The nodes in stretches of less than a slice of time. A body yields "" after each."""
    for begin in range(0, len(nodes), most):
        yield nodes[begin : begin + most]


def array(documents: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A JSON array of documents. Each is encoded when its piece is drawn."""
    return chain(("[",), joined(map(encode, documents)), ("]",))


def names(found: Iterable[str]) -> Iterator[str]:
    """A sorted JSON array of strings."""
    return iter((json_text(sorted(found)),))


def position_headers(graph: ServedGraph) -> dict[str, str]:
    """The headers that name the position in history of an answer."""
    return {"X-Astrolabe-Epoch": graph.epoch, "X-Astrolabe-Seq": str(graph.seq)}


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding allows gzip (RFC 9110, 12.5.3)."""
    weights: dict[str, str] = {}
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = parameters.replace(" ", "").removeprefix("q=")
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight.strip("0.") != "" or weight == ""


def matches_etag(header: str, etag: str) -> bool:
    """Weak comparison of If-None-Match (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


class SharedResponse(HTTPResponse):
    """A response that shares its body. Sanic would copy the body for each request."""

    __slots__ = ("_shared",)

    def __init__(self, body: SharedBytes, *, headers: Mapping[str, str], content_type: str) -> None:
        super().__init__(
            headers={**headers, "content-length": str(body.size)},
            content_type=content_type,
        )
        self._shared: SharedBytes | None = body

    async def send(self, data: Any = None, end_stream: bool | None = None) -> None:
        """Send head and body. A kept-alive connection does not hold the body afterwards."""
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


class StaticFile:
    """A file that never changes. packed: its content with gzip; None if small or compressed. type: its media
    type.

    Few clients do not accept gzip, so the plain content is unpacked when the first of them asks.
    """

    def __init__(
        self, content: bytes, packed: bytes | None, *, type: str, headers: Mapping[str, str]
    ) -> None:
        self._plain = SharedBytes((content,)) if packed is None else None
        self._packed = SharedBytes((packed,)) if packed is not None else None
        self._type = type
        self._headers = {
            **headers,
            # Weak, as it is the same for all encodings.
            "ETag": f'W/"{blake2s(content, digest_size=8).hexdigest()}"',
            "Vary": "Accept-Encoding",
        }

    async def answer(self, request: Request) -> HTTPResponse:
        """The content, or 304 if the client has it."""
        headers = dict(self._headers)
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        if self._packed is not None and accepts_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            return SharedResponse(self._packed, headers=headers, content_type=self._type)
        if self._plain is None:
            assert self._packed is not None
            self._plain = SharedBytes((await asyncio.to_thread(gzip.decompress, bytes(self._packed)),))
        return SharedResponse(self._plain, headers=headers, content_type=self._type)
