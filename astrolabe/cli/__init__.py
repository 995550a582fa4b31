"""The command line: flags and environment become frozen `Settings`; `watch` is a client of the stream.

Promise: a wrong value is one line on stderr and exit code 2, a cluster or port that cannot be had one
line and exit code 1, with what to do about it. Flags are read as Go's `flag` package reads them, since
that is what the users of the original have in their manifests.
"""

from astrolabe.cli.commands import main

__all__ = ["main"]
