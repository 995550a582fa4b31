"""What Helm keeps of the releases of a union, read in each cluster.

Apart from the mode, which knows no details: only `--helm-details` asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from astrolabe.graph.state.identity import HelmRevision, Release
from astrolabe.kinds.helm_release import ReleaseDetails
from astrolabe.kube.client import Cluster
from astrolabe.kube.helm_reader import HelmReader
from astrolabe.modes.supervisor import Supervisor
from astrolabe.settings import Settings


class UnionHelm:
    """Implements `HelmKnowledge`. Of clusters that another Astrolabe watches it knows nothing."""

    def __init__(self) -> None:
        self._readers: dict[str, HelmReader] = {}
        #: The changes of readers that have ended.
        self._past = 0

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._past + sum([each.version for each in self._readers.values()])

    def get(self, release: Release) -> ReleaseDetails | None:
        """The details of a release, if they were read."""
        reader = self._readers.get(release.cluster)
        return reader.get(release) if reader is not None else None

    def open(
        self,
        cluster: str,
        settings: Settings,
        revisions: Callable[[], Mapping[Release, HelmRevision]],
        supervisor: Supervisor,
    ) -> None:
        """Read the releases of a cluster, over a connection of its own, until the supervisor closes.

        settings: of a server of this cluster alone. revisions: returns the newest one of each release there.
        """
        reader = self._readers[cluster] = HelmReader(lambda: Cluster.connect(settings), revisions)
        supervisor.spawn(reader.run(), name="helm details")
        supervisor.on_close(lambda: self._close(cluster))

    async def _close(self, cluster: str) -> None:
        self._past += self._readers.pop(cluster).version + 1
