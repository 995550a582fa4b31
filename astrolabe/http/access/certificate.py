"""The server's certificate, which may be replaced while it runs."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable
from pathlib import Path

from astrolabe.http.access.watched_files import WatchedFiles

logger = logging.getLogger("astrolabe.http")

_PEM = re.compile(rb"-----BEGIN [A-Z ]*CERTIFICATE-----.*?-----END", re.DOTALL)
#: Seconds between two checks of the files.
LOOK_EVERY = 5.0


class ServerContext(ssl.SSLContext):
    """Of the connections that were opened after the files were read.

    authorities: of clients; certificates in PEM. current: those that count now.
    """

    authorities: frozenset[bytes]
    current: Callable[[], frozenset[bytes]]

    @property
    def trusts_clients(self) -> bool:
        """Whether the certificates that clients have shown still count: one may be of an authority that was
        removed. Of which, OpenSSL does not say."""
        return self.authorities <= self.current()


class Certificate:
    """A chain and its key, in PEM files. Raises FileError if they cannot be used.

    context: for new connections of the server; another one after the files have changed.
    """

    def __init__(self, certificate: str, key: str, *, client_authority: str = "") -> None:
        """client_authority: PEM file of who signs the certificates that clients may show; "": they are asked
        for none."""
        self._pair = (certificate, key)
        self._authority = client_authority
        self._authorities: frozenset[bytes] = frozenset()
        self._timer: asyncio.TimerHandle | None = None
        self.context = _new_context()
        self._files = WatchedFiles(
            *filter(None, (*self._pair, client_authority)),
            load=self._load,
            why=_why,
            failing=f"{self._named()} cannot be used",
            kept="the previous one stays in use",
        )

    def watch(self) -> None:
        """Check the files from time to time, in the running loop."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self.watch()
        if self._files.look():
            logger.info("reloaded %s for new connections", self._named())

    def _load(self) -> None:
        """Load all files or none. A new context: OpenSSL forgets no authority, and resumes the sessions of
        those that were removed."""
        for path in self._pair:
            Path(path).read_bytes()  # OpenSSL does not say which file is missing
        context, authorities = _new_context(), frozenset[bytes]()
        context.load_cert_chain(*self._pair, password=_NO_PASSWORD)
        if self._authority:
            authorities = frozenset(_PEM.findall(Path(self._authority).read_bytes()))
            context.load_verify_locations(self._authority)
            context.verify_mode = ssl.CERT_OPTIONAL
        context.authorities, context.current = authorities, lambda: self._authorities
        self.context, self._authorities = context, authorities

    def _named(self) -> str:
        authority = f" and the authority of clients {self._authority}" if self._authority else ""
        return "the certificate {} with the key {}".format(*self._pair) + authority


#: For encrypted keys: without a password OpenSSL would ask on the terminal.
_NO_PASSWORD = ""


def _new_context() -> ServerContext:
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        return reason if reason and reason != "pem lib" else "they are no PEM files of a pair"
    return f"{error.filename}: {error.strerror}"
