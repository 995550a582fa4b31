"""Something that is the same at any time, and what caches are told of it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from hashlib import blake2s

from sanic.request import Request
from sanic.response import HTTPResponse

from astrolabe.http.net.body import Body, SharedResponse
from astrolabe.http.rest.endpoints import accepts_gzip, matches_etag


class File:
    """packed: the content by gzip; None for what is small or packed already. type: of the content.

    Of those who ask for a page, few do not take gzip: plain, it is kept from the first of them on.
    """

    def __init__(
        self, content: bytes, packed: bytes | None, *, type: str, headers: Mapping[str, str]
    ) -> None:
        self._plain = Body((content,)) if packed is None else None
        self._packed = Body((packed,)) if packed is not None else None
        self._type = type
        self._headers = {
            **headers,
            # Weak: packed or not, it means the same.
            "ETag": f'W/"{blake2s(content, digest_size=8).hexdigest()}"',
            "Vary": "Accept-Encoding",
        }

    async def answer(self, request: Request) -> HTTPResponse:
        """The content, unless the client holds it already."""
        headers = dict(self._headers)
        if matches_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
            return HTTPResponse(status=304, headers=headers)
        if self._packed is not None and accepts_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            return SharedResponse(self._packed, headers=headers, content_type=self._type)
        if self._plain is None:
            assert self._packed is not None
            self._plain = Body((await asyncio.to_thread(gzip.decompress, bytes(self._packed)),))
        return SharedResponse(self._plain, headers=headers, content_type=self._type)
