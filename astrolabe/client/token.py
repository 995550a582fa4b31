"""The token that a client sends: fixed, from a callable, or from a file that may change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable
from pathlib import Path

from astrolabe.client.errors import ClientError

#: A token, or a callable that returns one. It is called before each connection, and again after a refusal.
Token = str | Callable[[], str | Awaitable[str]]


class RenewableToken(ABC):
    """A callable `Token` that keeps a token, and is notified when the server refuses it."""

    @abstractmethod
    async def __call__(self) -> str:
        """The token to send. Raises ClientError."""

    @abstractmethod
    def refused(self, token: str) -> None:
        """The server refuses this token: the next call must not return it from memory."""


class TokenSource:
    """Provides the token of a client, and says whether it has changed since."""

    def __init__(self, token: Token | None) -> None:
        self._token = token
        #: The token that was sent last.
        self._shown = ""
        #: Whether a changed token was already tried since the server last accepted one.
        self._tried_another = False

    async def headers(self) -> dict[str, str]:
        """Headers for the next handshake. Raises ClientError for an invalid token."""
        if self._token is None:
            return {}
        self._shown = await self._ask()
        return {"Authorization": f"Bearer {self._shown}"}

    def accepted(self) -> None:
        """The server accepted the token."""
        self._tried_another = False

    async def changed(self) -> bool:
        """Whether the token differs from the refused one. True only once until `accepted`."""
        if self._tried_another or not callable(self._token):
            return False
        if isinstance(self._token, RenewableToken):
            self._token.refused(self._shown)
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
    """The first line of a file that is not empty and not a comment (`#`), read again on every call.

    It may be the token file of the server. Making one raises OSError if the file cannot be read and
    ValueError if it contains no token; the messages never quote the file. Later calls return the last good
    token instead, since the file may just be being replaced.
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
