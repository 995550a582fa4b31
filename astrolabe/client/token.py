"""The token that a client shows: as it is, asked for anew, or read from a file that may change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable
from pathlib import Path

from astrolabe.client.errors import ClientError

#: A token, or what is asked for one before each connection, and again when the last one was refused.
Token = str | Callable[[], str | Awaitable[str]]


class TokenSource:
    """Shows the token of a client, and knows whether there is another one by now."""

    def __init__(self, token: Token | None) -> None:
        self._token = token
        #: The one that was shown last.
        self._shown = ""
        #: Whether another one was tried already, since the server let this client in.
        self._tried_another = False

    async def headers(self) -> dict[str, str]:
        """Of the next handshake. Raises ClientError for what is no token, and what the callable raises."""
        if self._token is None:
            return {}
        self._shown = await self._ask()
        return {"Authorization": f"Bearer {self._shown}"}

    def accepted(self) -> None:
        """The server has let this client in."""
        self._tried_another = False

    async def changed(self) -> bool:
        """Whether there is another token than the one that was refused just now; that is said once only."""
        if self._tried_another or not callable(self._token):
            return False
        self._tried_another = await self._ask() != self._shown
        return self._tried_another

    async def _ask(self) -> str:
        given = self._token() if callable(self._token) else self._token
        token = await given if isawaitable(given) else given
        if not token or not _may_be_token(token):
            raise ClientError("the token is empty or contains spaces or line breaks", code="bad-token")
        return token


def _may_be_token(text: str) -> bool:
    return bool(text) and text.isprintable() and " " not in text


class TokenFile:
    """The first line of a file that is neither empty nor a comment (`#`), read anew whenever it is called.

    So it may be the server's own file.
    Raises OSError when there is no such file, ValueError when there is no token in it; what it says does
    not quote the file. Later that changes nothing: the file is being replaced.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._last = self._read()

    def __call__(self) -> str:
        with suppress(OSError, ValueError):
            self._last = self._read()
        return self._last

    def _read(self) -> str:
        try:
            lines = [line.strip() for line in self._path.read_text("utf-8-sig").splitlines()]
        except UnicodeDecodeError:
            lines = []
        for number, line in enumerate(lines, start=1):
            if line and not line.startswith("#"):
                if not _may_be_token(line):
                    raise ValueError(f"line {number} is not a token: it contains a space")
                return line
        raise ValueError("the file contains no token")
