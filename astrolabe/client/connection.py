"""One connection to the stream, and the meaning of its failures."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import gaierror
from ssl import SSLCertVerificationError, SSLContext, SSLError
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidMessage,
    InvalidStatus,
    ProxyError,
    WebSocketException,
)
from websockets.typing import Subprotocol

from astrolabe.client.errors import ClientError

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_PATH = "/api/v1/ws"
#: Whatever a name or an address may be: the resolver knows better.
_HOST = re.compile(r"[^\s,;\\\"'<>]+")


def endpoint(text: str) -> str:
    """The URL of the stream for `host:port`, `http://…` or `ws://…`. Raises ValueError."""
    try:
        parts = urlsplit(text if "://" in text else f"ws://{text}")
        host = parts.hostname or ""
        host.encode("idna")
        meant = parts.scheme in _SCHEMES and _HOST.fullmatch(host) and parts.port != 0
        meant = meant and not parts.netloc.endswith(":")
    except ValueError:  # a port that is not a number, an unclosed bracket, an empty label
        meant = False
    if not meant:
        raise ValueError("not host:port, ws://host:port or http://host:port")
    path = parts.path.rstrip("/").removesuffix(_PATH) + _PATH
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "subscribe=false", ""))


def base(text: str) -> str:
    """The base URL of the HTTP API. Takes the same texts as `endpoint`."""
    parts = urlsplit(endpoint(text))
    scheme = "https" if parts.scheme == "wss" else "http"
    return f"{scheme}://{parts.netloc}{parts.path.removesuffix(_PATH)}"


def shown(url: str) -> str:
    """An endpoint for people: without password, path of the stream, and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.removesuffix(_PATH)}"


PROTOCOL = Subprotocol("astrolabe.v1")
#: Bytes. A merged delta has no limit, and the user chose the server.
LONGEST_MESSAGE = 256 * 2**20
#: Seconds for the handshake, and again for the first message.
OPENING = 10.0
#: Seconds for the server to answer a close.
CLOSING = 1.0
#: Heartbeats without any data after which the server counts as dead.
DEAD_AFTER = 2.5
#: Close codes after which the client must not reconnect.
FINAL_CODES = range(4500, 5000)
#: Close code of a stream whose user may see more or less than before. Coming back at once is expected.
RIGHTS_CHANGED = 4010
#: Close code of a stream whose token was withdrawn.
WITHDRAWN = 4501
#: The code of errors that another token may solve.
UNAUTHORISED = "unauthorised"
#: HTTP statuses of a handshake that a retry cannot help, and their codes.
_REFUSALS = {400: "bad-request", 401: UNAUTHORISED, 403: "forbidden", 404: "no-astrolabe"}

#: OpenSSL's codes for certificates without a trusted issuer (X509_V_ERR_…).
_UNTRUSTED = (18, 19, 20, 21)
#: OpenSSL's reasons, by version, when the peer does not use TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")

ADVICE = "; it takes a token of its --auth-token-file or, with --auth=kubernetes, of a user of its cluster"


class ConnectionLost(Exception):
    """The connection is lost or could not be made; a later attempt may succeed. The message is for people.

    retry_after: seconds that the server asked the client to wait. expected: nothing failed, and the client
    may come back at once.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0, expected: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.expected = expected


class _Wire(ClientConnection):
    """heard: when data last arrived, in the loop's time."""

    heard = 0.0

    def data_received(self, data: bytes) -> None:
        self.heard = self.loop.time()
        super().data_received(data)


class OpenConnection:
    """Made by `open_connection`.

    heartbeat: seconds; the server sends something at least this often. None before its `hello`.
    """

    def __init__(self, wire: _Wire, url: str) -> None:
        self.heartbeat: float | None = None
        self._wire = wire
        self._url = url

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message. Does nothing if the connection is lost; `receive` then raises the reason."""
        with suppress(ConnectionClosed):
            await self._wire.send(msgspec.json.encode(message), text=True)

    async def receive(self) -> bytes:
        """The next message. Can be cancelled.

        Raises ConnectionLost if the connection is lost or no data arrives in time, and ClientError if the
        client must not reconnect.
        """
        wire = self._wire
        patience = OPENING if self.heartbeat is None else DEAD_AFTER * self.heartbeat
        began = wire.loop.time()  # time without a reader does not count
        while True:
            deadline = max(began, wire.heard) + patience
            if deadline <= wire.loop.time():
                raise ConnectionLost(f"no data for {patience:g} s")
            try:
                async with asyncio.timeout_at(deadline):
                    return await wire.recv(decode=False)
            except TimeoutError:
                continue  # part of a long message may have arrived: compute the deadline again
            except ConnectionClosed as error:
                self._raise_closed(error)

    def abort(self) -> None:
        """Abort the connection."""
        self._wire.transport.abort()

    async def close(self) -> None:
        """Close the connection; abort it if the server does not answer."""
        try:
            await self._wire.close()
        finally:
            self.abort()

    def _raise_closed(self, error: ConnectionClosed) -> NoReturn:
        close = error.rcvd
        if close is None:
            ours = f": {error.sent.reason}" if error.sent is not None else ""
            raise ConnectionLost(f"the connection was lost{_cause(error) or ours}") from error
        said = f" ({close.reason})" if close.reason else ""
        if close.code == WITHDRAWN:
            begun = self.heartbeat is not None
            said_so = "ended the stream: the token is no longer valid" if begun else "requires a token"
            raise ClientError(f"{shown(self._url)} {said_so}{ADVICE}", code=UNAUTHORISED) from error
        if close.code == RIGHTS_CHANGED:
            raise ConnectionLost("what you may see has changed", expected=True) from error
        if close.code in FINAL_CODES:
            text = f"{shown(self._url)} refuses this client: close code {close.code}{said}"
            raise ClientError(text, code="refused") from error
        raise ConnectionLost(f"the server closed the connection with code {close.code}{said}") from error


async def open_connection(
    url: str, *, headers: Mapping[str, str], ssl: SSLContext | None = None
) -> OpenConnection:
    """Connect to an endpoint. Raises ConnectionLost, or ClientError if a retry cannot help.

    ssl: verifies an endpoint with TLS; None: the system's authorities do.

    The keepalive of websockets is off: a paused client reads no pongs, and the server's heartbeats serve the
    same purpose.
    """
    tls: dict[str, Any] = {} if ssl is None else {"ssl": ssl}
    try:
        wire = await connect(
            url,
            subprotocols=[PROTOCOL],
            additional_headers=headers,
            compression=None,
            max_size=LONGEST_MESSAGE,
            open_timeout=OPENING,
            close_timeout=CLOSING,
            ping_interval=None,
            create_connection=_Wire,
            **tls,
        )
    except SSLCertVerificationError as error:
        raise distrusted(error, url) from error
    except InvalidStatus as error:
        raise _refused(error, url) from error
    except OSError as error:
        at = "" if isinstance(error, gaierror) else default_port(url)
        raise ConnectionLost(f"cannot connect to {shown(url)}{at}: {of_system(error)}") from error
    except ProxyError as error:
        raise ConnectionLost(f"cannot connect to {shown(url)}: {one_line(error)}") from error
    except WebSocketException as error:
        if _hung_up(error):
            raise ConnectionLost(
                f"cannot connect to {shown(url)}: the server closed the connection{tls_hint(url)}"
            ) from error
        raise ClientError(
            f"{shown(url)} is not an Astrolabe server: {one_line(error)}", code="no-astrolabe"
        ) from error
    assert isinstance(wire, _Wire)
    return OpenConnection(wire, url)


def default_port(url: str) -> str:
    """The default port, if the user gave none: many expect 8080."""
    parts = urlsplit(url)
    default = 443 if parts.scheme in ("wss", "https") else 80
    return "" if parts.port else f", port {default}"


def tls_hint(url: str) -> str:
    """Advice for when a server closes a connection without TLS."""
    return "" if url.startswith(("wss:", "https:")) else "; if it uses TLS, use https://"


def distrusted(error: SSLCertVerificationError, url: str) -> ClientError:
    what = error.verify_message.rstrip(".")
    code = "certificate" if error.verify_code in _UNTRUSTED else "bad-certificate"
    return ClientError(f"the certificate of {shown(url)} is not trusted: {what}", code=code)


def _hung_up(error: WebSocketException) -> bool:
    """Whether the server closed the connection before it answered."""
    waiting = isinstance(error, InvalidMessage) and isinstance(error.__cause__, EOFError | OSError)
    return waiting or isinstance(error, ConnectionClosed)


def _refused(error: InvalidStatus, url: str) -> Exception:
    """The exception for an HTTP response in place of a handshake."""
    response = error.response
    code, said = error_in(bytes(response.body or b""))
    status = f"HTTP {response.status_code}" + (f", {said}" if said else "")
    if response.status_code >= 500 or response.status_code in (408, 429):
        retry_after = _seconds(response.headers.get("Retry-After", ""))
        return ConnectionLost(f"cannot connect to {shown(url)}: {status}", retry_after=retry_after)
    if code:
        advice = ADVICE if code == UNAUTHORISED else ""
        return ClientError(f"{shown(url)} refuses: {status}{advice}", code=code)
    word = _REFUSALS.get(response.status_code, "no-astrolabe")
    verb = "is not an Astrolabe server" if word == "no-astrolabe" else "refuses"
    return ClientError(f"{shown(url)} {verb}: {status}", code=word)


class _RefusalBody(msgspec.Struct):
    error: str
    message: str


def error_in(body: bytes) -> tuple[str, str]:
    """The code and message of an Astrolabe error body; empty for any other body, such as a page."""
    try:
        refusal = msgspec.json.decode(body, type=_RefusalBody)
    except ValueError:
        return "", ""
    return refusal.error, refusal.message


def _seconds(retry_after: str) -> float:
    """The seconds of a Retry-After header: a number or a date (RFC 9110, 10.2.3). 0 if there is none."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    with suppress(ValueError):
        date = parsedate_to_datetime(retry_after)
        date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        return max(0.0, (date - datetime.now(UTC)).total_seconds())
    return 0.0


def of_system(error: OSError) -> str:
    """The system's error message, without the addresses that were tried."""
    if isinstance(error, SSLError) and error.reason in _NO_TLS:
        return "the server does not use TLS; use http://"
    numbers = dict.fromkeys(re.findall(r"\[Errno ([0-9]+)\]", str(error)))
    return "; ".join(os.strerror(int(number)) for number in numbers) or error.strerror or one_line(error)


def _cause(error: ConnectionClosed) -> str:
    return f": {of_system(error.__cause__)}" if isinstance(error.__cause__, OSError) else ""


def one_line(error: BaseException) -> str:
    """The message in one line."""
    return " ".join(str(error).split())
