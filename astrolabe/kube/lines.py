"""Chunks of bytes, cut anywhere, into whole lines."""

from __future__ import annotations

from astrolabe.kube.errors import NotTheApi

#: Bytes. etcd refuses objects above 1.5 MB by default; aggregated APIs may go further, nothing goes this far:
#: a line of so many is none.
MAX_LINE_BYTES = 1024 * 2**20
#: Bytes that are kept of a line: more than an object may have, so that a longer one is seen to be too large.
KEPT_BYTES = 5 * 2**20


class LineSplitter:
    """Splits a stream into lines, whatever its chunks are.

    What was received of an unfinished line is kept in pieces and joined once, so that a line of 3 MB in
    small chunks costs what its bytes cost; of a long one only the beginning.
    """

    def __init__(self, *, longest: int = MAX_LINE_BYTES, kept: int = KEPT_BYTES) -> None:
        self._longest = longest
        self._kept = kept
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk, without their ends; blank lines are left out.

        Raises NotTheApi when an unfinished line grows beyond `longest`.
        """
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines:
            if self._held < self._kept:
                self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces.clear()
            self._held = 0
        if rest:
            self._hold(rest)
        return [line for line in lines if line]

    def _hold(self, rest: bytes) -> None:
        if self._held < self._kept:
            self._pieces.append(rest)
        self._held += len(rest)
        if self._held > self._longest:
            raise NotTheApi(f"a line longer than {self._longest} bytes")
