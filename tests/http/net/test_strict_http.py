import asyncio
import json
import logging
import socket

import pytest

from tests.support.loop_meter import LoopMeter
from tests.support.raw import dial
from tests.support.serving import Site

ALIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
CHUNKED = ALIVE + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = [
    b"GET \\ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /livez\r\n",
    b"GET /livez\n",
    b"GET /livez HTTP/1.1 \r\nHost: x\r\n\r\n",
    b"GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET\t/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"G(T /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /livez http/1.1\r\nHost: x\r\n\r\n",
    b"GET livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET ftp://x/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://other/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[::1/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v1/graph?q=%c3%28 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    ALIVE + b"Host: x\r\n\r\n",
    ALIVE + b"Content-Length : 0\r\n\r\n",
    ALIVE + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    ALIVE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ALIVE + b"Content-Length: 0, 0\r\n\r\n",
    ALIVE + b"Content-Length: -1\r\n\r\n",
    ALIVE + b"Content-Length: +1\r\n\r\n",
    ALIVE + b"Content-Length: 1_0\r\n\r\n",
    ALIVE + b"Content-Length: 0x0\r\n\r\n",
    ALIVE + b"Content-Length:\r\n\r\n",
    ALIVE + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ALIVE + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ALIVE + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    ALIVE + b"Transfer-Encoding: xchunked\r\n\r\n",
    ALIVE + b"Transfer-Encoding:\x0bchunked\r\n\r\n",
    b"GET /livez HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ALIVE + b"X: one\r\n two\r\n\r\n",
    ALIVE + b" X: one\r\n\r\n",
    ALIVE + b"no colon\r\n\r\n",
    ALIVE + b": no name\r\n\r\n",
    ALIVE + b"X: a\nContent-Length: 5\r\n\r\n",
    ALIVE + b"X: a\rb\r\n\r\n",
    ALIVE + b"X: \0\r\n\r\n",
    CHUNKED + b"0x0\r\n\r\n",
    CHUNKED + b"+1\r\na\r\n0\r\n\r\n",
    CHUNKED + b"-1\r\na\r\n0\r\n\r\n",
    CHUNKED + b" 1\r\na\r\n0\r\n\r\n",
    CHUNKED + b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n",
    CHUNKED + b"\r\n\r\n",
    CHUNKED + b";x\r\n\r\n",
    CHUNKED + b"1\na\n0\n\n",
    CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    CHUNKED + b"1;" + b"x" * 100 + b"\r\na\r\n0\r\n\r\n",
    CHUNKED + b"1;x\ny\r\na\r\n0\r\n\r\n",
    CHUNKED + b"0" * 17 + b"\r\n\r\n",
    CHUNKED + b"0\r\nGET: /smuggled\r\n\r\n",
]
TAKEN = [
    ALIVE + b"Connection: close\r\n\r\n",
    ALIVE + b"Connection: close\r\nX:\tone \t\r\nY:\r\nZ: caf\xc3\xa9\r\n\r\n",
    b"GET http://x/livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /livez HTTP/1.0\r\n\r\n",
    b"GET /livez?%20 HTTP/1.0\r\n\r\n",
    ALIVE + b"Connection: close\r\nContent-Length: 5 \r\n\r\nhello",
    ALIVE
    + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n000A \r\n0123456789\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("sent", REFUSED)
async def test_ambiguous_requests_are_refused(
    site: Site, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    with caplog.at_level(logging.INFO):
        async with dial(site.port) as peer, asyncio.timeout(5):
            await peer.send(sent)
            status, headers, body = await peer.read_answer()
    assert (status, json.loads(body)["error"], headers["connection"]) == (400, "bad-request", "close")
    assert len(caplog.records) <= 1
    assert "\x1b" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("sent", TAKEN)
async def test_valid_requests_are_answered(site: Site, sent: bytes) -> None:
    async with dial(site.port) as peer, asyncio.timeout(5):
        for byte in (sent[:50], sent[50:]):
            await peer.send(byte)
        status, _, _ = await peer.read_answer()
    assert status in (200, 400 if b"%20" in sent else 200)


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_chunks_of_one_byte_do_not_hold_the_loop(site: Site, method: bytes) -> None:
    sent = CHUNKED.replace(b"GET", method) + b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n"

    def talk() -> bytes:
        """In a thread, as are the others: so much arrives at once."""
        with socket.create_connection(("127.0.0.1", site.port), timeout=20) as peer:
            peer.sendall(sent + ALIVE + b"Connection: close\r\n\r\n")
            return b"".join(iter(lambda: peer.recv(1 << 16), b""))

    meter = LoopMeter()
    try:
        talks = await asyncio.gather(*[asyncio.to_thread(talk) for _ in range(8)])
    finally:
        meter.stop()
    for answers in talks:
        assert answers.count(b"HTTP/1.1 ") == 2
        assert answers.endswith(b'{"status":"alive"}')
    assert meter.longest < 0.02
