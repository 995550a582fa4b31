"""The names of all keys and channels in Redis."""

from __future__ import annotations

from dataclasses import dataclass

#: The version of the stored format. Data with another version is quarantined.
SCHEMA = "1"


@dataclass(frozen=True)
class RedisKeys:
    """The keys of one cluster. They share one hash tag, so they are in one slot of a Redis Cluster."""

    cluster: str

    def _named(self, name: str) -> str:
        return f"{{astrolabe:{self.cluster}}}:{name}"

    @property
    def leader(self) -> str:
        """The id of the leader. It expires unless renewed."""
        return self._named("leader")

    @property
    def position(self) -> str:
        """Hash: epoch, seq, token, schema, complete, run."""
        return self._named("position")

    @property
    def nodes(self) -> str:
        """Hash: uid → JSON text of the node."""
        return self._named("nodes")

    @property
    def edges(self) -> str:
        """Hash: id → value, see `codec`."""
        return self._named("edges")

    @property
    def releases(self) -> str:
        """Hash: id → value, see `codec`."""
        return self._named("releases")

    @property
    def events(self) -> str:
        """Hash: object → its Events, see `shared_events`. It is no part of the graph."""
        return self._named("events")

    @property
    def log(self) -> str:
        """Stream of the latest batches. The id of an entry is its seq."""
        return self._named("log")

    @property
    def diff(self) -> str:
        """Channel of batches and ticks."""
        return self._named("diff")

    @property
    def alarm(self) -> str:
        """Set by a process that finds the stored data wrong. The leader reads it and repairs."""
        return self._named("alarm")

    @property
    def kinds(self) -> str:
        """The custom kinds that the graph may have, as JSON; see `CustomKinds`."""
        return self._named("kinds")

    @property
    def check(self) -> str:
        """Key and channel on which `astrolabe check` tries its permissions. It deletes the key at once."""
        return self._named("check")

    @property
    def graph(self) -> tuple[str, str, str]:
        """The keys that hold the graph as of the position."""
        return (self.nodes, self.edges, self.releases)
