"""Strict HTTP/1.1 (RFC 9112): refuses requests that a proxy and the server could read differently."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from sanic.exceptions import BadRequest, RequestCancelled
from sanic.http import Http

from astrolabe.http.errors import Refusal
from astrolabe.timeslice import Lane, turns

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: RFC 9112, 3: a request target has no blanks, no control characters, and is ASCII.
_REQUEST_LINE = re.compile(rb"(%b) ([\x21-\x7e]+) HTTP/(\d)\.(\d)" % _TOKEN)
#: RFC 9112, 5: no blank before the colon, no continuation lines; RFC 9110, 5.5: no control characters.
_FIELD = re.compile(rb"(%b):[ \t]*([\t\x20-\x7e\x80-\xff]*)" % _TOKEN)
#: RFC 9112, 7.1. Behind the data of the chunk before, or the head.
_CHUNK = re.compile(rb"\r\n([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
#: The most bytes of a chunk's size line. Its extensions are ignored.
_CHUNK_LINE = 64
#: Digits of a length.
_DIGITS = re.compile(rb"[0-9]{1,15}")


class StrictHttp(Http):
    """Sanic's lenient parser, with a check of the bytes before it."""

    async def http1_request_header(self) -> None:
        """Check the head when it is complete, and the request line before that."""
        buffer = self.recv_buffer
        checked = False
        while b"\r\n\r\n" not in buffer and len(buffer) < self.HEADER_MAX_SIZE:
            if not checked and b"\n" in buffer:  # once: the head may come byte by byte
                _check_line(bytes(buffer).partition(b"\n")[0].removesuffix(b"\r"))
                checked = True
            await self._receive_more()
        end_of_head = buffer.find(b"\r\n\r\n")
        if 0 <= end_of_head < self.HEADER_MAX_SIZE:
            check_head(bytes(buffer[:end_of_head]))
        await super().http1_request_header()  # type: ignore[no-untyped-call]

    async def error_response(self, exception: Exception) -> None:
        """Answer, unless nobody waits for it: a thousand peers may leave at once, or come too late."""
        protocol: Any = self.protocol  # transport.StreamProtocol
        if not protocol.is_leaving:
            await turns().admit(Lane.PEER)
        if protocol.is_leaving:
            raise RequestCancelled  # which ends the task of the connection
        await super().error_response(exception)

    async def read(self) -> bytes | None:
        """Check the size line of a chunk before the chunk is read.

        Thousands of chunks may come in one piece: when the slice of this turn is over, the next one waits.
        """
        body: Any = self.request_body
        if body == "chunked" and not self.request_bytes_left:
            if turns().over:
                await turns().wait(Lane.PEER)
            while self.recv_buffer.find(b"\n", 2) < 0 and len(self.recv_buffer) <= _CHUNK_LINE:
                await self._receive_more()
            found = _CHUNK.match(self.recv_buffer)
            if found is None or found.end() > _CHUNK_LINE + 2:
                self.keep_alive = False
                self.request_body = None
                raise BadRequest("the body is not chunked as RFC 9112 has it")
        return await super().read()


def check_head(head: bytes) -> None:
    """Check a request line and its header fields. Raises Refusal for what RFC 9112 does not allow."""
    line, *lines = head.split(b"\r\n")
    minor, authority = _check_line(line)
    fields: dict[bytes, list[bytes]] = {}
    for each in lines:
        found = _FIELD.fullmatch(each)
        if found is None:
            raise _bad("a header field is not `name: value`")
        fields.setdefault(found[1].lower(), []).append(found[2].strip(b" \t"))
    _check_host(fields.get(b"host", []), authority)
    _check_length(fields.get(b"content-length", []), fields.get(b"transfer-encoding", []), minor)


def _check_line(line: bytes) -> tuple[int, bytes]:
    """The minor version, and the authority in the target, if any."""
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise _bad("the request line is not `method target HTTP/1.1`")
    if found[3] != b"1" or found[4] not in (b"0", b"1"):
        raise _bad("only HTTP/1.1 and HTTP/1.0 are spoken here")
    target = found[2]
    try:
        unquote_to_bytes(target).decode()
        parts = urlsplit(target)
    except ValueError:
        raise _bad("the request target is not UTF-8, or no address") from None
    if target.startswith(b"/") or (target == b"*" and found[1] == b"OPTIONS"):
        return int(found[4]), b""
    if parts.scheme not in (b"http", b"https") or not parts.netloc:
        raise _bad("the request target is a path that begins with /")
    return int(found[4]), parts.netloc


def _check_host(hosts: list[bytes], authority: bytes) -> None:
    """A missing Host is accepted: scripts leave it out, and nothing depends on it."""
    if len(hosts) > 1:
        raise _bad("a request has one Host header")
    if authority and hosts and authority.lower() != hosts[0].lower():
        raise _bad("the Host header is not the host of the request target")


def _check_length(lengths: list[bytes], codings: list[bytes], minor: int) -> None:
    """RFC 9112, 6: a body has one length."""
    if len(lengths) + len(codings) > 1:
        raise _bad("a request has one Content-Length or one Transfer-Encoding, not both")
    if codings and (minor == 0 or codings[0] != b"chunked"):
        raise _bad("the only Transfer-Encoding is chunked, in HTTP/1.1")
    if lengths and not _DIGITS.fullmatch(lengths[0]):
        raise _bad("Content-Length is a whole number")


def _bad(message: str) -> Refusal:
    return Refusal(400, "bad-request", message)
