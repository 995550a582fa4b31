"""The command line: flags and environment become frozen `Settings`; `watch` is a client of the stream.

Promise: a wrong value prints one line to stderr and exits with 2. A cluster that cannot be reached, or a port
that is taken, prints one line that says what to do, and exits with 1. Flags are read as Go's `flag` package
reads them, because users of the original have such flags in their manifests.
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
