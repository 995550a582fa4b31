"""Reads Helm's record of each release on demand: one object at a time, each revision once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import NoReturn
from urllib.parse import quote

from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.kinds.configuration import RELEASE_PREFIX
from astrolabe.kinds.helm_release import ReleaseDetails, UnreadableRelease, decode_release
from astrolabe.kube.client import Cluster
from astrolabe.kube.errors import RequestFailed

log = logging.getLogger("astrolabe.kube")

#: Seconds between two looks at which revisions are the newest: comparing a few hundred costs nothing.
LOOK_EVERY = 0.5
#: Seconds until a release that could not be read is tried again.
RETRY_AFTER = 60.0
READ_TIMEOUT = 10.0
#: An object in etcd has 1.5 MB at most; in JSON it may be a little longer.
LONGEST_OBJECT = 4_000_000
#: Most releases whose details are kept.
MOST_RELEASES = 2_000


class HelmReader(Mapping[Release, ReleaseDetails]):
    """The details of each release's newest revision, as far as they were read.

    version: grows with each change. connect: opens a connection to the API server.
    revisions: returns the newest revision of each release.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Cluster]],
        revisions: Callable[[], Mapping[Release, HelmRevision]],
        *,
        look_every: float = LOOK_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.version = 0
        self._connect = connect
        self._revisions = revisions
        self._look_every = look_every
        self._clock = clock
        self._details: dict[Release, ReleaseDetails] = {}
        self._read: dict[Release, HelmRevision] = {}
        #: When to try again what could not be read.
        self._again: dict[Release, tuple[HelmRevision, float]] = {}

    def __getitem__(self, release: Release) -> ReleaseDetails:
        return self._details[release]

    def __iter__(self) -> Iterator[Release]:
        return iter(self._details)

    def __len__(self) -> int:
        return len(self._details)

    async def run(self) -> NoReturn:
        """Follow the revisions until cancelled."""
        cluster = await self._connect()
        try:
            while True:
                await self._look(cluster)
                await asyncio.sleep(self._look_every)
        finally:
            await cluster.close()

    async def _look(self, cluster: Cluster) -> None:
        revisions = dict(self._revisions())
        for release in [release for release in self._read if release not in revisions]:
            self._forget(release)
        self._again = {release: each for release, each in self._again.items() if release in revisions}
        for release, revision in revisions.items():
            if self._is_due(release, revision):
                await self._try(cluster, release, revision)

    def _is_due(self, release: Release, revision: HelmRevision) -> bool:
        if self._read.get(release) == revision:
            return False
        if release not in self._read and len(self._read) >= MOST_RELEASES:
            return False
        failed, again = self._again.get(release, (None, 0.0))
        return failed != revision or self._clock() >= again

    async def _try(self, cluster: Cluster, release: Release, revision: HelmRevision) -> None:
        try:
            details = await self._fetch(cluster, release, revision)
        except (RequestFailed, UnreadableRelease) as error:
            if release not in self._again:
                log.warning("release %s/%s: %s", release.namespace, release.name, error)
            self._again[release] = (revision, self._clock() + RETRY_AFTER)
            self._forget(release)
            return
        self._again.pop(release, None)
        self._read[release], self._details[release] = revision, details
        self.version += 1

    async def _fetch(self, cluster: Cluster, release: Release, revision: HelmRevision) -> ReleaseDetails:
        plural = "configmaps" if revision.in_configmap else "secrets"
        namespace = revision.kept_in or release.namespace
        name = f"{RELEASE_PREFIX}{release.name}.v{revision.revision}"
        path = f"/api/v1/namespaces/{quote(namespace)}/{plural}/{quote(name)}"
        body = await cluster.read(path, {}, read_timeout=READ_TIMEOUT, longest=LONGEST_OBJECT)
        # Unpacking some megabytes would block the event loop.
        return await asyncio.to_thread(decode_release, body, in_secret=not revision.in_configmap)

    def _forget(self, release: Release) -> None:
        self._read.pop(release, None)
        if self._details.pop(release, None) is not None:
            self.version += 1
