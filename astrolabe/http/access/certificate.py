"""The server's certificate, which may be replaced while it runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from astrolabe.http.access.watched_files import WatchedFiles

logger = logging.getLogger("astrolabe.http")

#: Seconds between two checks of the files.
LOOK_EVERY = 5.0


class Certificate:
    """A chain and its key, in PEM files. Raises FileError if they cannot be used.

    context: for the server. After the files have changed, new connections get the new certificate.
    """

    def __init__(self, certificate: str, key: str, *, client_authority: str = "") -> None:
        """client_authority: PEM file of who signs the certificates that clients may show; "": they are asked
        for none. One that is added to the file counts from then on; one that is removed counts until the end.
        """
        self._pair = (certificate, key)
        self._authority = client_authority
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
        """Load both files or none: a context with half of a pair is useless."""
        for path in self._pair:
            Path(path).read_bytes()  # OpenSSL does not say which file is missing
        for context in (_new_context(), self.context):
            context.load_cert_chain(*self._pair, password=_NO_PASSWORD)
            if self._authority:
                context.load_verify_locations(self._authority)
                context.verify_mode = ssl.CERT_OPTIONAL

    def _named(self) -> str:
        authority = f" and the authority of clients {self._authority}" if self._authority else ""
        return "the certificate {} with the key {}".format(*self._pair) + authority


#: For encrypted keys: without a password OpenSSL would ask on the terminal.
_NO_PASSWORD = ""


def _new_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").lower().replace("_", " ")
        return reason if reason and reason != "pem lib" else "they are no PEM files of a pair"
    return f"{error.filename}: {error.strerror}"
