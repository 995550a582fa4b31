"""The files of `--clusters`, and the kubeconfig of `--contexts`, read again when they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NoReturn

from astrolabe.kubeconfig import paths_of
from astrolabe.modes.rule_files import LOOK_EVERY, FilesIdentity, identity_of
from astrolabe.modes.union.cluster_list import (
    SUFFIXES,
    ClusterEntry,
    ClusterListError,
    contexts_of,
    read_clusters,
)

logger = logging.getLogger("astrolabe.app")


class ClusterFiles:
    """Tells which clusters a file or folder names. A file that is refused is logged once, with line and
    reason, and its clusters stay as they were.

    become: is called with the entries by name whenever they may have changed.
    """

    def __init__(self, path: str, become: Callable[[Mapping[str, ClusterEntry]], Awaitable[None]]) -> None:
        self._path = path
        self._become = become
        self._seen = identity_of(path, SUFFIXES)
        self._by_file: Mapping[str, Mapping[str, ClusterEntry]] = {}
        self._told: set[str] = set()

    async def begin(self) -> None:
        """Read them for the first time. Raises ClusterListError: without clusters nothing starts."""
        found = await asyncio.to_thread(read_clusters, self._path)
        if found.errors:
            raise ClusterListError(f"--clusters: {'; '.join(found.errors)}")
        self._by_file = found.by_file
        await self._become(found.all.entries)

    async def look(self) -> bool:
        """Reload the files if they have changed. Returns whether they have."""
        seen = await asyncio.to_thread(identity_of, self._path, SUFFIXES)
        if seen == self._seen:
            return False
        found = await asyncio.to_thread(read_clusters, self._path, self._by_file)
        self._seen = seen
        for error in sorted(set(found.errors) - self._told):
            logger.error("clusters: %s; its clusters stay as they were", error)
        self._told = set(found.errors)
        self._by_file = found.by_file
        await self._become(found.all.entries)
        return True

    async def run(self) -> NoReturn:
        """Look from time to time, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.look()


class KubeconfigContexts:
    """Tells which clusters the contexts of a kubeconfig name. While it cannot be used, they stay.

    become: as of `ClusterFiles`.
    """

    def __init__(
        self,
        kubeconfig: str,
        wanted: Sequence[str],
        become: Callable[[Mapping[str, ClusterEntry]], Awaitable[None]],
    ) -> None:
        self._kubeconfig = kubeconfig
        self._wanted = wanted
        self._become = become
        self._seen = kubeconfig_identity(kubeconfig)

    async def begin(self) -> None:
        """Read them for the first time. Raises ClusterListError."""
        await self._become(await asyncio.to_thread(contexts_of, self._kubeconfig, self._wanted))

    async def run(self) -> NoReturn:
        """Look from time to time, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            seen = await asyncio.to_thread(kubeconfig_identity, self._kubeconfig)
            if seen == self._seen:
                continue
            self._seen = seen
            try:
                await self.begin()
            except ClusterListError as error:
                logger.error("%s; the clusters stay as they were", error)


def kubeconfig_identity(kubeconfig: str) -> tuple[FilesIdentity, ...]:
    """What changes when one of its files does."""
    return tuple([identity_of(path, ()) for path in paths_of(kubeconfig)])
