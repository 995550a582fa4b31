"""`astrolabe watch`: a client of the stream that resumes where it was after every lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from random import uniform
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.client import process_exception
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidURI
from websockets.typing import Subprotocol

from astrolabe.cli.replica import Change, ProtocolError, Replica

DEFAULT_URL = "ws://localhost:8080"

#: Bytes. A merged delta has no bound of its own, and the peer is one that the user chose.
LONGEST_MESSAGE = 256 * 2**20
#: Close codes after which the server does not want this client back.
FINAL_CODES = range(4500, 5000)
#: Seconds between a connection that was lost and the next attempt: clients come back one by one.
PAUSE = (0.1, 1.0)

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


class WatchError(Exception):
    """Watching this URL cannot work; the message is for people.

    usage: the filter is wrong, not the server.
    """

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


def endpoint(text: str) -> str:
    """The stream's address of `host:port`, `http://…` or `ws://…`. Raises ValueError."""
    try:
        parts = urlsplit(text if "://" in text else f"ws://{text}")
        meant = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        meant = False
    if not meant:
        raise ValueError("not host:port, ws://host:port or http://host:port")
    path = parts.path.rstrip("/").removesuffix("/api/v1/ws") + "/api/v1/ws"
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, "subscribe=false", ""))


class Watch:
    """One subscription, over as many connections as it takes.

    url: of `endpoint`. filter: as a subscribe message has it. changed: is called with every change;
    said: with news of the connection, for people.
    """

    def __init__(
        self,
        url: str,
        filter: Mapping[str, Sequence[str] | str],
        *,
        changed: Callable[[Sequence[Change]], None],
        said: Callable[[str], None],
        initial: bool = False,
    ) -> None:
        """initial: tell of what is there at the beginning, too."""
        self._url = url
        self._filter = filter
        self._changed = changed
        self._said = said
        self._initial = initial
        self._replica = Replica()
        self._begun = False

    async def run(self) -> None:
        """Watch until cancelled. Raises WatchError."""
        attempts = connect(
            self._url,
            subprotocols=[Subprotocol("astrolabe.v1")],
            compression=None,
            max_size=LONGEST_MESSAGE,
            process_exception=self._judge,
        )
        try:
            async with aclosing(cast(AsyncGenerator[ClientConnection, None], aiter(attempts))) as connections:
                async for connection in connections:
                    await self._attend(connection)
        except msgspec.DecodeError as error:
            raise WatchError(f"{self._url} is no Astrolabe: it sends no JSON") from error
        except (InvalidHandshake, InvalidMessage, InvalidURI) as error:
            raise WatchError(f"{self._url} is no Astrolabe: {error}") from error

    def _judge(self, error: Exception) -> Exception | None:
        """What websockets asks of a failed attempt: None to try again."""
        fatal = process_exception(error)
        if fatal is None:
            self._said(f"cannot connect to {self._url}: {error}; trying again")
        return fatal

    async def _attend(self, connection: ClientConnection) -> None:
        """Serve one connection to its end."""
        try:
            await connection.send(msgspec.json.encode(self._subscribe()).decode())
            async for text in connection:
                self._take(msgspec.json.decode(text))
            why = "the server closed the connection"
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else None
            if code in FINAL_CODES:
                raise WatchError(f"{self._url} does not want us: {error}") from error
            why = str(error)
        except ProtocolError as error:
            self._replica.position = None
            why = f"starting over: {error}"
        self._said(f"{why}; connecting again")
        await asyncio.sleep(uniform(*PAUSE))

    def _subscribe(self) -> dict[str, Any]:
        message: dict[str, Any] = {"type": "subscribe", "id": "default", "filter": dict(self._filter)}
        if self._replica.position is not None:
            epoch, seq = self._replica.position
            message["since"] = {"epoch": epoch, "seq": seq}
        return message

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") == "error" and "id" in message:  # without, the close code says what to do
            raise WatchError(message["message"], usage=message["code"] == "bad-filter")
        changes = self._replica.apply(message)
        if changes and (self._begun or self._initial):
            self._changed(changes)
        if not self._begun and self._replica.position is not None:
            self._begun = True
            self._said(f"watching {len(self._replica.nodes)} nodes and {len(self._replica.edges)} edges")
