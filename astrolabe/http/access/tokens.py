"""The valid tokens: a file with one token per line, which may change at any time."""

from __future__ import annotations

import errno
import hashlib
import hmac
import logging
from collections.abc import Callable
from pathlib import Path

from astrolabe.http.access.watched_files import WatchedFiles
from astrolabe.http.errors import FileError

logger = logging.getLogger("astrolabe.http")

#: Seconds between two checks of the file.
LOOK_EVERY = 1.0

#: The hash of a token. The token itself is not kept.
Digest = bytes


def digest_of(token: str) -> Digest:
    """The digest of any header text, also of bytes that are not UTF-8."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


class Tokens:
    """The tokens, or other secrets, of a file. Empty lines, lines that begin with `#` and a byte order mark
    are ignored.

    clock: monotonic seconds. Raises FileError if the file cannot be read, has no token, or has a line with
    blanks.

    If a later version of the file has no token, nobody is let in.
    """

    def __init__(self, path: str, *, clock: Callable[[], float], sort: str = "token") -> None:
        """sort: what they are, for messages."""
        self._path = path
        self._sort = sort
        self._clock = clock
        self._looked = clock()
        self._digests: tuple[Digest, ...] = ()
        self._file = WatchedFiles(
            path,
            load=self._load,
            why=lambda error: error.strerror or "?",
            failing=f"the {sort} file {path} cannot be read",
            kept="the previous ones stay valid",
        )
        if not self._digests:
            raise FileError(f"the {sort} file {path} has no {sort}")

    def knows(self, digest: Digest) -> bool:
        """Whether this token is valid now. Takes the same time for all invalid tokens."""
        now = self._clock()
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._look()
        found = False
        for each in self._digests:
            found |= hmac.compare_digest(each, digest)
        return found

    def _look(self) -> None:
        if not self._file.look():
            return
        if self._digests:
            logger.info("reloaded the %s file, %ss: %d", self._sort, self._sort, len(self._digests))
        else:
            logger.warning(
                "the %s file %s no longer has a %s: nobody is let in", self._sort, self._path, self._sort
            )

    def _load(self) -> None:
        self._digests = _read(self._path)


def _read(path: str) -> tuple[Digest, ...]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        # Without the original error, which quotes the content of the file.
        raise OSError(errno.EILSEQ, "it is not UTF-8", path) from None
    lines = [line.strip() for line in text.splitlines()]
    tokens = {number: line for number, line in enumerate(lines, 1) if line and not line.startswith("#")}
    for number, token in tokens.items():
        # Without the line itself, for the same reason.
        if token.split() != [token]:
            raise OSError(errno.EINVAL, f"line {number} is not a token: it contains a blank", path)
        if not token.isprintable():
            raise OSError(
                errno.EINVAL, f"line {number} is not a token: it contains a control character", path
            )
    return tuple(map(digest_of, tokens.values()))
