"""Splits a stream of bytes into lines. It knows nothing of Kubernetes."""

from __future__ import annotations

from astrolabe.kube.errors import NotTheApi

#: Longest line in bytes. etcd refuses objects above 1.5 MB by default, and aggregated APIs may allow more,
#: but never this much.
MAX_LINE_BYTES = 1024 * 2**20
#: Bytes to keep of a line: more than an object may have, so that a larger object is noticed.
KEPT_BYTES = 5 * 2**20


class LineSplitter:
    """Splits a stream into lines, wherever its chunks end.

    The pieces of an unfinished line are joined once, so that the cost of a line is proportional to its length
    even if its chunks are small. Of a long line only the beginning is kept.
    """

    def __init__(self, *, longest: int = MAX_LINE_BYTES, kept: int = KEPT_BYTES) -> None:
        self._longest = longest
        self._kept = kept
        self._pieces: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that end in this chunk, without line ends. Blank lines are left out.

        Raises NotTheApi if an unfinished line grows beyond `longest`.
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
            raise NotTheApi(f"a line is longer than {self._longest} bytes")
