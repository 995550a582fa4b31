"""Files that the settings name and that may be replaced while the server runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from astrolabe.http.errors import FileError

logger = logging.getLogger("astrolabe.http")

_Identity = tuple[tuple[int, int, int], ...]


class WatchedFiles:
    """Files that are loaded now, and again after they have changed. Raises FileError when they cannot be now.

    load: takes them in, or raises OSError and changes nothing. why: what is told of such an error.
    failing: what they are then, such as "the token file /t cannot be read".
    kept: what holds when that is so later, which changes nothing: they are being replaced, one after the
        other, or as Kubernetes does with Secrets.
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
        """Load them when they are others than they were; whether that was so.

        What stands in the way is told once, until it is over.
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
    return status.st_mtime_ns, status.st_ino, status.st_size
