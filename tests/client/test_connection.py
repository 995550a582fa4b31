"""What the answer to a handshake means."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import uvloop
from websockets.asyncio.server import serve as serve_websocket
from websockets.http11 import Request, Response

from astrolabe.client import Client, ClientError
from astrolabe.client.connection import ConnectionLost, endpoint, open_connection, shown
from astrolabe.settings import Limits
from tests.support.serving import PATIENCE, serve
from tests.support.stage import send
from tests.support.worlds import shop


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost:8080", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("localhost", "ws://localhost/api/v1/ws?subscribe=false"),
        ("ws://localhost:8080", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("http://localhost:8080/", "ws://localhost:8080/api/v1/ws?subscribe=false"),
        ("https://example.com/astrolabe", "wss://example.com/astrolabe/api/v1/ws?subscribe=false"),
        ("wss://example.com/api/v1/ws?namespace=x", "wss://example.com/api/v1/ws?subscribe=false"),
        ("[::1]:8080", "ws://[::1]:8080/api/v1/ws?subscribe=false"),
    ],
)
def test_addresses_of_the_stream(text: str, url: str) -> None:
    assert endpoint(text) == url
    assert endpoint(url) == url


@pytest.mark.parametrize(
    "text", ["", "ftp://x", "ws://", "http://:80", "localhost:0", "localhost:http", "[::1"]
)
def test_invalid_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="not host:port, ws://host:port or http://host:port"):
        endpoint(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:8080", "ws://localhost:8080"),
        ("https://me:s3cr3t@example.com/astrolabe", "wss://example.com/astrolabe"),
    ],
)
def test_addresses_shown_to_people(text: str, expected: str) -> None:
    assert shown(endpoint(text)) == expected


@asynccontextmanager
async def answering(data: bytes) -> AsyncIterator[str]:
    """A server that answers everything with these bytes and hangs up; where it is."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, asyncio.timeout(PATIENCE):
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextmanager
def hanging_up() -> Iterator[int]:
    """The port of a server that closes every connection at once, from a thread: it is not slower than the client."""

    def accept() -> None:
        with suppress(OSError):  # not listening any more
            while True:
                listening.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, name="hanging up")
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def response(status: str, body: str = "", *headers: str) -> bytes:
    head = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


async def failure(data: bytes) -> tuple[Exception, str]:
    """The exception, and its message with URL for where the server is."""
    async with answering(data) as url:
        with pytest.raises((ConnectionLost, ClientError)) as caught:
            await open_connection(f"{url}/api/v1/ws?subscribe=false", headers={})
        return caught.value, str(caught.value).replace(url, "URL")


LACKING = '{"error":"upgrade-required","message":"a proxy must pass it on"}'
MISDIRECTED = '{"error":"misdirected","message":"not this host"}'
REFUSED = '{"error":"unauthorised","message":"who are you?"}'


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (response("401 Unauthorized", REFUSED), "unauthorised", "URL refuses: HTTP 401, who are you?; it takes a token of its --auth-token-file or, with --auth=kubernetes, of a user of its cluster"),
        (response("426 Upgrade Required", LACKING), "upgrade-required", "URL refuses: HTTP 426, a proxy must pass it on"),
        (response("421 Misdirected Request", MISDIRECTED), "misdirected", "URL refuses: HTTP 421, not this host"),
        (response("421 Misdirected Request"), "no-astrolabe", "URL is not an Astrolabe server: HTTP 421"),
        (response("401 Unauthorized", "<html>sign in"), "unauthorised", "URL refuses: HTTP 401"),
        (response("400 Bad Request", "<html>no"), "bad-request", "URL refuses: HTTP 400"),
        (response("403 Forbidden"), "forbidden", "URL refuses: HTTP 403"),
        (response("404 Not Found", "nothing here"), "no-astrolabe", "URL is not an Astrolabe server: HTTP 404"),
        (response("200 OK", "<html>hello"), "no-astrolabe", "URL is not an Astrolabe server: HTTP 200"),
        (response("418 I'm a teapot"), "no-astrolabe", "URL is not an Astrolabe server: HTTP 418"),
        (b"220 mail.example.com ESMTP\r\n", "no-astrolabe", "URL is not an Astrolabe server: did not receive a valid HTTP response"),
    ],
)  # fmt: skip
async def test_responses_that_are_final(data: bytes, code: str, message: str) -> None:
    error, text = await failure(data)
    assert isinstance(error, ClientError)
    assert (error.code, text) == (code, message)


@pytest.mark.parametrize(
    ("data", "message", "retry_after"),
    [
        (response("503 Service Unavailable", "", "Retry-After: 5"), "HTTP 503", 5),
        (response("503 Service Unavailable", '{"error":"x","message":"full"}'), "HTTP 503, full", 0),
        (response("503 Service Unavailable", "", "Retry-After: soon"), "HTTP 503", 0),
        (response("429 Too Many Requests", "", "Retry-After: 2"), "HTTP 429", 2),
        (response("502 Bad Gateway", "<html>"), "HTTP 502", 0),
        (b"", "the server closed the connection; if it uses TLS, use https://", 0),
    ],
)
async def test_responses_that_are_retried(data: bytes, message: str, retry_after: float) -> None:
    error, text = await failure(data)
    assert isinstance(error, ConnectionLost)
    assert (text, error.retry_after) == (f"cannot connect to URL: {message}", retry_after)


def test_a_server_that_closes_before_the_request_is_retried() -> None:
    """As a forwarded port does whose target is gone. With uvloop the end may be seen before the request is sent."""

    async def connect_often(port: int) -> None:
        for _ in range(50):
            with pytest.raises(
                ConnectionLost, match=r"^cannot connect to .*: the server closed the connection; "
            ):
                await open_connection(f"ws://127.0.0.1:{port}/api/v1/ws?subscribe=false", headers={})

    with hanging_up() as port:
        uvloop.run(asyncio.wait_for(connect_often(port), PATIENCE))


@pytest.mark.parametrize(("scheme", "port"), [("ws", 80), ("wss", 443)])
async def test_the_default_port_is_named_in_errors(scheme: str, port: int) -> None:
    """Nobody listens there: 127.0.0.9 is of no use to anybody."""
    with pytest.raises(
        ConnectionLost, match=rf"^cannot connect to {scheme}://127\.0\.0\.9, port {port}: Connection refused$"
    ):
        await open_connection(f"{scheme}://127.0.0.9/api/v1/ws?subscribe=false", headers={})


async def test_a_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    error, _ = await failure(response("503 Service Unavailable", "", f"Retry-After: {date}"))
    assert isinstance(error, ConnectionLost)
    assert 50 < error.retry_after <= 60


async def test_an_unknown_host_name_is_reported_without_an_address() -> None:
    with pytest.raises(ConnectionLost, match=r"^cannot connect to ws://no-such-host\.invalid: [A-Z][a-z ]+$"):
        await open_connection("ws://no-such-host.invalid/api/v1/ws?subscribe=false", headers={})


async def test_retry_after_of_a_full_server_is_honoured() -> None:
    """Until the client is made to give up: five seconds are what the real server asks for."""
    async with serve(shop(), Limits(max_connections=0)) as site, Client(f"127.0.0.1:{site.port}") as client:
        update = await anext(client.updates())
        assert update.event == "disconnected"
        assert update.reason.endswith("HTTP 503, 0 streams are open, which is all there may be")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(client.updates()), 1.0)


async def test_headers_go_with_the_handshake() -> None:
    seen: list[str | None] = []

    def refuse(_: object, request: Request) -> Response:
        seen.append(request.headers.get("Authorization"))
        return Response(403, "Forbidden", request.headers.__class__(), b"")

    async with serve_websocket(send(), "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with Client(f"127.0.0.1:{port}", headers={"Authorization": "Bearer x"}) as client:
            with pytest.raises(ClientError):
                await client.ready()
    assert seen == ["Bearer x"]
