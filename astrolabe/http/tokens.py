"""The tokens that let a client in: a file, one a line, which may change at any time."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Callable
from pathlib import Path

from astrolabe.http.errors import FileError

logger = logging.getLogger("astrolabe.http")

#: Seconds between two looks at the file.
LOOK_EVERY = 1.0

#: What stands for a token once it has been read; nothing else is kept.
Digest = bytes


def digest_of(token: str) -> Digest:
    """Of any text that a header may hold, also of bytes that are not UTF-8."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


class Tokens:
    """Empty lines and those that begin with `#` say nothing.

    clock: monotonic seconds. Raises FileError when there is no such file, or no token in it.

    A file that cannot be read later changes nothing: it is being replaced, as Kubernetes does with Secrets.
    One that is read and holds no token lets nobody in.
    """

    def __init__(self, path: str, *, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._looked = clock()
        self._trouble = ""
        try:
            self._seen = _identity(path)
            self._digests = _read(path)
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"the token file {path} cannot be read: {_why(error)}") from error
        if not self._digests:
            raise FileError(f"the token file {path} holds no token")

    def knows(self, digest: Digest) -> bool:
        """Whether this token lets in now. Takes as long for any token that is none of them."""
        now = self._clock()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._look()
        found = False
        for each in self._digests:
            found |= hmac.compare_digest(each, digest)
        return found

    def _look(self) -> None:
        """Read the file when it is another than it was."""
        try:
            identity = _identity(self._path)
            changed = identity != self._seen
            if changed:
                self._digests, self._seen = _read(self._path), identity
        except (OSError, UnicodeDecodeError) as error:
            self._say_once(_why(error))
            return
        self._trouble = ""
        if changed and self._digests:
            logger.info("read the token file anew, tokens: %d", len(self._digests))
        elif changed:
            logger.warning("the token file %s holds no token any more: nobody is let in", self._path)

    def _say_once(self, why: str) -> None:
        if why != self._trouble:
            self._trouble = why
            logger.warning("the token file %s cannot be read, what it held holds: %s", self._path, why)


def _identity(path: str) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_ino, status.st_size


def _read(path: str) -> tuple[Digest, ...]:
    lines = [line.strip() for line in Path(path).read_text().splitlines()]
    return tuple(digest_of(line) for line in lines if line and not line.startswith("#"))


def _why(error: OSError | UnicodeDecodeError) -> str:
    """Without what stands in the file, which the text of a UnicodeDecodeError quotes."""
    return error.strerror or "?" if isinstance(error, OSError) else "it is not UTF-8"
