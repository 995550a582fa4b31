"""The rules of a user's directory (`--rules`), read again when its files change."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import NoReturn

from astrolabe.kinds.custom.custom_kinds import CustomKinds
from astrolabe.kinds.custom.rulebook import SUFFIXES, RuleBook
from astrolabe.timeslice import TimeSlice

logger = logging.getLogger("astrolabe.app")

#: Seconds between two looks at the files. A ConfigMap takes a minute to arrive anyway.
LOOK_EVERY = 2.0

#: Of each file its name, time of change, inode and size.
FilesIdentity = tuple[tuple[str, int, int, int], ...]


class RuleFiles:
    """Keeps the rules of custom kinds as a directory has them, over those that ship.

    A file that is refused is logged with line and reason, and its rules stay as they were.
    """

    def __init__(self, directory: str, kinds: CustomKinds) -> None:
        """directory: "" for none."""
        self._directory = directory
        self._kinds = kinds
        self._seen: FilesIdentity | None = None
        self._told: set[str] = set()

    async def look(self) -> bool:
        """Read the rules if the files have changed since the last look, and let the kinds follow them.

        Returns whether they have.
        """
        seen = identity_of(self._directory, SUFFIXES)
        if not self._directory or seen == self._seen:
            return False
        loaded = await asyncio.to_thread(RuleBook.load, self._directory, self._kinds.rules)
        self._seen = seen
        errors = {str(error) for error in loaded.errors}
        for error in sorted(errors - self._told):
            logger.error("rules: %s; the previous rules stay in force", error)
        self._told = errors
        self._kinds.rules = loaded.book
        slice = TimeSlice()
        for news in self._kinds.become({each.definition.id: each for each in self._kinds.wanted}):
            if news is not None:
                logger.info("rules: reloaded, with other rules for %d kinds", len(news.added))
            await slice.pause()
        return True

    async def run(self) -> NoReturn:
        """Look from time to time, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.look()


def identity_of(path: str, suffixes: tuple[str, ...]) -> FilesIdentity:
    """What changes when the file does, or a file of the directory with one of the suffixes; () if that cannot
    be read."""
    try:
        if not os.path.isdir(path):
            found = [(path, os.stat(path))]
        else:
            with os.scandir(path) as entries:
                # The files of a ConfigMap are symbolic links, which are followed.
                found = [(each.name, each.stat()) for each in entries if each.name.endswith(suffixes)]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_ino, stat.st_size) for name, stat in found))
