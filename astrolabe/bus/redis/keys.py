"""The names of everything in Redis."""

from __future__ import annotations

from dataclasses import dataclass

#: Grows when the stored form changes; what has another one is set aside.
SCHEMA = "1"


@dataclass(frozen=True)
class RedisKeys:
    """Of one cluster. All share one hash tag, so that they live in one slot of a Redis Cluster."""

    cluster: str

    def _named(self, name: str) -> str:
        return f"{{astrolabe:{self.cluster}}}:{name}"

    @property
    def leader(self) -> str:
        """Who leads; expires unless renewed."""
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
    def log(self) -> str:
        """Stream of the latest batches; the id of an entry is its seq."""
        return self._named("log")

    @property
    def diff(self) -> str:
        """Channel of batches and ticks."""
        return self._named("diff")

    @property
    def alarm(self) -> str:
        """Set by who finds something wrong with what is stored; the leader looks after it then."""
        return self._named("alarm")

    @property
    def check(self) -> str:
        """Key and channel on which `astrolabe check` tries what it may; gone at once."""
        return self._named("check")

    @property
    def graph(self) -> tuple[str, str, str]:
        """The keys that hold the graph as of the position."""
        return (self.nodes, self.edges, self.releases)

    def quarantined(self, key: str, when: str) -> str:
        """Where a key is put that cannot be used."""
        return f"{key}:aside:{when}"
