"""Files of the settings that may be replaced while the server runs."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable

from astrolabe.http.errors import FileError

logger = logging.getLogger("astrolabe.http")

_Identity = tuple[tuple[int, int, int], ...]


class WatchedFiles:
    """Files that are loaded now, and again when they have changed. Raises FileError if they cannot be loaded
    now.

    load: loads them, or raises OSError and changes nothing. why: the text for such an error.
    failing: the message then, such as "the token file /t cannot be read".
    kept: what stays valid if loading fails later, as while the files are being replaced.
    """

    def __init__(
        self, *paths: str, load: Callable[[], None], why: Callable[[OSError], str], failing: str, kept: str
    ) -> None:
        self._paths = paths
        self._load = load
        self._why = why
        self._failing = failing
        self._kept = kept
        self._seen: _Identity = ()
        self._trouble = ""
        try:
            self._renew()
        except OSError as error:
            raise FileError(f"{failing}: {why(error)}") from error

    def look(self) -> bool:
        """Load the files if they have changed. Returns whether they were loaded.

        The same problem is logged once.
        """
        try:
            renewed = self._renew()
        except OSError as error:
            self._tell(self._why(error))
            return False
        self._trouble = ""
        return renewed

    def _renew(self) -> bool:
        identity = tuple(map(_identity, self._paths))
        if identity == self._seen:
            return False
        self._load()
        self._seen = identity
        return True

    def _tell(self, why: str) -> None:
        if why != self._trouble:
            self._trouble = why
            logger.warning("%s, %s: %s", self._failing, self._kept, why)


def _identity(path: str) -> tuple[int, int, int]:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # opening a named pipe would wait for ever
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    return status.st_mtime_ns, status.st_ino, status.st_size
