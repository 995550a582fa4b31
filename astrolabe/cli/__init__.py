"""The command line: flags and environment become frozen `Settings`; `watch` is a client of the stream.

Promise: a wrong value is one line on stderr and exit code 2, a cluster or port that cannot be had one
line and exit code 1, with what to do about it. Flags are read as Go's `flag` package reads them, since
that is what the users of the original have in their manifests.
"""

import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    try:  # importing takes long enough for a Ctrl-C
        from astrolabe.cli import commands
    except KeyboardInterrupt:
        sys.exit(130)
    commands.main(args)
