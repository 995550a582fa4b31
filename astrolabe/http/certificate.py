"""The certificate that the server shows, which may be replaced while it runs."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path

from astrolabe.http.errors import FileError

logger = logging.getLogger("astrolabe.http")

#: Seconds between two looks at the files.
LOOK_EVERY = 5.0


class Certificate:
    """A chain and its key, in PEM files. Raises FileError when they cannot be used.

    context: for the server; connections that are made after the files have changed get what they hold then.
    Files that cannot be used later change nothing: they are being replaced, one after the other.
    """

    def __init__(self, certificate: str, key: str) -> None:
        self._files = (certificate, key)
        self._timer: asyncio.TimerHandle | None = None
        self._trouble = ""
        self.context = _new_context()
        try:
            self._seen = self._identity()
            self._load()
        except OSError as error:
            raise FileError(f"{self._named()} cannot be used: {_why(error)}") from error

    def watch(self) -> None:
        """Look at the files now and then, in the running loop."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self.watch()
        try:
            identity = self._identity()
            changed = identity != self._seen
            if changed:
                self._load()
                self._seen = identity
        except OSError as error:
            self._say_once(_why(error))
            return
        self._trouble = ""
        if changed:
            logger.info("new connections get %s as it is now", self._named())

    def _say_once(self, why: str) -> None:
        if why != self._trouble:
            self._trouble = why
            logger.warning("%s cannot be used, the one before stays: %s", self._named(), why)

    def _load(self) -> None:
        """Both or none: a context that has loaded half of a pair is of no use."""
        for path in self._files:
            Path(path).read_bytes()  # OpenSSL does not say which file is missing
        for context in (_new_context(), self.context):
            context.load_cert_chain(*self._files, password=_NO_PASSWORD)

    def _identity(self) -> tuple[tuple[int, int, int], ...]:
        found = [os.stat(path) for path in self._files]
        return tuple((status.st_mtime_ns, status.st_ino, status.st_size) for status in found)

    def _named(self) -> str:
        return "the certificate {} with the key {}".format(*self._files)


#: Of a key that is encrypted: without one OpenSSL would ask on the terminal.
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
